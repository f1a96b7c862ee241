"""Snapshots of what evaluations rested on, approvals, and certifications of stages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "evidence_snapshots", sa.Column("id", sa.Text, primary_key=True), *(_text(name) for name in ("use_case", "document"))
    )
    op.create_index("ix_evidence_snapshots_use_case", "evidence_snapshots", ["use_case"])
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text, primary_key=True),
        *(_text(name) for name in ("use_case", "version_digest", "state", "document")),
    )
    op.create_index("ix_approvals_use_case_version_digest", "approvals", ["use_case", "version_digest"])
    op.create_table(
        "certifications", sa.Column("id", sa.Text, primary_key=True), *(_text(name) for name in ("state", "document"))
    )
