"""Data sets, tuning runs with their steps, and tuned models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def _document_table(name: str, *columns: str, indexes: tuple[str, ...]) -> None:
    texts = [sa.Column(each, sa.Text, nullable=False) for each in (*columns, "document")]
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *texts)
    for each in indexes:
        op.create_index(f"ix_{name}_{each}", name, [each])


def upgrade() -> None:
    """Data sets, tuning runs with their steps, and tuned models."""
    _document_table("data_sets", "name", "revision", indexes=("name", "revision"))
    _document_table("tuning_runs", "model", "data_set", "state", indexes=("model", "state"))
    _document_table("tuned_models", "name", "digest", "state", indexes=("name", "state"))
    op.create_table(
        "tuning_steps",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
