"""The inventory of ungoverned AI over the API: scans come in, findings are read and settled."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.inventory import (
    NAME_LENGTH_MAX,
    REASON_LENGTH_MAX,
    FindingState,
    InventoryFinding,
    ScanReport,
    ScanSource,
)
from groundcrew.services.inventory import InventoryOverview
from groundcrew.services.inventory_recording import Recorded
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, Reason, principal_of, services_of

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
Filter = Annotated[str | None, QueryParameter(max_length=500)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class Assignment(_Body, frozen=True, kw_only=True):
    """Who settles a finding, by which day, and of which unit it is."""

    owner: Name
    deadline: date
    unit: Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)] = ""


class Acceptance(_Body, frozen=True, kw_only=True):
    """Why a finding may stay as it is, and until which day."""

    reason: Text
    until: date


class Registration(_Body, frozen=True, kw_only=True):
    """The registered use case that a finding belongs to."""

    use_case: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


@get("/findings", action="read", tags=["findings"], summary="List findings of ungoverned AI")
async def list_findings(
    request: ApiRequest,
    state_now: Annotated[
        FindingState | None,
        QueryParameter(name="state", description="open, assigned, draft_registered, retired, accepted or gone"),
    ] = None,
    source: Annotated[ScanSource | None, QueryParameter(description="code, egress, keys or expenses")] = None,
    service: Filter = None,
    owner: Filter = None,
    unit: Filter = None,
    root: Filter = None,
    overdue: Annotated[bool, QueryParameter(description="Past their deadline only")] = False,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[InventoryFinding]]:
    """What is overdue first, then what waits for somebody, the worst first. An empty owner or unit finds what has none."""
    services = services_of(request)
    today = services.database.clock.now().date()
    found = await services.inventory.find(
        state=state_now,
        wants=lambda each: not overdue or each.overdue(today),
        source=source,
        service=service,
        owner=owner,
        unit=unit,
        root=root,
        limit=limit,
    )
    return {"findings": found}


@get("/findings/overview", action="read", tags=["findings"], summary="How the inventory stands")
async def findings_overview(request: ApiRequest) -> InventoryOverview:
    """Findings by state; those that wait by service, owner, unit and severity; when each root was scanned last."""
    return await services_of(request).inventory.overview()


@post("/findings/scans", action="report_finding", status_code=201, tags=["findings"], summary="Record a scan")
async def record_scan(request: ApiRequest, data: JSONBody[ScanReport]) -> Recorded:
    """The report that `groundcrew scan --output` writes. Recording it twice changes nothing. From who may not settle findings it
    adds, and opens again what was gone or retired: it changes nothing that is known, and makes nothing gone."""
    return await services_of(request).inventory.record(data, actor=principal_of(request).actor)


@get("/findings/{finding_id:str}", action="read", tags=["findings"], summary="One finding")
async def get_finding(request: ApiRequest, finding_id: FromPath[str]) -> InventoryFinding:
    """What was found, and what became of it."""
    return await services_of(request).inventory.get(finding_id)


@get("/findings/{finding_id:str}/draft", action="read", tags=["findings"], summary="A draft of a use case")
async def finding_draft(request: ApiRequest, finding_id: FromPath[str]) -> Response[str]:
    """YAML to fill in; `apply` refuses it until then."""
    return Response(await services_of(request).inventory.draft(finding_id), media_type="application/yaml; charset=utf-8")


@post(
    "/findings/{finding_id:str}/assign", action="settle_finding", status_code=200, tags=["findings"], summary="Assign a finding"
)
async def assign_finding(request: ApiRequest, finding_id: FromPath[str], data: JSONBody[Assignment]) -> InventoryFinding:
    """To one owner, by one day."""
    return await services_of(request).inventory.assign(
        finding_id, data.owner, data.deadline, unit=data.unit, actor=principal_of(request).actor
    )


@post(
    "/findings/{finding_id:str}/retire", action="settle_finding", status_code=200, tags=["findings"], summary="Retire a finding"
)
async def retire_finding(request: ApiRequest, finding_id: FromPath[str], data: JSONBody[Reason]) -> InventoryFinding:
    """It was taken away; the next scan confirms that, or opens it again."""
    return await services_of(request).inventory.retire(finding_id, data.reason, actor=principal_of(request).actor)


@post(
    "/findings/{finding_id:str}/accept", action="settle_finding", status_code=200, tags=["findings"], summary="Accept a finding"
)
async def accept_finding(request: ApiRequest, finding_id: FromPath[str], data: JSONBody[Acceptance]) -> InventoryFinding:
    """Until a day; then it is open again."""
    return await services_of(request).inventory.accept(finding_id, data.reason, data.until, actor=principal_of(request).actor)


@post(
    "/findings/{finding_id:str}/register",
    action="settle_finding",
    status_code=200,
    tags=["findings"],
    summary="Tie a finding to a use case",
)
async def register_finding(request: ApiRequest, finding_id: FromPath[str], data: JSONBody[Registration]) -> InventoryFinding:
    """To a registered one that has not ended."""
    return await services_of(request).inventory.register(finding_id, data.use_case, actor=principal_of(request).actor)


@post(
    "/findings/{finding_id:str}/reopen",
    action="settle_finding",
    status_code=200,
    tags=["findings"],
    summary="Open a finding again",
)
async def reopen_finding(request: ApiRequest, finding_id: FromPath[str], data: JSONBody[Reason]) -> InventoryFinding:
    """One that was settled or gone."""
    return await services_of(request).inventory.reopen(finding_id, data.reason, actor=principal_of(request).actor)


HANDLERS = [
    list_findings,
    findings_overview,
    record_scan,
    get_finding,
    finding_draft,
    assign_finding,
    retire_finding,
    accept_finding,
    register_finding,
    reopen_finding,
]
