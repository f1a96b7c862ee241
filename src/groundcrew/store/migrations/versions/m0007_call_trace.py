"""The distributed trace that a call belongs to, as a column: calls are looked up by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index. Nothing recorded traces before."""
    op.add_column("calls", sa.Column("trace_id", sa.Text, nullable=True))
    op.create_index("ix_calls_trace_id", "calls", ["trace_id"])
