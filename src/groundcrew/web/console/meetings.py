"""The Stream in the console: when it meets, what waits for it, what was decided, and the calendar for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.meeting import REMARK_LENGTH_MAX, TEXT_LENGTH_MAX, TITLE_LENGTH_MAX
from groundcrew.errors import InputError, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.meetings import PLACE_LENGTH_MAX
from groundcrew.services.minutes_pdf import pdf_of
from groundcrew.services.minutes_text import KIND_WORDS, markdown_of
from groundcrew.services.stream_calendar import TOKEN_LENGTH_MAX
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.authentication import address_of
from groundcrew.web.authorization import PUBLIC
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form
from groundcrew.web.throttle import Throttle

PREVIEW_MAX, DONE_SHOWN_MAX = 8, 30
#: Within how many days an action is due where the form is not changed.
DUE_DAYS = 14
#: Looks at calendars that do not work from one address, in a throttle's window.
FEED_MISSES_MAX = 30
TextField = Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]
RemarkField = Annotated[str, msgspec.Meta(max_length=REMARK_LENGTH_MAX)]


class CadenceForm(msgspec.Struct, frozen=True, kw_only=True):
    """When the Stream meets."""

    first_day: Annotated[str, msgspec.Meta(max_length=10)] = ""
    at: Annotated[str, msgspec.Meta(max_length=5)] = ""
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] = ""
    length_min: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 60
    place: Annotated[str, msgspec.Meta(max_length=PLACE_LENGTH_MAX)] = ""


class TimeForm(msgspec.Struct, frozen=True, kw_only=True):
    """A time in UTC, as a browser's field has it, and why."""

    starts_at: Annotated[str, msgspec.Meta(max_length=20)] = ""
    length_min: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 60
    reason: RemarkField = ""


class WhyForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why."""

    reason: RemarkField = ""


class ActionForm(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do."""

    title: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    owner: Annotated[str, msgspec.Meta(max_length=254)] = ""
    due: Annotated[str, msgspec.Meta(max_length=10)] = ""
    use_case: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ResultForm(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an action."""

    result: TextField = ""


class AddendumForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is put right."""

    text: TextField = ""


@get("/stream", action="read")
async def stream_page(request: PageRequest, done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """The next meeting with its agenda, others, actions, the cadence, the calendar."""
    return await _stream(request, message=DONE.get(done))


@post("/stream/cadence", action="manage_meeting")
async def set_cadence(request: PageRequest) -> Page:
    """Say when the Stream meets."""
    form = await read_form(request, CadenceForm)

    async def work(services: Services, actor: str) -> object:
        first = day_of(form.first_day, "first_day")
        return await services.meetings.set_cadence(
            first_day=first, at=form.at, time_zone=form.time_zone, length_min=form.length_min, place=form.place, actor=actor
        )

    return await _said(request, work, "cadence_set")


@post("/stream/schedule", action="manage_meeting")
async def schedule(request: PageRequest) -> Page:
    """Schedule a meeting besides the cadence."""
    form = await read_form(request, TimeForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meetings.schedule(moment_of(form.starts_at), length_min=form.length_min, actor=actor)

    return await _said(request, work, "meeting_scheduled")


@post("/stream/{meeting_id:str}/move", action="manage_meeting")
async def move(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Move a meeting."""
    form = await read_form(request, TimeForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meetings.move(meeting_id, moment_of(form.starts_at), reason=form.reason, actor=actor)

    return await _said(request, work, "meeting_moved")


@post("/stream/{meeting_id:str}/cancel", action="manage_meeting")
async def cancel(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Cancel a meeting."""
    form = await read_form(request, WhyForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meetings.cancel(meeting_id, reason=form.reason, actor=actor)

    return await _said(request, work, "meeting_cancelled")


@get("/stream/actions", action="read")
async def actions_page(request: PageRequest, done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """What somebody has promised to do."""
    return await _actions(request, message=DONE.get(done))


@post("/stream/actions", action="manage_actions")
async def add_action(request: PageRequest) -> Page:
    """Add something to do by hand."""
    form = await read_form(request, ActionForm)
    try:
        await services_of(request).stream_actions.add(
            form.title, owner=form.owner, due=day_of(form.due, "due"), use_case=form.use_case, actor=principal_of(request).actor
        )
    except Refusal as error:
        return await _actions(request, status=status_of(error), problem=words_of(error), form=form)
    return see("/stream/actions?done=action_added")


@post("/stream/actions/{action_id:str}/done", action="manage_actions")
async def finish_action(request: PageRequest, action_id: FromPath[str]) -> Page:
    """Say that an action is done."""
    form = await read_form(request, ResultForm)
    try:
        await services_of(request).stream_actions.done(action_id, form.result, actor=principal_of(request).actor)
    except Refusal as error:
        return await _actions(request, status=status_of(error), problem=words_of(error))
    return see("/stream/actions?done=action_finished")


@get("/stream/{meeting_id:str}/minutes", action="read")
async def minutes_page(
    request: PageRequest, meeting_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """The minutes of a closed meeting."""
    return await _minutes(request, meeting_id, message=DONE.get(done))


@post("/stream/{meeting_id:str}/addenda", action="attend_meeting")
async def add_addendum(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Put something right."""
    form = await read_form(request, AddendumForm)
    services = services_of(request)
    try:
        made = await services.minutes.add(meeting_id, form.text, actor=principal_of(request).actor)
    except Refusal as error:
        return await _minutes(request, meeting_id, status=status_of(error), problem=words_of(error), text=form.text)
    return see(f"/stream/{made.meeting}/minutes?done=addendum_added")


@get("/stream/{meeting_id:str}/minutes.md", action="read")
async def minutes_markdown(request: PageRequest, meeting_id: FromPath[str]) -> Response[str]:
    """As Markdown."""
    text = markdown_of(await services_of(request).minutes.get(meeting_id))
    return Response(text, media_type="text/markdown; charset=utf-8")


@get("/stream/{meeting_id:str}/minutes.json", action="read")
async def minutes_json(request: PageRequest, meeting_id: FromPath[str]) -> Response[bytes]:
    """The bytes that were hashed."""
    return Response(await services_of(request).minutes.export(meeting_id), media_type="application/json")


@get("/stream/{meeting_id:str}/minutes.pdf", action="read")
async def minutes_pdf(request: PageRequest, meeting_id: FromPath[str]) -> Response[bytes]:
    """As a PDF."""
    return Response(pdf_of(await services_of(request).minutes.get(meeting_id)), media_type="application/pdf")


@post("/stream/feeds", action="attend_meeting")
async def open_feed(request: PageRequest) -> Page:
    """A new address for one's calendar program, shown this once."""
    try:
        feed = await services_of(request).stream_calendar.subscribe(actor=principal_of(request).actor)
    except Refusal as error:
        return await _stream(request, status=status_of(error), problem=words_of(error))
    return await _stream(request, feed=f"{base_of(request)}/stream.ics?token={feed.token}")


@post("/stream/feeds/{feed_id:str}/revoke", action="attend_meeting")
async def revoke_feed(request: PageRequest, feed_id: FromPath[str]) -> Page:
    """End a feed of one's own."""

    async def work(services: Services, actor: str) -> object:
        return await services.stream_calendar.revoke(feed_id, actor=actor)

    return await _said(request, work, "feed_revoked")


@get("/stream.ics", action=PUBLIC)
async def calendar_feed(
    request: PageRequest, token: Annotated[str, QueryParameter(max_length=TOKEN_LENGTH_MAX)] = ""
) -> Response[bytes]:
    """The calendar, for who has the token. Calendar programs do not sign in; guessing is slowed down. An address that works
    is never refused: many people may share the one that a revoked feed is asked for from."""
    throttle: Throttle = request.app.state.feed_throttle
    try:
        content = await services_of(request).stream_calendar.feed(token, address=base_of(request))
    except NotFound:
        address = address_of(request)
        throttle.check("", address)
        throttle.failed("", address)
        raise
    return Response(content, media_type="text/calendar; charset=utf-8")


def feed_throttle() -> Throttle:
    """Counts looks at calendars that do not work, by address; one for the whole app, and for nothing else."""
    return Throttle(per_address_max=FEED_MISSES_MAX)


def base_of(request: PageRequest) -> str:
    """Where the console is, as who asks has reached it."""
    return str(request.base_url).rstrip("/")


def day_of(text: str, field: str) -> date:
    """A day as a browser's field has it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("expected a date as YYYY-MM-DD", field=field) from None


def moment_of(text: str) -> datetime:
    """A time in UTC as a browser's field has it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError("expected a time as YYYY-MM-DDTHH:MM, in UTC", field="starts_at") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


async def _said(request: PageRequest, work: Callable[[Services, str], Awaitable[object]], done: str) -> Page:
    try:
        await work(services_of(request), principal_of(request).actor)
    except Refusal as error:
        return await _stream(request, status=status_of(error), problem=words_of(error))
    return see(f"/stream?done={done}")


async def _stream(request: PageRequest, *, status: int = 200, feed: str = "", **more: Any) -> Page:
    services, principal = services_of(request), principal_of(request)
    now = await services.meetings.now()
    return await render(
        request,
        "stream.html",
        status=status,
        here="stream",
        stream=now,
        view=await services.meetings.view(now.next.id) if now.next is not None else None,
        preview_max=PREVIEW_MAX,
        overdue=await services.stream_actions.overdue(),
        feeds=await services.stream_calendar.feeds(principal.name),
        feed=feed,
        message=more.get("message"),
        problem=more.get("problem"),
    )


async def _actions(request: PageRequest, *, status: int = 200, form: ActionForm | None = None, **more: Any) -> Page:
    services = services_of(request)
    today = services.database.clock.now().date()
    return await render(
        request,
        "stream_actions.html",
        status=status,
        here="stream",
        open=await services.stream_actions.find(state="open"),
        done=await services.stream_actions.find(state="done", limit=DONE_SHOWN_MAX),
        people=[each.name for each in await services.users.find() if not each.disabled and each.kind == "person"],
        use_cases=[each.name for each in await services.use_cases.find()],
        today=today,
        due=today + timedelta(days=DUE_DAYS),
        form=form or ActionForm(),
        message=more.get("message"),
        problem=more.get("problem"),
    )


async def _minutes(request: PageRequest, meeting_id: str, *, status: int = 200, text: str = "", **more: Any) -> Page:
    kept = await services_of(request).minutes.get(meeting_id)
    return await render(
        request,
        "minutes.html",
        status=status,
        here="stream",
        kept=kept,
        minutes=kept.minutes,
        kinds=KIND_WORDS,
        text=text,
        message=more.get("message"),
        problem=more.get("problem"),
    )


HANDLERS = [
    stream_page,
    set_cadence,
    schedule,
    actions_page,
    add_action,
    finish_action,
    open_feed,
    revoke_feed,
    calendar_feed,
    move,
    cancel,
    minutes_page,
    minutes_markdown,
    minutes_json,
    minutes_pdf,
    add_addendum,
]
