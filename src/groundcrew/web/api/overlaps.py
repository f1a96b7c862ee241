"""Overlaps, vendors' capabilities and waiting pilots over the API."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.overlap import REASON_LENGTH_MAX, Disposition, OverlapFinding, OverlapState
from groundcrew.services.capabilities import CapabilityView
from groundcrew.services.overlaps import OverlapView, Terms
from groundcrew.services.purgatory import Portfolio, as_csv
from groundcrew.web.api.common import ApiRequest, Reason, principal_of, services_of


class Settlement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is decided: a justified build names its last day, joining which of the two goes on."""

    disposition: Disposition
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
    expires_on: date | None = None
    into: Annotated[str, msgspec.Meta(max_length=64)] | None = None


@get("/overlaps", action="read", tags=["overlaps"], summary="List overlaps")
async def list_overlaps(
    request: ApiRequest,
    use_case: Annotated[str | None, QueryParameter(max_length=64)] = None,
    state_now: Annotated[OverlapState | None, QueryParameter(name="state")] = None,
) -> dict[str, list[OverlapView]]:
    """Open ones first, the most alike first, each with its state now."""
    return {"overlaps": await services_of(request).overlaps.find(use_case=use_case, state=state_now)}


@post("/overlaps/scan", action="scan_overlaps", status_code=200, tags=["overlaps"], summary="Scan all use cases")
async def scan_all(request: ApiRequest) -> dict[str, list[str]]:
    """Every live use case against all others and what vendors sell; evidence for each of them."""
    found = await services_of(request).overlaps.scan_all(actor=principal_of(request).actor)
    return {"scanned": sorted(found)}


@get("/overlaps/{overlap_id:str}", action="read", tags=["overlaps"], summary="One overlap")
async def get_overlap(request: ApiRequest, overlap_id: FromPath[str]) -> OverlapView:
    """With the two that it is about."""
    return await services_of(request).overlaps.get(overlap_id)


@post(
    "/overlaps/{overlap_id:str}/settle", action="settle_overlap", status_code=200, tags=["overlaps"], summary="Settle an overlap"
)
async def settle(request: ApiRequest, overlap_id: FromPath[str], data: JSONBody[Settlement]) -> OverlapFinding:
    """Not by who built one of its use cases."""
    terms = Terms(disposition=data.disposition, reason=data.reason, expires_on=data.expires_on, into=data.into)
    return await services_of(request).overlaps.settle(overlap_id, terms, actor=principal_of(request).actor)


@post("/overlaps/{overlap_id:str}/reopen", action="settle_overlap", status_code=200, tags=["overlaps"], summary="Open it again")
async def reopen(request: ApiRequest, overlap_id: FromPath[str], data: JSONBody[Reason]) -> OverlapFinding:
    """With a reason."""
    return await services_of(request).overlaps.reopen(overlap_id, data.reason, actor=principal_of(request).actor)


@get("/capabilities", action="read", tags=["overlaps"], summary="List what vendors sell")
async def list_capabilities(
    request: ApiRequest, vendor: Annotated[str | None, QueryParameter(max_length=120)] = None
) -> dict[str, list[CapabilityView]]:
    """By vendor, product and name; each says whether it was checked lately."""
    return {"capabilities": await services_of(request).capabilities.find(vendor=vendor)}


@get("/capabilities/{capability_id:str}", action="read", tags=["overlaps"], summary="One capability")
async def get_capability(request: ApiRequest, capability_id: FromPath[str]) -> CapabilityView:
    """With its source and the day on which somebody read it."""
    return await services_of(request).capabilities.get(capability_id)


@get("/purgatory", action="read", tags=["overlaps"], summary="Waiting pilots")
async def purgatory(request: ApiRequest) -> Portfolio:
    """Every use case before production: what it waits for, of whom, and what it has cost; the dearest and oldest first."""
    return await services_of(request).purgatory.portfolio()


@get("/purgatory.csv", action="read", tags=["overlaps"], summary="Waiting pilots as CSV")
async def purgatory_csv(request: ApiRequest) -> Response[str]:
    """The same, a line for each use case; empty cells are unknown."""
    text = as_csv(await services_of(request).purgatory.portfolio())
    headers = {"Content-Disposition": 'attachment; filename="waiting-pilots.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


HANDLERS: list[Any] = [
    list_overlaps,
    scan_all,
    get_overlap,
    settle,
    reopen,
    list_capabilities,
    get_capability,
    purgatory,
    purgatory_csv,
]
