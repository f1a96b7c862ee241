"""The page behind a signed link in a message: one question, five answers. It needs no account and sets no cookie; looking at it
records nothing, since mail scanners look too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath

from groundcrew.errors import InputError, NotFound
from groundcrew.services.rating_links import COMMENT_LENGTH_MAX, LinkedCall, LinkExpired
from groundcrew.web.api.common import services_of
from groundcrew.web.authentication import address_of
from groundcrew.web.authorization import PUBLIC
from groundcrew.web.console.page import Page, PageRequest, plain_page
from groundcrew.web.requests import read_form
from groundcrew.web.throttle import Throttle, TooManyAttempts

#: Answers through one link, and looks at links that do not work from one address, in a throttle's window.
ANSWERS_MAX, MISSES_MAX = 20, 30


class LinkForm(msgspec.Struct, frozen=True, kw_only=True):
    """The star that was pressed, and what else there is to say."""

    stars: Literal["1", "2", "3", "4", "5"]
    comment: Annotated[str, msgspec.Meta(max_length=COMMENT_LENGTH_MAX)] = ""


def link_throttle() -> Throttle:
    """Counts answers by link and misses by address; one for the whole app."""
    return Throttle(per_name_max=ANSWERS_MAX, per_address_max=MISSES_MAX)


@get("/rate/{token:str}", action=PUBLIC)
async def link_page(request: PageRequest, token: FromPath[str]) -> Page:
    """The question."""
    found = await _read(request, token)
    return found if not isinstance(found, LinkedCall) else _page(request, found=found)


@post("/rate/{token:str}", action=PUBLIC)
async def answer(request: PageRequest, token: FromPath[str]) -> Page:
    """Record the answer; another one supersedes it until the link expires."""
    found = await _read(request, token)
    if not isinstance(found, LinkedCall):
        return found
    throttle: Throttle = request.app.state.link_throttle
    try:
        throttle.check(found.rater, found.rater)
    except TooManyAttempts as error:
        return _page(
            request, status=429, problem="You have answered often. Wait a little before you change it again.", error=error
        )
    throttle.failed(found.rater, found.rater)
    try:
        form = await read_form(request, LinkForm)
        rating = await services_of(request).rating_links.rate(token, stars=int(form.stars), comment=form.comment)
    except InputError:
        return _page(request, found=found, status=400, problem="Choose one to five stars.")
    return _page(request, found=msgspec.structs.replace(found, stars=rating.stars), thanks=True)


async def _read(request: PageRequest, token: str) -> LinkedCall | Page:
    """What the link is for, or the page that says that it does not work."""
    throttle: Throttle = request.app.state.link_throttle
    address = address_of(request)
    try:
        throttle.check("", address)
        return await services_of(request).rating_links.read(token)
    except LinkExpired:
        return _page(request, status=410, problem="This link has expired. Thank you for wanting to answer.")
    except NotFound:
        throttle.failed("", address)
        return _page(request, status=404, problem="This link does not work. It may have been cut off in the message.")
    except TooManyAttempts as error:
        return _page(request, status=429, problem="Too many links that do not work. Try again later.", error=error)


def _page(
    request: PageRequest,
    *,
    found: LinkedCall | None = None,
    status: int = 200,
    problem: str | None = None,
    thanks: bool = False,
    error: TooManyAttempts | None = None,
) -> Page:
    context: dict[str, Any] = {"found": found, "problem": problem, "thanks": thanks, "comment_length_max": COMMENT_LENGTH_MAX}
    page = plain_page(request, "rating_link.html", status=status, **context)
    # The address is the secret: no other site is told it, and no search engine keeps it.
    page.headers.update({"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"})
    if error is not None:
        page.headers["retry-after"] = str(error.retry_after_s)
    return page


HANDLERS = [link_page, answer]
