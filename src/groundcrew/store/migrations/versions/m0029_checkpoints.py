"""Checkpoints of the audit chain and legal holds; columns that the log is searched by; documents that were in force."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_COLUMNS = ("at", "actor", "action", "use_case")
_NAMED_FOR_USE_CASE = ("use-case", "version", "certification", "hypothesis")
_PAGE_ROWS = 5_000


def upgrade() -> None:
    """Checkpoints, keys and holds; columns for search, filled from the entries; a table of documents, empty until they change."""
    for name, columns in (
        ("audit_keys", ()),
        ("checkpoints", ()),
        ("legal_holds", (sa.Column("state", sa.Text, nullable=False),)),
    ):
        op.create_table(
            name, sa.Column("id", sa.Text, primary_key=True), *columns, sa.Column("document", sa.Text, nullable=False)
        )
    op.create_index("ix_legal_holds_state", "legal_holds", ["state"])
    op.create_table(
        "kept_documents",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("noun", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    for name in _COLUMNS:
        op.add_column("audit_entries", sa.Column(name, sa.Text, nullable=False, server_default=""))
    _fill()
    if op.get_bind().dialect.name == "postgresql":
        # Compared byte by byte, so that all subjects with a beginning stand together.
        op.execute('ALTER TABLE audit_entries ALTER COLUMN subject TYPE TEXT COLLATE "C"')
    for name in _COLUMNS:
        op.create_index(f"ix_audit_entries_{name}_sequence", "audit_entries", [name, "sequence"])


def _fill() -> None:
    bind, after = op.get_bind(), -1
    entries = sa.table("audit_entries", *[sa.column(each) for each in ("sequence", "document", *_COLUMNS)])
    change = (
        entries.update()
        .where(entries.c.sequence == sa.bindparam("number"))
        .values({name: sa.bindparam(f"new_{name}") for name in _COLUMNS})
    )
    while True:
        page = sa.select(entries.c.sequence, entries.c.document).where(entries.c.sequence > after)
        rows = bind.execute(page.order_by(entries.c.sequence).limit(_PAGE_ROWS)).all()
        if not rows:
            return
        bind.execute(change, [{"number": row.sequence} | _values(row.document) for row in rows])
        after = rows[-1].sequence


def _values(document: Any) -> dict[str, str]:
    """What an entry is searched by; nothing for one that can not be read, which the verification names."""
    try:
        entry: dict[str, Any] = msgspec.json.decode(document)
        moment = datetime.fromisoformat(entry["at"]).isoformat(timespec="microseconds")[:26] + "Z"
        noun, _, name = entry["subject"].partition("/")
        said = entry["details"].get("use_case")
        use_case = said if isinstance(said, str) else name.partition("@")[0] if noun in _NAMED_FOR_USE_CASE else ""
        values = {"at": moment, "actor": entry["actor"], "action": entry["action"], "use_case": use_case}
        return {f"new_{name}": str(value) for name, value in values.items()}
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError):
        return {f"new_{name}": "" for name in _COLUMNS}
