"""Resources, champions and explorations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _document_table(name: str, *columns: sa.Column[object], indexes: tuple[tuple[str, ...], ...] = ()) -> None:
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *columns, _text("document"))
    for each in indexes:
        op.create_index(f"ix_{name}_{'_'.join(each)}", name, list(each))


def upgrade() -> None:
    """Resources, champions and explorations."""
    _document_table("resources")
    _document_table(
        "resource_requests",
        _text("resource"),
        _text("use_case"),
        _text("state"),
        indexes=(("resource", "state"), ("use_case", "state"), ("state",)),
    )
    _document_table("champions", _text("business_unit"), _text("state"))
    _document_table("playbook_pages", _text("name"), indexes=(("name",),))
    _document_table(
        "explorations",
        _text("state"),
        _text("business_unit"),
        _text("use_case", nullable=True),
        _text("words"),
        indexes=(("state",), ("use_case",)),
    )
