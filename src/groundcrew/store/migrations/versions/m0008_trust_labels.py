"""Labels of scored answers, what was drawn to be labelled, and what follows from labels: calibrations, alarms, guarantees."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables. Nobody labelled anything before."""
    op.create_table(
        "label_draws",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("version_digest", sa.Text, nullable=False),
        sa.Column("rank", sa.Float, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_label_draws_use_case_version_digest_rank", "label_draws", ["use_case", "version_digest", "rank"])
    op.create_index("ix_label_draws_batch", "label_draws", ["batch"])
    op.create_table(
        "trust_labels",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("version_digest", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("labeller", sa.Text, nullable=False),
        sa.Column("supported", sa.Boolean, nullable=True),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_trust_labels_use_case_version_digest", "trust_labels", ["use_case", "version_digest"])
    op.create_index("ix_trust_labels_call_id", "trust_labels", ["call_id"])
    for name in ("calibrations", "calibration_alarms", "guarantees"):
        op.create_table(
            name,
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("use_case", sa.Text, nullable=False),
            sa.Column("document", sa.Text, nullable=False),
        )
        op.create_index(f"ix_{name}_use_case", name, ["use_case"])
    op.create_table(
        "label_leases",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("labeller", sa.Text, nullable=False),
        sa.Column("until_s", sa.Float, nullable=False),
    )
