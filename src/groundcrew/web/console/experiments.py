"""Experiments: the list of all of them, and how one stands, with the forms that look again, stop the treatment and end it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.hypothesis import Concluded, SuccessMetric
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.metrics.comparison import MetricResult
from groundcrew.metrics.experiment_look import Analysis
from groundcrew.services.experiments import ExperimentStatus
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.scale import Whisker
from groundcrew.web.console.sequence import LookDrawing, goal_of, metric_whisker, sequence
from groundcrew.web.console.use_case import NoFields
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

#: Looks that the chart draws; the command and the API list more.
LOOKS_DRAWN_MAX = 200
LOOKS_LISTED = 12


class StopForm(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the treatment, with the use case's name typed in."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    confirm: Annotated[str, msgspec.Meta(max_length=100)] = ""


class ConcludeForm(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an experiment: as what the page offered it, and the use case's name typed in."""

    state: Concluded
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    confirm: Annotated[str, msgspec.Meta(max_length=100)] = ""


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of the plan, what the newest look says of it, and both drawings."""

    metric: SuccessMetric
    result: MetricResult | None
    goal: str
    whisker: Whisker | None
    sequence: LookDrawing | None


@get("/experiments", action="read")
async def experiments_page(request: PageRequest, q: Annotated[str, QueryParameter(max_length=100)] = "") -> Page:
    """Every version of every hypothesis, refuted and replaced ones too."""
    rows = await services_of(request).experiments.find(q)
    return await render(request, "experiments.html", here="experiments", rows=rows, search=q)


@get("/use-cases/{name:str}/experiment", action="read")
async def experiment_page(
    request: PageRequest, name: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """How the experiment of one use case stands."""
    return await _page(request, name, message=DONE.get(done))


@post("/use-cases/{name:str}/experiment/look", action="look")
async def look(request: PageRequest, name: FromPath[str]) -> Page:
    """Look now."""
    await read_form(request, NoFields)
    await services_of(request).experiments.look(name, actor=principal_of(request).actor)
    return see(f"/use-cases/{name}/experiment?done=looked")


@post("/use-cases/{name:str}/experiment/stop-treatment", action="conclude_experiment")
async def stop_treatment(request: PageRequest, name: FromPath[str]) -> Page:
    """Treat nobody any more."""
    form = await read_form(request, StopForm)
    try:
        _confirmed(form.confirm, name)
        await services_of(request).experiments.stop_treatment(name, actor=principal_of(request).actor, reason=form.reason)
    except (Conflict, InputError) as error:
        return await _refused(request, name, error)
    return see(f"/use-cases/{name}/experiment?done=treatment_stopped")


@post("/use-cases/{name:str}/experiment/conclude", action="conclude_experiment")
async def conclude(request: PageRequest, name: FromPath[str]) -> Page:
    """End it as the page offered; where it would end otherwise by now, it stays."""
    form = await read_form(request, ConcludeForm)
    try:
        _confirmed(form.confirm, name)
        await services_of(request).experiments.conclude(
            name, actor=principal_of(request).actor, reason=form.reason, expected=form.state
        )
    except (Conflict, InputError) as error:
        return await _refused(request, name, error)
    return see(f"/use-cases/{name}/experiment?done=concluded")


def _confirmed(typed: str, name: str) -> None:
    if typed.strip() != name:
        raise InputError(f"type the use case's name, {name}, to confirm", field="confirm")


async def _refused(request: PageRequest, name: str, error: Conflict | InputError) -> Page:
    message = error.message if isinstance(error, InputError) else str(error)
    return await _page(request, name, status=400 if isinstance(error, InputError) else 409, problem=message)


async def _page(
    request: PageRequest, name: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    experiments = services_of(request).experiments
    try:
        view = await experiments.status(name)
    except NotFound:
        use_case = await services_of(request).use_cases.get(name)
        return await render(request, "experiment_none.html", here="experiments", use_case=use_case)
    looks = await experiments.looks(name, limit=LOOKS_DRAWN_MAX)
    return await render(
        request,
        "experiment.html",
        status=status,
        here="experiments",
        view=view,
        plan=view.hypothesis.plan,
        report=view.analysis.report,
        rows=[_row(view, each, looks) for each in view.hypothesis.plan.metrics],
        looks=looks[-LOOKS_LISTED:][::-1],
        looks_kept=len(looks),
        is_open=view.hypothesis.state in ("registered", "running"),
        message=message,
        problem=problem,
    )


def _row(view: ExperimentStatus, metric: SuccessMetric, looks: list[Analysis]) -> MetricRow:
    results = view.analysis.report.metrics if view.analysis.report is not None else ()
    result = next((each for each in results if each.name == metric.name), None)
    goal = goal_of(metric)
    return MetricRow(
        metric=metric,
        result=result,
        goal=goal[2] if goal is not None else "",
        whisker=metric_whisker(metric, result) if result is not None else None,
        sequence=sequence(metric, looks),
    )


HANDLERS = [experiments_page, experiment_page, look, stop_treatment, conclude]
