"""Experiments: applications ask for the arm of a unit; people see how an experiment stands, and end it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.assignment import ExperimentExposure
from groundcrew.domain.hypothesis import Concluded, Hypothesis
from groundcrew.errors import InputError, NotFound
from groundcrew.metrics.experiment_look import Analysis
from groundcrew.services.experiment_assignment import UNITS_PER_REQUEST_MAX, Assigned, NewUnit
from groundcrew.services.experiments import ExperimentStatus, ExperimentSummary
from groundcrew.web.api.common import (
    PAGE_ROWS_DEFAULT,
    REASON_LENGTH_MAX,
    ApiRequest,
    PageSize,
    Reason,
    principal_of,
    services_of,
)


class UnitBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that ask for their arms: one as `unit_id` and `cluster`, or many as `units`. A key may leave `use_case` out."""

    use_case: str | None = None
    unit_id: str | None = None
    cluster: str | None = None
    units: Annotated[list[NewUnit], msgspec.Meta(max_length=UNITS_PER_REQUEST_MAX)] = []


class ConcludeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an experiment ends; `expected`, where given, is the only state that it may end in."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
    expected: Concluded | None = None


@post("/experiments/assign", action="assign", status_code=200, tags=["experiments"], summary="Ask for the arm of units")
async def assign(request: ApiRequest, data: JSONBody[UnitBatch]) -> dict[str, list[Assigned]]:
    """The arms of the units, in their order; who is new is logged as exposed first. Asking again changes nothing."""
    principal = principal_of(request)
    use_case = data.use_case or principal.use_case
    if use_case is None:
        raise InputError("name the use case", field="use_case")
    if principal.use_case not in (None, use_case):
        raise NotFound(f"no use case {use_case!r}")
    if (data.unit_id is None) == (not data.units):
        raise InputError("give one unit_id, or units", field="unit_id")
    units = data.units if data.unit_id is None else [NewUnit(unit_id=data.unit_id, cluster=data.cluster)]
    return {"assignments": await services_of(request).experiments.assign(use_case, units, actor=principal.actor)}


@get("/experiments", action="read", tags=["experiments"], summary="List experiments")
async def list_experiments(request: ApiRequest, search: FromQuery[str] = "") -> dict[str, list[ExperimentSummary]]:
    """Every version of every hypothesis, refuted and replaced ones too."""
    return {"experiments": await services_of(request).experiments.find(search)}


@get("/experiments/{name:str}", action="read", tags=["experiments"], summary="How an experiment stands")
async def experiment_status(request: ApiRequest, name: FromPath[str]) -> ExperimentStatus:
    """The newest hypothesis of a use case as it was looked at last."""
    return await services_of(request).experiments.status(name)


@get("/experiments/{name:str}/looks", action="read", tags=["experiments"], summary="Every look at an experiment")
async def experiment_looks(
    request: ApiRequest, name: FromPath[str], limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[Analysis]]:
    """The newest looks at the current version, oldest first."""
    return {"looks": await services_of(request).experiments.looks(name, limit=limit)}


@get("/experiments/{name:str}/exposures", action="read", tags=["experiments"], summary="Who was exposed")
async def experiment_exposures(
    request: ApiRequest, name: FromPath[str], limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[ExperimentExposure]]:
    """The newest exposures first."""
    return {"exposures": await services_of(request).experiments.exposures(name, limit=limit)}


@post("/experiments/{name:str}/look", action="look", status_code=200, tags=["experiments"], summary="Look now")
async def look(request: ApiRequest, name: FromPath[str]) -> Analysis:
    """Analyse what is recorded now, and keep what is seen."""
    return await services_of(request).experiments.look(name, actor=principal_of(request).actor)


@post(
    "/experiments/{name:str}/conclude",
    action="conclude_experiment",
    status_code=200,
    tags=["experiments"],
    summary="End an experiment",
)
async def conclude(request: ApiRequest, name: FromPath[str], data: JSONBody[ConcludeIn]) -> Hypothesis:
    """End it as its stop rule allows; 409 says why it has to go on."""
    return await services_of(request).experiments.conclude(
        name, actor=principal_of(request).actor, reason=data.reason, expected=data.expected
    )


@post(
    "/experiments/{name:str}/stop-treatment",
    action="conclude_experiment",
    status_code=200,
    tags=["experiments"],
    summary="Treat nobody any more",
)
async def stop_treatment(request: ApiRequest, name: FromPath[str], data: JSONBody[Reason]) -> Hypothesis:
    """From now on every unit is on the control, and nobody new is taken in."""
    return await services_of(request).experiments.stop_treatment(name, actor=principal_of(request).actor, reason=data.reason)


HANDLERS = [
    assign,
    list_experiments,
    experiment_status,
    experiment_looks,
    experiment_exposures,
    look,
    conclude,
    stop_treatment,
]
