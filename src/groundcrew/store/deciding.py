"""The collections of deciding together. Whatever stands here is verified by the audit, row by row."""

from __future__ import annotations

from groundcrew.domain.meeting import (
    ActionItem,
    Addendum,
    AgendaItem,
    Attendance,
    Cadence,
    Decision,
    FeedToken,
    MeetingNote,
    StreamMeeting,
)
from groundcrew.domain.minutes import Minutes
from groundcrew.store import deciding_tables
from groundcrew.store.collection import Collection
from groundcrew.store.rows import stamp

# Vetoes and authorities.

# Meetings, decisions and action items.
CADENCE_ID = "stream"
CADENCES = Collection(deciding_tables.stream_cadence, Cadence, "cadence", identify=lambda _each: CADENCE_ID)
MEETINGS = Collection(
    deciding_tables.stream_meetings,
    StreamMeeting,
    "meeting",
    identify=lambda each: each.id,
    columns=lambda each: {"slot": each.slot, "state": each.state, "starts_at": stamp(each.starts_at)},
)
ATTENDANCE = Collection(
    deciding_tables.stream_attendance,
    Attendance,
    "attendance",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting, "person": each.person},
)
AGENDA_ITEMS = Collection(
    deciding_tables.agenda_items,
    AgendaItem,
    "agenda-item",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting, "key": each.key, "state": each.state},
)
DECISIONS = Collection(
    deciding_tables.stream_decisions,
    Decision,
    "decision",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting, "state": each.state, "subject": each.subject},
)
MEETING_NOTES = Collection(
    deciding_tables.meeting_notes,
    MeetingNote,
    "meeting-note",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting},
)
ACTION_ITEMS = Collection(
    deciding_tables.action_items,
    ActionItem,
    "action-item",
    identify=lambda each: each.id,
    columns=lambda each: {"state": each.state, "use_case": each.use_case, "meeting": each.meeting},
)
MINUTES = Collection(deciding_tables.stream_minutes, Minutes, "minutes", identify=lambda each: each.meeting)
ADDENDA = Collection(
    deciding_tables.minutes_addenda,
    Addendum,
    "addendum",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting},
)
FEED_TOKENS = Collection(
    deciding_tables.feed_tokens,
    FeedToken,
    "feed-token",
    identify=lambda each: each.id,
    columns=lambda each: {"person": each.person, "sha256": each.sha256},
)

# Resources, champions and explorations.

# The inventory of ungoverned AI.

# Overlaps and vendors' capabilities.

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
