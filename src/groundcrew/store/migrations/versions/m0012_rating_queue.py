"""The rating queue and signed links; whose rating of which call it is, as columns; and calls found by their business case."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

#: Ratings that are read and filled in at a time.
BATCH_ROWS = 5_000


def upgrade() -> None:
    """Add tables and columns, and fill those of ratings from their documents. Nothing came from a queue or a link before."""
    op.add_column("ratings", sa.Column("call_id", sa.Text, nullable=True))
    op.add_column("ratings", sa.Column("rater", sa.Text, nullable=False, server_default=""))
    op.add_column("ratings", sa.Column("origin", sa.Text, nullable=False, server_default="direct"))
    op.create_index("ix_ratings_call_id", "ratings", ["call_id"])
    op.create_table(
        "rating_requests",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("version_digest", sa.Text, nullable=False),
        sa.Column("rank", sa.Float, nullable=False),
        sa.Column("raters", sa.Integer, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_rating_requests_use_case_version_digest_rank", "rating_requests", ["use_case", "version_digest", "rank"])
    op.create_index("ix_rating_requests_batch", "rating_requests", ["batch"])
    op.create_table(
        "rating_skips",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("rater", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_rating_skips_call_id", "rating_skips", ["call_id"])
    op.create_table(
        "rating_leases",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("rater", sa.Text, primary_key=True),
        sa.Column("until_s", sa.Float, nullable=False),
    )
    op.create_table(
        "link_secrets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("created_at_s", sa.Float, nullable=False),
    )
    named = sa.text("case_id IS NOT NULL")
    op.create_index("ix_calls_use_case_case_id", "calls", ["use_case", "case_id"], sqlite_where=named, postgresql_where=named)
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    names = ("id", "document", "call_id", "rater")
    ratings = sa.table("ratings", *(sa.column(name) for name in names))
    after = ""
    while True:
        query = sa.select(ratings.c.id, ratings.c.document).where(ratings.c.id > after)
        rows = connection.execute(query.order_by(ratings.c.id).limit(BATCH_ROWS)).all()
        if not rows:
            return
        for item_id, document in rows:
            read = msgspec.json.decode(document)
            values = {"call_id": read.get("call_id"), "rater": read["rater"]}
            connection.execute(sa.update(ratings).where(ratings.c.id == item_id).values(values))
        after = rows[-1].id
