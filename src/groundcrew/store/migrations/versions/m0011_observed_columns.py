"""What an analysis reads of an outcome, as columns: value, time, version, unit, arm, cluster; and which trial a call is of."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

#: Outcomes that are read and filled in at a time.
BATCH_ROWS = 5_000


def upgrade() -> None:
    """Add the columns, and fill those of outcomes from their documents. Nothing recorded trials before."""
    op.add_column("outcomes", sa.Column("value", sa.Float, nullable=False, server_default="0"))
    op.add_column("outcomes", sa.Column("at", sa.Text, nullable=False, server_default=""))
    op.add_column("outcomes", sa.Column("version_digest", sa.Text, nullable=False, server_default=""))
    for name in ("unit_id", "arm", "cluster"):
        op.add_column("outcomes", sa.Column(name, sa.Text, nullable=True))
    op.create_index("ix_outcomes_use_case_version_digest_metric", "outcomes", ["use_case", "version_digest", "metric"])
    op.add_column("calls", sa.Column("trial", sa.Text, nullable=True))
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    names = ("id", "document", "value", "at", "version_digest", "unit_id", "arm", "cluster")
    outcomes = sa.table("outcomes", *(sa.column(name) for name in names))
    after = ""
    while True:
        query = sa.select(outcomes.c.id, outcomes.c.document).where(outcomes.c.id > after)
        rows = connection.execute(query.order_by(outcomes.c.id).limit(BATCH_ROWS)).all()
        if not rows:
            return
        for item_id, document in rows:
            read = msgspec.json.decode(document)
            moment = datetime.fromisoformat(read["at"]).astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
            values = {**{name: read.get(name) for name in names[2:]}, "at": moment}
            connection.execute(sa.update(outcomes).where(outcomes.c.id == item_id).values(values))
        after = rows[-1].id
