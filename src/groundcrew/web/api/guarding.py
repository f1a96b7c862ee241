"""Policies, what guards found lately, and a policy tried on labelled texts."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.guard import Place, Policy
from groundcrew.guards.trial import DEFAULT_PLACE, TrialReport, rows_of
from groundcrew.services.guarding import FINDINGS_MAX, TRIAL_ROWS_MAX, GuardOverview
from groundcrew.web.api.common import ApiRequest, services_of


class TrialRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Labelled texts: `rows` are `{"id", "text", "label": "block"|"pass", "place"?, "role"?, "context"?}`, unknown fields are
    ignored. `place` counts where a row names none; `enforced` takes rules that monitor as if they acted; `by` names a field of
    the rows to tell results apart by."""

    rows: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=TRIAL_ROWS_MAX)]
    place: Place = DEFAULT_PLACE
    enforced: bool = False
    by: Annotated[str, msgspec.Meta(max_length=100)] | None = None


@get("/policies", action="read", tags=["policies"], summary="List policies")
async def list_policies(request: ApiRequest) -> list[Policy]:
    """All policies with their rules, by name."""
    return await services_of(request).guarding.policies()


@get("/policies/{name:str}", action="read", tags=["policies"], summary="One policy")
async def get_policy(request: ApiRequest, name: FromPath[str]) -> Policy:
    """One policy with its rules."""
    return await services_of(request).guarding.policy(name)


@post(
    "/policies/{name:str}/test",
    action="test_policy",
    tags=["policies"],
    summary="Try a policy on labelled texts",
    status_code=200,
)
async def test_policy(request: ApiRequest, name: FromPath[str], data: JSONBody[TrialRequest]) -> TrialReport:
    """Recall, precision and false-block rate of the policy on the rows, with 95 % intervals. Nothing is recorded."""
    rows = rows_of(enumerate(data.rows, 1), "rows", data.by)
    return await services_of(request).guarding.test(name, rows, place=data.place, enforced=data.enforced, group_field=data.by)


@get("/guard-findings", action="read", tags=["policies"], summary="What guards found in the newest calls")
async def list_guard_findings(
    request: ApiRequest,
    use_case: FromQuery[str | None] = None,
    guard: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=FINDINGS_MAX, description="Findings at most")] = 50,
) -> GuardOverview:
    """Counts by guard and place over the newest calls, and the latest findings: types and reasons, never the text found."""
    return await services_of(request).guarding.overview(use_case=use_case, guard=guard, findings_max=limit)


HANDLERS = [list_policies, get_policy, test_policy, list_guard_findings]
