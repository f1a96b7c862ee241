"""Alert rules, what they raised, and incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=False)


def _document_table(name: str, *columns: sa.Column[object], indexes: tuple[str, ...] = ()) -> None:
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *columns, _text("document"))
    for each in indexes:
        op.create_index(f"ix_{name}_{each}", name, [each])


def upgrade() -> None:
    """Alert rules, what they raised, and incidents."""
    _document_table("alert_rules")
    _document_table("alerts", _text("rule"), _text("use_case"), _text("state"), indexes=("state", "use_case"))
    _document_table("alert_silences", sa.Column("ended", sa.Boolean, nullable=False), indexes=("ended",))
    _document_table("incidents", _text("state"), _text("origin_key"), indexes=("state", "origin_key"))
    _document_table("incident_events", _text("incident"), _text("reference"), indexes=("incident", "reference"))
    _document_table("incident_actions", _text("incident"), _text("state"), indexes=("incident", "state"))
    op.create_table(
        "alert_tracks",
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("use_case", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        _text("document"),
    )
    turns = op.create_table(
        "alert_turns",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("looked_at_s", sa.Float, nullable=False),
    )
    op.bulk_insert(turns, [{"id": 1, "looked_at_s": 0.0}])
    op.create_table(
        "gateway_health",
        sa.Column("id", sa.Text, primary_key=True),
        _text("host"),
        sa.Column("process_id", sa.BigInteger, nullable=False),
        sa.Column("seen_at_s", sa.Float, nullable=False),
        _text("document"),
        sa.Column("machine", sa.Text, nullable=False, server_default=""),
        sa.Column("process_started", sa.Text, nullable=False, server_default=""),
    )
