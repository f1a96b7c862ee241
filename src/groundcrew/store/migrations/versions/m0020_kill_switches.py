"""What kill switches know of their enforcement points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What kill switches know of their enforcement points."""
    for name, default in (("kind", "gateway"), ("cut", "{}"), ("machine", ""), ("process_started", "")):
        op.add_column("enforcement_points", sa.Column(name, sa.Text, nullable=False, server_default=default))
    for name in ("started_at_s", "enforced_at_s", "paused_s"):
        op.add_column("enforcement_points", sa.Column(name, sa.Float, nullable=False, server_default="0"))
    for name in ("resumed_at_s", "refuses_after_s"):
        op.add_column("enforcement_points", sa.Column(name, sa.Float))
