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
        *(sa.Column(name, sa.Text, nullable=False) for name in ("channel", "state", "subject", "created_at", "document")),
    )
    for columns in (("created_at",), ("state", "created_at"), ("channel", "created_at"), ("subject",)):
        op.create_index(f"ix_deliveries_{'_'.join(columns)}", "deliveries", list(columns))
    op.create_table(
        "delivery_runs",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("channel", "subject")),
        sa.Column("since_s", sa.Float, nullable=False),
        sa.Column("next_attempt_s", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=True),
        sa.Column("lease_until_s", sa.Float, nullable=False),
    )
    op.create_index("ix_delivery_runs_channel_next_attempt_s", "delivery_runs", ["channel", "next_attempt_s"])
    op.create_index("ix_delivery_runs_channel_subject_sequence", "delivery_runs", ["channel", "subject", "sequence"])
