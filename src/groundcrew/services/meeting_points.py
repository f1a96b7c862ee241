"""Points of a meeting: topics that people add, the order that they want, what is put off, what was said."""

from __future__ import annotations

import msgspec

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.meeting import (
    NOTES_MAX,
    POINTS_MAX,
    REMARK_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    AgendaItem,
    MeetingNote,
    PointState,
    item_id,
)
from groundcrew.errors import Conflict, NotFound
from groundcrew.services.agenda import ensure_item, new_item, view_of
from groundcrew.services.lookups import person_of, require_use_case
from groundcrew.services.meeting_records import (
    account_of,
    cleaned,
    put,
    require_manager,
    require_open,
    require_present,
    require_unclosed,
    text_of,
)
from groundcrew.store import deciding, meetings
from groundcrew.store.database import Database, Writer


class MeetingPoints:
    """Points of the meetings of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_topic(self, meeting_id: str, title: str, *, why: str, actor: str, use_case: str | None = None) -> AgendaItem:
        """Put a topic of one's own on the agenda. It comes back to the next meeting until one has talked about it."""
        title, why = text_of(title, "title", TITLE_LENGTH_MAX), text_of(why, "why", REMARK_LENGTH_MAX)
        title, why = await cleaned(title, why)
        async with self._database.write(actor) as writer:
            await account_of(writer.connection, actor)
            await require_unclosed(writer.connection, meeting_id)
            if use_case:
                await require_use_case(writer.connection, use_case)
            if await deciding.AGENDA_ITEMS.count(writer.connection, meeting=meeting_id) >= POINTS_MAX:
                raise Conflict(f"a meeting has at most {POINTS_MAX} points")
            key = f"topic/{new_id()}"
            entry = AgendaEntry(
                key=key,
                kind="topic",
                title=title,
                subject=f"use-case/{use_case}" if use_case else f"agenda-item/{item_id(meeting_id, key)}",
                why=why,
                since=writer.clock.now(),
                link=f"/use-cases/{use_case}" if use_case else "",
                use_case=use_case or None,
            )
            row = new_item(meeting_id, entry, writer)
            await deciding.AGENDA_ITEMS.put(writer, row, "add_topic", reason=why)
            await meetings.pulse(writer.connection, meeting_id)
        return row

    async def place(self, meeting_id: str, item: str, place: int | None, *, actor: str) -> AgendaItem:
        """Hold a point at this place of the agenda, counted from 1, and with it whatever stands before it now; None lets it go
        back to where it belongs by itself."""
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor)
            await require_unclosed(writer.connection, meeting_id)
            if place is None:
                return await self._change(writer, await ensure_item(writer, meeting_id, item), "let_go", place=None)
            view = await view_of(writer.connection, meeting_id, writer.clock.now())
            order = [each.id for each in view.points if each.id != item]
            if len(order) == len(view.points):
                raise NotFound("this point is not on the agenda: look at it again")
            at = min(max(place, 1), len(order) + 1)
            order.insert(at - 1, item)
            held = max(at, sum(1 for each in view.points if each.place is not None))
            changed = None
            for number, name in enumerate(order[:held], start=1):
                row = await ensure_item(writer, meeting_id, name)
                if row.place != number:
                    row = await self._change(writer, row, "place", place=number)
                changed = row if name == item else changed
            assert changed is not None
        return changed

    async def defer(self, meeting_id: str, item: str, *, reason: str, actor: str) -> AgendaItem:
        """Put a point off to the next meeting, and say why. It takes no quorum."""
        (reason,) = await cleaned(text_of(reason, "reason", REMARK_LENGTH_MAX))
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor)
            meeting = await require_unclosed(writer.connection, meeting_id)
            row = await ensure_item(writer, meeting_id, item)
            if row.state == "decided":
                raise Conflict("this point is decided already")
            for each in await deciding.DECISIONS.find(writer.connection, meeting=meeting_id, state="proposed"):
                if each.item == item:
                    raise Conflict("a decision on this point is proposed: count its votes or withdraw it first")
            changed = await self._change(writer, row, "defer", state="deferred", reason=reason, place=None, why=reason)
            if meeting.current == item:
                await put(writer, msgspec.structs.replace(meeting, current=None), "leave_point")
        return changed

    async def take_up(self, meeting_id: str, item: str, *, actor: str) -> AgendaItem:
        """Put a deferred point back on this meeting's agenda."""
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor)
            await require_unclosed(writer.connection, meeting_id)
            row = await ensure_item(writer, meeting_id, item)
            if row.state != "deferred":
                raise Conflict("this point was not put off")
            back: PointState = "discussed" if row.discussed_at is not None else "queued"
            return await self._change(writer, row, "take_up", state=back, reason="")

    async def discuss(self, meeting_id: str, item: str, *, actor: str) -> AgendaItem:
        """Go to a point: it is what the meeting talks about now."""
        async with self._database.write(actor) as writer:
            await require_manager(writer.connection, actor)
            meeting = await require_open(writer.connection, meeting_id)
            await require_present(writer.connection, meeting_id, actor)
            row = await ensure_item(writer, meeting_id, item)
            if row.state in ("queued", "deferred"):
                row = await self._change(
                    writer, row, "discuss", state="discussed", discussed_at=row.discussed_at or writer.clock.now(), reason=""
                )
            if meeting.current != item:
                await put(writer, msgspec.structs.replace(meeting, current=item), "go_to_point")
        return row

    async def summarize(self, meeting_id: str, item: str, text: str, *, revision: int, actor: str) -> AgendaItem:
        """Write what was said about a point, over the text of `revision`. Conflict where somebody else has changed it since:
        nothing of either text is lost."""
        (text,) = await cleaned(text_of(text, "summary", TEXT_LENGTH_MAX, required=False))
        async with self._database.write(actor) as writer:
            await require_open(writer.connection, meeting_id)
            await require_present(writer.connection, meeting_id, actor)
            row = await ensure_item(writer, meeting_id, item)
            if row.summary == text:
                return row
            if row.revision != revision and row.summary:
                raise Conflict(
                    f"{person_of(row.changed_by)} has changed this text since you began: yours is still in the field and not "
                    "saved; put the two together and save again"
                )
            return await self._change(writer, row, "summarize", summary=text)

    async def note(self, meeting_id: str, text: str, *, actor: str, item: str = "") -> MeetingNote:
        """Say something about a point, or about the meeting: it stands in the minutes with one's name. It takes no quorum."""
        (text,) = await cleaned(text_of(text, "text", TEXT_LENGTH_MAX))
        async with self._database.write(actor) as writer:
            await require_open(writer.connection, meeting_id)
            await require_present(writer.connection, meeting_id, actor)
            if item:
                await ensure_item(writer, meeting_id, item)
            if await deciding.MEETING_NOTES.count(writer.connection, meeting=meeting_id) >= NOTES_MAX:
                raise Conflict(f"a meeting has at most {NOTES_MAX} notes")
            note = MeetingNote(id=new_id(), meeting=meeting_id, item=item, by=actor, at=writer.clock.now(), text=text)
            await deciding.MEETING_NOTES.put(writer, note, "say")
            await meetings.pulse(writer.connection, meeting_id)
        return note

    async def _change(self, writer: Writer, row: AgendaItem, action: str, *, why: str = "", **changes: object) -> AgendaItem:
        # Only the text of a point has a revision that people hold against each other: its place is nobody's text.
        revision = row.revision + 1 if "summary" in changes else row.revision
        by = writer.actor if "summary" in changes or not row.summary else row.changed_by
        changed = msgspec.structs.replace(row, at=writer.clock.now(), revision=revision, changed_by=by, **changes)
        await deciding.AGENDA_ITEMS.put(writer, changed, action, reason=why)
        await meetings.pulse(writer.connection, row.meeting)
        return changed
