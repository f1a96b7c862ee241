"""Reading the audit chain, and verifying that every audited row is what the chain says it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.canonical import sha256_hex
from groundcrew.store import catalog
from groundcrew.store.calls import CALLS
from groundcrew.store.collection import Collection
from groundcrew.store.database import decode
from groundcrew.store.feedback import OUTCOMES, RATINGS
from groundcrew.store.tables import audit_entries

PAGE_ROWS = 2_000

#: Rows of these have one audit entry each; the newest entry's digest is the row's.
SINGLE: tuple[Collection[Any], ...] = (*(each for each in vars(catalog).values() if isinstance(each, Collection)), RATINGS)
#: Rows of these come in batches; one entry's digest covers the batch.
BATCHED: tuple[Collection[Any], ...] = (CALLS, OUTCOMES)


async def entries(connection: AsyncConnection, *, after: int = 0) -> AsyncIterator[AuditEntry]:
    """The chain in order, a page at a time."""
    while True:
        query = (
            sa.select(audit_entries.c.document)
            .where(audit_entries.c.sequence > after)
            .order_by(audit_entries.c.sequence)
            .limit(PAGE_ROWS)
        )
        page = [decode(document, AuditEntry) for document in (await connection.execute(query)).scalars()]
        for entry in page:
            yield entry
        if len(page) < PAGE_ROWS:
            return
        after = page[-1].sequence


async def latest(connection: AsyncConnection, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
    """The newest entries first, of one subject where given."""
    query = sa.select(audit_entries.c.document).order_by(audit_entries.c.sequence.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit_entries.c.subject == subject)
    return [decode(document, AuditEntry) for document in (await connection.execute(query)).scalars()]


async def column_problems(connection: AsyncConnection) -> list[str]:
    """Audit rows whose columns do not say what their documents say."""
    problems = []
    query = sa.select(audit_entries).order_by(audit_entries.c.sequence)
    for row in await connection.execute(query):
        entry = decode(row.document, AuditEntry)
        if (row.sequence, row.subject, row.hash) != (entry.sequence, entry.subject, entry.hash):
            problems.append(f"entry {row.sequence}: its columns do not match its document; it was edited")
    return problems


async def single_row_problems(connection: AsyncConnection, digests: dict[str, str | None]) -> list[str]:
    """Rows that are not what their newest audit entry says. `digests`: subject → digest, of the whole chain."""
    problems = []
    for collection in SINGLE:
        prefix = f"{collection.noun}/"
        expected = {subject: each for subject, each in digests.items() if subject.startswith(prefix) and each is not None}
        for row in (await connection.execute(sa.select(collection.table))).mappings():
            subject = collection.subject(row["id"])
            digest = expected.pop(subject, None)
            if digest is None:
                problems.append(f"{subject}: no audit entry knows this row; it was inserted")
            elif sha256_hex(row["document"].encode()) != digest or not _columns_match(collection, row):
                problems.append(f"{subject}: differs from its newest audit entry; it was edited")
        problems.extend(f"{subject}: the audit log knows it, the database does not; it was deleted" for subject in expected)
    return problems


async def batch_problems(connection: AsyncConnection, digests: dict[int, str | None]) -> list[str]:
    """Batches of calls or outcomes that are not what their audit entry says. `digests`: sequence → digest."""
    problems = []
    expected = dict(digests)
    for collection in BATCHED:
        table = collection.table
        batches = (await connection.execute(sa.select(table.c.batch).distinct().order_by(table.c.batch))).scalars().all()
        for batch in batches:
            query = sa.select(table).where(table.c.batch == batch).order_by(table.c.id)
            rows = (await connection.execute(query)).mappings().all()
            # Sorted here and not by the database, whose collation may order text otherwise.
            rows = sorted(rows, key=lambda row: row["id"])
            digest = sha256_hex(b"\n".join(row["document"].encode() for row in rows))
            if expected.pop(batch, None) != digest or not all(_columns_match(collection, row) for row in rows):
                problems.append(f"{collection.noun} batch {batch}: its rows differ from audit entry {batch}; a row was edited")
    problems.extend(f"batch {batch}: the audit log knows it, the database does not; it was deleted" for batch in expected)
    return problems


def _columns_match(collection: Collection[Any], row: sa.RowMapping) -> bool:
    item = decode(row["document"], collection.kind)
    return collection.identify(item) == row["id"] and all(row[name] == value for name, value in collection.columns(item).items())
