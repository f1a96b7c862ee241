"""Jobs with their progress, findings about knowledge, and recorded calls that were scored again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def upgrade() -> None:
    """Add the four tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        *(_text(name) for name in ("kind", "subject", "state", "document")),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_index("ix_jobs_kind_subject", "jobs", ["kind", "subject"])
    op.create_table(
        "findings",
        sa.Column("id", sa.Text, primary_key=True),
        *(_text(name) for name in ("knowledge_base", "kind", "state", "document")),
    )
    op.create_index("ix_findings_knowledge_base_kind", "findings", ["knowledge_base", "kind"])
    op.create_table(
        "rescored",
        sa.Column("id", sa.Text, primary_key=True),
        *(_text(name) for name in ("job_id", "use_case", "call_id")),
        sa.Column("batch", sa.BigInteger, nullable=False),
        _text("document"),
    )
    for name in ("job_id", "call_id", "batch"):
        op.create_index(f"ix_rescored_{name}", "rescored", [name])
    op.create_table(
        "job_runs",
        sa.Column("id", sa.Text, primary_key=True),
        _text("kind"),
        _text("place", nullable=True),
        _text("owner", nullable=True),
        sa.Column("lease_until_s", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=True),
        sa.Column("failed", sa.BigInteger, nullable=False),
        _text("failures"),
        _text("checkpoint"),
        sa.Column("cancel", sa.Boolean, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("started_at_s", sa.Float, nullable=True),
        sa.Column("updated_at_s", sa.Float, nullable=True),
    )
    op.create_index("ix_job_runs_finished", "job_runs", ["finished"])
