"""What kill switches know of their enforcement points."""

from __future__ import annotations

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What kill switches know of their enforcement points."""
