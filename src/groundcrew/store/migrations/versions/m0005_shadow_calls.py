"""Which call a call is a shadow copy of, as a column: copies are compared with it and count for nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Nothing recorded shadow copies before."""
    op.add_column("calls", sa.Column("shadow_of", sa.Text, nullable=True))
    op.create_index("ix_calls_use_case_shadow_of", "calls", ["use_case", "shadow_of"])
