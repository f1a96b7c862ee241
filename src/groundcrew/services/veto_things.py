"""What a veto can wait for on one use case: what was asked of the ledger, what somebody has to do, what went wrong."""

from __future__ import annotations

import msgspec

from groundcrew.domain.incident import Incident, IncidentAction
from groundcrew.domain.meeting import ActionItem
from groundcrew.domain.resource import Resource, ResourceRequest
from groundcrew.services.incident_standing import open_incidents
from groundcrew.services.lookups import require_use_case
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection


class OpenThings(msgspec.Struct, frozen=True, kw_only=True):
    """What is open on a use case now, and the resources that there are."""

    requests: tuple[ResourceRequest, ...]
    resources: tuple[Resource, ...]
    actions: tuple[ActionItem | IncidentAction, ...]
    incidents: tuple[Incident, ...]


async def open_things(connection: Connection, name: str) -> OpenThings:
    """What is open on the use case `name`; NotFound."""
    await require_use_case(connection, name)
    incidents = [each for each in await open_incidents(connection) if name in each.use_cases]
    mine = {each.id for each in await catalog.INCIDENTS.find(connection) if name in each.use_cases}
    of_incidents = [each for each in await catalog.INCIDENT_ACTIONS.find(connection, state="open") if each.incident in mine]
    of_meetings = await deciding.ACTION_ITEMS.find(connection, state="open", use_case=name)
    requests = await deciding.RESOURCE_REQUESTS.find(connection, use_case=name)
    return OpenThings(
        requests=tuple(each for each in requests if each.state in ("requested", "allocated")),
        resources=tuple(await deciding.RESOURCES.find(connection)),
        actions=tuple(sorted([*of_meetings, *of_incidents], key=lambda each: (each.due, each.id))),
        incidents=tuple(incidents),
    )
