"""The first schema: spelled out, so that later changes of `tables.py` can not change what this migration did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _documents(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(name, sa.Column("id", sa.Text, primary_key=True), *columns, sa.Column("document", sa.Text, nullable=False))


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _registry() -> None:
    for name in ("providers", "models", "policies", "knowledge_bases", "users"):
        _documents(name)
    _documents("revisions", _text("knowledge_base"), _text("state"))
    _index("revisions", "knowledge_base", "state")
    _documents("use_cases", _text("stage"), _text("business_unit"))
    _documents("hypotheses", _text("use_case"), _text("state"))
    _index("hypotheses", "use_case")
    _documents("keys", _text("use_case"), sa.Column("sha256", sa.Text, nullable=False, unique=True))
    _documents("kill_switches", _text("state"))


def _record() -> None:
    _documents("evidence", _text("use_case"), _text("kind"))
    _index("evidence", "use_case", "kind")
    _documents("gate_policies", _text("stage"), _text("state"))
    _index("gate_policies", "stage", "state")
    _documents("gate_evaluations", _text("use_case"), _text("stage"))
    _index("gate_evaluations", "use_case", "stage")
    _documents("sign_offs", _text("use_case"), _text("state"), _text("call_id"))
    _index("sign_offs", "state")
    _index("sign_offs", "use_case")
    _documents("ratings", _text("use_case"), _text("version_digest"), sa.Column("sample", sa.Boolean, nullable=False))
    _index("ratings", "use_case", "version_digest")
    _documents(
        "outcomes",
        _text("use_case"),
        _text("metric"),
        _text("case_id"),
        sa.Column("sample", sa.Boolean, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
    )
    _index("outcomes", "use_case", "metric", "case_id")
    _index("outcomes", "batch")
    _documents(
        "calls",
        _text("use_case"),
        _text("status"),
        _text("received_at"),
        _text("version_digest"),
        _text("case_id", nullable=True),
        _text("trust_state", nullable=True),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_usd", sa.Float, nullable=True),
        sa.Column("batch", sa.BigInteger, nullable=False),
    )
    _index("calls", "use_case", "received_at")
    _index("calls", "use_case", "version_digest", "status")
    _index("calls", "batch")


def upgrade() -> None:
    """Create everything."""
    _registry()
    _record()
    op.create_table(
        "audit_entries",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        _text("subject"),
        _text("hash"),
        sa.Column("document", sa.Text, nullable=False),
    )
    _index("audit_entries", "subject", "sequence")
    version = op.create_table(
        "snapshot_version", sa.Column("id", sa.Integer, primary_key=True), sa.Column("version", sa.BigInteger, nullable=False)
    )
    op.bulk_insert(version, [{"id": 1, "version": 1}])
    op.create_table(
        "enforcement_points",
        sa.Column("id", sa.Text, primary_key=True),
        _text("host"),
        sa.Column("process_id", sa.BigInteger, nullable=False),
        sa.Column("snapshot_version", sa.BigInteger, nullable=False),
        sa.Column("seen_at_s", sa.Float, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("expires_at_s", sa.Float, nullable=False),
    )
