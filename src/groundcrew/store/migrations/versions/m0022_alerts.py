"""Alert rules, what they raised, and incidents."""

from __future__ import annotations

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Alert rules, what they raised, and incidents."""
