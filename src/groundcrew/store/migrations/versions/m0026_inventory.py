"""The inventory of ungoverned AI."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=False)


def _document_table(name: str, *columns: sa.Column[object], indexes: tuple[str, ...] = ()) -> None:
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *columns, _text("document"))
    for each in indexes:
        op.create_index(f"ix_{name}_{each}", name, [each])


def upgrade() -> None:
    """The inventory of ungoverned AI."""
    _document_table("inventory_findings", _text("root"), _text("state"), _text("service"), indexes=("root", "state", "service"))
    _document_table("inventory_scans", _text("source"))
