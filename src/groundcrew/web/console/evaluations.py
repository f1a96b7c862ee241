"""Evaluation suites: the questions, runs of them with their progress and figures, and two runs side by side."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.errors import InputError, NotFound
from groundcrew.metrics.evaluation_comparison import FigureComparison
from groundcrew.metrics.evaluation_report import Figure
from groundcrew.services.evaluations import SuiteView
from groundcrew.stats.intervals import Interval
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.api.evaluations import run_of, target_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.scale import Whisker
from groundcrew.web.requests import read_form

CASES_SHOWN = 200
WIDTH, SIDE = 160.0, 6.0
RunId = Annotated[str, QueryParameter(max_length=40)]
UseCaseAsked = Annotated[str, QueryParameter(name="use_case", max_length=64)]


class RunForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a run asks."""

    model: Annotated[str, msgspec.Meta(max_length=64)] = ""
    target: Annotated[str, msgspec.Meta(max_length=300)] = ""
    answers: Literal["asked", "recorded"] = "asked"
    repeats: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1
    cost_usd_max: Annotated[float, msgspec.Meta(ge=0)] | None = None


class FigureRow(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its drawing; None where there is no interval to draw."""

    figure: Figure
    whisker: Whisker | None


class DifferenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A difference with its drawing."""

    compared: FigureComparison
    whisker: Whisker | None


@get("/evaluations", action="read")
async def evaluations_page(request: PageRequest, use_case: UseCaseAsked = "") -> Page:
    """Every suite, or those of one use case."""
    found = await services_of(request).evaluations.suites()
    item = await services_of(request).use_cases.get(use_case) if use_case else None
    kept = [each for each in found if item is None or each.suite.content.use_case == item.name]
    return await render(request, "evaluations.html", here="evaluations", suites=kept, use_case=item)


@get("/evaluations/{name:str}", action="read_call")
async def suite_page(request: PageRequest, name: FromPath[str]) -> Page:
    """One suite: its runs, a form for another one, its judges and its cases."""
    return await _suite(request, name)


@post("/evaluations/{name:str}/runs", action="submit_job")
async def start(request: PageRequest, name: FromPath[str]) -> Page:
    """Ask for a run."""
    form = await read_form(request, RunForm)
    try:
        job = await services_of(request).evaluations.submit(
            name,
            actor=principal_of(request).actor,
            model=form.model or None,
            target=target_of(form.target),
            recorded=form.answers == "recorded",
            repeats=form.repeats,
            cost_usd_max=form.cost_usd_max,
        )
    except InputError as error:
        return await _suite(request, name, status=400, problem=str(error))
    return see(f"/evaluations/{name}/runs/{job.id}")


@get("/evaluations/{name:str}/runs/{run_id:str}", action="read_call")
async def run_page(request: PageRequest, name: FromPath[str], run_id: FromPath[str]) -> Page:
    """One run as far as it has come."""
    report = await run_of(request, name, run_id)
    others = [each for each in (await services_of(request).evaluations.suite(name)).runs if each.job.id != run_id]
    questions = {each.id: each.question for each in report.suite.content.cases}
    return await render(
        request,
        "evaluation_run.html",
        here="evaluations",
        report=report,
        rows=[FigureRow(figure=each, whisker=drawing(each.interval, each.title)) for each in report.figures.figures],
        questions=questions,
        others=others,
    )


@get("/evaluations/{name:str}/compare", action="read_call")
async def compare_page(request: PageRequest, name: FromPath[str], first: RunId = "", second: RunId = "") -> Page:
    """Two runs of a suite side by side; the newest two that have ended unless named."""
    services = services_of(request)
    view = await services.evaluations.suite(name)
    ended = [each.job.id for each in view.runs if each.phase == "done"]
    second = second or (ended[0] if ended else "")
    first = first or next((each for each in ended if each != second), "")
    if not first or not second:
        return await render(request, "evaluation_compare.html", here="evaluations", view=view, found=None, rows=[], questions={})
    for each in (first, second):
        await run_of(request, name, each)
    found = await services.evaluations.compare(first, second)
    rows = [
        DifferenceRow(
            compared=each,
            whisker=drawing(
                Interval(
                    estimate=each.paired.estimate,
                    lower=each.paired.lower,
                    upper=each.paired.upper,
                    n=each.paired.n,
                    method=each.paired.method,
                    confidence=each.paired.confidence,
                ),
                f"difference in {each.title}",
                around_zero=True,
            ),
        )
        for each in found.comparison.figures
    ]
    questions = {each.id: each.question for each in found.second.suite.content.cases}
    return await render(
        request, "evaluation_compare.html", here="evaluations", view=view, found=found, rows=rows, questions=questions
    )


def drawing(interval: Interval, title: str, *, around_zero: bool = False) -> Whisker | None:
    """An interval on a rail: shares and similarities on 0 to 1, what is larger from 0 to a little beyond its upper end,
    differences around 0."""
    if interval.estimate is None or interval.lower is None or interval.upper is None:
        return None
    if around_zero:
        reach = max(abs(interval.lower), abs(interval.upper)) * 1.15 or 1.0
        low, high = -reach, reach
    else:
        low = min(0.0, interval.lower)
        high = 1.0 if interval.upper <= 1 else interval.upper * 1.15

    def at(value: float) -> float:
        return round(SIDE + (value - low) / (high - low) * (WIDTH - 2 * SIDE), 1)

    return Whisker(
        lower=at(interval.lower),
        upper=at(interval.upper),
        estimate=at(interval.estimate),
        zero=at(0.0) if low < 0 else None,
        bound=None,
        good_from=None,
        good_to=None,
        label=f"{title} {interval.estimate:.4g}, 95 % interval {interval.lower:.4g} to {interval.upper:.4g}",
    )


async def _suite(request: PageRequest, name: str, *, status: int = 200, problem: str | None = None) -> Page:
    services = services_of(request)
    view: SuiteView = await services.evaluations.suite(name)
    try:
        use_case = await services.use_cases.get(view.suite.content.use_case)
    except NotFound:
        use_case = None
    return await render(
        request,
        "evaluation.html",
        status=status,
        here="evaluations",
        view=view,
        cases=view.suite.content.cases[:CASES_SHOWN],
        own_model=use_case.model if use_case is not None else "",
        has_recorded=any(each.recorded for each in view.suite.content.cases),
        problem=problem,
        message=None,
    )


HANDLERS = [evaluations_page, suite_page, start, run_page, compare_page]
