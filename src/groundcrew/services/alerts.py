"""Alerts: rules on metrics, looked at by whichever server's turn it is, and what they have raised. Each step of an alert is one
transaction with its audit entry and its messages, so that a restart neither forgets nor repeats one."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Literal

import msgspec

from groundcrew.domain.alert import (
    REASON_LENGTH_MAX,
    SILENCE_S_MAX,
    SILENCE_SEVERE_S_MAX,
    Alert,
    AlertRule,
    AlertState,
    Figure,
    Silence,
)
from groundcrew.domain.alert_track import Track
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.errors import Conflict, InputError
from groundcrew.services.alert_evaluation import Evaluation, Report, Step, rules_in_force, subjects
from groundcrew.services.alert_messages import due_message, is_owed, shortly_after, tell
from groundcrew.services.alert_metrics import AlertMetric, metrics
from groundcrew.services.incident_records import link, open_in
from groundcrew.services.lookups import nearest, require, require_use_case
from groundcrew.services.masking import masked
from groundcrew.services.propagation import propagate
from groundcrew.store import alerts as stored
from groundcrew.store import catalog
from groundcrew.store.collection import IDS_MAX
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:alerts"
LOOK_EVERY_S = 15.0
#: Turns are taken a little early, so that servers whose clocks differ a little do not skip one.
_EARLY = 0.9
SHOWN_MAX = 500

logger = logging.getLogger(__name__)


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, whether it ships or was declared, and how it stands for each subject that is not ok."""

    rule: AlertRule
    origin: Literal["default", "declared"]
    tracks: tuple[Track, ...] = ()


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What one look led to: ids of alerts that were raised, resolved and told of, and of incidents that were opened; `failed` are
    the alerts, as ``RULE/USE-CASE``, that could not be brought up to date."""

    raised: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Alerts:
    """Alerts of one database. `report` gives a use case's metrics report, for rules on metrics that only it has."""

    def __init__(self, database: Database, report: Report) -> None:
        self._database = database
        self._evaluation = Evaluation(report)

    def metrics(self) -> list[AlertMetric]:
        """What is computed at every look, by name; rules may name any figure of the metrics report as well."""
        return [each for _, each in sorted(metrics().items())]

    async def rules(self) -> list[RuleView]:
        """Every rule, by name, switched-off ones too."""
        async with self._database.read() as connection:
            found = await rules_in_force(connection)
            declared = {each.name for each in await catalog.ALERT_RULES.find(connection)}
            tracks = [each.track for each in (await stored.tracks(connection)).values() if each.track.phase != "ok"]
        return [
            RuleView(
                rule=each,
                origin="declared" if each.name in declared else "default",
                tracks=tuple(track for track in tracks if track.rule == each.name),
            )
            for each in found.values()
        ]

    async def figures(self, name: str) -> dict[str, Figure]:
        """What a rule's metric says now of each of its subjects; NotFound for a rule that there is not."""
        async with self._database.read() as connection:
            rules = await rules_in_force(connection)
            if name not in rules:
                await require(connection, catalog.ALERT_RULES, name)
            live = {each.name: each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES}
            found = await self._evaluation.figures(connection, [rules[name]], live, self._database.clock.now())
        return {each: found[name][each] for each in subjects(rules[name], live) if each in found[name]}

    async def find(self, *, state: AlertState | None = None, use_case: str | None = None, limit: int = SHOWN_MAX) -> list[Alert]:
        """The newest first, in one state or of one use case where given."""
        equal = {name: value for name, value in (("state", state), ("use_case", use_case)) if value is not None}
        async with self._database.read() as connection:
            return await catalog.ALERTS.find(connection, newest_first=True, limit=limit, **equal)

    async def get(self, alert_id: str) -> Alert:
        """One alert; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, catalog.ALERTS, alert_id)

    async def look(self, *, every_s: float = LOOK_EVERY_S) -> Looked | None:
        """Look at every rule once, unless a server has within `every_s`: then None."""
        now = self._database.clock.now()
        async with self._database.operate() as connection:
            if not await stored.take_turn(connection, now_s=now.timestamp(), every_s=every_s * _EARLY):
                return None
        async with self._database.read() as connection:
            steps = await self._evaluation.steps(connection, now)
            owing = await self._owing(connection, steps)
        if not any(each.changed or each.rule is None for each in steps) and not owing:
            return Looked()
        if not owing and not any(_is_turn(each) for each in steps):
            # Counting looks is no event: it is kept, and not on the record.
            async with self._database.operate() as connection:
                for each in steps:
                    if each.changed:
                        await stored.put_track(connection, each.track, each.before.version if each.before else None)
            return Looked()
        async with self._database.write(ACTOR) as writer:
            looked = await self._write(writer, steps)
        if looked.incidents:
            await propagate(self._database)
        return looked

    async def acknowledge(self, alert_id: str, *, actor: str, reason: str, for_s: int) -> Alert:
        """Say that one sees to it, and for how long it is not to be told again."""
        async with self._database.write(actor) as writer:
            alert = await require(writer.connection, catalog.ALERTS, alert_id)
            if alert.state != "firing":
                raise Conflict(f"alert {alert_id} is over")
            _check_time(for_s, SILENCE_SEVERE_S_MAX if alert.severity == 1 else SILENCE_S_MAX)
            reason = await _reason(reason)
            now = writer.clock.now()
            known = msgspec.structs.replace(
                alert,
                acknowledged_by=actor,
                acknowledged_at=now,
                acknowledged_until=now + timedelta(seconds=for_s),
                acknowledged_reason=reason,
            )
            await catalog.ALERTS.put(writer, known, "acknowledge", reason=reason, details={"for_s": for_s})
        return known

    async def silence(self, *, actor: str, reason: str, for_s: int, rule: str = "", use_case: str = "") -> Silence:
        """Send nothing of a rule's or use case's alerts for a while. They are raised and shown all the same. What covers a rule
        of severity 1 holds for hours at most."""
        reason = await _reason(reason)
        async with self._database.write(actor) as writer:
            rules = await rules_in_force(writer.connection)
            if rule and rule not in rules:
                raise InputError(f"no alert rule {rule!r}{nearest(rule, rules)}", field="rule")
            if use_case:
                await require_use_case(writer.connection, use_case)
            severe = any(each.severity == 1 for name, each in rules.items() if rule in ("", name))
            _check_time(for_s, SILENCE_SEVERE_S_MAX if severe else SILENCE_S_MAX)
            now = writer.clock.now()
            made = Silence(
                id=new_id(),
                rule=rule,
                use_case=use_case,
                until=now + timedelta(seconds=for_s),
                reason=reason,
                by=actor,
                at=now,
            )
            await catalog.ALERT_SILENCES.put(writer, made, "silence", reason=reason, details={"for_s": for_s})
        return made

    async def end_silence(self, silence_id: str, *, actor: str) -> Silence:
        """Let messages out again before the silence's time is over."""
        async with self._database.write(actor) as writer:
            found = await require(writer.connection, catalog.ALERT_SILENCES, silence_id)
            if found.ended_at is not None or found.until <= writer.clock.now():
                raise Conflict(f"silence {silence_id} is over")
            ended = msgspec.structs.replace(found, ended_at=writer.clock.now(), ended_by=actor)
            await catalog.ALERT_SILENCES.put(writer, ended, "end")
        return ended

    async def silences(self) -> list[Silence]:
        """What is silenced now, the one that ends first first."""
        async with self._database.read() as connection:
            found = await _silences(connection)
        return sorted((each for each in found if each.until > self._database.clock.now()), key=lambda each: each.until)

    async def _owing(self, connection: Connection, steps: list[Step]) -> bool:
        """Whether a message is due of an alert that fires or fired."""
        silences, now = await _silences(connection), self._database.clock.now()
        rules = {each.track.alert: each.rule for each in steps if each.track.alert is not None}
        ids = list(rules)
        for start in range(0, len(ids), IDS_MAX):
            for alert in await catalog.ALERTS.find_ids(connection, ids[start : start + IDS_MAX]):
                if due_message(rules[alert.id], alert, silences, now) is not None:
                    return True
        return False

    async def _write(self, writer: Writer, steps: list[Step]) -> Looked:
        """Do each step whole or not at all: one that fails is tried again at the next look, and costs no other."""
        silences = await _silences(writer.connection)
        done, failed = [], []
        for step in steps:
            try:
                async with writer.savepoint():
                    done.append(await _take(writer, step, silences))
            except Exception:
                logger.exception("the alert %s %s could not be brought up to date", *step.key)
                failed.append("/".join(step.key))
        return Looked(
            raised=tuple(each for one in done for each in one.raised),
            resolved=tuple(each for one in done for each in one.resolved),
            told=tuple(each for one in done for each in one.told),
            incidents=tuple(each for one in done for each in one.incidents),
            failed=tuple(failed),
        )


async def _take(writer: Writer, step: Step, silences: list[Silence]) -> Looked:
    """One step of one alert: its beginning or end, what is told of it, and its track."""
    if not await _is_mine(writer.connection, step):
        return Looked()
    before = step.before.track.phase if step.before else "ok"
    track, alert, opened = step.track, None, None
    raised, resolved, told = list[str](), list[str](), list[str]()
    if step.rule is None:
        if before == "firing":
            alert = await _resolve(writer, track.alert, step.figure, "no rule looks at it any more")
            resolved += [alert.id] if alert is not None else []
    elif track.phase == "firing" and before != "firing":
        alert, opened = await _raise(writer, step.rule, track, step.figure)
        raised.append(alert.id)
        track = msgspec.structs.replace(track, alert=alert.id, resolved_at=None)
    elif track.phase == "ok" and before == "firing":
        alert = await _resolve(writer, track.alert, step.figure, step.figure.text)
        resolved += [alert.id] if alert is not None else []
        track = msgspec.structs.replace(track, resolved_at=writer.clock.now())
    elif track.alert is not None:
        alert = await _carried(writer.connection, track)
    if alert is not None:
        message = due_message(step.rule, alert, silences, writer.clock.now())
        if message is not None:
            alert = await tell(writer, step.rule, alert, message)
            told.append(alert.id)
    await _keep(writer.connection, step, track)
    return Looked(raised=tuple(raised), resolved=tuple(resolved), told=tuple(told), incidents=(opened,) if opened else ())


def _is_turn(step: Step) -> bool:
    """Whether a step changes what people see: an alert begins or ends, or its rule is gone."""
    before = step.before.track.phase if step.before else "ok"
    return step.rule is None or (step.track.phase == "firing") != (before == "firing")


async def _is_mine(connection: Connection, step: Step) -> bool:
    """Whether the track still is as it was when the look was computed: otherwise another server was faster and saw to it."""
    found = await stored.track(connection, *step.key)
    return (found.version if found else None) == (step.before.version if step.before else None)


async def _keep(connection: Connection, step: Step, track: Track) -> None:
    if step.rule is None and step.before is not None:
        await stored.drop_track(connection, *step.key, step.before.version)
    elif step.before is None or track != step.before.track:
        if step.before is None and track == Track(rule=step.key[0], use_case=step.key[1]):
            return
        await stored.put_track(connection, track, step.before.version if step.before else None)


async def _carried(connection: Connection, track: Track) -> Alert | None:
    """The alert that a track stands for, where there may be something to tell of it."""
    alert = await catalog.ALERTS.get(connection, track.alert or "")
    return alert if alert is not None and (alert.state == "firing" or is_owed(alert)) else None


async def _raise(writer: Writer, rule: AlertRule, track: Track, figure: Figure) -> tuple[Alert, str | None]:
    """The alert that a rule raises, and the id of the incident that it opens. Soon after the end of one it is the same again."""
    now = writer.clock.now()
    old = await catalog.ALERTS.get(writer.connection, track.alert) if track.alert else None
    if old is not None and old.state == "resolved" and shortly_after(old.resolved_at, now):
        alert = msgspec.structs.replace(
            old,
            state="firing",
            cause=track.cause,
            figure=figure,
            resolved_at=None,
            resolution="",
            reopened=old.reopened + 1,
        )
        await catalog.ALERTS.put(writer, alert, "raise_again", reason=figure.text)
    else:
        alert = Alert(
            id=new_id(),
            rule=rule.name,
            use_case=track.use_case,
            severity=rule.severity,
            title=rule.title or rule.name,
            metric=rule.metric,
            when=rule.when,
            threshold=rule.threshold,
            since=track.since or now,
            raised_at=now,
            figure=figure,
            cause=track.cause,
        )
        await catalog.ALERTS.put(writer, alert, "raise", reason=figure.text)
    if not rule.opens_incident:
        return alert, None
    incident = await open_in(
        writer,
        title=alert.title,
        severity=rule.severity,
        use_cases=(track.use_case,) if track.use_case else await _everything(writer.connection),
        origin="alert",
        origin_key=f"alert/{rule.name}/{track.use_case}",
        text=f"raised by the alert rule {rule.name}: {figure.text}",
        references=(f"alert/{alert.id}",),
    )
    if alert.incident != incident.id:
        alert = msgspec.structs.replace(alert, incident=incident.id)
        await catalog.ALERTS.put(writer, alert, "open_incident")
    else:
        await link(writer, incident, f"alert/{alert.id}")
    return alert, incident.id


async def _everything(connection: Connection) -> tuple[str, ...]:
    """Every live use case: what concerns the platform concerns all of them."""
    return tuple(each.name for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES)


async def _resolve(writer: Writer, alert_id: str | None, figure: Figure, resolution: str) -> Alert | None:
    alert = await catalog.ALERTS.get(writer.connection, alert_id) if alert_id else None
    if alert is None or alert.state == "resolved":
        return None
    ended = msgspec.structs.replace(
        alert, state="resolved", resolved_at=writer.clock.now(), resolution=resolution or "back within its bounds", figure=figure
    )
    await catalog.ALERTS.put(writer, ended, "resolve", reason=ended.resolution)
    return ended


async def _silences(connection: Connection) -> list[Silence]:
    return await catalog.ALERT_SILENCES.find(connection, ended=False)


async def _reason(reason: str) -> str:
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX:
        raise InputError(f"say why, in at most {REASON_LENGTH_MAX} characters: it is kept in the audit log", field="reason")
    return (await masked([reason.strip()], "patterns"))[0]


def _check_time(for_s: int, most_s: int) -> None:
    if not 60 <= for_s <= most_s:
        raise InputError(f"a minute at least and {most_s // 3_600} h at most", field="for")
