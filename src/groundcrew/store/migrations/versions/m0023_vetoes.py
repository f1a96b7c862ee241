"""Vetoes and authorities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=False)


def _document_table(name: str, *columns: sa.Column[object], indexes: tuple[tuple[str, ...], ...] = ()) -> None:
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *columns, _text("document"))
    for each in indexes:
        op.create_index(f"ix_{name}_{'_'.join(each)}", name, list(each))


def upgrade() -> None:
    """Vetoes and authorities."""
    _document_table("vetoes", _text("use_case"), _text("state"), indexes=(("use_case", "state"), ("state",)))
    _document_table("veto_events", _text("veto"), _text("kind"), indexes=(("veto",),))
    _document_table("authorities", _text("person"), _text("function"), indexes=(("person", "function"),))
    _document_table("authority_requests", _text("state"), _text("person"), indexes=(("state",), ("person",)))
    _document_table("deputies")
