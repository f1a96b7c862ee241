"""Drift monitors: reference windows, tests of new windows against them, and alarms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.drift import (
    FEATURES,
    REFERENCE_CALLS_MIN,
    DriftAlarm,
    DriftWindow,
    Feature,
    Point,
    ReferenceHead,
    Resolution,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import DriftRule, UseCase
from groundcrew.errors import Conflict, InputError
from groundcrew.grounding.encoder_process import Encodes, background_encoder
from groundcrew.services.drift_columns import moment, unpinned
from groundcrew.services.drift_monitor import Asked
from groundcrew.services.drift_reading import Reading
from groundcrew.services.drift_tests import points_of, watched
from groundcrew.services.drift_watch import Watch, state_of
from groundcrew.services.lookups import current_digest, require, require_reason, require_use_case
from groundcrew.store import catalog
from groundcrew.store import drift as stored
from groundcrew.store.database import Connection, Database
from groundcrew.store.memory import Memory, marked

#: Open alarms that are given at most, newest first; alarms and references of one use case; windows that a page draws.
OPEN_ALARMS_MAX, ALARMS_MAX, REFERENCES_MAX, WINDOWS_MAX = 200, 50, 5, 40
#: Who reads calls keeps the right to for so long after each step, and reads so many steps in one turn.
LEASE_S, STEPS_PER_TURN_MAX = 300.0, 100
#: Calls of a version that came no more for so long are forgotten, unless they filled a window.
STALE_AFTER = timedelta(days=90)
REFERENCE_POINTS_KEPT = 64
_POINTS: Memory[tuple[str, tuple[str, ...]], tuple[object, tuple[Point, ...]]] = Memory(REFERENCE_POINTS_KEPT)


class DriftStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the monitor of one version of a use case stands. `waiting` calls of the `needed` ones have come for the next
    reference or window; `asked` says who wants a new reference that is not made yet. `windows` are oldest first; `comparison` is
    of the version's first calls with the version before it. `read_at` is when calls were read last, by any server."""

    use_case: str
    version_digest: str
    current: bool
    rule: DriftRule
    owner: str
    features: tuple[Feature, ...]
    waiting: int
    needed: int
    reference: ReferenceHead | None = None
    reference_points: tuple[Point, ...] = ()
    windows: tuple[DriftWindow, ...] = ()
    comparison: DriftWindow | None = None
    alarms: tuple[DriftAlarm, ...] = ()
    muted: tuple[str, ...] = ()
    asked: str = ""
    problem: str = ""
    read_at: datetime | None = None
    looked_at: datetime | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn of the keeper did. `leading` is False where another server reads the calls."""

    leading: bool
    read: int = 0
    taken: int = 0
    looks: int = 0


class Drift:
    """Drift monitors of one database."""

    def __init__(self, database: Database, encoder: Callable[[], Encodes] | None = None) -> None:
        """`encoder` makes what turns texts into vectors: the shipped one, which is loaded with the first text."""
        self._database = database
        self._owner = new_id()
        own = encoder or background_encoder
        self._reading = Reading(database, own)
        self._watch = Watch(database, self._reading, own)

    async def keep(self) -> Turn:
        """Read the calls that have come and look at every monitor that has something to look at. Of several servers one does."""
        if not await self._lead():
            return Turn(leading=False)
        read = taken = looks = 0
        for _ in range(STEPS_PER_TURN_MAX):
            step = await self._reading.step()
            read, taken = read + step.looked_at, taken + step.taken
            # In between, so that what waits stays little while a backlog is read.
            looks += await self._look()
            if not step.more or not await self._lead():
                break
        return Turn(leading=True, read=read, taken=taken, looks=looks)

    async def leave(self) -> None:
        """Let another server go on at once."""
        async with self._database.operate() as connection:
            await stored.release(connection, self._owner)

    async def open_alarms(self, use_case: str | None = None) -> list[DriftAlarm]:
        """The alarms that nobody has acknowledged, newest first; those of one use case where given."""
        of = {} if use_case is None else {"use_case": use_case}
        async with self._database.read() as connection:
            return await catalog.DRIFT_ALARMS.find(connection, state="open", newest_first=True, limit=OPEN_ALARMS_MAX, **of)

    async def alarms(self, use_case: str | None = None, *, limit: int = ALARMS_MAX) -> list[DriftAlarm]:
        """All alarms, newest first; those of one use case where given."""
        async with self._database.read() as connection:
            if use_case is None:
                return await catalog.DRIFT_ALARMS.find(connection, newest_first=True, limit=limit)
            await require_use_case(connection, use_case)
            return await catalog.DRIFT_ALARMS.find(connection, use_case=use_case, newest_first=True, limit=limit)

    async def alarm(self, alarm_id: str) -> DriftAlarm:
        """One alarm; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, catalog.DRIFT_ALARMS, alarm_id)

    async def acknowledge(
        self, alarm_id: str, resolution: Resolution, *, actor: str, reason: str, use_case: str | None = None
    ) -> DriftAlarm:
        """Say what an alarm comes to. Conflict for one that is acknowledged already; NotFound, also where it is of another use
        case than the given one."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            alarm = await require(writer.connection, catalog.DRIFT_ALARMS, alarm_id)
            if use_case is not None and alarm.use_case != use_case:
                await require(writer.connection, catalog.DRIFT_ALARMS, f"{use_case}/{alarm_id}")
            if alarm.state != "open":
                raise Conflict(f"{alarm.acknowledged_by} has acknowledged it already: {alarm.resolution}")
            done = msgspec.structs.replace(
                alarm,
                state="acknowledged",
                resolution=resolution,
                reason=reason.strip(),
                acknowledged_by=actor,
                acknowledged_at=writer.clock.now(),
            )
            await catalog.DRIFT_ALARMS.put(writer, done, "acknowledge", reason=done.reason)
            await self._watch.acknowledge(writer, done)
        return done

    async def ask_reference(
        self, use_case: str, *, since: datetime | None, until: datetime | None = None, actor: str, reason: str
    ) -> int:
        """Want a new reference of the current version: of recorded calls from `since` to before `until`; without `until` the
        first ones from `since` on, later calls filling it up; without either of what comes from now on. The next turn makes it.

        How many calls were found. InputError where a whole time holds too few; Conflict while another reference is being made.
        """
        require_reason(reason)
        now = self._database.clock.now()
        since = since or now
        if until is not None and until <= since:
            raise InputError("must lie after `since`", field="until")
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            if not (item.drift or DriftRule()).enabled:
                raise Conflict(f"the drift monitors of {use_case} are off: declare drift: {{enabled: true}}")
            version = await current_digest(writer.connection, item)
            found = await stored.read_between(
                writer.connection, use_case, version, since, until or now + timedelta(days=1), limit=REFERENCE_CALLS_MIN
            )
            if until is not None and len(found) < REFERENCE_CALLS_MIN:
                raise InputError(
                    f"only {len(found)} calls of the current version were read in that time, of {REFERENCE_CALLS_MIN} that a "
                    "reference takes at least",
                    field="until",
                )
            asked = Asked(origin="by_hand", since=since, until=until, by=actor, reason=reason.strip())
            await self._watch.ask(writer, use_case, version, asked)
            await writer.audit(
                "ask-reference",
                f"drift-monitor/{use_case}",
                document=None,
                reason=asked.reason,
                details={"since": since.isoformat(), "until": until.isoformat() if until else None, "version": version},
            )
        return len(found)

    async def status(self, use_case: str, *, version: str | None = None, windows: int = WINDOWS_MAX) -> DriftStatus:
        """How the monitor of a version stands: the current one, or the one whose digest starts so. NotFound for no such use case,
        InputError for no such version."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            current = await current_digest(connection, item)
            digest = current if version is None else await _version(connection, use_case, current, version)
            return await self._status(connection, item, digest, digest == current, windows)

    async def references(self, use_case: str) -> list[ReferenceHead]:
        """The newest references of a use case, newest first."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await stored.heads(connection, use_case, limit=REFERENCES_MAX)

    async def _status(self, connection: Connection, item: UseCase, version: str, current: bool, windows: int) -> DriftStatus:
        rule = item.drift or DriftRule()
        row = await stored.monitor(connection, item.name, version)
        state, mark = state_of(row), await stored.mark(connection)
        waiting = {(each.use_case, each.version_digest): each.calls for each in await stored.waiting(connection)}
        found = await stored.newest_windows(connection, item.name, version, limit=windows)
        reference = await stored.head(connection, state.reference) if state.reference else None
        names = watched(rule)
        own = await catalog.DRIFT_ALARMS.find(connection, use_case=item.name, newest_first=True, limit=ALARMS_MAX)
        points = await _reference_points(connection, state.reference, tuple(names)) if state.reference else ()
        return DriftStatus(
            use_case=item.name,
            version_digest=version,
            current=current,
            rule=rule,
            owner=rule.owner or item.owner,
            features=tuple(each for each in FEATURES if each.name in names),
            waiting=waiting.get((item.name, version), 0),
            needed=rule.window_calls if reference is not None else rule.reference_calls,
            reference=reference,
            reference_points=points,
            windows=tuple(each for each in found if each.kind == "window"),
            comparison=next((each for each in found[::-1] if each.kind == "version"), None),
            alarms=tuple(own),
            muted=state.muted,
            asked=state.asked.by if state.asked else "",
            problem=state.problem,
            read_at=_when(mark.read_at_s),
            looked_at=_when(row.looked_at_s) if row else None,
        )

    async def _look(self) -> int:
        """Look at every monitor that has calls waiting or a reference to make."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            waiting = await stored.waiting(connection)
            asked = await stored.asked(connection)
            use_cases = {each.name: each for each in await catalog.USE_CASES.find(connection)}
        looks = 0
        for name, version in dict.fromkeys([*((each.use_case, each.version_digest) for each in waiting), *asked]):
            item = use_cases.get(name)
            if item is not None:
                looks += await self._watch.look(item, version)
        for each in waiting:
            if each.use_case not in use_cases or now - each.newest > STALE_AFTER:
                async with self._database.operate() as connection:
                    await stored.drop(connection, each.use_case, each.version_digest)
        return looks

    async def _lead(self) -> bool:
        now_s = self._database.clock.now().timestamp()
        async with self._database.operate() as connection:
            return await stored.lease(connection, self._owner, now_s, seconds=LEASE_S)


async def _version(connection: Connection, use_case: str, current: str, asked: str) -> str:
    known = dict.fromkeys([current, *await stored.versions(connection, use_case)])
    found = [each for each in known if asked and each.startswith(asked)]
    if len(found) != 1:
        why = "no version of it has a monitor" if not found else "several versions begin so"
        raise InputError(f"{asked!r}: {why}", field="version")
    return found[0]


async def _reference_points(connection: Connection, reference: str, names: tuple[str, ...]) -> tuple[Point, ...]:
    """The figures of a reference, worked out once: it never changes."""

    async def compute() -> tuple[Point, ...]:
        found = await stored.REFERENCES.get(connection, reference)
        if found is None:
            return ()
        frame = unpinned(found)
        return points_of(frame, frame, names)

    return await marked(_POINTS, connection, (reference, names), reference, compute)


def _when(unix_s: float) -> datetime | None:
    return moment(unix_s) if unix_s > 0 else None
