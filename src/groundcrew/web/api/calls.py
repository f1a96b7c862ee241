"""Recorded calls, a page at a time. A key sees those of its own use case."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from groundcrew.domain.call import Call, CallStatus, as_served
from groundcrew.errors import NotFound
from groundcrew.services.bundle import Services
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import require_own

#: A trace id as W3C Trace Context writes it.
TRACE_ID = "^[0-9a-f]{32}$"


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    """Calls, newest first. Give `next_before` as `before` for the next page; None at the end."""

    calls: list[Call]
    next_before: str | None


async def recorded_call(services: Services, call_id: str) -> Call:
    """The call with this id; what a gateway in this process has not shipped yet is shipped first."""
    try:
        return await services.calls.get(call_id)
    except NotFound:
        if services.flush is None:
            raise
        await services.flush()
        return await services.calls.get(call_id)


@get("/calls", action="read_call", tags=["calls"], summary="List calls")
async def list_calls(
    request: ApiRequest,
    use_case: FromQuery[str | None] = None,
    status: FromQuery[CallStatus | None] = None,
    trace_id: Annotated[str | None, QueryParameter(pattern=TRACE_ID)] = None,
    before: FromQuery[str | None] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
    shadows: FromQuery[bool] = False,
) -> CallPage:
    """The newest calls first, of one use case, status or distributed trace where given; with `shadows` the shadow copies too."""
    principal = principal_of(request)
    if principal.kind == "key":
        require_own(principal, use_case or principal.use_case or "", f"use case {use_case!r}")
        use_case, shadows = principal.use_case, False
    found = await services_of(request).calls.latest(
        use_case=use_case, status=status, trace_id=trace_id, before=before, limit=limit, shadows=shadows
    )
    next_before = found[-1].id if len(found) == limit else None
    return CallPage(calls=[told_to(principal, each) for each in found], next_before=next_before)


@get("/calls/{call_id:str}", action="read_call", tags=["calls"], summary="One call")
async def get_call(request: ApiRequest, call_id: FromPath[str]) -> Call:
    """One call with its claims, sources and guards; its content is masked. A key is told nothing of an answer that was held or
    replaced."""
    call = await recorded_call(services_of(request), call_id)
    principal = principal_of(request)
    require_own(principal, call.use_case, f"call {call_id!r}")
    if principal.kind == "key" and (call.shadow_of is not None or call.trial is not None):
        raise NotFound(f"no call {call_id!r}")
    return told_to(principal, call)


def told_to(principal: Principal, call: Call) -> Call:
    """What a person may see of a call is all of it; an application sees what it got, and nothing of what was kept from it."""
    return as_served(call) if principal.kind == "key" else call


HANDLERS = [list_calls, get_call]
