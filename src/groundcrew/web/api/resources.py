"""The resource ledger over the API: how much there is, who asks for it, who has it, and what is given back."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.resource import AMOUNT_MAX, PERIODS_MAX, RequestState, Resource, ResourceRequest
from groundcrew.services.resource_ledger import TEXT_LENGTH_MAX
from groundcrew.services.resources import PERIODS_SHOWN, RequestNow, ResourceNow
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Period = Annotated[str, msgspec.Meta(min_length=7, max_length=7)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=AMOUNT_MAX)]
PeriodCount = Annotated[int, QueryParameter(ge=1, le=PERIODS_MAX, description="How many periods, this one first")]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class NewCapacity(_Body, frozen=True, kw_only=True):
    """How much there is, and why it is said: in one period (YYYY-MM or YYYY-Q1), or in each that has no capacity of its own."""

    amount: Amount
    reason: Text
    period: Period | None = None


class NewRequest(_Body, frozen=True, kw_only=True):
    """So much of a resource, in each of the periods (this one where none is named), for a use case and a purpose."""

    resource: Name
    use_case: Name
    amount: Amount
    purpose: Text
    periods: Annotated[list[Period], msgspec.Meta(max_length=PERIODS_MAX)] = []
    needed_by: date | None = None


class Release(_Body, frozen=True, kw_only=True):
    """Why it is given back, and what was used of each period: of people's days that is asked for, of tokens it is recorded."""

    reason: Text
    used: Annotated[dict[Period, Amount], msgspec.Meta(max_length=PERIODS_MAX)] = {}


@get("/resources", action="read", tags=["resources"], summary="List resources")
async def list_resources(request: ApiRequest, periods: PeriodCount = PERIODS_SHOWN) -> dict[str, list[ResourceNow]]:
    """Each with its capacity, what is allocated and what is free in the coming periods, and the requests for it."""
    return {"resources": await services_of(request).resources.find(periods=periods)}


@get("/resources/{name:str}", action="read", tags=["resources"], summary="One resource")
async def get_resource(request: ApiRequest, name: FromPath[str], periods: PeriodCount = PERIODS_SHOWN) -> ResourceNow:
    """With its periods and the requests for it."""
    return await services_of(request).resources.get(name, periods=periods)


@post(
    "/resources/{name:str}/capacity",
    action="manage_resources",
    status_code=200,
    tags=["resources"],
    summary="Say how much there is",
)
async def set_capacity(request: ApiRequest, name: FromPath[str], data: JSONBody[NewCapacity]) -> Resource:
    """Not less than is allocated already."""
    return await services_of(request).resources.set_capacity(
        name, data.amount, period=data.period, reason=data.reason, actor=principal_of(request).actor
    )


@get("/resource-requests", action="read", tags=["resources"], summary="List resource requests")
async def list_requests(
    request: ApiRequest,
    state_now: Annotated[
        RequestState | None, QueryParameter(name="state", description="requested, allocated, denied or released")
    ] = None,
    use_case: Annotated[str | None, QueryParameter(max_length=64)] = None,
    resource: Annotated[str | None, QueryParameter(max_length=64)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[ResourceRequest]]:
    """The newest first."""
    found = await services_of(request).resources.requests(state=state_now, use_case=use_case, resource=resource, limit=limit)
    return {"requests": found}


@post("/resource-requests", action="request_resource", status_code=201, tags=["resources"], summary="Ask for a resource")
async def add_request(request: ApiRequest, data: JSONBody[NewRequest]) -> ResourceRequest:
    """It waits for a decision of the Stream."""
    return await services_of(request).resources.request(
        resource=data.resource,
        use_case=data.use_case,
        amount=data.amount,
        periods=data.periods,
        purpose=data.purpose,
        needed_by=data.needed_by,
        actor=principal_of(request).actor,
    )


@get("/resource-requests/{request_id:str}", action="read", tags=["resources"], summary="One resource request")
async def get_request(request: ApiRequest, request_id: FromPath[str]) -> RequestNow:
    """With what it holds and has used in each period, and who gave to it."""
    return await services_of(request).resources.request_now(request_id)


@post(
    "/resource-requests/{request_id:str}/release",
    action="release_resource",
    status_code=200,
    tags=["resources"],
    summary="Release what was allocated",
)
async def release(request: ApiRequest, request_id: FromPath[str], data: JSONBody[Release]) -> ResourceRequest:
    """What was not used is free again; a request that waits is withdrawn. By who asked, the owner or champion of its use case,
    and whoever manages resources."""
    return await services_of(request).resources.release(
        request_id, reason=data.reason, used=data.used, actor=principal_of(request).actor
    )


HANDLERS = [list_resources, get_resource, set_capacity, list_requests, add_request, get_request, release]
