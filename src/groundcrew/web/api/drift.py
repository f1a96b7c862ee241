"""Drift over the API: how the monitors of a use case stand, references, alarms and what they came to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.drift import DriftAlarm, ReferenceHead, Resolution
from groundcrew.services.drift import DriftStatus
from groundcrew.web.api.common import (
    PAGE_ROWS_DEFAULT,
    REASON_LENGTH_MAX,
    ApiRequest,
    PageSize,
    principal_of,
    services_of,
)


class ReferenceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls a new reference is made of: those from `since` to before `until`; the first ones from `since` on; those that
    come from now on."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class ReferenceAsked(msgspec.Struct, frozen=True, kw_only=True):
    """That a reference is asked for; `calls_found` says how many calls are there already, up to the least that it takes."""

    calls_found: int


class AcknowledgeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an alarm comes to: a change that is expected, one whose cause is fixed, or what is usual from now on."""

    resolution: Resolution
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


@get("/use-cases/{name:str}/drift", action="read", tags=["drift"], summary="How the drift monitors of a use case stand")
async def drift_status(request: ApiRequest, name: FromPath[str], version: FromQuery[str | None] = None) -> DriftStatus:
    """The reference, the newest windows held against it, and the alarms. `version`: the current one, or that whose digest starts
    so."""
    return await services_of(request).drift.status(name, version=version)


@get("/use-cases/{name:str}/drift/references", action="read", tags=["drift"], summary="The references of a use case")
async def drift_references(request: ApiRequest, name: FromPath[str]) -> dict[str, list[ReferenceHead]]:
    """The newest ones of all versions, newest first."""
    return {"references": await services_of(request).drift.references(name)}


@post(
    "/use-cases/{name:str}/drift/reference",
    action="manage_drift",
    status_code=202,
    tags=["drift"],
    summary="Ask for a new reference",
)
async def ask_reference(request: ApiRequest, name: FromPath[str], data: JSONBody[ReferenceIn]) -> ReferenceAsked:
    """Ask for a new reference of the current version. It is made within a minute; 409 while another one is."""
    found = await services_of(request).drift.ask_reference(
        name, since=data.since, until=data.until, actor=principal_of(request).actor, reason=data.reason
    )
    return ReferenceAsked(calls_found=found)


@get("/drift/alarms", action="read", tags=["drift"], summary="Drift alarms")
async def drift_alarms(
    request: ApiRequest, use_case: FromQuery[str | None] = None, limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[DriftAlarm]]:
    """The newest first, acknowledged ones too; of one use case where given."""
    return {"alarms": await services_of(request).drift.alarms(use_case, limit=limit)}


@post(
    "/use-cases/{name:str}/drift/alarms/{alarm:str}/acknowledge",
    action="manage_drift",
    status_code=200,
    tags=["drift"],
    summary="Say what a drift alarm comes to",
)
async def acknowledge(
    request: ApiRequest, name: FromPath[str], alarm: FromPath[str], data: JSONBody[AcknowledgeIn]
) -> DriftAlarm:
    """Once, with a reason; 409 for an alarm that is acknowledged already."""
    return await services_of(request).drift.acknowledge(
        alarm, data.resolution, actor=principal_of(request).actor, reason=data.reason, use_case=name
    )


HANDLERS = [drift_status, drift_references, ask_reference, drift_alarms, acknowledge]
