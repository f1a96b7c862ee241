"""Swaps of models with what was before them, and what alternates answered to recorded calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    """Add the two tables."""
    op.create_table("model_swaps", sa.Column("id", sa.Text, primary_key=True), _text("model"), _text("document"))
    op.create_index("ix_model_swaps_model", "model_swaps", ["model"])
    op.create_table(
        "rehearsed",
        sa.Column("id", sa.Text, primary_key=True),
        _text("job_id"),
        _text("use_case"),
        sa.Column("batch", sa.BigInteger, nullable=False),
        _text("document"),
    )
    for name in ("job_id", "use_case", "batch"):
        op.create_index(f"ix_rehearsed_{name}", "rehearsed", [name])
