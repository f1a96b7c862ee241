"""What audited documents were: rows by the digest that the audit log holds of them, so that what was in force at a moment can be
shown and not only proved. For documents of governance alone; texts of people are not kept a second time."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.canonical import sha256_hex
from groundcrew.store.tables import audit_entries, kept_documents

#: A longer document is not kept; what is left is its digest.
DOCUMENT_BYTES_MAX = 1024 * 1024
PAGE_ROWS = 1_000
#: Nouns of what a call's answer rested on and of who let it happen. Nothing that retention removes texts from, and no accounts.
KEPT = frozenset(
    {
        *("provider", "model", "policy", "verifier", "knowledge-base", "revision", "use-case", "hypothesis", "kill-switch"),
        *("gate-policy", "approval", "certification", "guarantee", "veto", "authority", "legal-hold"),
    }
)


async def keep(connection: AsyncConnection, subject: str, document: bytes, digest: str, sequence: int) -> None:
    """Keep the document that audit entry `sequence` has the digest of, once."""
    noun = subject.partition("/")[0]
    if noun not in KEPT or len(document) > DOCUMENT_BYTES_MAX:
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {"digest": digest, "sequence": sequence, "noun": noun, "document": document.decode()}
    await connection.execute(insert(kept_documents).values(values).on_conflict_do_nothing())


async def kept(connection: AsyncConnection, digest: str) -> str | None:
    """The document with this digest; None where it was not kept, or is not that any more."""
    query = sa.select(kept_documents.c.document).where(kept_documents.c.digest == digest)
    document = (await connection.execute(query)).scalar_one_or_none()
    return document if isinstance(document, str) and sha256_hex(document.encode()) == digest else None


async def problems(connection: AsyncConnection) -> list[str]:
    """Kept documents that are not what their digest says, or that no entry of the log has."""
    found, after = list[str](), ""
    table = kept_documents
    query = (
        sa.select(table, audit_entries.c.document.label("entry"))
        .select_from(table.outerjoin(audit_entries, audit_entries.c.sequence == table.c.sequence))
        .order_by(table.c.digest)
        .limit(PAGE_ROWS)
    )
    while True:
        rows = (await connection.execute(query.where(table.c.digest > after))).all()
        for row in rows:
            document = row.document.encode() if isinstance(row.document, str) else b""
            if sha256_hex(document) != row.digest or f'"subject_digest":"{row.digest}"' not in (row.entry or ""):
                found.append(
                    f"kept document {row.digest[:16]}…: is not what entry {row.sequence} has the digest of; it was edited"
                )
        if len(rows) < PAGE_ROWS:
            return found
        after = rows[-1].digest
