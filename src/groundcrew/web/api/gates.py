"""Gates: the evaluation of a stage's entry criteria, computed now or kept for the record."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, FromQuery

from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.use_case import Stage
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of


@get("/use-cases/{name:str}/gate", action="read", tags=["gates"], summary="Evaluate a gate without keeping it")
async def look_at_gate(request: ApiRequest, name: FromPath[str], to: FromQuery[Stage | None] = None) -> GateEvaluation:
    """The entry criteria of the next stage, or of `to`, evaluated now; nothing is kept."""
    return await services_of(request).gates.evaluate(name, actor=principal_of(request).actor, to=to, save=False)


@post("/use-cases/{name:str}/gate", action="evaluate_gate", status_code=201, tags=["gates"], summary="Evaluate a gate")
async def evaluate_gate(request: ApiRequest, name: FromPath[str], to: FromQuery[Stage | None] = None) -> GateEvaluation:
    """The same, and the evaluation is kept for the record."""
    return await services_of(request).gates.evaluate(name, actor=principal_of(request).actor, to=to)


@get("/gates/{name:str}", action="read", tags=["gates"], summary="Kept evaluations of a use case")
async def list_evaluations(
    request: ApiRequest, name: FromPath[str], limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[GateEvaluation]]:
    """The newest evaluations first."""
    return {"evaluations": await services_of(request).gates.evaluations(name, limit=limit)}


HANDLERS = [look_at_gate, evaluate_gate, list_evaluations]
