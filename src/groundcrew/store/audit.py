"""Reading the audit chain, and verifying that every audited row is what the chain says it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import GENESIS_HASH, AuditEntry
from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.errors import AuditBroken
from groundcrew.store import catalog, deciding
from groundcrew.store.calls import CALLS
from groundcrew.store.collection import Collection
from groundcrew.store.database import decode
from groundcrew.store.drift import REFERENCES, WINDOWS
from groundcrew.store.evaluations import RESULTS, SUITES
from groundcrew.store.experiments import EXPOSURES, LOOKS
from groundcrew.store.feedback import OUTCOMES, RATINGS
from groundcrew.store.labels import LABEL_DRAWS
from groundcrew.store.rating_queue import RATING_REQUESTS
from groundcrew.store.rehearsals import REHEARSED
from groundcrew.store.rescoring import RESCORED
from groundcrew.store.tables import audit_entries, audit_head

PAGE_ROWS = 2_000
#: Subject of the entries that stand for the removal of texts, before the number of the batch.
REDACTED = "calls-redacted/"

#: Rows of these have one audit entry each; the newest entry's digest is the row's.
SINGLE: tuple[Collection[Any], ...] = (
    *(each for module in (catalog, deciding) for each in vars(module).values() if isinstance(each, Collection)),
    RATINGS,
    LOOKS,
    SUITES,
    REFERENCES,
    WINDOWS,
)
#: Rows of these come in batches; one entry's digest covers the batch.
BATCHED: tuple[Collection[Any], ...] = (CALLS, OUTCOMES, LABEL_DRAWS, RESCORED, EXPOSURES, RATING_REQUESTS, RESULTS, REHEARSED)
#: What the audit entries of those batches are about.
BATCH_SUBJECTS = (
    *("calls/", "outcomes/", "label-draws/", "rescored/", "exposures/", "rating-requests/", "evaluations/", "rehearsed/"),
)


async def entries(connection: AsyncConnection) -> AsyncIterator[AuditEntry]:
    """The chain in order, a page at a time; AuditBroken at an entry that can not be read."""
    async for row in _rows(connection):
        entry = _entry(row)
        if entry is None:
            raise AuditBroken(f"audit entry {row.sequence} can not be read; it was edited")
        yield entry


async def read_chain(connection: AsyncConnection) -> tuple[list[AuditEntry], list[str]]:
    """Every entry that can be read, in order, and what is wrong with their rows and with where the chain ends."""
    chain, problems = [], []
    async for row in _rows(connection):
        entry = _entry(row)
        if entry is None:
            problems.append(f"entry {row.sequence}: can not be read; it was edited")
            continue
        chain.append(entry)
        columns = (row.sequence, row.subject, row.hash)
        if columns != (entry.sequence, entry.subject, entry.hash) or row.document != canonical_json(entry).decode():
            problems.append(f"entry {row.sequence}: its row does not match its content; it was edited")
    ends = [tuple(row) for row in await connection.execute(sa.select(audit_head.c.id, audit_head.c.sequence, audit_head.c.hash))]
    last = (chain[-1].sequence, chain[-1].hash) if chain else (0, GENESIS_HASH)
    if ends != [(1, *last)]:
        noted = str(ends[0][1]) if ends else "nothing"
        problems.append(
            f"the chain ends at entry {last[0]}, and {noted} was noted as its end; its end was cut off, added to or edited"
        )
    return chain, problems


async def _rows(connection: AsyncConnection) -> AsyncIterator[Any]:
    every = sa.select(audit_entries).order_by(audit_entries.c.sequence).limit(PAGE_ROWS)
    query = every
    while True:
        page = (await connection.execute(query)).all()
        for row in page:
            yield row
        if len(page) < PAGE_ROWS:
            return
        query = every.where(audit_entries.c.sequence > page[-1].sequence)


def _entry(row: Any) -> AuditEntry | None:
    try:
        return decode(row.document, AuditEntry)
    except (msgspec.MsgspecError, TypeError, UnicodeError):
        return None


async def latest(connection: AsyncConnection, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
    """The newest entries first, of one subject where given."""
    query = sa.select(audit_entries.c.document).order_by(audit_entries.c.sequence.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit_entries.c.subject == subject)
    return [decode(document, AuditEntry) for document in (await connection.execute(query)).scalars()]


async def batch_digest(connection: AsyncConnection, batch: int) -> str | None:
    """What the chain says the rows of a batch are now: the digest of its newest redaction, or of its arrival."""
    redaction = await latest(connection, subject=f"{REDACTED}{batch}", limit=1)
    if redaction:
        return redaction[0].subject_digest
    query = sa.select(audit_entries.c.document).where(audit_entries.c.sequence == batch)
    document = (await connection.execute(query)).scalar_one_or_none()
    return decode(document, AuditEntry).subject_digest if document is not None else None


def batch_digests(chain: list[AuditEntry]) -> dict[int, str | None]:
    """What a whole chain says of every batch, as `batch_digest` does: sequence → digest."""
    digests: dict[int, str | None] = {}
    for entry in chain:
        if entry.subject_digest is None:
            continue
        if entry.subject.startswith(BATCH_SUBJECTS):
            digests[entry.sequence] = entry.subject_digest
        elif entry.subject.startswith(REDACTED) and entry.details.get("batch") in digests:
            digests[entry.details["batch"]] = entry.subject_digest
    return digests


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
            elif sha256_hex(_bytes(row["document"])) != digest or not _columns_match(collection, row):
                problems.append(f"{subject}: differs from its newest audit entry; it was edited")
        problems.extend(f"{subject}: the audit log knows it, the database does not; it was deleted" for subject in expected)
    return problems


async def batch_problems(connection: AsyncConnection, digests: dict[int, str | None]) -> list[str]:
    """Batches of calls, outcomes, draws or later scores that differ from their audit entry. `digests`: sequence → digest."""
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
            digest = sha256_hex(b"\n".join(_bytes(row["document"]) for row in rows))
            if expected.pop(batch, None) != digest or not all(_columns_match(collection, row) for row in rows):
                problems.append(f"{collection.noun} batch {batch}: its rows differ from audit entry {batch}; a row was edited")
    problems.extend(f"batch {batch}: the audit log knows it, the database does not; it was deleted" for batch in expected)
    return problems


def _bytes(document: object) -> bytes:
    """The document's bytes; SQLite gives back whatever somebody has put there, and nothing but text is ours."""
    return document.encode() if isinstance(document, str) else b""


def _columns_match(collection: Collection[Any], row: sa.RowMapping) -> bool:
    item = decode(row["document"], collection.kind)
    return collection.identify(item) == row["id"] and all(row[name] == value for name, value in collection.columns(item).items())
