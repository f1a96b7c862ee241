"""Overlaps and vendors' capabilities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def _document_table(name: str, *columns: str, indexes: tuple[str, ...]) -> None:
    texts = [sa.Column(each, sa.Text, nullable=False) for each in (*columns, "document")]
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *texts)
    for each in indexes:
        op.create_index(f"ix_{name}_{each}", name, [each])


def upgrade() -> None:
    """Overlaps and vendors' capabilities."""
    _document_table("vendor_capabilities", "vendor", "status", indexes=("vendor",))
    _document_table("overlap_findings", "use_case", "other", "state", indexes=("use_case", "other", "state"))
