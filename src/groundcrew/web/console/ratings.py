"""The rating queue: what waits, by use case; one call at a time, by keyboard; and how far the raters agree."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.feedback import COMMENT_LENGTH_MAX
from groundcrew.domain.rating_queue import REASON_LENGTH_MAX
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.rating_queue import PUT_UP_MAX, RatingTask
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.api.rating_queue import rater_of
from groundcrew.web.console.page import Page, PageRequest, render, see, signed_in
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

Done = Annotated[str, QueryParameter(name="done", max_length=40)]
Stars = Literal["1", "2", "3", "4", "5"]
YesNo = Literal["", "yes", "no"]


class NoFields(msgspec.Struct, frozen=True, kw_only=True):
    """A form that is only a button."""


class RatingForm(msgspec.Struct, frozen=True, kw_only=True):
    """Stars and what else a person says; or, by the other button, that somebody else should rate it, and why."""

    stars: Stars | None = None
    critical_harm: YesNo = ""
    grounded: YesNo = ""
    comment: Annotated[str, msgspec.Meta(max_length=COMMENT_LENGTH_MAX)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    act: Literal["rate", "skip"] = "rate"


class PutUpForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the newest calls to put up."""

    newest: Annotated[int, msgspec.Meta(ge=1, le=PUT_UP_MAX)]
    status: Literal["", "answered", "declined", "fallback"] = ""


@get("/ratings", action="read")
async def queues_page(request: PageRequest, done: Done = "") -> Page:
    """How many calls wait to be rated, by use case."""
    services, person = services_of(request), principal_of(request).user
    found = await services.use_cases.find()
    states = [(each, await services.rating_queue.state(each.name, person, agreement=False)) for each in found]
    shown = [(each, state) for each, state in states if state.put_up or each.ratings is not None]
    return await render(request, "ratings.html", here="ratings", queues=shown, message=DONE.get(done), problem=None)


@get("/use-cases/{name:str}/ratings", action="read")
async def queue_page(request: PageRequest, name: FromPath[str], done: Done = "") -> Page:
    """The queue of one use case and the agreement of its raters."""
    return await _queue(request, name, message=DONE.get(done), nothing=done == "nothing")


@post("/use-cases/{name:str}/ratings/next", action="rate_queue")
async def take_next(request: PageRequest, name: FromPath[str]) -> Page:
    """Take the next call."""
    await read_form(request, NoFields)
    try:
        task = await services_of(request).rating_queue.next(name, rater_of(request))
    except NotAllowed as error:
        return await _queue(request, name, status=403, problem=str(error))
    return see(f"/use-cases/{name}/ratings/{task.call.id}" if task is not None else f"/use-cases/{name}/ratings?done=nothing")


@post("/use-cases/{name:str}/ratings/put-up", action="pick_ratings")
async def put_up(request: PageRequest, name: FromPath[str]) -> Page:
    """Put up the newest calls."""
    try:
        form = await read_form(request, PutUpForm)
        await services_of(request).rating_queue.put_up(
            name, actor=principal_of(request).actor, newest=form.newest, status=form.status or None
        )
    except InputError as error:
        return await _queue(request, name, status=400, problem=error.message)
    return see(f"/use-cases/{name}/ratings?done=put_up")


@get("/use-cases/{name:str}/ratings/{call_id:str}", action="rate_queue")
async def task_page(request: PageRequest, name: FromPath[str], call_id: FromPath[str], done: Done = "") -> Page:
    """A call that was handed to this person, without its score."""
    try:
        task = await services_of(request).rating_queue.task(call_id, rater_of(request))
    except Conflict as error:
        return await _queue(request, name, status=409, problem=str(error))
    return await _task(request, name, task, message=DONE.get(done))


@post("/use-cases/{name:str}/ratings/{call_id:str}", action="rate_queue")
async def rate(request: PageRequest, name: FromPath[str], call_id: FromPath[str]) -> Page:
    """Keep what the person says, and go on to the next call."""
    form = await read_form(request, RatingForm)
    queue, person = services_of(request).rating_queue, rater_of(request)
    try:
        task = await queue.task(call_id, person)
    except Conflict as error:
        return await _queue(request, name, status=409, problem=str(error))
    try:
        if form.act == "skip":
            await queue.skip(call_id, rater=person, reason=form.reason)
        else:
            await queue.rate(
                call_id,
                rater=person,
                stars=int(form.stars or 0),
                comment=form.comment,
                critical_harm=_said(form.critical_harm),
                grounded=_said(form.grounded),
            )
    except InputError as error:
        return await _task(request, name, task, status=400, problem=error.message, form=form)
    except Conflict as error:
        return await _queue(request, name, status=409, problem=str(error))
    following = await queue.next(name, person)
    if following is None:
        return see(f"/use-cases/{name}/ratings?done={'passed_on' if form.act == 'skip' else 'rated_all'}")
    done = "passed_on" if form.act == "skip" else "rated_next"
    return see(f"/use-cases/{name}/ratings/{following.call.id}?done={done}")


def _said(word: YesNo) -> bool | None:
    return None if word == "" else word == "yes"


async def _queue(
    request: PageRequest,
    name: str,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    nothing: bool = False,
) -> Page:
    services, principal = services_of(request), signed_in(request)
    item = await services.use_cases.get(name)
    person = principal.user if principal else None
    return await render(
        request,
        "rating_queue.html",
        status=status,
        here="ratings",
        use_case=item,
        queue=await services.rating_queue.state(name, person),
        refusal=services.rating_queue.refusal(item, person),
        message=message,
        problem=problem,
        nothing=nothing,
        put_up_max=PUT_UP_MAX,
    )


async def _task(
    request: PageRequest,
    name: str,
    task: RatingTask,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: RatingForm | None = None,
) -> Page:
    queue = services_of(request).rating_queue
    return await render(
        request,
        "rating_task.html",
        status=status,
        here="ratings",
        name=name,
        task=task,
        queue=await queue.state(name, rater_of(request), agreement=False),
        form=form or RatingForm(),
        message=message,
        problem=problem,
    )


HANDLERS = [queues_page, queue_page, take_next, put_up, task_page, rate]
