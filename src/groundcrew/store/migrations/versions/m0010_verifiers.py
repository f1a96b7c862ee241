"""Declared verifiers: a table of documents like those of providers and policies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table("verifiers", sa.Column("id", sa.Text, primary_key=True), sa.Column("document", sa.Text, nullable=False))
