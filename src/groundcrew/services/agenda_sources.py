"""What puts itself on the agenda from what is recorded anyway: incidents, alerts, evidence that runs out, experiments with a
verdict, actions past their day, and topics that a meeting before has put off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.domain.evidence import Evidence, state_at
from groundcrew.domain.meeting import AgendaItem
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.services import champion_agenda, inventory_agenda, overlap_agenda, resource_agenda, veto_agenda
from groundcrew.services.incident_standing import open_incidents, overdue_actions
from groundcrew.services.lookups import current_digest
from groundcrew.services.meeting_records import overdue_items
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection

#: Evidence is on the agenda from this long before it runs out until this long after [D].
EXPIRES_WITHIN, EXPIRED_FOR = timedelta(days=14), timedelta(days=28)
#: An experiment's verdict is on the agenda for this long, unless a meeting has talked about it [D].
VERDICT_FOR = timedelta(days=42)
#: Alerts of this severity and worse are the Stream's; others are for who operates the thing.
ALERT_SEVERITY_MAX = 2
#: Points of one source; the most urgent are kept.
SOURCE_MAX = 100
VERDICTS = ("supported", "refuted", "inconclusive", "invalid")

Source = Callable[[Connection, datetime], Awaitable[list[AgendaEntry]]]


async def incident_entries(connection: Connection, _now: datetime) -> list[AgendaEntry]:
    """Every incident that is not closed, the worst first."""
    found = sorted(await open_incidents(connection), key=lambda each: (each.severity, each.id))
    return [
        AgendaEntry(
            key=f"incident/{each.id}",
            kind="incident",
            title=f"{each.title} (severity {each.severity})",
            subject=f"incident/{each.id}",
            why=f"An incident of severity {each.severity} is {each.state}"
            + (": its use cases answer no calls and pass no gate until it is closed." if each.stops else "."),
            since=each.opened_at,
            link=f"/incidents/{each.id}",
            use_case=each.use_cases[0] if len(each.use_cases) == 1 else None,
            blocks=len(each.use_cases) if each.stops else 0,
        )
        for each in found
    ]


async def alert_entries(connection: Connection, _now: datetime) -> list[AgendaEntry]:
    """Severe alerts that fire now, the worst first."""
    firing = [each for each in await catalog.ALERTS.find(connection, state="firing") if each.severity <= ALERT_SEVERITY_MAX]
    return [
        AgendaEntry(
            key=f"alert/{each.id}",
            kind="alert",
            title=each.title + (f": {each.use_case}" if each.use_case else ""),
            subject=f"alert/{each.id}",
            why=f"An alert of severity {each.severity} has fired since {each.raised_at:%Y-%m-%d}: {each.figure.text}.",
            since=each.raised_at,
            link=f"/alerts/{each.id}",
            use_case=each.use_case or None,
        )
        for each in sorted(firing, key=lambda each: (each.severity, each.id))
    ]


async def overdue_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """Actions past their day: those of the Stream, and those of incidents."""
    found = [
        AgendaEntry(
            key=f"action/{each.id}",
            kind="overdue_action",
            title=each.title,
            subject=f"action-item/{each.id}",
            why=f"{each.owner} was to do this by {each.due}.",
            since=each.created_at,
            link=f"/stream/actions#action-{each.id}",
            use_case=each.use_case or None,
            due=_day(each.due.isoformat(), now),
        )
        for each in await overdue_items(connection, now.date())
    ]
    for action, incident in await overdue_actions(connection, now.date()):
        found.append(
            AgendaEntry(
                key=f"incident-action/{action.id}",
                kind="overdue_action",
                title=action.title,
                subject=f"incident-action/{action.id}",
                why=f"{action.owner} was to do this by {action.due}, after the incident “{incident.title}”.",
                since=action.created_at,
                link=f"/incidents/{incident.id}",
                use_case=incident.use_cases[0] if len(incident.use_cases) == 1 else None,
                due=_day(action.due.isoformat(), now),
            )
        )
    return found


async def evidence_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """One point for each use case whose evidence runs out soon, or did lately, and was not renewed."""
    newest: dict[tuple[str, str, str], Evidence] = {}
    for each in await catalog.EVIDENCE.find(connection):
        if not each.sample:
            newest[each.use_case, each.kind, each.subject] = each
    soon: dict[str, list[Evidence]] = {}
    for each in newest.values():
        if each.state == "valid" and now - EXPIRED_FOR <= each.valid_until <= now + EXPIRES_WITHIN:
            soon.setdefault(each.use_case, []).append(each)
    found = []
    for name, items in sorted(soon.items()):
        use_case = await catalog.USE_CASES.get(connection, name)
        if use_case is None or use_case.stage in TERMINAL_STAGES:
            continue
        digest = await current_digest(connection, use_case)
        # What another version left behind is stale, not running out.
        items = [each for each in items if state_at(each, now, digest) in ("valid", "expired")]
        if not items:
            continue
        items.sort(key=lambda each: (each.valid_until, each.id))
        what = "; ".join(f"{each.kind.replace('_', ' ')} until {each.valid_until:%Y-%m-%d}" for each in items[:5])
        found.append(
            AgendaEntry(
                key=f"evidence/{name}",
                kind="expiring_evidence",
                title=f"Evidence of {use_case.title} runs out",
                subject=f"use-case/{name}",
                why=f"Its gates rest on evidence that is to be renewed: {what}.",
                since=items[0].recorded_at,
                link=f"/use-cases/{name}",
                use_case=name,
                due=items[0].valid_until,
            )
        )
    return found


async def experiment_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """Experiments that have lately come to a verdict which no meeting has talked about."""
    found = []
    for each in await catalog.HYPOTHESES.find(connection):
        if each.state not in VERDICTS or each.concluded_at is None or each.concluded_at < now - VERDICT_FOR:
            continue
        key = f"experiment/{each.use_case}@{each.version}"
        if any(item.state in ("discussed", "decided") for item in await deciding.AGENDA_ITEMS.find(connection, key=key)):
            continue
        found.append(
            AgendaEntry(
                key=key,
                kind="experiment",
                title=f"The experiment of {each.use_case} ended: {each.state}",
                subject=f"use-case/{each.use_case}",
                why=f"“{each.plan.name}” was {each.state} on {each.concluded_at:%Y-%m-%d}; what follows is the Stream's to say.",
                since=each.concluded_at,
                link=f"/use-cases/{each.use_case}/experiment",
                use_case=each.use_case,
            )
        )
    return found


async def deferred_entries(connection: Connection, _now: datetime) -> list[AgendaEntry]:
    """Topics that people added and a meeting has put off: the newest word on each counts."""
    newest: dict[str, AgendaItem] = {}
    for each in await deciding.AGENDA_ITEMS.find(connection, state="deferred"):
        if each.entry.kind == "topic" and (each.key not in newest or newest[each.key].at < each.at):
            newest[each.key] = each
    found = []
    for key, item in sorted(newest.items()):
        later = [each for each in await deciding.AGENDA_ITEMS.find(connection, key=key) if each.at > item.at]
        if not any(each.state in ("discussed", "decided") for each in later):
            found.append(item.entry)
    return found


#: What makes the agenda, in no order that matters: the agenda has its own.
SOURCES: tuple[Source, ...] = (
    veto_agenda.agenda_entries,
    resource_agenda.agenda_entries,
    champion_agenda.agenda_entries,
    inventory_agenda.agenda_entries,
    overlap_agenda.agenda_entries,
    incident_entries,
    alert_entries,
    overdue_entries,
    evidence_entries,
    experiment_entries,
    deferred_entries,
)


async def wanted(connection: Connection, now: datetime) -> dict[str, AgendaEntry]:
    """Everything that wants the Stream's time at `now`, by key."""
    return {entry.key: entry for source in SOURCES for entry in (await source(connection, now))[:SOURCE_MAX]}


def _day(day: str, now: datetime) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=now.tzinfo)
