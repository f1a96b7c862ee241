"""How a use case stands with its incidents: what gates ask, and what keeps calls from being answered."""

from __future__ import annotations

from datetime import date

import msgspec

from groundcrew.domain.incident import Incident, IncidentAction
from groundcrew.domain.meeting import ActionItem
from groundcrew.domain.use_case import Hold, HoldKind
from groundcrew.services.meeting_records import overdue_of
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Writer

HOLD_KIND: HoldKind = "incident"
#: Ids that a hold's reason names; further ones are counted.
NAMED_MAX = 3


class IncidentStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents of one use case that are not closed, and its actions that are not done and past their day: those of
    incidents, and those that the Stream gave out."""

    open: tuple[Incident, ...] = ()
    overdue: tuple[IncidentAction, ...] = ()
    overdue_of_stream: tuple[ActionItem, ...] = ()

    @property
    def severe(self) -> tuple[Incident, ...]:
        """Those that stop the use case."""
        return tuple(each for each in self.open if each.stops)


async def open_incidents(connection: Connection) -> list[Incident]:
    """All incidents that are not closed, oldest first."""
    found = [
        *await catalog.INCIDENTS.find(connection, state="open"),
        *await catalog.INCIDENTS.find(connection, state="mitigated"),
    ]
    return sorted(found, key=lambda each: each.id)


async def overdue_actions(connection: Connection, today: date) -> list[tuple[IncidentAction, Incident]]:
    """All actions past their day with their incidents, the longest overdue first."""
    late = [each for each in await catalog.INCIDENT_ACTIONS.find(connection, state="open") if each.overdue(today)]
    found = []
    for each in sorted(late, key=lambda each: (each.due, each.id)):
        incident = await catalog.INCIDENTS.get(connection, each.incident)
        if incident is not None:
            found.append((each, incident))
    return found


async def standing_of(connection: Connection, use_case: str, today: date) -> IncidentStanding:
    """How one use case stands on `today`."""
    return IncidentStanding(
        open=tuple(each for each in await open_incidents(connection) if use_case in each.use_cases),
        overdue=tuple(action for action, of in await overdue_actions(connection, today) if use_case in of.use_cases),
        overdue_of_stream=await overdue_of(connection, use_case, today),
    )


async def sync_holds(writer: Writer, names: tuple[str, ...]) -> None:
    """Hold exactly those of the use cases `names` that an open incident of severity 1 stops, one hold each whatever their number.

    Part of every change of an incident, so that no hold outlives what it stands for, and none is missing.
    """
    unclosed = await open_incidents(writer.connection)
    for name in dict.fromkeys(names):
        use_case = await catalog.USE_CASES.get(writer.connection, name)
        if use_case is None:
            continue
        stopping = [each for each in unclosed if each.stops and name in each.use_cases]
        kept = tuple(each for each in use_case.holds if each.kind != HOLD_KIND)
        wanted = (*kept, *((_hold(stopping),) if stopping else ()))
        if wanted == use_case.holds:
            continue
        changed = msgspec.structs.replace(use_case, holds=wanted)
        reason = _hold(stopping).reason if stopping else "its last incident of severity 1 is over"
        await catalog.USE_CASES.put(writer, changed, "hold" if stopping else "lift_hold", reason=reason)
        await writer.touch_snapshot()


def _hold(stopping: list[Incident]) -> Hold:
    more = len(stopping) - NAMED_MAX
    names = ", ".join(each.id for each in stopping[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
    number = "an incident" if len(stopping) == 1 else f"{len(stopping)} incidents"
    return Hold(
        kind=HOLD_KIND,
        reason=f"{number} of severity 1 {'is' if len(stopping) == 1 else 'are'} open: {names}",
        since=min(each.opened_at for each in stopping),
        stops_calls=True,
    )
