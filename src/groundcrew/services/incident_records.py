"""What every change of an incident is made of: the row, its line in the timeline, the holds that follow, in one transaction."""

from __future__ import annotations

from groundcrew.domain.alert import Severity
from groundcrew.domain.feedback import Rating
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.incident import (
    EVENTS_MAX,
    HARM_EVENTS_MAX,
    EventKind,
    Incident,
    IncidentEvent,
    Origin,
)
from groundcrew.errors import Conflict
from groundcrew.services.incident_standing import sync_holds
from groundcrew.store import catalog
from groundcrew.store.database import Writer

#: Severity of an incident that a rating opens which says that an answer did harm [D].
HARM_SEVERITY: Severity = 2


async def append(writer: Writer, incident: Incident, kind: EventKind, text: str = "", reference: str = "") -> IncidentEvent:
    """Append a line to a timeline. Always: what an incident went through is told however long it is, and a full timeline keeps
    nobody from closing it."""
    event = IncidentEvent(
        id=new_id(), incident=incident.id, at=writer.clock.now(), by=writer.actor, kind=kind, text=text, reference=reference
    )
    await catalog.INCIDENT_EVENTS.put(writer, event, "append")
    return event


async def check_room(writer: Writer, incident: Incident) -> None:
    """Conflict where a timeline is full for what people add by hand: notes, decisions and links."""
    if await catalog.INCIDENT_EVENTS.count(writer.connection, incident=incident.id) >= EVENTS_MAX:
        raise Conflict(f"incident {incident.id} has {EVENTS_MAX} lines: open another one and link this")


async def put(writer: Writer, incident: Incident, action: str, *, reason: str = "") -> None:
    """Store a changed incident and let the holds of its use cases follow."""
    await catalog.INCIDENTS.put(writer, incident, action, reason=reason)
    await sync_holds(writer, incident.use_cases)


async def open_in(
    writer: Writer,
    *,
    title: str,
    severity: Severity,
    use_cases: tuple[str, ...],
    origin: Origin,
    origin_key: str = "",
    text: str = "",
    references: tuple[str, ...] = (),
) -> Incident:
    """Open an incident, or give back the one that is open for the same `origin_key` with the references appended to it."""
    if origin_key:
        for found in await catalog.INCIDENTS.find(writer.connection, origin_key=origin_key):
            if found.state != "closed":
                for each in references:
                    await link(writer, found, each, text)
                return found
    incident = Incident(
        id=new_id(),
        title=title,
        severity=severity,
        worst=severity,
        use_cases=tuple(sorted(set(use_cases))),
        opened_at=writer.clock.now(),
        opened_by=writer.actor,
        origin=origin,
        origin_key=origin_key,
    )
    await put(writer, incident, "open", reason=title)
    await append(writer, incident, "opened", text or title)
    for each in references:
        await append(writer, incident, "linked", reference=each)
    return incident


async def link(writer: Writer, incident: Incident, reference: str, text: str = "") -> bool:
    """Point at something from a timeline, once; whether it was new."""
    known = await catalog.INCIDENT_EVENTS.find(writer.connection, incident=incident.id, reference=reference, limit=1)
    if known:
        return False
    await append(writer, incident, "linked", text, reference)
    return True


async def open_for_harm(writer: Writer, rating: Rating) -> Incident | None:
    """Open an incident for a real rating that says that an answer did harm, or tell the one that is open; None where the rating
    says no such thing, or the incident tells of enough of them."""
    if not rating.critical_harm or rating.sample:
        return None
    key = f"critical-harm/{rating.use_case}"
    references = (f"rating/{rating.id}", *((f"call/{rating.call_id}",) if rating.call_id else ()))
    for found in await catalog.INCIDENTS.find(writer.connection, origin_key=key):
        if (
            found.state != "closed"
            and await catalog.INCIDENT_EVENTS.count(writer.connection, incident=found.id) >= HARM_EVENTS_MAX
        ):
            return None
    return await open_in(
        writer,
        title=f"A rating of {rating.use_case} says that an answer did critical harm",
        severity=HARM_SEVERITY,
        use_cases=(rating.use_case,),
        origin="critical_harm",
        origin_key=key,
        text="a person rated an answer as critically harmful: look at the call, and raise the severity if it is so",
        references=references,
    )
