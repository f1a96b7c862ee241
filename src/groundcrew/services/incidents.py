"""Incidents: opened by anyone who saw something, told line by line, closed with a cause, and where they were severe by two
people. While one of severity 1 is open its use cases neither answer nor advance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, get_args

import msgspec

from groundcrew.domain.alert import Severity
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.incident import (
    ACTIONS_MAX,
    CAUSES,
    LINK_KINDS,
    STOPPING_SEVERITY,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    USE_CASES_MAX,
    CloseRequest,
    Incident,
    IncidentAction,
    IncidentEvent,
    IncidentState,
    LowerRequest,
)
from groundcrew.errors import Conflict, InputError
from groundcrew.services.incident_records import append, check_room, link, open_in, put
from groundcrew.services.incident_standing import IncidentStanding, open_incidents, overdue_actions, standing_of, sync_holds
from groundcrew.services.lookups import person_of, require, require_use_case
from groundcrew.services.masking import detect_of, masked
from groundcrew.services.propagation import propagate
from groundcrew.services.stop_scopes import covered
from groundcrew.services.two_people import check_person
from groundcrew.store import catalog, operations
from groundcrew.store.calls import CALLS
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection, Database, Writer
from groundcrew.store.feedback import RATINGS

ACTOR = "system:incidents"
OWNER_LENGTH_MAX = 254
#: What a reference of this kind must be a row of.
_REFERENCED: dict[str, Collection[Any]] = {
    "call": CALLS,
    "alert": catalog.ALERTS,
    "kill-switch": catalog.KILL_SWITCHES,
    "sign-off": catalog.SIGN_OFFS,
    "gate-evaluation": catalog.GATE_EVALUATIONS,
    "rating": RATINGS,
    "drift-alarm": catalog.DRIFT_ALARMS,
    "incident": catalog.INCIDENTS,
    "job": catalog.JOBS,
}


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """An incident with its timeline, oldest first, and its actions; `overdue` are the ids of those past their day."""

    incident: Incident
    events: tuple[IncidentEvent, ...]
    actions: tuple[IncidentAction, ...]
    overdue: tuple[str, ...]


class IncidentsNow(msgspec.Struct, frozen=True, kw_only=True):
    """What is open now: incidents, the worst first, and actions past their day with the incident that each belongs to."""

    open: tuple[Incident, ...]
    overdue: tuple[tuple[IncidentAction, Incident], ...]


class Incidents:
    """Incidents of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, *, state: IncidentState | None = None, use_case: str | None = None, limit: int = 200) -> list[Incident]:
        """The newest first, in one state or of one use case where given."""
        equal: dict[str, Any] = {"state": state} if state is not None else {}
        async with self._database.read() as connection:
            found = await catalog.INCIDENTS.find(connection, newest_first=True, **equal)
        return [each for each in found if use_case is None or use_case in each.use_cases][:limit]

    async def now(self) -> IncidentsNow:
        """What is open and what is overdue."""
        async with self._database.read() as connection:
            found = await open_incidents(connection)
            late = await overdue_actions(connection, self._database.clock.now().date())
        return IncidentsNow(open=tuple(sorted(found, key=lambda each: (each.severity, each.id))), overdue=tuple(late))

    async def standing(self, use_case: str) -> IncidentStanding:
        """How one use case stands with its incidents."""
        async with self._database.read() as connection:
            return await standing_of(connection, use_case, self._database.clock.now().date())

    async def get(self, incident_id: str) -> IncidentView:
        """One incident with all that belongs to it; NotFound."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            incident = await require(connection, catalog.INCIDENTS, incident_id)
            events = await catalog.INCIDENT_EVENTS.find(connection, incident=incident_id)
            actions = await catalog.INCIDENT_ACTIONS.find(connection, incident=incident_id)
        late = tuple(each.id for each in actions if each.overdue(today))
        return IncidentView(incident=incident, events=tuple(events), actions=tuple(actions), overdue=late)

    async def open(
        self,
        *,
        title: str,
        severity: int,
        use_cases: Sequence[str],
        actor: str,
        text: str = "",
        references: Sequence[str] = (),
    ) -> Incident:
        """Open an incident by hand. Severity 1 stops its use cases at once."""
        level = _severity(severity)
        names = tuple(dict.fromkeys(use_cases))
        if not names or len(names) > USE_CASES_MAX:
            raise InputError(f"name 1 to {USE_CASES_MAX} use cases", field="use_cases")
        title = _text(title, "title", TITLE_LENGTH_MAX)
        _text(text, "text", TEXT_LENGTH_MAX, required=False)
        async with self._database.read() as connection:
            for name in names:
                await require_use_case(connection, name)
        title, text = await self._masked(names, title, text)
        async with self._database.write(actor) as writer:
            for each in references:
                await _check_reference(writer.connection, each)
            incident = await open_in(
                writer,
                title=title,
                severity=level,
                use_cases=names,
                origin="person",
                text=text,
                references=tuple(references),
            )
        await propagate(self._database)
        return incident

    async def note(self, incident_id: str, text: str, *, actor: str, decision: bool = False) -> IncidentEvent:
        """Append what was seen or done, or with `decision` what was decided. A closed incident takes notes too.
        Conflict where its timeline is full."""
        text = await self._safe(incident_id, text, "text")
        async with self._database.write(actor) as writer:
            incident = await require(writer.connection, catalog.INCIDENTS, incident_id)
            await check_room(writer, incident)
            return await append(writer, incident, "decision" if decision else "note", text)

    async def link(self, incident_id: str, reference: str, *, actor: str, text: str = "") -> bool:
        """Point at a call, an alert, a stop and so on, as ``KIND/ID``; whether it was new. NotFound for what there is not,
        Conflict where the timeline is full."""
        text = await self._safe(incident_id, text, "text", required=False)
        async with self._database.write(actor) as writer:
            incident = await require(writer.connection, catalog.INCIDENTS, incident_id)
            await _check_reference(writer.connection, reference)
            await check_room(writer, incident)
            return await link(writer, incident, reference, text)

    async def add_use_case(self, incident_id: str, use_case: str, *, actor: str, reason: str) -> Incident:
        """Say that one more use case is concerned; under severity 1 it stops."""
        reason = await self._safe(incident_id, reason, "reason")
        async with self._database.write(actor) as writer:
            incident = await _unclosed(writer, incident_id)
            await require_use_case(writer.connection, use_case)
            if use_case in incident.use_cases:
                return incident
            if len(incident.use_cases) >= USE_CASES_MAX:
                raise Conflict(f"an incident concerns at most {USE_CASES_MAX} use cases")
            wider = msgspec.structs.replace(incident, use_cases=tuple(sorted((*incident.use_cases, use_case))))
            await put(writer, wider, "add_use_case", reason=reason)
            await append(writer, wider, "use_case_added", f"{use_case}: {reason}")
        await propagate(self._database)
        return wider

    async def set_severity(self, incident_id: str, severity: int, *, actor: str, reason: str) -> Incident:
        """Raise or lower the severity. From 1 down it takes two people: the first asks, a second one says the same,
        under an account."""
        level = _severity(severity)
        reason = await self._safe(incident_id, reason, "reason")
        async with self._database.write(actor) as writer:
            incident = await _unclosed(writer, incident_id)
            if level == incident.severity:
                raise Conflict(f"incident {incident_id} has severity {level} already")
            if incident.severity == STOPPING_SEVERITY:
                asked = incident.lowering
                if asked is None or asked.to != level:
                    await check_person(writer.connection, actor, "manage_incident")
                    request = LowerRequest(by=actor, at=writer.clock.now(), to=level, reason=reason)
                    waiting = msgspec.structs.replace(incident, lowering=request)
                    await put(writer, waiting, "ask_severity", reason=reason)
                    await append(writer, waiting, "severity_asked", f"from {incident.severity} to {level}: {reason}")
                    return waiting
                if person_of(asked.by) == person_of(actor):
                    raise Conflict(f"{person_of(actor)} asked for severity {level}: a second person must say so too")
                await check_person(writer.connection, actor, "manage_incident", second=True)
            changed = msgspec.structs.replace(incident, severity=level, worst=min(incident.worst, level), lowering=None)
            await put(writer, changed, "severity", reason=reason)
            await append(writer, changed, "severity", f"from {incident.severity} to {level}: {reason}")
        await propagate(self._database)
        return changed

    async def mitigate(self, incident_id: str, text: str, *, actor: str) -> Incident:
        """Say that the harm has stopped, and how. What follows from the severity stays until the incident is closed."""
        text = await self._safe(incident_id, text, "text")
        async with self._database.write(actor) as writer:
            incident = await _unclosed(writer, incident_id)
            if incident.state != "open":
                raise Conflict(f"incident {incident_id} is mitigated already")
            changed = msgspec.structs.replace(incident, state="mitigated", mitigated_at=writer.clock.now())
            await put(writer, changed, "mitigate", reason=text)
            await append(writer, changed, "mitigated", text)
        return changed

    async def close(self, incident_id: str, category: str, cause: str, *, actor: str) -> Incident:
        """Close a mitigated incident with its cause. Where it ever was of severity 1 or 2 that only asks for it, and somebody
        else closes it by `review`."""
        if category not in CAUSES:
            raise InputError(f"expected one of {', '.join(CAUSES)}, found {category!r}", field="category")
        cause = await self._safe(incident_id, cause, "cause")
        async with self._database.write(actor) as writer:
            incident = await _unclosed(writer, incident_id)
            if incident.state != "mitigated":
                raise Conflict(f"incident {incident_id} is open: say first that it is mitigated, and how")
            await check_person(writer.connection, actor, "manage_incident")
            asked = CloseRequest(by=actor, at=writer.clock.now(), category=category, cause=cause)
            if incident.needs_review:
                waiting = msgspec.structs.replace(incident, closing=asked)
                await put(writer, waiting, "ask_close", reason=cause)
                await append(writer, waiting, "close_asked", f"{category}: {cause}")
                return waiting
            closed = _closed(incident, asked)
            await put(writer, closed, "close", reason=cause)
            await append(writer, closed, "closed", f"{category}: {cause}")
        await propagate(self._database)
        return closed

    async def review(self, incident_id: str, *, accept: bool, comment: str, actor: str) -> Incident:
        """Say whether an incident that somebody else wants closed is; refusing it sends it back with what is missing."""
        comment = await self._safe(incident_id, comment, "comment")
        async with self._database.write(actor) as writer:
            incident = await _unclosed(writer, incident_id)
            asked = incident.closing
            if asked is None:
                raise Conflict(f"nobody has asked to close incident {incident_id}")
            if person_of(asked.by) == person_of(actor):
                raise Conflict(f"{person_of(actor)} asked to close it: somebody else reviews that")
            await check_person(writer.connection, actor, "manage_incident", second=True)
            if not accept:
                back = msgspec.structs.replace(incident, closing=None)
                await put(writer, back, "refuse_close", reason=comment)
                await append(writer, back, "close_refused", comment)
                return back
            closed = msgspec.structs.replace(_closed(incident, asked), closed_at=writer.clock.now(), reviewed_by=actor)
            await put(writer, closed, "close", reason=comment)
            await append(writer, closed, "closed", f"{asked.category}: {asked.cause}; reviewed: {comment}")
        await propagate(self._database)
        return closed

    async def add_action(self, incident_id: str, title: str, *, owner: str, due: date, actor: str) -> IncidentAction:
        """Add something to do: one owner, one day by which it is done."""
        title = await self._safe(incident_id, title, "title", TITLE_LENGTH_MAX)
        owner = _text(owner, "owner", OWNER_LENGTH_MAX)
        async with self._database.write(actor) as writer:
            incident = await require(writer.connection, catalog.INCIDENTS, incident_id)
            if due < writer.clock.now().date():
                raise InputError(f"{due} is past", field="due")
            if await catalog.INCIDENT_ACTIONS.count(writer.connection, incident=incident_id) >= ACTIONS_MAX:
                raise Conflict(f"an incident has at most {ACTIONS_MAX} actions")
            action = IncidentAction(
                id=new_id(),
                incident=incident_id,
                title=title,
                owner=owner,
                due=due,
                created_at=writer.clock.now(),
                created_by=actor,
            )
            await catalog.INCIDENT_ACTIONS.put(writer, action, "add")
            await append(writer, incident, "action", f"{title} ({owner}, by {due})")
        return action

    async def finish_action(self, action_id: str, result: str, *, actor: str) -> IncidentAction:
        """Say that an action is done, and what came of it."""
        async with self._database.read() as connection:
            found = await require(connection, catalog.INCIDENT_ACTIONS, action_id)
        result = await self._safe(found.incident, result, "result")
        async with self._database.write(actor) as writer:
            action = await require(writer.connection, catalog.INCIDENT_ACTIONS, action_id)
            if action.state == "done":
                raise Conflict(f"action {action_id} is done already")
            done = msgspec.structs.replace(action, state="done", done_at=writer.clock.now(), done_by=actor, result=result)
            await catalog.INCIDENT_ACTIONS.put(writer, done, "done", reason=result)
            incident = await require(writer.connection, catalog.INCIDENTS, action.incident)
            await append(writer, incident, "action_done", f"{action.title}: {result}")
        return done

    async def watch(self) -> list[Incident]:
        """Open an incident of severity 1 for every kill switch that did not stop, once for each trip; and put right whatever hold
        is missing or left over. Returns what was opened."""
        async with self._database.read() as connection:
            wanted = await _unstopped(connection)
            crooked = await _crooked(connection)
        if not wanted and not crooked:
            return []
        opened = []
        async with self._database.write(ACTOR) as writer:
            for key, scope, names in await _unstopped(writer.connection):
                opened.append(
                    await open_in(
                        writer,
                        title=f"The kill switch {scope} did not stop every gateway",
                        severity=1,
                        use_cases=names,
                        origin="stop_failed",
                        origin_key=key,
                        text="a gateway did not confirm the stop: treat it as still answering until it is checked",
                        references=(f"kill-switch/{scope}",),
                    )
                )
            await sync_holds(writer, crooked)
        await propagate(self._database)
        return opened

    async def _safe(
        self, incident_id: str, text: str, field: str, length_max: int = TEXT_LENGTH_MAX, *, required: bool = True
    ) -> str:
        """A text that a person wrote about an incident, as it may be kept; NotFound for an incident that there is not."""
        text = _text(text, field, length_max, required=required)
        async with self._database.read() as connection:
            incident = await require(connection, catalog.INCIDENTS, incident_id)
        return (await self._masked(incident.use_cases, text))[0]

    async def _masked(self, use_cases: Sequence[str], *texts: str) -> list[str]:
        async with self._database.read() as connection:
            asked = [await detect_of(connection, await catalog.USE_CASES.get(connection, each)) for each in use_cases[:1]]
        return await masked(list(texts), asked[0] if asked else "full")


def _closed(incident: Incident, asked: CloseRequest) -> Incident:
    return msgspec.structs.replace(
        incident,
        state="closed",
        closing=None,
        lowering=None,
        closed_at=asked.at,
        closed_by=asked.by,
        category=asked.category,
        cause=asked.cause,
    )


async def _unclosed(writer: Writer, incident_id: str) -> Incident:
    incident = await require(writer.connection, catalog.INCIDENTS, incident_id)
    if incident.state == "closed":
        raise Conflict(f"incident {incident_id} is closed: open another one and link it")
    return incident


async def _unstopped(connection: Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    """(key, scope, use cases) of each trip that did not stop everything and that no incident was ever opened for."""
    found = []
    for switch in await operations.denying(connection):
        if not switch.failed:
            continue
        key = f"stop-failed/{switch.scope}/{switch.tripped_at:%Y-%m-%dT%H:%M:%S.%f}"
        if await catalog.INCIDENTS.find(connection, origin_key=key, limit=1):
            continue
        found.append((key, str(switch.scope), tuple(each.name for each in await covered(connection, switch.scope))))
    return found


async def _crooked(connection: Connection) -> tuple[str, ...]:
    """Use cases that are held by no open incident, or not held by one."""
    stopping = {name for each in await open_incidents(connection) if each.stops for name in each.use_cases}
    return tuple(
        each.name
        for each in await catalog.USE_CASES.find(connection)
        if any(hold.kind == "incident" for hold in each.holds) != (each.name in stopping)
    )


async def _check_reference(connection: Connection, reference: str) -> None:
    kind, _, item = reference.partition("/")
    if kind not in LINK_KINDS or not item:
        raise InputError(f"expected KIND/ID with one of {', '.join(LINK_KINDS)}", field="reference")
    await require(connection, _REFERENCED[kind], item)


def _severity(value: int) -> Severity:
    if value not in get_args(Severity):
        raise InputError(f"a severity is 1 (the worst) to 4, not {value}", field="severity")
    return value  # type: ignore[return-value]


def _text(text: str, field: str, length_max: int, *, required: bool = True) -> str:
    text = text.strip()
    if required and not text:
        raise InputError("say it in words: it is kept in the record", field=field)
    if len(text) > length_max:
        raise InputError(f"at most {length_max} characters", field=field)
    return text
