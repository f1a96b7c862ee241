"""Meetings, decisions and action items of the Stream."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=False)


def _document_table(name: str, *columns: sa.Column[object], indexes: tuple[tuple[str, ...], ...] = ()) -> None:
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *columns, _text("document"))
    for each in indexes:
        op.create_index(f"ix_{name}_{'_'.join(each)}", name, list(each))


def upgrade() -> None:
    """Meetings, decisions and action items of the Stream."""
    _document_table("stream_cadence")
    _document_table(
        "stream_meetings",
        sa.Column("slot", sa.Text, nullable=False, unique=True),
        _text("state"),
        _text("starts_at"),
        indexes=(("state", "starts_at"),),
    )
    _document_table("stream_attendance", _text("meeting"), _text("person"), indexes=(("meeting",),))
    _document_table("agenda_items", _text("meeting"), _text("key"), _text("state"), indexes=(("meeting",), ("key",)))
    _document_table("stream_decisions", _text("meeting"), _text("state"), _text("subject"), indexes=(("meeting",), ("subject",)))
    _document_table("meeting_notes", _text("meeting"), indexes=(("meeting",),))
    _document_table("action_items", _text("state"), _text("use_case"), _text("meeting"), indexes=(("state",), ("meeting",)))
    _document_table("stream_minutes")
    _document_table("minutes_addenda", _text("meeting"), indexes=(("meeting",),))
    _document_table("feed_tokens", _text("person"), _text("sha256"), indexes=(("person",), ("sha256",)))
    op.create_table(
        "meeting_pulses",
        sa.Column("meeting", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
