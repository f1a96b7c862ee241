"""Use cases, their moves between stages, and their hypotheses."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain import risk
from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.errors import NotFound
from groundcrew.services.shadows import ShadowComparison
from groundcrew.web.api.common import REASON_LENGTH_MAX, ApiRequest, principal_of, services_of


class UseCaseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A use case with what is computed about it."""

    use_case: UseCase
    risk: risk.RiskAssessment


class Move(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A move to another stage."""

    to: Stage
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


@get("/use-cases", action="read", tags=["use-cases"], summary="List the use cases")
async def list_use_cases(
    request: ApiRequest, stage: FromQuery[Stage | None] = None, business_unit: FromQuery[str | None] = None
) -> dict[str, list[UseCaseAnswer]]:
    """All use cases by name, of one stage or business unit where given."""
    found = [
        each
        for each in await services_of(request).use_cases.find()
        if stage in (None, each.stage) and business_unit in (None, each.business_unit)
    ]
    return {"use_cases": [UseCaseAnswer(use_case=each, risk=risk.assess(each)) for each in found]}


@get("/use-cases/{name:str}", action="read", tags=["use-cases"], summary="One use case")
async def get_use_case(request: ApiRequest, name: FromPath[str]) -> UseCaseAnswer:
    """One use case."""
    found = await services_of(request).use_cases.get(name)
    return UseCaseAnswer(use_case=found, risk=risk.assess(found))


@get("/use-cases/{name:str}/shadow", action="read", tags=["use-cases"], summary="Compare shadow targets")
async def compare_shadows(request: ApiRequest, name: FromPath[str]) -> ShadowComparison:
    """The shadow targets of the current version against what answered the same calls: counts, trust, cost, time, meaning."""
    return await services_of(request).shadows.compare(name)


@post("/use-cases/{name:str}/advance", action="advance", status_code=200, tags=["use-cases"], summary="Advance one stage")
async def advance(request: ApiRequest, name: FromPath[str], data: JSONBody[Move]) -> GateEvaluation:
    """Advance one stage if every entry criterion passes now; otherwise 409 `gate_not_passed` with the evaluation."""
    return await services_of(request).use_cases.advance(name, data.to, actor=principal_of(request).actor, reason=data.reason)


@post("/use-cases/{name:str}/demote", action="demote", status_code=200, tags=["use-cases"], summary="Demote, reject or retire")
async def demote(request: ApiRequest, name: FromPath[str], data: JSONBody[Move]) -> UseCase:
    """Move to an earlier stage, or to rejected or retired."""
    return await services_of(request).use_cases.demote(name, data.to, actor=principal_of(request).actor, reason=data.reason)


@get("/hypotheses", action="read", tags=["hypotheses"], summary="List the hypotheses")
async def list_hypotheses(request: ApiRequest, use_case: FromQuery[str | None] = None) -> dict[str, list[Hypothesis]]:
    """All versions, oldest first, of one use case where given. Refuted ones stay."""
    return {"hypotheses": await services_of(request).hypotheses.find(use_case)}


@post(
    "/hypotheses/{use_case:str}/register",
    action="register_hypothesis",
    status_code=200,
    tags=["hypotheses"],
    summary="Register and freeze a hypothesis",
)
async def register_hypothesis(request: ApiRequest, use_case: FromPath[str]) -> Hypothesis:
    """Freeze and hash the newest draft. 400 lists everything that is missing."""
    if not use_case:
        raise NotFound("no use case named")
    return await services_of(request).hypotheses.register(use_case, actor=principal_of(request).actor)


HANDLERS = [list_use_cases, get_use_case, compare_shadows, advance, demote, list_hypotheses, register_hypothesis]
