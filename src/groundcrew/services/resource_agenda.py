"""Requests for people, tokens and money as points of the agenda, shortages ahead, capacity that nobody declared; and
explorations whose box is used up."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.domain.exploration import Exploration, ExplorationState
from groundcrew.domain.resource import Resource, ResourceRequest, amount_of, first_of, room, shown_amount, units
from groundcrew.services.exploration_boxes import exhausted
from groundcrew.services.resource_ledger import ledger_of
from groundcrew.store import deciding
from groundcrew.store.database import Connection

#: Points of each sort on one agenda; the rest is on the page of resources.
ENTRIES_MAX = 200
_RUNNING: ExplorationState = "running"
_WORDS = {"days": "days", "tokens": "tokens", "usd": "USD"}


async def agenda_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """What wants the Stream's time at `now`."""
    waiting = await deciding.RESOURCE_REQUESTS.find(connection, state="requested", limit=ENTRIES_MAX)
    found = [_request(each) for each in waiting]
    for resource in await deciding.RESOURCES.find(connection):
        own = [each for each in waiting if each.resource == resource.name]
        found += _shortages(resource, own, await ledger_of(connection, resource.name))
    for each in await deciding.EXPLORATIONS.find(connection, state=_RUNNING, limit=ENTRIES_MAX):
        if parts := await exhausted(connection, each, now):
            found.append(_box(each, ", ".join(_WORDS[part] for part in parts)))
    return found


def _request(request: ResourceRequest) -> AgendaEntry:
    amount = shown_amount(request.measure, request.amount)
    each_of = "" if len(request.periods) == 1 else " each"
    due = request.needed_by or first_of(request.periods[0])
    return AgendaEntry(
        key=deciding.RESOURCE_REQUESTS.subject(request.id),
        kind="resource_request",
        title=f"{request.use_case} asks for {amount} of {request.resource}",
        subject=deciding.RESOURCE_REQUESTS.subject(request.id),
        why=f"For {', '.join(request.periods)}{each_of}: {request.purpose[:200]}",
        since=request.requested_at,
        due=datetime(due.year, due.month, due.day, tzinfo=request.requested_at.tzinfo),
        link=f"/resources/requests/{request.id}",
        use_case=request.use_case,
        blocks=1,
    )


def _shortages(resource: Resource, waiting: list[ResourceRequest], ledger: list[ResourceRequest]) -> list[AgendaEntry]:
    """One point for each period of which more is asked for than is left, or of which nobody said how much there is."""
    found = []
    for period in sorted({each for request in waiting for each in request.periods}):
        own = [each for each in waiting if period in each.periods]
        asked = amount_of(resource.measure, sum(units(resource.measure, each.amount) for each in own))
        left = room(resource, ledger, period)
        if left is not None and units(resource.measure, asked) <= units(resource.measure, left):
            continue
        if left is None:
            title, key = f"Nobody declared how much of {resource.name} there is in {period}", "capacity"
            why = f"{shown_amount(resource.measure, asked)} are asked for, and nothing can be given before it is."
        else:
            title, key = f"{resource.name} is short in {period}", "shortage"
            why = (
                f"{shown_amount(resource.measure, asked)} are asked for and {shown_amount(resource.measure, max(left, 0.0))} are "
                "left: somebody gives up something, or somebody waits."
            )
        found.append(
            AgendaEntry(
                key=f"{deciding.RESOURCES.subject(resource.name)}/{key}/{period}",
                kind="resource_request",
                title=title,
                subject=deciding.RESOURCES.subject(resource.name),
                why=why,
                since=min(each.requested_at for each in own),
                due=datetime.combine(first_of(period), datetime.min.time(), own[0].requested_at.tzinfo),
                link=f"/resources/{resource.name}",
                blocks=len({each.use_case for each in own}),
            )
        )
    return found[:ENTRIES_MAX]


def _box(exploration: Exploration, parts: str) -> AgendaEntry:
    ended = exploration.ends_at
    assert exploration.started_at is not None
    return AgendaEntry(
        key=deciding.EXPLORATIONS.subject(exploration.id),
        kind="experiment",
        title=f"The box of “{exploration.title}” is used up",
        subject=deciding.EXPLORATIONS.subject(exploration.id),
        why=f"Its {parts} are used up: {exploration.owner} says what was learned, or somebody else widens the box and says why.",
        since=exploration.started_at,
        due=ended,
        link=f"/backlog/{exploration.id}",
    )
