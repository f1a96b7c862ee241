"""The live page of a meeting, which several people use at once. Every form answers with the parts of the page that may have
changed; an open page asks for them when it hears that something has. What somebody is writing is never among them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.meeting import (
    CITABLE,
    DECISION_KINDS,
    REMARK_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
)
from groundcrew.errors import InputError
from groundcrew.services.agenda import MeetingView, Point
from groundcrew.services.bundle import Services
from groundcrew.services.decision_subjects import TERMS, names_of
from groundcrew.services.minutes_text import KIND_WORDS
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.authorization import allowed
from groundcrew.web.console.meetings import DUE_DAYS, day_of
from groundcrew.web.console.page import Page, PageRequest, environment, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

#: The kind of decision that a point of this kind most often asks for.
SUGGESTED = {
    "resource_request": "allocate_resource",
    "veto": "review_veto",
    "authority": "grant_authority",
    "overlap": "dispose_overlap",
}
TERMS_LENGTH_MAX = 4_000

Work = Callable[[Services, str], Awaitable[object]]
ItemField = Annotated[str, msgspec.Meta(max_length=64)]
TextField = Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]
RemarkField = Annotated[str, msgspec.Meta(max_length=REMARK_LENGTH_MAX)]


class JoinForm(msgspec.Struct, frozen=True, kw_only=True):
    """The function that one speaks for; `point` is the point that one looks at."""

    function: Annotated[str, msgspec.Meta(max_length=20)] = ""
    point: ItemField = ""


class PersonForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who has left; oneself where empty."""

    person: Annotated[str, msgspec.Meta(max_length=254)] = ""
    point: ItemField = ""


class TopicForm(msgspec.Struct, frozen=True, kw_only=True):
    """A topic of one's own."""

    title: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    why: RemarkField = ""
    point: ItemField = ""


class PointForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a point of the agenda."""

    item: ItemField
    step: Literal["discuss", "hold", "up", "down", "let_go", "defer", "take_up"]
    reason: RemarkField = ""
    point: ItemField = ""


class SummaryForm(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about a point, over the text of `revision`."""

    point: ItemField
    revision: Annotated[int, msgspec.Meta(ge=0)]
    text: TextField = ""


class NoteForm(msgspec.Struct, frozen=True, kw_only=True):
    """What one says."""

    point: ItemField = ""
    text: TextField = ""


class ProposalForm(msgspec.Struct, frozen=True, kw_only=True):
    """A decision to be voted on. `terms` are lines of ``name: value``, `cites` lines of ``KIND/ID``."""

    point: ItemField
    text: TextField = ""
    kind: Annotated[str, msgspec.Meta(max_length=40)] = "resolution"
    subject: Annotated[str, msgspec.Meta(max_length=300)] = ""
    terms: Annotated[str, msgspec.Meta(max_length=TERMS_LENGTH_MAX)] = ""
    cites: Annotated[str, msgspec.Meta(max_length=TERMS_LENGTH_MAX)] = ""


class BallotForm(msgspec.Struct, frozen=True, kw_only=True):
    """One's word on a proposal, and what else is done with one."""

    decision: ItemField
    step: Literal["for", "against", "abstain", "count", "withdraw"]
    text_revision: Annotated[int, msgspec.Meta(ge=1)]
    remark: RemarkField = ""
    point: ItemField = ""


class ActionForm(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do."""

    point: ItemField = ""
    title: Annotated[str, msgspec.Meta(max_length=TITLE_LENGTH_MAX)] = ""
    owner: Annotated[str, msgspec.Meta(max_length=254)] = ""
    due: Annotated[str, msgspec.Meta(max_length=10)] = ""


@get("/stream/{meeting_id:str}", action="read")
async def meeting_page(
    request: PageRequest,
    meeting_id: FromPath[str],
    point: Annotated[str, QueryParameter(max_length=64)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """One meeting; `point` is the one that is looked at, the present one unless given."""
    return await _page(request, meeting_id, point, message=DONE.get(done))


@get("/stream/{meeting_id:str}/live", action="read")
async def live_parts(
    request: PageRequest, meeting_id: FromPath[str], point: Annotated[str, QueryParameter(max_length=64)] = ""
) -> Page:
    """The parts of the page that may have changed."""
    return await _parts(request, meeting_id, point)


@post("/stream/{meeting_id:str}/open", action="manage_meeting")
async def open_meeting(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Open it."""

    async def work(services: Services, actor: str) -> object:
        return await services.meetings.open(meeting_id, actor=actor)

    return await _said(request, meeting_id, "", work, "meeting_opened", whole=True)


@post("/stream/{meeting_id:str}/close", action="manage_meeting")
async def close_meeting(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Close it, and go to the minutes."""
    try:
        closed = await services_of(request).meetings.close(meeting_id, actor=principal_of(request).actor)
    except Refusal as error:
        return await _page(request, meeting_id, "", status=status_of(error), problem=words_of(error))
    return see(f"/stream/{closed.id}/minutes?done=meeting_closed")


@post("/stream/{meeting_id:str}/join", action="attend_meeting")
async def join(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Be there."""
    form = await read_form(request, JoinForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meetings.join(meeting_id, function=form.function or None, actor=actor)

    return await _said(request, meeting_id, form.point, work, "joined")


@post("/stream/{meeting_id:str}/leave", action="attend_meeting")
async def leave(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Leave, or say that somebody has left."""
    form = await read_form(request, PersonForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meetings.leave(meeting_id, person=form.person or None, actor=actor)

    return await _said(request, meeting_id, form.point, work, "left_meeting")


@post("/stream/{meeting_id:str}/topics", action="attend_meeting")
async def add_topic(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Add a topic of one's own."""
    form = await read_form(request, TopicForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meeting_points.add_topic(meeting_id, form.title, why=form.why, actor=actor)

    return await _said(request, meeting_id, form.point, work, "topic_added")


@post("/stream/{meeting_id:str}/points", action="manage_meeting")
async def change_point(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Go to a point, order it, put it off, take it up again."""
    form = await read_form(request, PointForm)

    async def work(services: Services, actor: str) -> object:
        points = services.meeting_points
        if form.step == "discuss":
            return await points.discuss(meeting_id, form.item, actor=actor)
        if form.step == "defer":
            return await points.defer(meeting_id, form.item, reason=form.reason, actor=actor)
        if form.step == "take_up":
            return await points.take_up(meeting_id, form.item, actor=actor)
        found = (await services.meetings.view(meeting_id)).point(form.item)
        number = found.number if found is not None else 1
        place = {"hold": number, "up": max(number - 1, 1), "down": number + 1, "let_go": None}[form.step]
        return await points.place(meeting_id, form.item, place, actor=actor)

    went = form.item if form.step == "discuss" else form.point
    return await _said(request, meeting_id, went, work, "point_changed")


@post("/stream/{meeting_id:str}/summary", action="attend_meeting")
async def summarize(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Write what was said about a point."""
    form = await read_form(request, SummaryForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meeting_points.summarize(meeting_id, form.point, form.text, revision=form.revision, actor=actor)

    return await _said(request, meeting_id, form.point, work, "summary_saved", typed=form.text)


@post("/stream/{meeting_id:str}/notes", action="attend_meeting")
async def add_note(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Say something."""
    form = await read_form(request, NoteForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meeting_points.note(meeting_id, form.text, item=form.point, actor=actor)

    return await _said(request, meeting_id, form.point, work, "noted")


@post("/stream/{meeting_id:str}/decisions", action="attend_meeting")
async def propose(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Propose a decision on a point."""
    form = await read_form(request, ProposalForm)

    async def work(services: Services, actor: str) -> object:
        return await services.meeting_decisions.propose(
            meeting_id,
            form.point,
            text=form.text,
            kind=form.kind,
            subject=form.subject.strip(),
            terms=terms_of(form.terms),
            cites=form.cites.split(),
            actor=actor,
        )

    return await _said(request, meeting_id, form.point, work, "proposed")


@post("/stream/{meeting_id:str}/votes", action="attend_meeting")
async def vote(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Say one's word on a proposal, count its votes, or withdraw it; the service says who may what."""
    form = await read_form(request, BallotForm)

    async def work(services: Services, actor: str) -> object:
        decisions = services.meeting_decisions
        if form.step == "count":
            return await decisions.conclude(form.decision, text_revision=form.text_revision, actor=actor)
        if form.step == "withdraw":
            return await decisions.withdraw(form.decision, reason=form.remark, actor=actor)
        return await decisions.vote(form.decision, form.step, text_revision=form.text_revision, remark=form.remark, actor=actor)

    return await _said(request, meeting_id, form.point, work, "voted")


@post("/stream/{meeting_id:str}/actions", action="attend_meeting")
async def add_action(request: PageRequest, meeting_id: FromPath[str]) -> Page:
    """Give somebody something to do."""
    form = await read_form(request, ActionForm)

    async def work(services: Services, actor: str) -> object:
        return await services.stream_actions.add(
            form.title, owner=form.owner, due=day_of(form.due, "due"), meeting=meeting_id, item=form.point, actor=actor
        )

    return await _said(request, meeting_id, form.point, work, "action_added")


def terms_of(text: str) -> dict[str, Any]:
    """Terms as lines of ``name: value``; a value that is JSON (a number, a list) is taken as such, others as text."""
    found: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not value.strip():
            raise InputError(f"line {number}: expected name: value", field="terms")
        try:
            found[name.strip()] = msgspec.json.decode(value.strip())
        except msgspec.DecodeError:
            found[name.strip()] = value.strip()
    return found


async def _said(
    request: PageRequest, meeting_id: str, point: str, work: Work, done: str, *, whole: bool = False, typed: str | None = None
) -> Page:
    """Do what a form asks for. A page that follows live gets the parts that may have changed, others go back to the whole page;
    what was wrong is said on either, and what was typed stays where it was typed."""
    live = request.headers.get("hx-request") == "true" and not whole
    try:
        await work(services_of(request), principal_of(request).actor)
    except Refusal as error:
        if live:
            return await _parts(request, meeting_id, point, status=status_of(error), problem=words_of(error))
        return await _page(request, meeting_id, point, status=status_of(error), problem=words_of(error), typed=typed)
    if live:
        return await _parts(request, meeting_id, point, message=DONE[done])
    view = await services_of(request).meetings.view(meeting_id)
    seen = view.point(point)
    return see(f"/stream/{view.meeting.id}?done={done}" + (f"&point={seen.id}" if seen is not None else ""))


async def _context(request: PageRequest, meeting_id: str, point: str) -> dict[str, Any]:
    services, principal = services_of(request), principal_of(request)
    view = await services.meetings.view(meeting_id)
    seen = view.point(point) or view.current
    mine = next((each for each in view.present if each.person == principal.name), None)
    holds = [each for each in FUNCTIONS if principal.user is not None and each in principal.user.roles]
    spoken = next((each.function for each in view.attendance if each.person == principal.name and each.function), None)
    return {
        "view": view,
        "meeting": view.meeting,
        "seen": seen,
        "following": view.current is None or (seen is not None and seen.id == view.current.id),
        "mine": mine,
        "holds": [each for each in holds if spoken in (None, each)],
        "functions": FUNCTIONS,
        "there": mine is not None and view.meeting.state == "open",
        "runs": view.meeting.state == "open" and allowed(principal, "manage_meeting"),
        "arranges": view.meeting.state in ("scheduled", "open") and allowed(principal, "manage_meeting"),
        "words": KIND_WORDS,
        "votes_of": _votes_of(view, seen),
    }


def _votes_of(view: MeetingView, seen: Point | None) -> dict[str, dict[str, str]]:
    """By decision and function, the word that counts now."""
    if seen is None:
        return {}
    found: dict[str, dict[str, str]] = {}
    for each in seen.decisions:
        words = view.counts[each.id].words if each.id in view.counts else {vote.function: vote.word for vote in each.votes}
        found[each.id] = {str(function): word for function, word in words.items()}
    return found


async def _page(request: PageRequest, meeting_id: str, point: str, *, status: int = 200, **more: Any) -> Page:
    services = services_of(request)
    context = await _context(request, meeting_id, point)
    seen: Point | None = context["seen"]
    return await render(
        request,
        "meeting.html",
        status=status,
        here="stream",
        kinds=DECISION_KINDS,
        citable=CITABLE,
        terms_of={kind: names_of(kind) for kind in TERMS},
        suggested=SUGGESTED.get(seen.entry.kind, "resolution") if seen is not None else "resolution",
        people=[each.name for each in await services.users.find() if not each.disabled and each.kind == "person"],
        due=services.database.clock.now().date() + timedelta(days=DUE_DAYS),
        typed=more.get("typed"),
        message=more.get("message"),
        problem=more.get("problem"),
        **context,
    )


async def _parts(request: PageRequest, meeting_id: str, point: str, *, status: int = 200, **more: Any) -> Page:
    principal = principal_of(request)
    content = (
        environment()
        .get_template("meeting_parts.html")
        .render(
            principal=principal,
            csrf_token=principal.csrf_token,
            now=services_of(request).database.clock.now(),
            can=lambda action: allowed(principal, action),
            message=more.get("message"),
            problem=more.get("problem"),
            said=bool(more),
            **await _context(request, meeting_id, point),
        )
    )
    return Response(content, status_code=status, media_type="text/html; charset=utf-8")


HANDLERS = [
    meeting_page,
    live_parts,
    open_meeting,
    close_meeting,
    join,
    leave,
    add_topic,
    change_point,
    summarize,
    add_note,
    propose,
    vote,
    add_action,
]
