"""The agenda of a meeting: what wants the Stream's time now, merged with what people did to it, ordered by what blocks most.

The order is: points that people put in a place, by that place; then by how many use cases a point blocks, by its kind in the
order of `domain.agenda.AgendaKind` (an incident before a veto before a gate request …), by its due date, by how long it has
waited, and by its key, so that two people who look see the same order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import msgspec

from groundcrew.domain.agenda import AgendaEntry, AgendaKind
from groundcrew.domain.approval import FUNCTIONS, Function
from groundcrew.domain.meeting import (
    POINTS_MAX,
    ActionItem,
    AgendaItem,
    Attendance,
    Count,
    Decision,
    MeetingNote,
    PointState,
    StreamMeeting,
    count_votes,
    item_id,
    missing_functions,
    quorum_spans,
)
from groundcrew.errors import Conflict, NotFound
from groundcrew.services.agenda_sources import wanted
from groundcrew.services.decision_subjects import concerned
from groundcrew.services.lookups import person_of, require
from groundcrew.services.meeting_records import Seats, seats, speakers
from groundcrew.store import deciding
from groundcrew.store.database import Connection, Writer

_RANK = {kind: place for place, kind in enumerate(get_args(AgendaKind))}
_NEVER = datetime.max.replace(tzinfo=UTC)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One point as a page shows it. `number` counts from 1 in the order of the agenda; `earlier` tells of meetings that put it
    off; `revision` is 0 while nobody has touched it."""

    id: str
    number: int
    entry: AgendaEntry
    state: PointState
    place: int | None
    summary: str
    reason: str
    revision: int
    changed_by: str
    earlier: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    notes: tuple[MeetingNote, ...] = ()
    actions: tuple[ActionItem, ...] = ()


class MeetingView(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting at one moment. `settled` are points that were on the agenda when it was opened and no longer want time;
    `counts` says how the votes of each proposed decision stand."""

    meeting: StreamMeeting
    points: tuple[Point, ...]
    deferred: tuple[Point, ...]
    settled: tuple[str, ...]
    attendance: tuple[Attendance, ...]
    seats: dict[Function, str]
    missing: tuple[Function, ...]
    notes: tuple[MeetingNote, ...]
    actions: tuple[ActionItem, ...]
    spans: tuple[tuple[datetime, datetime], ...]
    counts: dict[str, Count]
    overdue: tuple[str, ...] = ()

    @property
    def quorum(self) -> bool:
        """Whether something binding can be decided now."""
        return self.meeting.state == "open" and not self.missing

    @property
    def present(self) -> tuple[Attendance, ...]:
        """Who is there."""
        return tuple(each for each in self.attendance if each.left_at is None)

    @property
    def current(self) -> Point | None:
        """The point that is being talked about."""
        return self.point(self.meeting.current)

    def point(self, item: str | None) -> Point | None:
        """One point by its id, on the agenda or put off."""
        return next((each for each in (*self.points, *self.deferred) if each.id == item), None)


def order_of(entry: AgendaEntry, place: int | None) -> tuple[object, ...]:
    """What points are sorted by."""
    return (place is None, place or 0, -entry.blocks, _RANK[entry.kind], entry.due or _NEVER, entry.since, entry.key)


async def view_of(connection: Connection, meeting_id: str, now: datetime) -> MeetingView:
    """A meeting with everything that belongs to it, as one transaction sees it."""
    meeting = await require(connection, deciding.MEETINGS, meeting_id)
    rows = {each.key: each for each in await deciding.AGENDA_ITEMS.find(connection, meeting=meeting_id)}
    live = meeting.state in ("scheduled", "open")
    entries = await wanted(connection, now) if live else {}
    decisions = await deciding.DECISIONS.find(connection, meeting=meeting_id)
    notes = await deciding.MEETING_NOTES.find(connection, meeting=meeting_id)
    actions = await deciding.ACTION_ITEMS.find(connection, meeting=meeting_id)
    earlier = await _put_off(connection, meeting_id, {*rows, *entries})
    listed: dict[str, tuple[AgendaEntry, AgendaItem | None]] = {}
    listed |= {key: (entries.get(key, row.entry), row) for key, row in rows.items()}
    listed |= {key: (entry, None) for key, entry in entries.items() if key not in rows}
    settled = [key for key, (_, row) in listed.items() if row is not None and live and _is_settled(row, entries)]
    found = [(entry, row) for key, (entry, row) in listed.items() if key not in settled]
    found.sort(key=lambda each: order_of(each[0], each[1].place if each[1] is not None else None))

    def point(number: int, entry: AgendaEntry, row: AgendaItem | None) -> Point:
        name = item_id(meeting_id, entry.key)
        return Point(
            id=name,
            number=number,
            entry=entry,
            state=row.state if row is not None else "queued",
            place=row.place if row is not None else None,
            summary=row.summary if row is not None else "",
            reason=row.reason if row is not None else "",
            revision=row.revision if row is not None else 0,
            changed_by=row.changed_by if row is not None else "",
            earlier=earlier.get(entry.key, ()),
            decisions=tuple(each for each in decisions if each.item == name),
            notes=tuple(each for each in notes if each.item == name),
            actions=tuple(each for each in actions if each.item == name),
        )

    # What is closed keeps its order, whatever was put off in it.
    shown = [each for each in found if each[1] is None or each[1].state != "deferred" or not live][:POINTS_MAX]
    off = [each for each in found if live and each[1] is not None and each[1].state == "deferred"]
    points = tuple(point(number, *each) for number, each in enumerate(shown, start=1))
    there = await seats(connection, meeting_id)
    attendance = tuple(await deciding.ATTENDANCE.find(connection, meeting=meeting_id))
    counts: dict[str, Count] = {}
    for each in decisions:
        if each.state == "proposed":
            heard = await speakers(connection, each, there)
            counts[each.id] = count_votes(each, heard, await recused_of(connection, each, rows_by_id(rows), heard))
    return MeetingView(
        meeting=meeting,
        points=points,
        deferred=tuple(point(0, *each) for each in off),
        settled=tuple(rows[key].entry.title for key in settled),
        attendance=attendance,
        seats=there,
        missing=missing_functions(there),
        notes=tuple(each for each in notes if not each.item),
        actions=tuple(actions),
        spans=tuple(quorum_spans(attendance, meeting.closed_at or now)),
        counts=counts,
        overdue=tuple(each.id for each in actions if each.overdue(now.date())),
    )


def rows_by_id(rows: dict[str, AgendaItem]) -> dict[str, AgendaItem]:
    """Rows of a meeting by id instead of by key."""
    return {each.id: each for each in rows.values()}


async def recused_of(
    connection: Connection, decision: Decision, rows: dict[str, AgendaItem], heard: Seats
) -> tuple[Function, ...]:
    """The functions that have no say in a decision: who speaks for them owns, champions or has built a use case that it acts on,
    or is a person whom it concerns (see `decision_subjects`)."""
    silent = await concerned(connection, decision, rows.get(decision.item))
    return tuple(each for each in FUNCTIONS if each in heard and person_of(heard[each]) in silent)


async def ensure_item(writer: Writer, meeting_id: str, item: str) -> AgendaItem:
    """The row of a point, made where nobody has touched the point before; NotFound for what is not on the agenda."""
    connection = writer.connection
    row = await deciding.AGENDA_ITEMS.get(connection, item)
    if row is not None and row.meeting == meeting_id:
        return row
    for key, entry in (await wanted(connection, writer.clock.now())).items():
        if item_id(meeting_id, key) == item:
            if await deciding.AGENDA_ITEMS.count(connection, meeting=meeting_id) >= POINTS_MAX:
                raise Conflict(f"a meeting has at most {POINTS_MAX} points")
            made = new_item(meeting_id, entry, writer)
            await deciding.AGENDA_ITEMS.put(writer, made, "put_on_agenda")
            return made
    raise NotFound("this point is not on the agenda, or was settled in between: look at the agenda again")


def new_item(meeting_id: str, entry: AgendaEntry, writer: Writer) -> AgendaItem:
    """The row of a point as nobody has touched it yet."""
    return AgendaItem(
        id=item_id(meeting_id, entry.key),
        meeting=meeting_id,
        key=entry.key,
        entry=entry,
        at=writer.clock.now(),
        changed_by=writer.actor,
    )


def _is_settled(row: AgendaItem, entries: dict[str, AgendaEntry]) -> bool:
    # A topic is settled by nothing but a meeting; what was talked about stays in the meeting that did.
    return row.state == "queued" and row.entry.kind != "topic" and row.key not in entries


async def _put_off(connection: Connection, meeting_id: str, keys: set[str]) -> dict[str, tuple[str, ...]]:
    """By key, how earlier meetings put it off, oldest first."""
    found: dict[str, list[AgendaItem]] = {}
    for each in await deciding.AGENDA_ITEMS.find(connection, state="deferred"):
        if each.key in keys and each.meeting != meeting_id:
            found.setdefault(each.key, []).append(each)
    return {
        key: tuple(f"put off on {each.at:%Y-%m-%d}: {each.reason}" for each in sorted(rows, key=lambda each: each.at))
        for key, rows in found.items()
    }
