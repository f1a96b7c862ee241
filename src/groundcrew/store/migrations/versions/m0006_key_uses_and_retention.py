"""When keys were last used, and whether the texts of a call were removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column. Nothing removed texts before."""
    op.create_table(
        "key_uses",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("used_at", sa.Text, nullable=False),
    )
    op.create_index("ix_key_uses_use_case", "key_uses", ["use_case"])
    op.add_column("calls", sa.Column("redacted", sa.Boolean, nullable=False, server_default=sa.false()))
