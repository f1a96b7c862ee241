"""The rating queue and signed links: putting calls up, handing them out to people one by one, and links that need no account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.call import CallStatus, SourceReference
from groundcrew.domain.feedback import COMMENT_LENGTH_MAX, STARS_MAX, STARS_MIN, Rating
from groundcrew.domain.identifiers import NAME_LENGTH_MAX
from groundcrew.domain.rating_queue import RATERS_MAX, REASON_LENGTH_MAX, RatingSkip
from groundcrew.domain.user import User
from groundcrew.services.rating_links import EXPIRES_S_MAX, EXPIRES_S_MIN
from groundcrew.services.rating_queue import PUT_UP_MAX, RatingQueueState, RatingTask
from groundcrew.web.api.common import ApiRequest, person_of, principal_of, services_of
from groundcrew.web.api.feedback import use_case_of

#: Where the page of a link lies.
LINK_PATH = "/rate/"
CALL_ID_LENGTH_MAX = 200

CallId = Annotated[str, msgspec.Meta(min_length=1, max_length=CALL_ID_LENGTH_MAX)]


class CallsToRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls to put up: by id, or the `newest` ones, of a status and received from `since` on where given. A key may leave
    `use_case` out. `raters` and `blind` are as the use case declares where they are left out."""

    use_case: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)] | None = None
    call_ids: Annotated[list[CallId], msgspec.Meta(max_length=PUT_UP_MAX)] = []
    newest: Annotated[int, msgspec.Meta(ge=0, le=PUT_UP_MAX)] = 0
    status: CallStatus | None = None
    since: datetime | None = None
    raters: Annotated[int, msgspec.Meta(ge=1, le=RATERS_MAX)] | None = None
    blind: bool | None = None


class PutUp(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls were put up, and which: those that were not yet."""

    put_up: int
    call_ids: list[str]


class RatingTaskOut(msgspec.Struct, frozen=True, kw_only=True):
    """A call to rate. `until` is when it goes to somebody else."""

    call_id: str
    use_case: str
    question: str
    answer: str
    sources: tuple[SourceReference, ...]
    until: datetime


class NextRating(msgspec.Struct, frozen=True, kw_only=True):
    """The next call, None where none waits for this person, and how far the queue has come."""

    task: RatingTaskOut | None
    queue: RatingQueueState


class QueueRating(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says of a call that was handed to them."""

    stars: Annotated[int, msgspec.Meta(ge=STARS_MIN, le=STARS_MAX)]
    comment: Annotated[str, msgspec.Meta(max_length=COMMENT_LENGTH_MAX)] = ""
    critical_harm: bool | None = None
    grounded: bool | None = None


class SkipReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a person does not rate a call."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


class LinkWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which call a link is for, and for how long."""

    call_id: CallId
    expires_s: Annotated[float, msgspec.Meta(ge=EXPIRES_S_MIN, le=EXPIRES_S_MAX)] = 30 * 86_400.0


class LinkMade(msgspec.Struct, frozen=True, kw_only=True):
    """The link. It is told once, kept nowhere, and whoever has it can rate."""

    url: str
    expires_at: datetime


@get("/rating-queue", action="read", tags=["ratings"], summary="How far the rating queue has come")
async def queue_state(request: ApiRequest, use_case: FromQuery[str]) -> RatingQueueState:
    """Calls that are put up, their ratings so far, how many wait for you, and how far the raters agree."""
    return await services_of(request).rating_queue.state(use_case, principal_of(request).user)


@post("/rating-queue", action="pick_ratings", status_code=200, tags=["ratings"], summary="Put calls up for rating")
async def put_up(request: ApiRequest, data: JSONBody[CallsToRate]) -> PutUp:
    """Put calls into the queue; those that are in it stay as they are."""
    principal = principal_of(request)
    made = await services_of(request).rating_queue.put_up(
        use_case_of(principal, data.use_case),
        actor=principal.actor,
        call_ids=data.call_ids,
        newest=data.newest,
        status=data.status,
        since=data.since,
        raters=data.raters,
        blind=data.blind,
    )
    return PutUp(put_up=len(made), call_ids=made)


@post("/rating-queue/{use_case:str}/next", action="rate_queue", status_code=200, tags=["ratings"], summary="Take the next call")
async def next_call(request: ApiRequest, use_case: FromPath[str]) -> NextRating:
    """Take the next call for a while, in an order that nobody chooses. Not for who built the use case."""
    queue, person = services_of(request).rating_queue, rater_of(request)
    task = await queue.next(use_case, person)
    state = await queue.state(use_case, person, agreement=False)
    return NextRating(task=task_out(task) if task is not None else None, queue=state)


@post("/rating-queue/calls/{call_id:str}", action="rate_queue", status_code=200, tags=["ratings"], summary="Rate a taken call")
async def rate_call(request: ApiRequest, call_id: FromPath[str], data: JSONBody[QueueRating]) -> Rating:
    """Rate a call that was handed to you, once. 409 where it was not."""
    return await services_of(request).rating_queue.rate(
        call_id,
        rater=rater_of(request),
        stars=data.stars,
        comment=data.comment,
        critical_harm=data.critical_harm,
        grounded=data.grounded,
    )


@post(
    "/rating-queue/calls/{call_id:str}/skip",
    action="rate_queue",
    status_code=200,
    tags=["ratings"],
    summary="Leave a taken call to somebody else",
)
async def skip_call(request: ApiRequest, call_id: FromPath[str], data: JSONBody[SkipReason]) -> RatingSkip:
    """Do not rate a call that was handed to you; the reason is kept."""
    return await services_of(request).rating_queue.skip(call_id, rater=rater_of(request), reason=data.reason)


@post("/rating-links", action="link_rating", tags=["ratings"], summary="Make a link to rate a call with")
async def make_link(request: ApiRequest, data: JSONBody[LinkWanted]) -> LinkMade:
    """A link for one person to rate one call without signing in, to be put into a message to them. Another person takes another
    link."""
    principal = principal_of(request)
    link = await services_of(request).rating_links.create(
        data.call_id, actor=principal.actor, use_case=principal.use_case, expires_s=data.expires_s
    )
    return LinkMade(url=str(request.base_url).rstrip("/") + LINK_PATH + link.token, expires_at=link.expires_at)


def rater_of(request: ApiRequest) -> User:
    """The person who asks; a key can not rate in the queue."""
    return person_of(request, "a key can not rate in the queue")


def task_out(task: RatingTask) -> RatingTaskOut:
    """A task as its person may see it: without scores and without what others said."""
    return RatingTaskOut(
        call_id=task.call.id,
        use_case=task.request.use_case,
        question=task.call.request,
        answer=task.call.answer,
        sources=task.call.sources,
        until=task.until,
    )


HANDLERS = [queue_state, put_up, next_call, rate_call, skip_call, make_link]
