"""The page of what surrounds a use case's gates: approvals, ramp, certification, return, kept evaluations and their reports."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.approval import DECISIONS, FUNCTIONS
from groundcrew.domain.certification import Certification, next_consequence
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, GroundcrewError, InputError, NotAllowed, NotFound
from groundcrew.services.approvals import STATEMENT_LENGTH_MAX, ApprovalNow
from groundcrew.services.returns import Investment
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.api.governance import MEDIA_TYPES, download
from groundcrew.web.console.page import Page, PageRequest, fragment, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

EVALUATIONS_SHOWN = 20
#: Width of the drawing of what moves a return.
TORNADO_WIDTH = 320.0

Done = Annotated[str, QueryParameter(name="done", max_length=40)]
Form = Annotated[str, QueryParameter(name="format", max_length=4)]

#: Figures that a return on investment is made of → what they are, with their unit.
FIGURES = {
    "benefit_per_case_usd": "Benefit per case, USD",
    "tokens_per_case_usd": "Tokens per case, USD",
    "review_s": "Review time per case, s",
    "volume": "Cases a month",
    "fixed_usd": "Fixed cost a month, USD",
}


class DecideForm(msgspec.Struct, frozen=True, kw_only=True):
    """A function's word."""

    approval: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    decision: str
    statement: Annotated[str, msgspec.Meta(max_length=STATEMENT_LENGTH_MAX)] = ""


class RampForm(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the ramp."""

    to: Annotated[float, msgspec.Meta(ge=0, le=100)]
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class NoFields(msgspec.Struct, frozen=True, kw_only=True):
    """A form that is only a button."""


class TornadoBar(msgspec.Struct, frozen=True, kw_only=True):
    """One figure's swing, placed in 0..TORNADO_WIDTH."""

    figure: str
    assumed: bool
    lower: float
    upper: float
    worst_usd: float
    best_usd: float
    start: float
    width: float


class Tornado(msgspec.Struct, frozen=True, kw_only=True):
    """The swings, widest first, and where the estimate and zero lie on the same scale (None: outside of it)."""

    bars: tuple[TornadoBar, ...]
    estimate: float
    zero: float | None


class StageStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What the use case's own page shows of its stage and its return."""

    certification: Certification | None
    consequence: tuple[str, Any] | None
    investment: Investment
    tornado: Tornado | None


async def standing_of(request: PageRequest, name: str) -> StageStanding:
    """How the stage of a use case is certified, and what it earns."""
    certification = await services_of(request).certifications.of(name)
    found = await services_of(request).returns.of(name)
    return StageStanding(
        certification=certification,
        consequence=next_consequence(certification) if certification is not None else None,
        investment=found,
        tornado=tornado_of(found),
    )


def tornado_of(found: Investment) -> Tornado | None:
    """The drawing of what moves a return; None where it is not known."""
    report = found.report
    if report is None or report.net.estimate is None or not report.sensitivity:
        return None
    ends = [each for row in report.sensitivity for each in (row.at_lower_usd, row.at_upper_usd)]
    low, high = min(*ends, report.net.estimate), max(*ends, report.net.estimate)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round((value - low) / span * TORNADO_WIDTH, 1)

    bars = []
    for row in report.sensitivity:
        worst, best = sorted((row.at_lower_usd, row.at_upper_usd))
        bars.append(
            TornadoBar(
                figure=FIGURES.get(row.figure, row.figure.replace("_", " ")),
                assumed=row.assumed,
                lower=row.lower,
                upper=row.upper,
                worst_usd=worst,
                best_usd=best,
                start=place(worst),
                width=max(1.0, place(best) - place(worst)),
            )
        )
    return Tornado(bars=tuple(bars), estimate=place(report.net.estimate), zero=place(0.0) if low <= 0 <= high else None)


@get("/use-cases/{name:str}/governance", action="read")
async def governance_page(request: PageRequest, name: FromPath[str], done: Done = "") -> Page:
    """The page."""
    return await _page(request, name, message=DONE.get(done))


@get("/use-cases/{name:str}/standing", action="read")
async def standing(request: PageRequest, name: FromPath[str]) -> Page:
    """The cards about certification and return, for htmx."""
    return fragment("standing.html", name=name, standing=await standing_of(request, name))


@post("/use-cases/{name:str}/approvals", action="request_approval")
async def request_approvals(request: PageRequest, name: FromPath[str]) -> Page:
    """Ask every function about the current version."""
    await read_form(request, NoFields)
    try:
        await services_of(request).approvals.request(name, actor=principal_of(request).actor)
    except (Conflict, InputError) as error:
        return await _refused(request, name, error)
    return see(f"/use-cases/{name}/governance?done=requested#approvals")


@post("/use-cases/{name:str}/approvals/decide", action="decide_approval")
async def decide_approval(request: PageRequest, name: FromPath[str]) -> Page:
    """Say a function's word."""
    form = await read_form(request, DecideForm)
    actor = principal_of(request).actor
    try:
        if form.approval not in {each.approval.id for each in await services_of(request).approvals.find(name)}:
            raise NotFound(f"no approval {form.approval!r} of {name}")
        await services_of(request).approvals.decide(form.approval, form.decision, actor=actor, statement=form.statement)
    except (Conflict, InputError, NotAllowed) as error:
        return await _refused(request, name, error)
    return see(f"/use-cases/{name}/governance?done=said#approvals")


@post("/use-cases/{name:str}/ramp", action="ramp")
async def step_ramp(request: PageRequest, name: FromPath[str]) -> Page:
    """Take the next step of the ramp, or step back."""
    form = await read_form(request, RampForm)
    try:
        await services_of(request).ramps.step(name, actor=principal_of(request).actor, reason=form.reason, to=form.to)
    except (Conflict, InputError) as error:
        return await _refused(request, name, error)
    return see(f"/use-cases/{name}/governance?done=stepped#ramp")


@post("/use-cases/{name:str}/recertify", action="recertify")
async def recertify(request: PageRequest, name: FromPath[str]) -> Page:
    """Evaluate the criteria of the stage again."""
    await read_form(request, NoFields)
    try:
        await services_of(request).certifications.recertify(name, actor=principal_of(request).actor)
    except (Conflict, InputError) as error:
        return await _refused(request, name, error)
    return see(f"/use-cases/{name}/governance?done=certified#certification")


@get("/use-cases/{name:str}/evaluations/{evaluation_id:str}/report", action="read")
async def report(request: PageRequest, name: FromPath[str], evaluation_id: FromPath[str], form: Form = "html") -> Response[bytes]:
    """The report of one evaluation as a file."""
    found = await services_of(request).gate_reports.of(evaluation_id)
    if found.evaluation.use_case != name or form not in MEDIA_TYPES:
        raise NotFound(f"no report of {evaluation_id!r} for {name}")
    return download(found, form)


async def _refused(request: PageRequest, name: str, error: GroundcrewError) -> Page:
    status = 403 if isinstance(error, NotAllowed) else 400 if isinstance(error, InputError) else 409
    return await _page(request, name, status=status, problem=error.message if isinstance(error, InputError) else str(error))


async def _page(
    request: PageRequest, name: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    use_case: UseCase = await services.use_cases.get(name)
    approvals = await services.approvals.find(name)
    evaluations = await services.gates.evaluations(name, limit=EVALUATIONS_SHOWN)
    return await render(
        request,
        "governance.html",
        status=status,
        here="portfolio",
        use_case=use_case,
        approvals=_current(approvals),
        earlier_approvals=[each for each in approvals if each.state == "stale"],
        functions=FUNCTIONS,
        speaks_for=await services.approvals.functions_of(name, actor=principal_of(request).actor),
        vetoes=await services.vetoes.views(use_case=name),
        decisions=DECISIONS,
        ramp=await services.ramps.of(name),
        standing=await standing_of(request, name),
        kept=[await services.gates.kept(each.id) for each in evaluations],
        policies={each.stage: each for each in await services.gate_policies.find()},
        message=message,
        problem=problem,
    )


def _current(approvals: list[ApprovalNow]) -> dict[str, ApprovalNow]:
    """The newest approval of each function that is about the current version."""
    return {each.approval.function: each for each in approvals if each.state != "stale"}


HANDLERS = [governance_page, standing, request_approvals, decide_approval, step_ramp, recertify, report]
