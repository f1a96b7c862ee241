"""The pages of tuning: data sets with what was kept of which records, runs with their figures step by step, and model versions
with where each comes from and what rests on it. They need no JavaScript."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.errors import Conflict, InputError
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.console.curve import curves
from groundcrew.web.console.markdown import rendered
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

RUNS_SHOWN, STEPS_SHOWN = 50, 50
#: Figures that the table of steps has room for.
COLUMNS_MAX = 8
Done = Annotated[str, QueryParameter(max_length=40)]


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is cancelled or retired."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


@get("/tuning", action="read")
async def tuning_page(request: PageRequest) -> Page:
    """Data sets, the newest runs, and the registered versions."""
    services = services_of(request)
    data_sets = await services.data_sets.find()
    runs = await services.tuning_runs.find(limit=RUNS_SHOWN)
    models = await services.tuned_models.find()
    return await render(request, "tuning.html", here="tuning", data_sets=data_sets, runs=runs, models=models)


@get("/tuning/data-sets/{name:str}", action="read")
async def data_set_page(request: PageRequest, name: FromPath[str]) -> Page:
    """One revision of a data set: its funnel and its card."""
    found = await services_of(request).data_sets.details(name)
    return await render(request, "tuning_data_set.html", here="tuning", found=found, card=rendered(found.card))


@get("/tuning/runs/{run_id:str}", action="read")
async def run_page(request: PageRequest, run_id: FromPath[str], done: Done = "") -> Page:
    """One run."""
    return await _run_page(request, run_id, message=DONE.get(done))


@post("/tuning/runs/{run_id:str}/cancel", action="tune")
async def cancel(request: PageRequest, run_id: FromPath[str]) -> Page:
    """Stop a run."""
    form = await read_form(request, ReasonForm)
    try:
        await services_of(request).tuning_runs.cancel(run_id, actor=principal_of(request).actor, reason=form.reason)
    except Conflict as error:
        return await _run_page(request, run_id, status=409, problem=str(error))
    return see(f"/tuning/runs/{run_id}?done=cancelled")


@get("/tuning/models/{model:str}", action="read")
async def model_page(request: PageRequest, model: FromPath[str], done: Done = "") -> Page:
    """One version with its lineage."""
    return await _model_page(request, model, message=DONE.get(done))


@post("/tuning/models/{model:str}/retire", action="retire_tuned_model")
async def retire(request: PageRequest, model: FromPath[str]) -> Page:
    """Withdraw a version."""
    form = await read_form(request, ReasonForm)
    try:
        retired = await services_of(request).tuned_models.retire(model, reason=form.reason, actor=principal_of(request).actor)
    except Conflict as error:
        return await _model_page(request, model, status=409, problem=str(error))
    except InputError as error:
        return await _model_page(request, model, status=400, problem=str(error))
    return see(f"/tuning/models/{retired.id}?done=model_retired")


async def _run_page(
    request: PageRequest, run_id: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    view, steps = await services.tuning_runs.get(run_id), await services.tuning_runs.steps(run_id)
    return await render(
        request,
        "tuning_run.html",
        status=status,
        here="tuning",
        view=view,
        curves=curves(steps),
        steps=steps[-STEPS_SHOWN:],
        steps_kept=len(steps),
        figures=sorted({name for each in steps[-STEPS_SHOWN:] for name in each.metrics})[:COLUMNS_MAX],
        message=message,
        problem=problem,
    )


async def _model_page(
    request: PageRequest, model: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    found = await services_of(request).tuned_models.lineage(model)
    return await render(request, "tuning_model.html", status=status, here="tuning", found=found, message=message, problem=problem)


HANDLERS = [tuning_page, data_set_page, run_page, cancel, model_page, retire]
