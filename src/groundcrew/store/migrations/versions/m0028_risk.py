"""Risk and controls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Risk and controls."""
    _document_table("risk_sheets", "use_case")
    _document_table("risk_lowerings", "use_case", "state")
    _document_table("technical_filings", "use_case")


def _document_table(name: str, *columns: str) -> None:
    texts = [sa.Column(each, sa.Text, nullable=False) for each in (*columns, "document")]
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *texts)
    op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))
