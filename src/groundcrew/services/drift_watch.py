"""Looks at the calls that wait for a monitor: makes the reference, closes windows, raises alarms; each in one transaction that
only the holder of the newest state can commit."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.drift import (
    REFERENCE_CALLS_MAX,
    REFERENCE_CALLS_MIN,
    WINDOW_CALLS_MAX,
    CallFeatures,
    DriftAlarm,
    DriftReference,
    DriftWindow,
    FeatureDrift,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import DriftRule, UseCase
from groundcrew.errors import Conflict
from groundcrew.grounding.encoder_process import Encodes
from groundcrew.services.drift_columns import Frame, frame_of, pin, unpinned, with_topics
from groundcrew.services.drift_features import encoding_of
from groundcrew.services.drift_monitor import (
    Asked,
    MonitorState,
    acknowledged,
    enough_for_reference,
    new_alarm,
    raised,
    referenced,
    slowly_seen,
    too_few,
    window_end,
)
from groundcrew.services.drift_reading import Reading
from groundcrew.services.drift_tests import Comparison, compare
from groundcrew.store import catalog
from groundcrew.store import drift as stored
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:drift"
#: Windows of one version that are closed in one look; the rest waits for the next.
WINDOWS_PER_LOOK_MAX = 20
#: A monitor that has nothing to do notes only so often that it was looked at.
NOTED_EVERY_S = 600.0
#: References kept unpacked, of some 4 MB each.
REFERENCES_KEPT = 8
#: Calls of a time that somebody named, among which a reference is chosen.
CALLS_BETWEEN_MAX = 50_000

_STATE = msgspec.json.Decoder(MonitorState)


class _Overtaken(Conflict):
    """Somebody else has changed the monitor meanwhile: everything is as it was."""

    def __init__(self) -> None:
        super().__init__("the monitor has changed meanwhile: try again")


class Watch:
    """The monitors, one for each version of a use case that had calls."""

    def __init__(self, database: Database, reading: Reading, encoder: Callable[[], Encodes]) -> None:
        self._database, self._reading, self._encoder = database, reading, encoder
        self._unpacked: OrderedDict[str, tuple[DriftReference, Frame]] = OrderedDict()

    async def look(self, use_case: UseCase, version_digest: str) -> int:
        """Do what the calls that wait allow; how many references and windows came of it."""
        rule = use_case.drift or DriftRule()
        done = 0
        try:
            while done < WINDOWS_PER_LOOK_MAX and rule.enabled and await self._one(use_case, version_digest, rule):
                done += 1
        except _Overtaken:
            pass
        return done

    async def _one(self, use_case: UseCase, version: str, rule: DriftRule) -> bool:
        """One reference or window; False where there is nothing to do."""
        async with self._database.read() as connection:
            row = await stored.monitor(connection, use_case.name, version)
        state = state_of(row)
        if state.asked is not None:
            return await self._make_asked(use_case, version, rule, row, state)
        if state.reference is None:
            return await self._make_first(use_case, version, rule, row, state)
        calls, end = await self._due(use_case.name, version, rule, state)
        if end is None and not calls:
            await self._note(use_case.name, version, row, state)
            return False
        await self._close(use_case, version, rule, row, state, calls, end)
        return True

    async def _due(
        self, use_case: str, version: str, rule: DriftRule, state: MonitorState
    ) -> tuple[list[CallFeatures], datetime | None]:
        """The calls of the window that can be closed, none while it is not full; with its end, for a window of time."""
        async with self._database.read() as connection:
            if rule.window_s is None:
                calls = await stored.kept(connection, use_case, version, limit=rule.window_calls)
                return (calls if len(calls) == rule.window_calls else []), None
            newest = await stored.newest_kept(connection, use_case, version)
            if newest is None:
                return [], None
            # Declared since the reference was made: windows begin with the first call that waits.
            state = state if state.window_from else msgspec.structs.replace(state, window_from=newest.first)
            end = window_end(state, rule, newest.last, self._database.clock.now())
            if end is None:
                return [], None
            return await stored.kept(connection, use_case, version, limit=REFERENCE_CALLS_MAX, before=end), end

    async def _note(self, use_case: str, version: str, row: stored.MonitorRow | None, state: MonitorState) -> None:
        now_s = self._database.clock.now().timestamp()
        if row is not None and now_s - row.looked_at_s < NOTED_EVERY_S:
            return
        async with self._database.operate() as connection:
            await self._put(connection, use_case, version, row, state, now_s)

    async def _make_first(
        self, use_case: UseCase, version: str, rule: DriftRule, row: stored.MonitorRow | None, state: MonitorState
    ) -> bool:
        """The reference of the first calls, once there are enough."""
        async with self._database.read() as connection:
            waiting = await stored.kept(connection, use_case.name, version, limit=REFERENCE_CALLS_MAX)
        calls = enough_for_reference(waiting, rule)
        if not calls:
            await self._note(use_case.name, version, row, state)
            return False
        by = state.collecting
        made = await asyncio.to_thread(
            pin,
            calls,
            use_case=use_case.name,
            version_digest=version,
            origin=by.origin if by else "first_calls",
            encoder=encoding_of(self._encoder()),
            made_at=self._database.clock.now(),
            made_by=by.by if by else ACTOR,
            reason=by.reason if by else "",
        )
        await self._pin(use_case, version, rule, row, state, made, drop_up_to=calls[-1].id)
        return True

    async def _make_asked(
        self, use_case: UseCase, version: str, rule: DriftRule, row: stored.MonitorRow | None, state: MonitorState
    ) -> bool:
        """The reference that somebody asked for, of recorded calls; where it begins at a moment, later calls fill it up."""
        asked = state.asked
        assert asked is not None
        until = asked.until or self._database.clock.now() + timedelta(days=1)
        async with self._database.read() as connection:
            ids = await stored.read_between(connection, use_case.name, version, asked.since, until, limit=CALLS_BETWEEN_MAX)
        chosen = ids[: rule.reference_calls] if asked.until is None else _thinned(ids, rule.reference_calls)
        calls = await self._reading.features(chosen)
        now_s = self._database.clock.now().timestamp()
        if len(calls) < (rule.reference_calls if asked.until is None else REFERENCE_CALLS_MIN):
            problem = "" if asked.until is None else f"only {len(calls)} calls of this version were found in that time"
            after = msgspec.structs.replace(state, asked=None, problem=problem)
            if asked.until is None:
                after = MonitorState(number=state.number, collecting=asked)
            async with self._database.operate() as connection:
                await self._put(connection, use_case.name, version, row, after, now_s)
                if asked.until is None:
                    await stored.drop(connection, use_case.name, version)
                    await stored.keep(connection, use_case.name, version, calls)
            return True
        made = await asyncio.to_thread(
            pin,
            calls,
            use_case=use_case.name,
            version_digest=version,
            origin=asked.origin,
            encoder=encoding_of(self._encoder()),
            made_at=self._database.clock.now(),
            made_by=asked.by,
            reason=asked.reason,
        )
        await self._pin(use_case, version, rule, row, state, made, drop_up_to=calls[-1].id)
        return True

    async def _pin(
        self,
        use_case: UseCase,
        version: str,
        rule: DriftRule,
        row: stored.MonitorRow | None,
        state: MonitorState,
        made: DriftReference,
        *,
        drop_up_to: str,
    ) -> None:
        """Store a reference, and hold the first one of a version against that of the version before."""
        frame = await asyncio.to_thread(unpinned, made)
        async with self._database.read() as connection:
            earlier = None
            if await stored.newest_reference(connection, use_case.name, version_digest=version) is None:
                earlier = await stored.newest_reference(connection, use_case.name, other_than=version)
        compared = await self._compare_versions(use_case, rule, made, frame, earlier) if earlier else None
        after = await asyncio.to_thread(referenced, state, made.id, frame, rule)
        async with self._database.write(made.made_by) as writer:
            await self._put(writer.connection, use_case.name, version, row, after, self._now_s())
            await stored.REFERENCES.put(writer, made, "pin", reason=made.reason, details={"calls": made.calls})
            await stored.drop(writer.connection, use_case.name, version, up_to=drop_up_to)
            if compared is not None:
                window, comparison = compared
                await stored.WINDOWS.put(writer, window, "compare-versions")
                await self._raise(writer, use_case, window, comparison, state.muted)
        self._keep(made, frame)

    async def _compare_versions(
        self, use_case: UseCase, rule: DriftRule, made: DriftReference, frame: Frame, earlier: str
    ) -> tuple[DriftWindow, Comparison] | None:
        """What the first calls of a version differ in from the reference of the version before it."""
        found = await self._reference(earlier)
        if found is None:
            return None
        before, reference = found
        own = with_topics(self._comparable(frame, made), before)
        async with self._database.read() as connection:
            stars = (
                await stored.stars(connection, use_case.name, before.version_digest, before.since, made.since),
                await stored.stars(connection, use_case.name, made.version_digest, made.since, made.made_at),
            )
        comparison = await asyncio.to_thread(compare, reference, own, rule, stars=stars)
        window = self._window(made.version_digest, use_case, rule, comparison, frame, reference=before.id, number=0)
        return msgspec.structs.replace(window, kind="version"), comparison

    async def _close(
        self,
        use_case: UseCase,
        version: str,
        rule: DriftRule,
        row: stored.MonitorRow | None,
        state: MonitorState,
        waiting: list[CallFeatures],
        end: datetime | None,
    ) -> None:
        """Test a full window against the reference, once, and note what it said."""
        found = await self._reference(state.reference or "")
        if found is None:
            raise _Overtaken
        reference, before = found
        # Watches that are to begin anew do so with the next window that is tested: until then they still are to.
        after = msgspec.structs.replace(state, number=state.number + 1, window_from=end)
        few = too_few(len(waiting))
        calls = waiting if end is None else _thinned_calls(waiting)
        if not waiting:
            async with self._database.operate() as connection:
                await self._put(connection, use_case.name, version, row, after, self._now_s())
            return
        frame = self._comparable(with_topics(await asyncio.to_thread(frame_of, calls), reference), reference)
        comparison, slow = _untested(few), tuple[FeatureDrift, ...]()
        if not few:
            stars = await self._stars(use_case.name, version, reference, frame)
            comparison = await asyncio.to_thread(compare, before, frame, rule, stars=stars)
            watches, slow = await asyncio.to_thread(slowly_seen, state, frame, before, rule)
            after = msgspec.structs.replace(after, slow=watches, renew=())
        window = self._window(version, use_case, rule, comparison, frame, reference=reference.id, number=after.number)
        async with self._database.write(ACTOR) as writer:
            await self._put(writer.connection, use_case.name, version, row, after, self._now_s())
            await stored.WINDOWS.put(writer, window, "look")
            last = waiting[-1].id
            await stored.drop(writer.connection, use_case.name, version, up_to=last if end is None else None, before=end)
            await self._raise(writer, use_case, window, comparison, state.muted)
            told = {each.feature for each in comparison.features if each.drifted}
            late = tuple(each for each in slow if each.feature not in told)
            if late:
                shown = msgspec.structs.replace(comparison, features=late, examples=())
                await self._raise(writer, use_case, msgspec.structs.replace(window, kind="slow"), shown, state.muted)

    async def ask(self, writer: Writer, use_case: str, version: str, asked: Asked) -> None:
        """Note that a reference is wanted; the next look makes it. Conflict while another one is."""
        row = await stored.monitor(writer.connection, use_case, version)
        state = state_of(row)
        if state.asked is not None:
            raise Conflict(f"{state.asked.by} has asked for a reference, which is being made")
        after = msgspec.structs.replace(state, asked=asked, problem="")
        await self._put(writer.connection, use_case, version, row, after, row.looked_at_s if row else 0.0)

    async def acknowledge(self, writer: Writer, alarm: DriftAlarm) -> None:
        """Let the monitor know what an alarm came to; in the transaction that says so."""
        row = await stored.monitor(writer.connection, alarm.use_case, alarm.version_digest)
        assert alarm.resolution is not None
        state = acknowledged(state_of(row), alarm, alarm.resolution, alarm.acknowledged_by, alarm.reason)
        looked_at_s = row.looked_at_s if row else 0.0
        await self._put(writer.connection, alarm.use_case, alarm.version_digest, row, state, looked_at_s)

    async def _raise(
        self, writer: Writer, use_case: UseCase, window: DriftWindow, comparison: Comparison, muted: Sequence[str]
    ) -> None:
        """Raise the alarm of a window, or let the open one go on."""
        changed = tuple(each for each in comparison.features if each.drifted)
        if not changed:
            return
        rule = use_case.drift or DriftRule()
        found = new_alarm(
            use_case=use_case.name,
            version_digest=window.version_digest,
            kind=window.kind,
            reference=window.reference,
            window=window.id,
            since=window.since,
            until=window.until,
            features=changed,
            raised_at=writer.clock.now(),
            examples=comparison.examples,
            owner=rule.owner or use_case.owner,
        )
        alarms = await catalog.DRIFT_ALARMS.find(writer.connection, use_case=use_case.name, state="open", newest_first=True)
        same = next(
            (
                each
                for each in alarms
                if (each.version_digest, each.kind, each.reference) == (found.version_digest, found.kind, found.reference)
            ),
            None,
        )
        written = raised(same, found, muted)
        if written is None:
            return
        alarm, action = written
        await catalog.DRIFT_ALARMS.put(writer, alarm, action, reason=alarm.words)

    async def _put(
        self,
        connection: Connection,
        use_case: str,
        version: str,
        row: stored.MonitorRow | None,
        state: MonitorState,
        looked_at_s: float,
    ) -> None:
        document, asked = stored.encoded(state), state.asked is not None
        if not await stored.put_monitor(connection, use_case, version, row, document, looked_at_s=looked_at_s, asked=asked):
            raise _Overtaken

    async def _stars(
        self, use_case: str, version: str, reference: DriftReference, frame: Frame
    ) -> tuple[list[stored.Stars], list[stored.Stars]]:
        """The first ratings given since the reference began, and those given while the window's calls came: people rate later
        than calls come, so that ratings are held against ratings, not against the calls of a window."""
        async with self._database.read() as connection:
            until = frame.until + timedelta(seconds=1)
            return (
                await stored.stars(connection, use_case, version, reference.since, frame.since),
                await stored.stars(connection, use_case, version, frame.since, until),
            )

    def _window(
        self, version: str, use_case: UseCase, rule: DriftRule, said: Comparison, frame: Frame, *, reference: str, number: int
    ) -> DriftWindow:
        return DriftWindow(
            id=new_id(),
            use_case=use_case.name,
            version_digest=version,
            reference=reference,
            number=number,
            since=frame.since,
            until=frame.until,
            calls=len(frame),
            first_call=frame.ids[0],
            last_call=frame.ids[-1],
            looked_at=self._database.clock.now(),
            drifted=said.drifted,
            alpha=rule.alpha,
            p_value=said.p_value,
            permuted=said.permuted,
            features=said.features,
            points=said.points,
            reason=said.reason,
        )

    async def _reference(self, reference: str) -> tuple[DriftReference, Frame] | None:
        if reference not in self._unpacked:
            async with self._database.read() as connection:
                found = await stored.REFERENCES.get(connection, reference)
            if found is None:
                return None
            self._keep(found, await asyncio.to_thread(unpinned, found))
        self._unpacked.move_to_end(reference)
        made, frame = self._unpacked[reference]
        return made, self._comparable(frame, made)

    def _keep(self, made: DriftReference, frame: Frame) -> None:
        self._unpacked[made.id] = (made, frame)
        while len(self._unpacked) > REFERENCES_KEPT:
            self._unpacked.popitem(last=False)

    def _comparable(self, frame: Frame, reference: DriftReference) -> Frame:
        """Without vectors that another encoder made, which say nothing beside those of this one."""
        if reference.encoder == encoding_of(self._encoder()):
            return frame
        labels = {name: each for name, each in frame.labels.items() if name not in reference.topics}
        return msgspec.structs.replace(frame, vectors={}, labels=labels)

    def _now_s(self) -> float:
        return self._database.clock.now().timestamp()


def state_of(row: stored.MonitorRow | None) -> MonitorState:
    """How a monitor stands, also before its first look."""
    return _STATE.decode(row.document) if row is not None else MonitorState()


def _untested(reason: str) -> Comparison:
    return Comparison(drifted=None, p_value=None, permuted="", features=(), points=(), examples=(), reason=reason)


def _thinned(ids: Sequence[str], number: int) -> list[str]:
    """At most `number` of the ids, drawn by their hashes."""
    if len(ids) <= number:
        return list(ids)
    return sorted(sorted(ids, key=lambda each: sha256_hex(each.encode()))[:number])


def _thinned_calls(calls: Sequence[CallFeatures]) -> list[CallFeatures]:
    kept = set(_thinned([each.id for each in calls], WINDOW_CALLS_MAX))
    return [each for each in calls if each.id in kept]
