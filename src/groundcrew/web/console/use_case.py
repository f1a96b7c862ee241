"""One use case: its gate, hypothesis, feedback, evidence and live calls, and the forms that change them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, get_args

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.gate import CriterionResult, GateEvaluation
from groundcrew.domain.stage import next_stage
from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES, Stage
from groundcrew.errors import Conflict, GateNotPassed, InputError
from groundcrew.metrics.plan import plan
from groundcrew.services.views import UseCaseView
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of, views_of
from groundcrew.web.api.evidence import STATEMENT_LENGTH_MAX
from groundcrew.web.console.page import Page, PageRequest, fragment, render, see
from groundcrew.web.console.scale import Whisker, whisker
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

CALLS_SHOWN = 15
ACTIVITY_HOURS = 48
#: Newest shadow copies that the page compares; the command compares more of them.
SHADOW_PAIRS_MAX = 200
#: Statuses in the order in which the activity chart stacks them.
ACTIVITY_GROUPS = (
    ("answered", ("answered",)),
    ("fallback, declined or held", ("fallback", "declined", "held")),
    ("refused or failed", ("refused", "failed", "cancelled", "opened")),
)

Done = Annotated[str, QueryParameter(name="done", max_length=40)]


class MoveForm(msgspec.Struct, frozen=True, kw_only=True):
    """A move to another stage."""

    to: str
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class AttestForm(msgspec.Struct, frozen=True, kw_only=True):
    """An attestation."""

    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    statement: Annotated[str, msgspec.Meta(min_length=1, max_length=STATEMENT_LENGTH_MAX)]


class NoFields(msgspec.Struct, frozen=True, kw_only=True):
    """A form that is only a button."""


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion and its drawing."""

    result: CriterionResult
    whisker: Whisker | None


def check_rows(evaluation: GateEvaluation | None) -> tuple[CheckRow, ...]:
    """The criteria of an evaluation, each with the drawing of its interval where it has one."""
    return tuple(CheckRow(result=each, whisker=whisker(each)) for each in (evaluation.results if evaluation else ()))


@get("/use-cases/{name:str}", action="read")
async def use_case_page(request: PageRequest, name: FromPath[str], done: Done = "") -> Page:
    """The page of one use case."""
    return await _page(request, name, message=DONE.get(done))


@get("/use-cases/{name:str}/calls", action="read")
async def calls_table(request: PageRequest, name: FromPath[str]) -> Page:
    """The rows of the live table, for htmx."""
    calls = await services_of(request).calls.latest(use_case=name, limit=CALLS_SHOWN)
    return fragment("calls_rows.html", calls=calls, show_use_case=False)


@post("/use-cases/{name:str}/gate", action="evaluate_gate")
async def record_evaluation(request: PageRequest, name: FromPath[str]) -> Page:
    """Keep an evaluation of the next gate for the record."""
    await read_form(request, NoFields)
    await services_of(request).gates.evaluate(name, actor=principal_of(request).actor)
    return see(f"/use-cases/{name}?done=evaluated#gate")


@post("/use-cases/{name:str}/advance", action="advance")
async def advance(request: PageRequest, name: FromPath[str]) -> Page:
    """Advance one stage; a refusal shows the full list of what is not met."""
    form = await read_form(request, MoveForm)
    try:
        await services_of(request).use_cases.advance(name, _stage(form.to), actor=principal_of(request).actor, reason=form.reason)
    except GateNotPassed as error:
        return await _page(request, name, status=409, problem=str(error), refusal=error.evaluation)
    except (Conflict, InputError) as error:
        return await _page(request, name, status=409 if isinstance(error, Conflict) else 400, problem=_message(error))
    return see(f"/use-cases/{name}?done=advanced")


@post("/use-cases/{name:str}/demote", action="demote")
async def demote(request: PageRequest, name: FromPath[str]) -> Page:
    """Move to an earlier stage, or to rejected or retired."""
    form = await read_form(request, MoveForm)
    try:
        await services_of(request).use_cases.demote(name, _stage(form.to), actor=principal_of(request).actor, reason=form.reason)
    except (Conflict, InputError) as error:
        return await _page(request, name, status=409 if isinstance(error, Conflict) else 400, problem=_message(error))
    return see(f"/use-cases/{name}?done=demoted")


@post("/use-cases/{name:str}/hypothesis/register", action="register_hypothesis")
async def register_hypothesis(request: PageRequest, name: FromPath[str]) -> Page:
    """Register and freeze the newest draft."""
    await read_form(request, NoFields)
    try:
        await services_of(request).hypotheses.register(name, actor=principal_of(request).actor)
    except (Conflict, InputError) as error:
        return await _page(request, name, status=409 if isinstance(error, Conflict) else 400, problem=_message(error))
    return see(f"/use-cases/{name}?done=registered#hypothesis")


@post("/use-cases/{name:str}/attest", action="attest")
async def attest(request: PageRequest, name: FromPath[str]) -> Page:
    """Record a person's word as evidence."""
    form = await read_form(request, AttestForm)
    await services_of(request).evidence.attest(name, form.subject, actor=principal_of(request).actor, statement=form.statement)
    return see(f"/use-cases/{name}?done=attested#evidence")


@post("/use-cases/{name:str}/overlap-scan", action="scan_overlaps")
async def scan_overlaps(request: PageRequest, name: FromPath[str]) -> Page:
    """Compare the use case with the others; the result is evidence."""
    await read_form(request, NoFields)
    await services_of(request).overlaps.scan(name, actor=principal_of(request).actor)
    return see(f"/use-cases/{name}?done=scanned#evidence")


async def _page(
    request: PageRequest,
    name: str,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    refusal: GateEvaluation | None = None,
) -> Page:
    view = await views_of(request).use_case(name)
    calls = await services_of(request).calls.latest(use_case=name, limit=CALLS_SHOWN)
    activity = await views_of(request).activity(name, hours=ACTIVITY_HOURS)
    hypothesis = view.hypotheses[-1] if view.hypotheses else None
    stage = view.use_case.stage
    # Who rates blind does not read here what others said of the same call.
    latest = await services_of(request).rating_queue.visible(name, view.latest_ratings, principal_of(request).name)
    return await render(
        request,
        "use_case.html",
        status=status,
        here="portfolio",
        view=view,
        checks=check_rows(view.evaluation),
        refusal=check_rows(refusal),
        refused_stage=refusal.stage if refusal else None,
        following=next_stage(stage),
        earlier=(*(STAGES[: STAGES.index(stage)] if stage in STAGES else ()), *TERMINAL_STAGES),
        hypothesis=hypothesis,
        plan=plan(hypothesis.plan) if hypothesis else None,
        open_attestations=_attestations(view),
        latest_ratings=latest,
        hidden_ratings=len(view.latest_ratings) - len(latest),
        calls=calls,
        shadows=await services_of(request).shadows.compare(name, meanings=False, pairs_max=SHADOW_PAIRS_MAX),
        show_use_case=False,
        chart=_chart(activity),
        latency=await views_of(request).latency(name),
        legal_holds=[each for each in await services_of(request).legal_holds.find(use_case=name) if each.stands],
        message=message,
        problem=problem,
    )


def _attestations(view: UseCaseView) -> tuple[str, ...]:
    """Criteria of the next gate that wait for a person's word, and open overlaps."""
    results = view.evaluation.results if view.evaluation else ()
    waiting = [each.key for each in results if each.status != "pass" and "groundcrew attest" in each.missing]
    return tuple(key for key in waiting if key != "overlaps")


def _chart(activity: list[tuple[datetime, dict[str, int]]]) -> dict[str, object]:
    """Hours as Unix seconds and one series a group, for the chart and its table."""
    moments = [int(moment.timestamp()) for moment, _ in activity]
    series = [
        {"label": label, "values": [sum(counts.get(status, 0) for status in statuses) for _, counts in activity]}
        for label, statuses in ACTIVITY_GROUPS
    ]
    return {"times": moments, "series": series, "total": sum(sum(counts.values()) for _, counts in activity)}


def _stage(text: str) -> Stage:
    if text not in get_args(Stage):
        raise InputError(f"{text[:40]!r} is not a stage", field="to")
    stage: Stage = text  # type: ignore[assignment]
    return stage


def _message(error: Conflict | InputError) -> str:
    return error.message if isinstance(error, InputError) else str(error)


HANDLERS = [
    use_case_page,
    calls_table,
    record_evaluation,
    advance,
    demote,
    register_hypothesis,
    attest,
    scan_overlaps,
]
