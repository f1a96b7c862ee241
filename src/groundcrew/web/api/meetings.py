"""Meetings of the Stream over the API: cadence, agenda, attendance, decisions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.approval import Function
from groundcrew.domain.meeting import (
    CITED_MAX,
    REMARK_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    AgendaItem,
    Attendance,
    Cadence,
    Decision,
    DecisionKind,
    MeetingNote,
    MeetingState,
    StreamMeeting,
    Word,
)
from groundcrew.services.agenda import MeetingView
from groundcrew.services.meetings import PLACE_LENGTH_MAX
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, principal_of, services_of

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
Remark = Annotated[str, msgspec.Meta(min_length=1, max_length=REMARK_LENGTH_MAX)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=TITLE_LENGTH_MAX)]
Name = Annotated[str, msgspec.Meta(max_length=254)]
Id = Annotated[str, msgspec.Meta(max_length=64)]
Place = Annotated[str, msgspec.Meta(max_length=PLACE_LENGTH_MAX)]
Reference = Annotated[str, msgspec.Meta(min_length=3, max_length=300)]
Minutes = Annotated[int, msgspec.Meta(ge=15, le=480)]
Revision = Annotated[int, msgspec.Meta(ge=0)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class NewCadence(Body, frozen=True, kw_only=True):
    """When the Stream meets, by the wall clock of a time zone."""

    first_day: date
    at: Annotated[str, msgspec.Meta(min_length=5, max_length=5)]
    time_zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    length_min: Minutes = 60
    place: Place = ""
    every_days: Annotated[int, msgspec.Meta(ge=7, le=28)] = 14


class NewMeeting(Body, frozen=True, kw_only=True):
    """A meeting besides the cadence; the time has its zone."""

    starts_at: Annotated[datetime, msgspec.Meta(tz=True)]
    length_min: Minutes = 60
    place: Place = ""


class Move(Body, frozen=True, kw_only=True):
    """Another time, and why."""

    starts_at: Annotated[datetime, msgspec.Meta(tz=True)]
    reason: Remark
    length_min: Minutes | None = None


class Cancel(Body, frozen=True, kw_only=True):
    """Why."""

    reason: Remark


class Join(Body, frozen=True, kw_only=True):
    """The function that one speaks for; none where one listens."""

    function: Function | None = None


class Leave(Body, frozen=True, kw_only=True):
    """Who has left; oneself where nobody is named."""

    person: Name | None = None


class NewTopic(Body, frozen=True, kw_only=True):
    """A topic of one's own, and why it needs the Stream's time."""

    title: Title
    why: Remark
    use_case: Id | None = None


class PlaceOf(Body, frozen=True, kw_only=True):
    """The place that holds a point, counted from 1; null lets it go."""

    place: Annotated[int, msgspec.Meta(ge=1, le=300)] | None


class Summary(Body, frozen=True, kw_only=True):
    """What was said about a point, over the text of `revision`."""

    text: Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]
    revision: Revision


class NewNote(Body, frozen=True, kw_only=True):
    """What one says, about a point where one is named."""

    text: Text
    item: Id = ""


class Proposal(Body, frozen=True, kw_only=True):
    """A decision to be voted on: its text, what it brings about, and what it rests on, as ``KIND/ID``."""

    item: Id
    text: Text
    kind: DecisionKind = "resolution"
    subject: Annotated[str, msgspec.Meta(max_length=300)] = ""
    terms: dict[str, Any] = {}
    cites: Annotated[list[Reference], msgspec.Meta(max_length=CITED_MAX)] = []


class Amendment(Body, frozen=True, kw_only=True):
    """Another wording, over the one of `text_revision`; what is null stays."""

    text: Text
    text_revision: Revision
    terms: dict[str, Any] | None = None
    cites: Annotated[list[Reference], msgspec.Meta(max_length=CITED_MAX)] | None = None


class Ballot(Body, frozen=True, kw_only=True):
    """One's function's word, on the wording of `text_revision`."""

    word: Word
    text_revision: Revision | None = None
    remark: Annotated[str, msgspec.Meta(max_length=REMARK_LENGTH_MAX)] = ""


class Counting(Body, frozen=True, kw_only=True):
    """The wording that is counted; the present one where none is named."""

    text_revision: Revision | None = None


@get("/meetings", action="read", tags=["meetings"], summary="List meetings")
async def list_meetings(
    request: ApiRequest,
    state_now: Annotated[
        MeetingState | None, QueryParameter(name="state", description="scheduled, open, closed or cancelled")
    ] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[StreamMeeting]]:
    """The latest first."""
    return {"meetings": await services_of(request).meetings.find(state=state_now, limit=limit)}


@get("/meetings/cadence", action="read", tags=["meetings"], summary="When the Stream meets")
async def get_cadence(request: ApiRequest) -> dict[str, Cadence | None]:
    """Null while nobody has said so."""
    return {"cadence": (await services_of(request).meetings.now()).cadence}


@post("/meetings/cadence", action="manage_meeting", status_code=200, tags=["meetings"], summary="Say when the Stream meets")
async def set_cadence(request: ApiRequest, data: JSONBody[NewCadence]) -> Cadence:
    """The next two meetings are scheduled at once, and kept so."""
    return await services_of(request).meetings.set_cadence(**msgspec.structs.asdict(data), actor=principal_of(request).actor)


@post("/meetings", action="manage_meeting", status_code=201, tags=["meetings"], summary="Schedule a meeting")
async def schedule(request: ApiRequest, data: JSONBody[NewMeeting]) -> StreamMeeting:
    """Besides the cadence."""
    return await services_of(request).meetings.schedule(
        data.starts_at, length_min=data.length_min, place=data.place, actor=principal_of(request).actor
    )


@get("/meetings/{meeting_id:str}", action="read", tags=["meetings"], summary="One meeting")
async def get_meeting(request: ApiRequest, meeting_id: FromPath[str]) -> MeetingView:
    """With its agenda, attendance, decisions, notes and actions as they are now."""
    return await services_of(request).meetings.view(meeting_id)


@post("/meetings/{meeting_id:str}/move", action="manage_meeting", status_code=200, tags=["meetings"], summary="Move a meeting")
async def move(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[Move]) -> StreamMeeting:
    """To another time; the cadence stays."""
    return await services_of(request).meetings.move(
        meeting_id, data.starts_at, length_min=data.length_min, reason=data.reason, actor=principal_of(request).actor
    )


@post(
    "/meetings/{meeting_id:str}/cancel", action="manage_meeting", status_code=200, tags=["meetings"], summary="Cancel a meeting"
)
async def cancel(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[Cancel]) -> StreamMeeting:
    """Its topics come to the next one; the cadence stays."""
    return await services_of(request).meetings.cancel(meeting_id, reason=data.reason, actor=principal_of(request).actor)


@post("/meetings/{meeting_id:str}/open", action="manage_meeting", status_code=200, tags=["meetings"], summary="Open a meeting")
async def open_meeting(request: ApiRequest, meeting_id: FromPath[str]) -> StreamMeeting:
    """One is open at a time."""
    return await services_of(request).meetings.open(meeting_id, actor=principal_of(request).actor)


@post("/meetings/{meeting_id:str}/close", action="manage_meeting", status_code=200, tags=["meetings"], summary="Close a meeting")
async def close_meeting(request: ApiRequest, meeting_id: FromPath[str]) -> StreamMeeting:
    """The minutes are drafted from the record and hashed."""
    return await services_of(request).meetings.close(meeting_id, actor=principal_of(request).actor)


@post("/meetings/{meeting_id:str}/join", action="attend_meeting", status_code=200, tags=["meetings"], summary="Join a meeting")
async def join(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[Join]) -> Attendance:
    """And speak for a function that one holds, where one is named."""
    return await services_of(request).meetings.join(meeting_id, function=data.function, actor=principal_of(request).actor)


@post("/meetings/{meeting_id:str}/leave", action="attend_meeting", status_code=200, tags=["meetings"], summary="Leave a meeting")
async def leave(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[Leave]) -> Attendance:
    """Who runs the meeting may say that somebody else has left."""
    return await services_of(request).meetings.leave(meeting_id, person=data.person, actor=principal_of(request).actor)


@post("/meetings/{meeting_id:str}/topics", action="attend_meeting", status_code=201, tags=["meetings"], summary="Add a topic")
async def add_topic(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[NewTopic]) -> AgendaItem:
    """It comes back until a meeting has talked about it."""
    return await services_of(request).meeting_points.add_topic(
        meeting_id, data.title, why=data.why, use_case=data.use_case, actor=principal_of(request).actor
    )


@post(
    "/meetings/{meeting_id:str}/points/{item:str}/place",
    action="manage_meeting",
    status_code=200,
    tags=["meetings"],
    summary="Hold a point in a place",
)
async def place(request: ApiRequest, meeting_id: FromPath[str], item: FromPath[str], data: JSONBody[PlaceOf]) -> AgendaItem:
    """With whatever stands before it."""
    return await services_of(request).meeting_points.place(meeting_id, item, data.place, actor=principal_of(request).actor)


@post(
    "/meetings/{meeting_id:str}/points/{item:str}/defer",
    action="manage_meeting",
    status_code=200,
    tags=["meetings"],
    summary="Put a point off",
)
async def defer(request: ApiRequest, meeting_id: FromPath[str], item: FromPath[str], data: JSONBody[Cancel]) -> AgendaItem:
    """To the next meeting; it takes no quorum."""
    return await services_of(request).meeting_points.defer(
        meeting_id, item, reason=data.reason, actor=principal_of(request).actor
    )


@post(
    "/meetings/{meeting_id:str}/points/{item:str}/take-up",
    action="manage_meeting",
    status_code=200,
    tags=["meetings"],
    summary="Take a deferred point up again",
)
async def take_up(request: ApiRequest, meeting_id: FromPath[str], item: FromPath[str]) -> AgendaItem:
    """In the same meeting."""
    return await services_of(request).meeting_points.take_up(meeting_id, item, actor=principal_of(request).actor)


@post(
    "/meetings/{meeting_id:str}/points/{item:str}/discuss",
    action="manage_meeting",
    status_code=200,
    tags=["meetings"],
    summary="Go to a point",
)
async def discuss(request: ApiRequest, meeting_id: FromPath[str], item: FromPath[str]) -> AgendaItem:
    """It is what the meeting talks about now."""
    return await services_of(request).meeting_points.discuss(meeting_id, item, actor=principal_of(request).actor)


@post(
    "/meetings/{meeting_id:str}/points/{item:str}/summary",
    action="attend_meeting",
    status_code=200,
    tags=["meetings"],
    summary="Write what was said",
)
async def summarize(request: ApiRequest, meeting_id: FromPath[str], item: FromPath[str], data: JSONBody[Summary]) -> AgendaItem:
    """Conflict where somebody else has changed the text since."""
    return await services_of(request).meeting_points.summarize(
        meeting_id, item, data.text, revision=data.revision, actor=principal_of(request).actor
    )


@post("/meetings/{meeting_id:str}/notes", action="attend_meeting", status_code=201, tags=["meetings"], summary="Say something")
async def add_note(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[NewNote]) -> MeetingNote:
    """For the minutes, with one's name."""
    return await services_of(request).meeting_points.note(
        meeting_id, data.text, item=data.item, actor=principal_of(request).actor
    )


@post(
    "/meetings/{meeting_id:str}/decisions",
    action="attend_meeting",
    status_code=201,
    tags=["meetings"],
    summary="Propose a decision",
)
async def propose(request: ApiRequest, meeting_id: FromPath[str], data: JSONBody[Proposal]) -> Decision:
    """It binds nobody before its votes are counted."""
    return await services_of(request).meeting_decisions.propose(
        meeting_id,
        data.item,
        text=data.text,
        kind=data.kind,
        subject=data.subject,
        terms=data.terms,
        cites=data.cites,
        actor=principal_of(request).actor,
    )


@get("/decisions", action="read", tags=["meetings"], summary="List decisions")
async def list_decisions(
    request: ApiRequest,
    subject: Annotated[str | None, QueryParameter(max_length=300, description="What they are about, as KIND/ID")] = None,
    meeting: Annotated[str | None, QueryParameter(max_length=64)] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[Decision]]:
    """The newest first."""
    return {"decisions": await services_of(request).meeting_decisions.find(subject=subject, meeting=meeting, limit=limit)}


@get("/decisions/{decision_id:str}", action="read", tags=["meetings"], summary="One decision")
async def get_decision(request: ApiRequest, decision_id: FromPath[str]) -> Decision:
    """With its votes."""
    return await services_of(request).meeting_decisions.get(decision_id)


@post(
    "/decisions/{decision_id:str}/amend", action="attend_meeting", status_code=200, tags=["meetings"], summary="Change a proposal"
)
async def amend(request: ApiRequest, decision_id: FromPath[str], data: JSONBody[Amendment]) -> Decision:
    """Votes on the wording before no longer count."""
    return await services_of(request).meeting_decisions.amend(
        decision_id, **msgspec.structs.asdict(data), actor=principal_of(request).actor
    )


@post("/decisions/{decision_id:str}/votes", action="vote", status_code=200, tags=["meetings"], summary="Vote")
async def vote(request: ApiRequest, decision_id: FromPath[str], data: JSONBody[Ballot]) -> Decision:
    """For the function that one speaks for in the meeting."""
    return await services_of(request).meeting_decisions.vote(
        decision_id, data.word, text_revision=data.text_revision, remark=data.remark, actor=principal_of(request).actor
    )


@post(
    "/decisions/{decision_id:str}/count", action="manage_meeting", status_code=200, tags=["meetings"], summary="Count the votes"
)
async def count(request: ApiRequest, decision_id: FromPath[str], data: JSONBody[Counting]) -> Decision:
    """With a quorum only; what is adopted is brought about in the same transaction."""
    return await services_of(request).meeting_decisions.conclude(
        decision_id, text_revision=data.text_revision, actor=principal_of(request).actor
    )


@post(
    "/decisions/{decision_id:str}/withdraw",
    action="attend_meeting",
    status_code=200,
    tags=["meetings"],
    summary="Withdraw a proposal",
)
async def withdraw(request: ApiRequest, decision_id: FromPath[str], data: JSONBody[Cancel]) -> Decision:
    """By who made it, or who runs the meeting."""
    return await services_of(request).meeting_decisions.withdraw(
        decision_id, reason=data.reason, actor=principal_of(request).actor
    )


HANDLERS = [
    list_meetings,
    get_cadence,
    set_cadence,
    schedule,
    get_meeting,
    move,
    cancel,
    open_meeting,
    close_meeting,
    join,
    leave,
    add_topic,
    place,
    defer,
    take_up,
    discuss,
    summarize,
    add_note,
    propose,
    list_decisions,
    get_decision,
    amend,
    vote,
    count,
    withdraw,
]
