"""Spot checks: the queue of drawn answers and the page where one is judged blind to its score; and the trust of a use case."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.trust_label import REASON_LENGTH_MAX, ClaimMark
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.labels import LabelTask
from groundcrew.services.trust import LABELS_MIN
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.api.labels import labeller_of, visible
from groundcrew.web.console.highlight import answer_segments, claims_of, marked_sources
from groundcrew.web.console.page import Page, PageRequest, render, see, signed_in
from groundcrew.web.console.reliability import across, curve, up
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

#: Claims that can be marked one by one on the page, by the digits of a keyboard and by hand.
CLAIMS_SHOWN_MAX = 60
LABELS_SHOWN = 20
Done = Annotated[str, QueryParameter(name="done", max_length=40)]


class NoFields(msgspec.Struct, frozen=True, kw_only=True):
    """A form that is only a button."""


class LabelForm(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement. `claims` are the numbers of the claims that nothing supports."""

    supported: Literal["yes", "no", "skip"]
    claims: tuple[int, ...] = ()
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


@get("/spot-checks", action="read")
async def queues_page(request: PageRequest, done: Done = "") -> Page:
    """How many drawn answers wait, by use case."""
    services = services_of(request)
    found = [each for each in await services.use_cases.find() if each.grounding is not None]
    queues = [(each, await services.labels.queue(each.name)) for each in found]
    shown = [(each, queue) for each, queue in queues if queue.drawn or (each.grounding and each.grounding.spot_checks)]
    return await render(request, "spot_checks.html", here="labels", queues=shown, message=DONE.get(done), problem=None)


@post("/spot-checks/{name:str}/next", action="label")
async def take_next(request: PageRequest, name: FromPath[str]) -> Page:
    """Take the next drawn answer."""
    await read_form(request, NoFields)
    task = await services_of(request).labels.next(name, labeller_of(request))
    return see(f"/spot-checks/{name}/{task.call.id}" if task is not None else f"/spot-checks/{name}?done=nothing")


@get("/spot-checks/{name:str}", action="read")
async def queue_page(request: PageRequest, name: FromPath[str], done: Done = "") -> Page:
    """The queue of one use case, and what people said last."""
    services = services_of(request)
    item = await services.use_cases.get(name)
    principal = signed_in(request)
    return await render(
        request,
        "spot_check_queue.html",
        here="labels",
        use_case=item,
        queue=await services.labels.queue(name),
        refusal=await services.labels.refusal(item, principal.user if principal else None),
        labels=await visible(request, await services.labels.find(name, limit=LABELS_SHOWN)),
        message=DONE.get(done),
        nothing=done == "nothing",
    )


@get("/spot-checks/{name:str}/{call_id:str}", action="label")
async def task_page(request: PageRequest, name: FromPath[str], call_id: FromPath[str], done: Done = "") -> Page:
    """A drawn answer beside its sources, without its score."""
    task = await services_of(request).labels.task(call_id, labeller_of(request))
    return await _task(request, name, task, message=DONE.get(done))


@post("/spot-checks/{name:str}/{call_id:str}", action="label")
async def label(request: PageRequest, name: FromPath[str], call_id: FromPath[str]) -> Page:
    """Keep what the person says, and go on to the next answer."""
    form = await read_form(request, LabelForm)
    labels, person = services_of(request).labels, labeller_of(request)
    task = await labels.task(call_id, person)
    try:
        await labels.label(call_id, labeller=person, supported=_said(form), claims=_marks(task, form), reason=form.reason)
    except (Conflict, InputError, NotAllowed) as error:
        status = 400 if isinstance(error, InputError) else 409 if isinstance(error, Conflict) else 403
        problem = error.message if isinstance(error, InputError) else str(error)
        return await _task(request, name, task, status=status, problem=problem, form=form)
    following = await labels.next(name, person)
    if following is None:
        return see(f"/spot-checks/{name}?done=worked")
    return see(f"/spot-checks/{name}/{following.call.id}?done=labelled")


@get("/use-cases/{name:str}/trust", action="read")
async def trust_page(request: PageRequest, name: FromPath[str], done: Done = "") -> Page:
    """How far the trust scores of a use case can be relied on."""
    return await _trust(request, name, message=DONE.get(done))


@post("/use-cases/{name:str}/recalibrate", action="recalibrate")
async def recalibrate(request: PageRequest, name: FromPath[str]) -> Page:
    """Fit the calibration anew."""
    await read_form(request, NoFields)
    try:
        await services_of(request).trust.recalibrate(name, actor=principal_of(request).actor)
    except Conflict as error:
        return await _trust(request, name, status=409, problem=str(error))
    return see(f"/use-cases/{name}/trust?done=recalibrated")


async def _trust(
    request: PageRequest, name: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    view = await services.trust.report(name)
    return await render(
        request,
        "trust.html",
        status=status,
        here="portfolio",
        use_case=await services.use_cases.get(name),
        view=view,
        raw_curve=curve(view.raw),
        calibrated_curve=curve(view.calibrated),
        labels_min=LABELS_MIN,
        across=across,
        up=up,
        message=message,
        problem=problem,
    )


async def _task(
    request: PageRequest,
    name: str,
    task: LabelTask,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: LabelForm | None = None,
) -> Page:
    text, report = task.answer.text, task.answer.report
    return await render(
        request,
        "spot_check.html",
        status=status,
        here="labels",
        name=name,
        task=task,
        segments=answer_segments(text, report),
        claims=claims_of(text, report)[:CLAIMS_SHOWN_MAX],
        sources=marked_sources(text, report, task.call.sources),
        queue=await services_of(request).labels.queue(name),
        form=form or _before(task),
        message=message,
        problem=problem,
    )


def _before(task: LabelTask) -> LabelForm | None:
    """What the person said before, as the form shows it."""
    own = task.own_label
    if own is None:
        return None
    numbers = {each.text: each.number for each in claims_of(task.answer.text, task.answer.report)}
    marked = (numbers.get(task.answer.text[each.start : each.end]) for each in own.claims if not each.supported)
    said: dict[bool | None, Literal["yes", "no", "skip"]] = {True: "yes", False: "no", None: "skip"}
    return LabelForm(supported=said[own.supported], claims=tuple(each for each in marked if each), reason=own.reason)


def _said(form: LabelForm) -> bool | None:
    return None if form.supported == "skip" else form.supported == "yes"


def _marks(task: LabelTask, form: LabelForm) -> list[ClaimMark]:
    placed = sorted(
        (each for each in task.answer.report.claims if 0 <= each.start < each.end <= len(task.answer.text)),
        key=lambda each: each.start,
    )
    if any(not 1 <= number <= len(placed) for number in form.claims):
        raise InputError("there is no claim of that number", field="claims")
    return [
        ClaimMark(start=placed[number - 1].start, end=placed[number - 1].end, supported=False)
        for number in sorted(set(form.claims))
    ]


HANDLERS = [queues_page, take_next, queue_page, task_page, label, trust_page, recalibrate]
