"""What stays of meetings, over the API: minutes, calendar feeds, and action items."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.meeting import ActionItem, ActionState, Addendum, FeedToken
from groundcrew.services.minutes import MinutesNow, Verified
from groundcrew.services.minutes_pdf import pdf_of
from groundcrew.services.minutes_text import markdown_of
from groundcrew.services.stream_calendar import NewFeed
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of
from groundcrew.web.api.meetings import Body, Id, Text, Title

#: A minutes file that is sent to be verified.
FILE_LENGTH_MAX = 4_000_000


class NewAddendum(Body, frozen=True, kw_only=True):
    """What is put right."""

    text: Text


class MinutesFile(Body, frozen=True, kw_only=True):
    """The content of a minutes file, JSON or Markdown, and of which meeting it is where it does not say."""

    content: Annotated[str, msgspec.Meta(min_length=1, max_length=FILE_LENGTH_MAX)]
    meeting: Id | None = None


class NewActionItem(Body, frozen=True, kw_only=True):
    """Something to do: one account that owns it, one day by which it is done."""

    title: Title
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=254)]
    due: date
    use_case: Id = ""
    meeting: Id = ""
    item: Id = ""
    decision: Id = ""


class ActionResult(Body, frozen=True, kw_only=True):
    """What came of an action."""

    result: Text


@get("/meetings/{meeting_id:str}/minutes", action="read", tags=["meetings"], summary="The minutes of a meeting")
async def minutes(
    request: ApiRequest,
    meeting_id: FromPath[str],
    form: Annotated[
        Literal["full", "json", "markdown", "pdf"],
        QueryParameter(name="format", description="full, json (the bytes that were hashed), markdown or pdf"),
    ] = "full",
) -> MinutesNow | Response[Any]:
    """Of a closed meeting, with its hash and addenda; or as a file."""
    kept = await services_of(request).minutes.get(meeting_id)
    if form == "json":
        return Response(await services_of(request).minutes.export(meeting_id), media_type="application/json")
    if form == "markdown":
        return Response(markdown_of(kept), media_type="text/markdown; charset=utf-8")
    if form == "pdf":
        return Response(pdf_of(kept), media_type="application/pdf")
    return kept


@post("/meetings/minutes/verify", action="read", status_code=200, tags=["meetings"], summary="Verify a minutes file")
async def verify(request: ApiRequest, data: JSONBody[MinutesFile]) -> Verified:
    """Whether it is the minutes of a meeting as they were closed."""
    return await services_of(request).minutes.verify(data.content.encode(), meeting_id=data.meeting)


@post("/meetings/{meeting_id:str}/addenda", action="attend_meeting", status_code=201, tags=["meetings"], summary="Add to minutes")
async def add_addendum(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[NewAddendum]) -> Addendum:
    """What was wrong is put right beside the minutes, which stay."""
    return await services_of(request).minutes.add(meeting_id, data.text, actor=principal_of(request).actor)


@get("/meetings/feeds", action="read", tags=["meetings"], summary="One's calendar feeds")
async def list_feeds(request: ApiRequest) -> dict[str, list[FeedToken]]:
    """Those that work; of their tokens only the hash is kept."""
    return {"feeds": await services_of(request).stream_calendar.feeds(principal_of(request).name)}


@post("/meetings/feeds", action="attend_meeting", status_code=200, tags=["meetings"], summary="Open a calendar feed")
async def open_feed(request: ApiRequest) -> NewFeed:
    """The token is shown this once: ``/stream.ics?token=…`` is the address for a calendar program."""
    return await services_of(request).stream_calendar.subscribe(actor=principal_of(request).actor)


@post(
    "/meetings/feeds/{feed_id:str}/revoke",
    action="attend_meeting",
    status_code=200,
    tags=["meetings"],
    summary="Revoke a calendar feed",
)
async def revoke_feed(request: ApiRequest, feed_id: FromPath[str]) -> FeedToken:
    """One's own."""
    return await services_of(request).stream_calendar.revoke(feed_id, actor=principal_of(request).actor)


@get("/actions", action="read", tags=["meetings"], summary="List action items")
async def list_actions(
    request: ApiRequest,
    state_now: Annotated[ActionState | None, QueryParameter(name="state", description="open or done")] = None,
    owner: Annotated[str | None, QueryParameter(max_length=254)] = None,
    use_case: Annotated[str | None, QueryParameter(max_length=64)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[ActionItem]]:
    """Open ones by their day, then those that are done."""
    found = await services_of(request).stream_actions.find(state=state_now, owner=owner, use_case=use_case, limit=limit)
    return {"actions": found}


@post("/actions", action="manage_actions", status_code=201, tags=["meetings"], summary="Add an action item")
async def add_action(request: ApiRequest, data: JSONBody[NewActionItem]) -> ActionItem:
    """By hand, or in an open meeting that one is in."""
    return await services_of(request).stream_actions.add(**msgspec.structs.asdict(data), actor=principal_of(request).actor)


@post(
    "/actions/{action_id:str}/done", action="manage_actions", status_code=200, tags=["meetings"], summary="Finish an action item"
)
async def finish_action(request: ApiRequest, action_id: FromPath[str], data: JSONBody[ActionResult]) -> ActionItem:
    """By its owner, with what came of it."""
    return await services_of(request).stream_actions.done(action_id, data.result, actor=principal_of(request).actor)


HANDLERS = [
    minutes,
    verify,
    add_addendum,
    list_feeds,
    open_feed,
    revoke_feed,
    list_actions,
    add_action,
    finish_action,
]
