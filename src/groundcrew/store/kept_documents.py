"""What audited documents were: rows by the digest that the audit log holds of them, so that what was in force at a moment can be
shown and not only proved. For documents of governance alone; texts of people are not kept a second time."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.canonical import sha256_hex
from groundcrew.store.tables import audit_entries, kept_documents

#: A longer document is not kept; what is left is its digest, and the entry says so.
DOCUMENT_BYTES_MAX = 1024 * 1024
TOO_LONG = "not_kept"
PAGE_ROWS = 1_000
#: Problems that are told; there may be more.
PROBLEMS_MAX = 100
#: The first of these entries is from the release that keeps documents, or a later one.
_FIRST_KEY = "audit-key/"
#: Nouns of what a call's answer rested on and of who let it happen. Nothing that retention removes texts from, and no accounts.
KEPT = frozenset(
    {
        *("provider", "model", "policy", "verifier", "knowledge-base", "revision", "use-case", "hypothesis", "kill-switch"),
        *("gate-policy", "approval", "certification", "guarantee", "veto", "authority", "legal-hold"),
    }
)


def is_too_long(subject: str, document: bytes | None) -> bool:
    """Whether a document that would be kept is not for its length. Its entry says so, where nobody can change it afterwards."""
    return document is not None and len(document) > DOCUMENT_BYTES_MAX and subject.partition("/")[0] in KEPT


async def keep(connection: AsyncConnection, subject: str, document: bytes, digest: str, sequence: int) -> None:
    """Keep the document that audit entry `sequence` has the digest of, once."""
    noun = subject.partition("/")[0]
    if noun not in KEPT or is_too_long(subject, document):
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {"digest": digest, "sequence": sequence, "noun": noun, "document": document.decode()}
    await connection.execute(insert(kept_documents).values(values).on_conflict_do_nothing())


async def kept(connection: AsyncConnection, digest: str) -> str | None:
    """The document with this digest; None where it was not kept, or is not that any more."""
    query = sa.select(kept_documents.c.document).where(kept_documents.c.digest == digest)
    document = (await connection.execute(query)).scalar_one_or_none()
    return document if isinstance(document, str) and sha256_hex(document.encode()) == digest else None


async def kept_since(connection: AsyncConnection) -> int | None:
    """The entry from which on documents were kept at the latest; None where nothing shows that any were. The log itself says when
    the release that keeps them signed for the first time; what is there from before that shows an earlier beginning."""
    signed = sa.select(sa.func.min(audit_entries.c.sequence)).where(_begins(_FIRST_KEY))
    here = sa.select(sa.func.min(kept_documents.c.sequence))
    found = [(await connection.execute(query)).scalar_one_or_none() for query in (signed, here)]
    return min((each for each in found if each is not None), default=None)


def was_kept(entry: AuditEntry, since: int | None) -> bool:
    """Whether the document that `entry` has the digest of was kept when it was written."""
    is_kept = entry.subject.partition("/")[0] in KEPT and entry.subject_digest is not None
    return is_kept and since is not None and entry.sequence >= since and TOO_LONG not in entry.details


async def problems(connection: AsyncConnection) -> list[str]:
    """Kept documents that are not what their digest says or that no entry of the log has, and those that are gone. A page at a
    time, and PROBLEMS_MAX at most."""
    return (await _edited(connection) + await _deleted(connection))[:PROBLEMS_MAX]


async def _deleted(connection: AsyncConnection) -> list[str]:
    """Entries from the time when documents were kept, whose document is not there."""
    since, found = await kept_since(connection), list[str]()
    if since is None:
        return found
    columns = audit_entries.c
    of_kept = sa.or_(*(_begins(f"{noun}/") for noun in sorted(KEPT)))
    query = sa.select(columns.sequence, columns.document).where(of_kept).order_by(columns.sequence).limit(PAGE_ROWS)
    after = since - 1
    while True:
        rows = (await connection.execute(query.where(columns.sequence > after))).all()
        entries = [each for each in map(_entry, rows) if each is not None and was_kept(each, since)]
        digests = {each.subject_digest for each in entries}
        here = await connection.execute(sa.select(kept_documents.c.digest).where(kept_documents.c.digest.in_(digests)))
        missing = digests - set(here.scalars())
        for each in entries:
            if each.subject_digest in missing:
                found.append(f"{each.subject}: what it was as of entry {each.sequence} was kept and is not there; it was deleted")
        if len(rows) < PAGE_ROWS or len(found) >= PROBLEMS_MAX:
            return found
        after = rows[-1].sequence


def _begins(beginning: str) -> sa.ColumnElement[bool]:
    """Subjects that begin so, by the index: what follows "/" in the order of bytes is "0"."""
    return sa.and_(audit_entries.c.subject >= beginning, audit_entries.c.subject < beginning[:-1] + "0")


def _entry(row: Any) -> AuditEntry | None:
    """None for one that can not be read, which the walk along the chain names."""
    try:
        return msgspec.json.decode(row.document, type=AuditEntry)
    except (msgspec.MsgspecError, TypeError, UnicodeError):
        return None


async def _edited(connection: AsyncConnection) -> list[str]:
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
        if len(rows) < PAGE_ROWS or len(found) >= PROBLEMS_MAX:
            return found
        after = rows[-1].digest
