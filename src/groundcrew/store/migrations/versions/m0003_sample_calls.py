"""Whether a call is sample data, as a column: gates count calls, and sample data never count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Nothing recorded sample calls before."""
    op.add_column("calls", sa.Column("sample", sa.Boolean, nullable=False, server_default=sa.false()))
