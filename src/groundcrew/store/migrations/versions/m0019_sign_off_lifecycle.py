"""Sign-offs by whom they wait for and by when, and second reviews; who has one before them; and absences."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

#: Sign-offs that are read and filled in at a time.
BATCH_ROWS = 5_000


def upgrade() -> None:
    """Add tables and columns, and fill those of sign-offs from their documents. Nothing had a service level or was judged twice
    before."""
    op.add_column("sign_offs", sa.Column("qualification", sa.Text, nullable=False, server_default=""))
    op.add_column("sign_offs", sa.Column("due_at", sa.Text, nullable=False, server_default=""))
    op.add_column("sign_offs", sa.Column("review", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_sign_offs_state_qualification_due_at", "sign_offs", ["state", "qualification", "due_at"])
    op.create_index("ix_sign_offs_review_use_case", "sign_offs", ["review", "use_case"])
    op.create_table(
        "sign_off_claims",
        sa.Column("sign_off_id", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until_s", sa.Float, nullable=False),
    )
    op.create_table(
        "absences",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("ends_at", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_absences_ends_at", "absences", ["ends_at"])
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    names = ("id", "document", "qualification", "due_at", "expires_at")
    sign_offs = sa.table("sign_offs", *(sa.column(name) for name in names))
    after = ""
    while True:
        query = sa.select(sign_offs.c.id, sign_offs.c.document, sign_offs.c.expires_at).where(sign_offs.c.id > after)
        rows = connection.execute(query.order_by(sign_offs.c.id).limit(BATCH_ROWS)).all()
        if not rows:
            return
        for item_id, document, expires_at in rows:
            values = {"qualification": msgspec.json.decode(document)["qualification"], "due_at": expires_at}
            connection.execute(sa.update(sign_offs).where(sign_offs.c.id == item_id).values(values))
        after = rows[-1].id
