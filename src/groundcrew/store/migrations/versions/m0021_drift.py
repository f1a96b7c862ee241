"""Reference windows of drift monitors and their alarms."""

from __future__ import annotations

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Reference windows of drift monitors and their alarms."""
