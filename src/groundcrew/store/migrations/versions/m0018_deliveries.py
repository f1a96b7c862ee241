"""The outbox and its channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The outbox and its channels."""
    op.create_table("channels", sa.Column("id", sa.Text, primary_key=True), sa.Column("document", sa.Text, nullable=False))
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("channel", "state", "subject")),
        sa.Column("next_attempt_at", sa.Text, nullable=False, server_default=""),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_deliveries_state_next_attempt_at", "deliveries", ["state", "next_attempt_at"])
    op.create_index("ix_deliveries_subject", "deliveries", ["subject"])
