"""The page of models: who answers each alias, who could take over and how they did in rehearsal, and the forms to swap and
revert. It needs no JavaScript."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from groundcrew.domain.gate import CriterionResult, CriterionStatus
from groundcrew.domain.identifiers import NAME_LENGTH_MAX
from groundcrew.domain.model_swap import parse_target
from groundcrew.domain.provider import REHEARSAL_CALLS_MAX
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.metrics.swap_report import Compared, RehearsalReport
from groundcrew.services.models import AliasView, Clearance
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.scale import Whisker, whisker
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

TARGET_LENGTH_MAX = 300

Name = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)]
Target = Annotated[str, msgspec.Meta(max_length=TARGET_LENGTH_MAX)]
ReasonField = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]


class SwapForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which alternate is to answer an alias, and why; `confirm` repeats the alias's name."""

    alias: Name
    to: Target
    reason: ReasonField = ""
    confirm: Name = ""
    without_rehearsal: Annotated[str, msgspec.Meta(max_length=10)] = ""


class RevertForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which alias goes back, and why; `confirm` repeats its name."""

    alias: Name
    reason: ReasonField = ""
    confirm: Name = ""


class RehearsalForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which alternate is rehearsed for which use case; empty figures are as declared."""

    use_case: Name
    alternate: Target
    calls: Annotated[str, msgspec.Meta(max_length=10)] = ""
    cost_max: Annotated[str, msgspec.Meta(max_length=20)] = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of a rehearsal with its drawing."""

    compared: Compared
    status: CriterionStatus | None
    words: str
    whisker: Whisker | None


class RehearsalCard(msgspec.Struct, frozen=True, kw_only=True):
    """How one alternate stands for one use case."""

    clearance: Clearance
    report: RehearsalReport | None
    lines: tuple[Line, ...]


class AliasCard(msgspec.Struct, frozen=True, kw_only=True):
    """One alias."""

    view: AliasView
    rehearsals: tuple[RehearsalCard, ...]


@get("/models", action="read")
async def models_page(request: PageRequest, done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """All aliases, and which use cases are tied to one vendor."""
    return await _page(request, message=DONE.get(done))


@post("/models/swap", action="swap_model")
async def swap(request: PageRequest) -> Page:
    """Let an alternate answer."""
    form = await read_form(request, SwapForm)
    try:
        _confirm(form.confirm, form.alias)
        await services_of(request).models.swap(
            form.alias,
            _pair(form.to),
            actor=principal_of(request).actor,
            reason=form.reason,
            without_rehearsal=form.without_rehearsal == "on",
        )
    except (Conflict, InputError, NotFound, NotAllowed) as error:
        return await _refused(request, error)
    return see("/models?done=swapped")


@post("/models/revert", action="revert_model")
async def revert(request: PageRequest) -> Page:
    """Undo the newest swap of an alias."""
    form = await read_form(request, RevertForm)
    try:
        _confirm(form.confirm, form.alias)
        await services_of(request).models.revert(form.alias, actor=principal_of(request).actor, reason=form.reason)
    except (Conflict, InputError, NotFound) as error:
        return await _refused(request, error)
    return see("/models?done=reverted")


@post("/models/rehearse", action="submit_job")
async def rehearse(request: PageRequest) -> Page:
    """Ask for an alternate to be rehearsed; on to the job."""
    form = await read_form(request, RehearsalForm)
    try:
        job = await services_of(request).rehearsals.submit(
            form.use_case,
            _pair(form.alternate),
            actor=principal_of(request).actor,
            calls=int(_figure(form.calls, "calls")) if form.calls.strip() else None,
            cost_max_usd=_figure(form.cost_max, "cost_max") if form.cost_max.strip() else None,
        )
    except (Conflict, InputError, NotFound, NotAllowed) as error:
        return await _refused(request, error)
    return see(f"/jobs/{job.id}?done=asked_for")


def _confirm(word: str, alias: str) -> None:
    if word.strip() != alias:
        raise InputError(f"type {alias} to confirm", field="confirm")


def _pair(text: str) -> tuple[str, str]:
    found = parse_target(text)
    if found is None:
        raise InputError("expected PROVIDER/MODEL", field="to")
    return found


def _figure(text: str, field: str) -> float:
    try:
        value = float(text.strip())
    except ValueError:
        raise InputError("expected a number", field=field) from None
    if not 0 < value < 1e9:  # also what is no number at all
        raise InputError("expected a number above 0", field=field)
    return value


async def _refused(request: PageRequest, error: Conflict | InputError | NotFound | NotAllowed) -> Page:
    statuses: dict[type[Exception], int] = {InputError: 400, NotAllowed: 403, NotFound: 404, Conflict: 409}
    problem = error.message if isinstance(error, InputError) else str(error)
    return await _page(request, status=statuses.get(type(error), 400), problem=problem)


async def _page(request: PageRequest, *, status: int = 200, message: str | None = None, problem: str | None = None) -> Page:
    models = services_of(request).models
    return await render(
        request,
        "models.html",
        status=status,
        here="models",
        cards=[_card(each) for each in await models.find()],
        independence=await models.independence(),
        calls_max=REHEARSAL_CALLS_MAX,
        message=message,
        problem=problem,
    )


def _card(view: AliasView) -> AliasCard:
    return AliasCard(view=view, rehearsals=tuple(_rehearsal(each) for each in view.clearances))


def _rehearsal(clearance: Clearance) -> RehearsalCard:
    if clearance.evidence is None:
        return RehearsalCard(clearance=clearance, report=None, lines=())
    report = msgspec.convert(clearance.evidence.content, RehearsalReport)
    return RehearsalCard(clearance=clearance, report=report, lines=tuple(lines_of(report)))


def lines_of(report: RehearsalReport) -> list[Line]:
    """The measures as they are drawn, guardrails first."""
    compared = sorted(report.compared, key=lambda each: each.holds is None)
    return [_line(each) for each in (*compared, *((report.similarity,) if report.similarity is not None else ()))]


def _line(compared: Compared) -> Line:
    result = compared.result
    status: CriterionStatus | None = None
    if compared.holds is not None:
        status = "pass" if compared.holds else "fail" if result.finding == "worse" else "unknown"
    bound = ""
    if compared.margin is not None:
        sign, value = ("≥", -compared.margin) if compared.direction == "increase" else ("≤", compared.margin)
        bound = f"{sign} {value:.6f}"
    drawn = CriterionResult(
        key=compared.name,
        title=compared.title,
        status="unknown",
        bound=bound,
        estimate=result.estimate,
        lower=result.lower,
        upper=result.upper,
        n=result.n,
    )
    words = "unknown"
    if result.estimate is not None:
        ends = "no interval" if result.lower is None or result.upper is None else f"{result.lower:+.3g} to {result.upper:+.3g}"
        words = f"{result.estimate:+.3g} ({ends})".replace("-", "−")
    return Line(compared=compared, status=status, words=words, whisker=whisker(drawn))


HANDLERS = [models_page, swap, revert, rehearse]
