"""Meetings of the GenAI Stream: the cadence that schedules them, moving and cancelling, opening and closing, who is there.

One meeting is open at a time. What binds takes a quorum at that very moment (see `meeting_decisions`); closing drafts the minutes
from the record and keeps their hash.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from groundcrew.domain.approval import FUNCTIONS, Function
from groundcrew.domain.cadence import problem_of, slots_from
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.meeting import (
    EVERY_DAYS_DEFAULT,
    REMARK_LENGTH_MAX,
    SPANS_MAX,
    Attendance,
    Cadence,
    MeetingState,
    StreamMeeting,
)
from groundcrew.domain.moments import in_utc
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.agenda import MeetingView, new_item, view_of
from groundcrew.services.agenda_sources import wanted
from groundcrew.services.lookups import require
from groundcrew.services.meeting_records import (
    account_of,
    cleaned,
    meetings_in,
    present,
    put,
    require_manager,
    require_open,
    require_unclosed,
    rescheduled,
    text_of,
)
from groundcrew.services.minutes import draft
from groundcrew.store import deciding, meetings
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:stream"
#: Meetings that the cadence keeps scheduled ahead.
AHEAD = 2
#: Slots that are looked at for them; more than so many in a row are not cancelled by hand.
SLOTS_MAX = 60
#: A meeting that nobody has opened is cancelled by itself so long after its end, so that it is not taken for one to come [D].
MISSED_AFTER = timedelta(hours=24)
#: A meeting is opened at most so long before it starts, so that people can count on when they are to be there [D].
OPENS_BEFORE = timedelta(hours=24)
PLACE_LENGTH_MAX = 500
LENGTH_MAX = timedelta(hours=8)
SCHEDULED_AHEAD_MAX = timedelta(days=400)


class StreamNow(msgspec.Struct, frozen=True, kw_only=True):
    """The meetings at a glance: the open one, those to come, those that are over, the newest first; `cadence` is None where none
    is set."""

    open: StreamMeeting | None
    coming: tuple[StreamMeeting, ...]
    past: tuple[StreamMeeting, ...]
    cadence: Cadence | None

    @property
    def next(self) -> StreamMeeting | None:
        """The open meeting, or else the next one."""
        return self.open or (self.coming[0] if self.coming else None)


class Meetings:
    """Meetings of the GenAI Stream of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self, *, past_max: int = 50) -> StreamNow:
        """What is open, to come and over."""
        async with self._database.read() as connection:
            opened = await meetings_in(connection, "open")
            coming = await meetings_in(connection, "scheduled")
            over = [*await meetings_in(connection, "closed"), *await meetings_in(connection, "cancelled")]
            cadence = await deciding.CADENCES.get(connection, deciding.CADENCE_ID)
        past = sorted(over, key=lambda each: (each.starts_at, each.id), reverse=True)[:past_max]
        return StreamNow(open=opened[0] if opened else None, coming=tuple(coming), past=tuple(past), cadence=cadence)

    async def find(self, *, state: MeetingState | None = None, limit: int = 200) -> list[StreamMeeting]:
        """The latest first, in one state where given."""
        equal: dict[str, Any] = {"state": state} if state is not None else {}
        async with self._database.read() as connection:
            found = await deciding.MEETINGS.find(connection, **equal)
        return sorted(found, key=lambda each: (each.starts_at, each.id), reverse=True)[:limit]

    async def get(self, meeting_id: str) -> StreamMeeting:
        """One meeting; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, deciding.MEETINGS, meeting_id)

    async def view(self, meeting_id: str) -> MeetingView:
        """One meeting with its agenda, attendance and decisions as they are now; NotFound."""
        async with self._database.read() as connection:
            return await view_of(connection, meeting_id, self._database.clock.now())

    async def pulses(self, meeting_ids: list[str]) -> dict[str, int]:
        """A number for each of these meetings that rises with every change of it; those that never changed are left out."""
        async with self._database.read() as connection:
            found: dict[str, int] = {}
            for start in range(0, len(meeting_ids), meetings.MEETINGS_MAX):
                found |= await meetings.pulses(connection, meeting_ids[start : start + meetings.MEETINGS_MAX])
        return found

    async def set_cadence(
        self,
        *,
        first_day: date,
        at: str,
        time_zone: str,
        length_min: int,
        actor: str,
        place: str = "",
        every_days: int = EVERY_DAYS_DEFAULT,
    ) -> Cadence:
        """Say when the Stream meets. Meetings to come that the new cadence has as well stay; others of the old one are cancelled;
        those that were moved or made by hand stay where they are. The next ones are scheduled at once."""
        asked = Cadence(
            first_day=first_day,
            at=at,
            time_zone=time_zone,
            length_min=length_min,
            place=text_of(place, "place", PLACE_LENGTH_MAX, required=False),
            every_days=every_days,
        )
        problem = problem_of(asked)
        if problem is not None:
            raise InputError(problem[1], field=problem[0])
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor, by_command=True)
            before = await deciding.CADENCES.get(writer.connection, deciding.CADENCE_ID)
            revision = before.revision + 1 if before is not None else 1
            made = msgspec.structs.replace(asked, revision=revision, set_by=actor, set_at=writer.clock.now())
            await deciding.CADENCES.put(writer, made, "set")
            await _adopt(writer, made)
            await _schedule_ahead(writer, made)
        return made

    async def keep_scheduled(self) -> list[StreamMeeting]:
        """Schedule the next meetings of the cadence, and cancel those that nobody has opened. Returns what was made; writes
        nothing where nothing is to be done, and of several that try at once one does."""
        async with self._database.read() as connection:
            cadence = await deciding.CADENCES.get(connection, deciding.CADENCE_ID)
            now = self._database.clock.now()
            idle = cadence is None or not await _lacking(connection, cadence, now)
            if idle and not await _missed(connection, now):
                return []
        async with self._database.write(ACTOR) as writer:
            for each in await _missed(writer.connection, writer.clock.now()):
                gone = rescheduled(writer, each, state="cancelled", reason="nobody has opened it")
                await put(writer, gone, "cancel", reason=gone.reason)
                await _put_off_points(writer, gone)
            cadence = await deciding.CADENCES.get(writer.connection, deciding.CADENCE_ID)
            return await _schedule_ahead(writer, cadence) if cadence is not None else []

    async def schedule(self, starts_at: datetime, *, length_min: int, actor: str, place: str = "") -> StreamMeeting:
        """Schedule a meeting besides the cadence."""
        place = text_of(place, "place", PLACE_LENGTH_MAX, required=False)
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor, by_command=True)
            begin, end = _times(starts_at, timedelta(minutes=length_min), writer.clock.now())
            name = new_id()
            meeting = StreamMeeting(
                id=name,
                slot=f"by-hand/{name}",
                starts_at=begin,
                ends_at=end,
                place=place,
                created_at=writer.clock.now(),
                created_by=actor,
                changed_at=writer.clock.now(),
            )
            await put(writer, meeting, "schedule")
        return meeting

    async def move(
        self, meeting_id: str, starts_at: datetime, *, reason: str, actor: str, length_min: int | None = None
    ) -> StreamMeeting:
        """Move a scheduled meeting to another time; the cadence stays."""
        (reason,) = await cleaned(text_of(reason, "reason", REMARK_LENGTH_MAX))
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor, by_command=True)
            meeting = await _scheduled(writer, meeting_id)
            length = meeting.ends_at - meeting.starts_at if length_min is None else timedelta(minutes=length_min)
            begin, end = _times(starts_at, length, writer.clock.now())
            moved = rescheduled(writer, meeting, starts_at=begin, ends_at=end, reason=reason)
            await put(writer, moved, "move", reason=reason)
        return moved

    async def cancel(self, meeting_id: str, *, reason: str, actor: str) -> StreamMeeting:
        """Cancel a scheduled meeting. Its topics come to the next one, and the cadence stays."""
        (reason,) = await cleaned(text_of(reason, "reason", REMARK_LENGTH_MAX))
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor, by_command=True)
            meeting = await _scheduled(writer, meeting_id)
            gone = rescheduled(writer, meeting, state="cancelled", reason=reason)
            await put(writer, gone, "cancel", reason=reason)
            await _put_off_points(writer, gone)
            cadence = await deciding.CADENCES.get(writer.connection, deciding.CADENCE_ID)
            if cadence is not None:
                await _schedule_ahead(writer, cadence)
        return gone

    async def open(self, meeting_id: str, *, actor: str) -> StreamMeeting:
        """Open a scheduled meeting, with the agenda as it is now. Conflict where another one is open, and more than OPENS_BEFORE
        before it starts."""
        async with self._database.write(actor) as writer:
            await account_of(writer.connection, actor)
            await require_manager(writer.connection, actor)
            meeting = await _scheduled(writer, meeting_id)
            others = await meetings_in(writer.connection, "open")
            if others:
                raise Conflict(f"the meeting of {others[0].starts_at:%Y-%m-%d %H:%M} is open: close it first")
            now = writer.clock.now()
            if now < meeting.starts_at - OPENS_BEFORE:
                hours = OPENS_BEFORE // timedelta(hours=1)
                starts = f"{meeting.starts_at:%Y-%m-%d %H:%M} UTC"
                raise Conflict(
                    f"it starts at {starts} and is opened at most {hours} hours before: move it, so that everybody knows"
                )
            opened = msgspec.structs.replace(meeting, state="open", opened_at=now, opened_by=actor)
            await put(writer, opened, "open")
            known = {each.key for each in await deciding.AGENDA_ITEMS.find(writer.connection, meeting=meeting_id)}
            for key, entry in (await wanted(writer.connection, now)).items():
                if key not in known:
                    await deciding.AGENDA_ITEMS.put(writer, new_item(meeting_id, entry, writer), "put_on_agenda")
        return opened

    async def join(self, meeting_id: str, *, actor: str, function: str | None = None) -> Attendance:
        """Be there, and where `function` is given speak for it: one person at a time speaks for a function, and a person for one
        function in a meeting."""
        if function is not None and function not in FUNCTIONS:
            raise InputError(f"expected one of {', '.join(FUNCTIONS)}, found {function!r}", field="function")
        async with self._database.write(actor) as writer:
            connection = writer.connection
            await require_open(connection, meeting_id)
            user = await account_of(connection, actor)
            spans = await deciding.ATTENDANCE.find(connection, meeting=meeting_id)
            mine = next((each for each in spans if each.left_at is None and each.person == user.name), None)
            if function is not None:
                await _check_seat(writer, meeting_id, user.name, user.roles, function)
            if mine is not None and mine.function == function:
                return mine
            if len(spans) >= SPANS_MAX:
                raise Conflict(f"people have come and gone {SPANS_MAX} times in this meeting")
            if mine is not None:
                await _leave(writer, mine)
            span = Attendance(
                id=new_id(), meeting=meeting_id, person=user.name, function=_function(function), joined_at=writer.clock.now()
            )
            await deciding.ATTENDANCE.put(writer, span, "join", details={"function": function or ""})
            await meetings.pulse(connection, meeting_id)
        return span

    async def leave(self, meeting_id: str, *, actor: str, person: str | None = None) -> Attendance:
        """Leave; or say that `person` has left, for who runs the meeting. Whoever spoke alone for a function ends the quorum.

        Conflict where somebody else is said to have left who has voted on what is not counted yet: they leave by themselves."""
        async with self._database.write(actor) as writer:
            await require_open(writer.connection, meeting_id)
            user = await account_of(writer.connection, actor)
            who = person or user.name
            if who != user.name:
                await require_manager(writer.connection, actor)
                await _check_silent(writer.connection, meeting_id, who)
            span = next((each for each in await present(writer.connection, meeting_id) if each.person == who), None)
            if span is None:
                raise Conflict(f"{who} is not in the meeting")
            return await _leave(writer, span)

    async def close(self, meeting_id: str, *, actor: str) -> StreamMeeting:
        """Close the open meeting: what was not reached is put off to the next one, everybody leaves, what is proposed and not
        decided is withdrawn, and the minutes are drafted from the record and hashed."""
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor)
            meeting = await require_open(writer.connection, meeting_id)
            now = writer.clock.now()
            view = await view_of(writer.connection, meeting_id, now)
            for each in view.present:
                await _leave(writer, each)
            for decision in (each for point in (*view.points, *view.deferred) for each in point.decisions):
                if decision.state == "proposed":
                    undecided = msgspec.structs.replace(
                        decision,
                        state="withdrawn",
                        decided_by=ACTOR,
                        decided_at=now,
                        reason="the meeting was closed before a count",
                    )
                    await deciding.DECISIONS.put(writer, undecided, "withdraw", reason=undecided.reason)
            await _put_off_points(writer, meeting, view)
            closed = msgspec.structs.replace(meeting, state="closed", closed_at=now, closed_by=actor, current=None)
            minutes = await draft(writer.connection, closed, view.settled)
            await deciding.MINUTES.put(writer, minutes, "draft")
            closed = msgspec.structs.replace(closed, minutes_sha256=minutes.sha256)
            await put(writer, closed, "close", reason=f"minutes sha256 {minutes.sha256}")
        return closed


def _function(name: str | None) -> Function | None:
    return next((each for each in FUNCTIONS if each == name), None)


async def _check_seat(writer: Writer, meeting_id: str, name: str, roles: tuple[str, ...], function: str) -> None:
    """Raise unless this person may speak for the function in this meeting now."""
    if function not in roles:
        raise NotAllowed(f"{name} does not hold the function {function}")
    spans = await deciding.ATTENDANCE.find(writer.connection, meeting=meeting_id)
    for each in spans:
        if each.person == name and each.function not in (None, function):
            raise NotAllowed(f"{name} has spoken for {each.function} in this meeting: one person fills one function")
    for each in spans:
        if each.left_at is None and each.function == function and each.person != name:
            raise Conflict(f"{each.person} speaks for {function} now: join without a function, or take over when they have left")


async def _check_silent(connection: Connection, meeting_id: str, person: str) -> None:
    """Conflict where a person has voted on a proposal that is still open, on whichever wording of it."""
    for each in await deciding.DECISIONS.find(connection, meeting=meeting_id, state="proposed"):
        if any(vote.person == person for vote in each.votes):
            raise Conflict(
                f"{person} has voted on “{each.text[:80]}”: count it or withdraw it first, or they leave by themselves"
            )


async def _leave(writer: Writer, span: Attendance) -> Attendance:
    gone = msgspec.structs.replace(span, left_at=writer.clock.now(), left_by=writer.actor)
    await deciding.ATTENDANCE.put(writer, gone, "leave")
    await meetings.pulse(writer.connection, span.meeting)
    return gone


async def _scheduled(writer: Writer, meeting_id: str) -> StreamMeeting:
    meeting = await require_unclosed(writer.connection, meeting_id)
    if meeting.state != "scheduled":
        raise Conflict("the meeting is open already")
    return meeting


def _times(starts_at: datetime, length: timedelta, now: datetime) -> tuple[datetime, datetime]:
    if starts_at.tzinfo is None:
        raise InputError("give the time with its zone, such as 2026-12-01T14:00:00+01:00", field="starts_at")
    if not timedelta(minutes=15) <= length <= LENGTH_MAX:
        raise InputError("a meeting takes 15 minutes to 8 hours", field="length_min")
    begin = in_utc(starts_at, "starts_at").replace(second=0, microsecond=0)
    if begin > now + SCHEDULED_AHEAD_MAX:
        raise InputError(f"at most {SCHEDULED_AHEAD_MAX.days} days ahead", field="starts_at")
    if begin + length <= now:
        raise InputError("this time is past", field="starts_at")
    return begin, begin + length


async def _lacking(connection: Connection, cadence: Cadence, now: datetime) -> int:
    """How many meetings the cadence still has to schedule."""
    slots = f"{cadence.revision}/"
    coming = [each for each in await meetings_in(connection, "scheduled") if each.slot.startswith(slots) and each.ends_at > now]
    return max(AHEAD - len(coming), 0)


async def _missed(connection: Connection, now: datetime) -> list[StreamMeeting]:
    return [each for each in await meetings_in(connection, "scheduled") if each.ends_at + MISSED_AFTER < now]


async def _schedule_ahead(writer: Writer, cadence: Cadence) -> list[StreamMeeting]:
    """Fill the next slots until AHEAD meetings are to come. A slot that ever had a meeting is not filled again."""
    now = writer.clock.now()
    made: list[StreamMeeting] = []
    lacking = await _lacking(writer.connection, cadence, now)
    for slot in islice(slots_from(cadence, now), SLOTS_MAX):
        if len(made) == lacking:
            break
        if await deciding.MEETINGS.find(writer.connection, slot=slot.name, limit=1):
            continue
        meeting = StreamMeeting(
            id=new_id(),
            slot=slot.name,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            place=cadence.place,
            created_at=now,
            created_by=writer.actor,
            changed_at=now,
        )
        await put(writer, meeting, "schedule")
        made.append(meeting)
    return made


async def _adopt(writer: Writer, cadence: Cadence) -> None:
    """Take over the meetings of the cadence before that this one has as well, and cancel the others. A moved one stays."""
    now = writer.clock.now()
    slots = {each.starts_at: each for each in islice(slots_from(cadence, now), SLOTS_MAX)}
    for meeting in await meetings_in(writer.connection, "scheduled"):
        if meeting.slot.startswith("by-hand/") or meeting.starts_at <= now:
            continue
        slot = slots.get(meeting.starts_at)
        if slot is not None:
            kept = rescheduled(writer, meeting, slot=slot.name, ends_at=slot.ends_at, place=cadence.place)
            await put(writer, kept, "reschedule", reason="the cadence has changed")
        elif meeting.sequence and meeting.reason:
            # Somebody has moved it: it stays where they put it, besides the cadence.
            await put(writer, msgspec.structs.replace(meeting, slot=f"by-hand/{meeting.id}"), "reschedule", reason="moved before")
        else:
            gone = rescheduled(writer, meeting, state="cancelled", reason="the cadence has changed")
            await put(writer, gone, "cancel", reason=gone.reason)
            await _put_off_points(writer, gone)


async def _put_off_points(writer: Writer, meeting: StreamMeeting, view: MeetingView | None = None) -> None:
    """Put off whatever was not talked about: of an open meeting every point, else only what people had put on its agenda."""
    why = "not reached" if view is not None else "the meeting was cancelled"
    rows = {each.id: each for each in await deciding.AGENDA_ITEMS.find(writer.connection, meeting=meeting.id)}
    listed = {each.id: each.entry for each in view.points} if view is not None else {}
    for name, entry in listed.items():
        rows.setdefault(name, new_item(meeting.id, entry, writer))
    for row in rows.values():
        if row.state == "queued" and (view is None or row.id in listed):
            off = msgspec.structs.replace(
                row, state="deferred", reason=why, at=writer.clock.now(), revision=row.revision + 1, changed_by=writer.actor
            )
            await deciding.AGENDA_ITEMS.put(writer, off, "defer", reason=why)
