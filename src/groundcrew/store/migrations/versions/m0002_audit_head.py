"""Where the audit chain ends, in a row of its own: an entry removed at the end would leave a chain that looks whole."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_GENESIS_HASH = "0" * 64


def upgrade() -> None:
    """Create the row at the chain's present end."""
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    newest = op.get_bind().execute(sa.text("SELECT sequence, hash FROM audit_entries ORDER BY sequence DESC LIMIT 1")).first()
    op.bulk_insert(
        head,
        [{"id": 1, "sequence": newest.sequence if newest else 0, "hash": newest.hash if newest else _GENESIS_HASH}],
    )
