"""Evaluation suites and the results of their runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables; nothing was evaluated before."""
    op.create_table(
        "evaluation_suites",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_evaluation_suites_name", "evaluation_suites", ["name"])
    op.create_index("ix_evaluation_suites_use_case", "evaluation_suites", ["use_case"])
    op.create_table(
        "evaluation_results",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_evaluation_results_job_id", "evaluation_results", ["job_id"])
    op.create_index("ix_evaluation_results_suite", "evaluation_results", ["suite"])
    op.create_index("ix_evaluation_results_batch", "evaluation_results", ["batch"])
