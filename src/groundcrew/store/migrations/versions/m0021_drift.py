"""Reference windows of drift monitors and their alarms, and how far each monitor has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def upgrade() -> None:
    """Add the six tables."""
    for name, looked_up, indexes in (
        ("drift_references", ("use_case", "version_digest", "made_at"), (("use_case", "version_digest", "made_at"),)),
        ("drift_windows", ("use_case", "version_digest"), (("use_case", "version_digest", "id"),)),
        ("drift_alarms", ("use_case", "state"), (("use_case", "state", "id"), ("state", "id"))),
    ):
        op.create_table(name, _text("id", key=True), *map(_text, looked_up), _text("document"))
        for columns in indexes:
            op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))
    op.create_table(
        "drift_mark",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("batch", sa.BigInteger, nullable=False),
        _text("call_id"),
        sa.Column("read_at_s", sa.Float, nullable=False),
        _text("samplers"),
        _text("owner"),
        sa.Column("lease_until_s", sa.Float, nullable=False),
    )
    op.execute(
        "INSERT INTO drift_mark (id, batch, call_id, read_at_s, samplers, owner, lease_until_s) VALUES (1, 0, '', 0, '{}', '', 0)"
    )
    op.create_table("drift_calls", _text("id", key=True), *map(_text, ("use_case", "version_digest", "received_at", "document")))
    op.create_index("ix_drift_calls_use_case_version_digest_id", "drift_calls", ["use_case", "version_digest", "id"])
    op.create_table(
        "drift_monitors",
        *(_text(name, key=True) for name in ("use_case", "version_digest")),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("looked_at_s", sa.Float, nullable=False),
        sa.Column("asked", sa.Boolean, nullable=False),
        _text("document"),
    )
