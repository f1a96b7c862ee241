"""Reading the audit chain, and verifying that every audited row is what the chain says it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Generic, TypeVar
from zlib import crc32

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry, ChainCheck, is_sealed, use_case_of
from groundcrew.domain.canonical import sha256_hex
from groundcrew.errors import AuditBroken
from groundcrew.store import catalog, deciding, tuning
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
from groundcrew.store.rows import stamp
from groundcrew.store.tables import audit_entries, audit_head

PAGE_ROWS = 2_000
#: Rows whose digests are held in memory at once, of a few hundred bytes each.
EXPECTED_MAX = 200_000
#: Subject of the entries that stand for the removal of texts, before the number of the batch.
REDACTED = "calls-redacted/"

Key = TypeVar("Key", str, int)

#: Rows of these have one audit entry each; the newest entry's digest is the row's.
SINGLE: tuple[Collection[Any], ...] = (
    *(each for module in (catalog, deciding, tuning) for each in vars(module).values() if isinstance(each, Collection)),
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


async def entries(connection: AsyncConnection, *, after: int = 0, until: int | None = None) -> AsyncIterator[AuditEntry]:
    """The chain in order, a page at a time, from past entry `after` to entry `until`; AuditBroken at one that can not be read."""
    async for row in _rows(connection, after=after, until=until):
        entry = _entry(row)
        if entry is None:
            raise AuditBroken(f"audit entry {row.sequence} can not be read; it was edited")
        yield entry


class Expected(Generic[Key]):
    """What the chain says rows are now, of as many keys as memory may hold: where there are more, they are looked at in `parts`,
    one after the other, for each of which the chain is read again."""

    def __init__(self, *, parts: int = 1, part: int = 0, most: int = 0) -> None:
        self.parts, self.part = parts, part
        self._most = most or EXPECTED_MAX
        self._digests: dict[Key, str | None] = {}

    def add(self, key: Key, digest: str | None) -> None:
        """The chain has got to an entry that says what the row of `key` is; None for one that was removed."""
        if self.covers(key):
            self._digests[key] = digest
            while len(self._digests) > self._most and self.part == 0:
                self.parts *= 2
                self._digests = {each: value for each, value in self._digests.items() if self.covers(each)}

    def covers(self, key: Key) -> bool:
        """Whether `key` is of this part."""
        return self.parts == 1 or crc32(str(key).encode()) % self.parts == self.part

    def knows(self, key: Key) -> bool:
        """Whether the chain has said anything of `key` yet."""
        return key in self._digests

    def digests(self) -> dict[Key, str]:
        """Key → digest of every row that there should be."""
        return {key: digest for key, digest in self._digests.items() if digest is not None}


class ChainFacts:
    """What one walk along the chain found."""

    def __init__(self, single: Expected[str], batches: Expected[int]) -> None:
        self.check = ChainCheck()
        self.single, self.batches = single, batches


async def walk(
    connection: AsyncConnection,
    *,
    signed: Mapping[int, str],
    single: Expected[str] | None = None,
    batches: Expected[int] | None = None,
) -> ChainFacts:
    """Read the whole chain once, a page at a time: what is wrong with it and with its rows, against the hashes that were
    `signed`, and what it says of the rows it vouches for."""
    facts = ChainFacts(single or Expected(), batches or Expected())
    check = facts.check
    async for row in _rows(connection):
        entry = _entry(row)
        if entry is None:
            check.add(f"entry {row.sequence}: can not be read; it was edited")
            continue
        check.take(entry, is_sealed=is_sealed(row.document.encode(), entry))
        columns = (row.sequence, row.subject, row.hash, row.at, row.actor, row.action, row.use_case)
        lookup = (stamp(entry.at), entry.actor, entry.action, use_case_of(entry))
        if columns != (entry.sequence, entry.subject, entry.hash, *lookup):
            check.add(f"entry {row.sequence}: its row does not match its content; it was edited")
        if signed.get(entry.sequence, entry.hash) != entry.hash:
            check.add(f"entry {row.sequence}: differs from its signed checkpoint; the chain up to it was written anew")
        facts.single.add(entry.subject, entry.subject_digest)
        _add_batch(facts.batches, entry)
    ends = [
        tuple(each) for each in await connection.execute(sa.select(audit_head.c.id, audit_head.c.sequence, audit_head.c.hash))
    ]
    if ends != [(1, check.last, check.head)]:
        noted = str(ends[0][1]) if ends else "nothing"
        check.add(
            f"the chain ends at entry {check.last}, and {noted} was noted as its end; its end was cut off, added to or edited"
        )
    if (furthest := max(signed, default=0)) > check.last:
        check.add(f"the chain ends at entry {check.last}, and a checkpoint goes to entry {furthest}; its end was cut off")
    return facts


async def interval(
    connection: AsyncConnection, *, after: tuple[int, str], until: int
) -> tuple[list[str], AuditEntry | None, list[str]]:
    """The hashes of the entries past `after` (number and hash) to number `until`, the last of them, and what is wrong there."""
    check, hashes, last = ChainCheck(after=after), list[str](), None
    async for row in _rows(connection, after=after[0], until=until):
        entry = _entry(row)
        if entry is None:
            check.add(f"entry {row.sequence}: can not be read; it was edited")
            continue
        check.take(entry, is_sealed=is_sealed(row.document.encode(), entry))
        hashes.append(entry.hash)
        last = entry
    if check.last != until:
        check.add(f"the chain ends at entry {check.last}, and not at {until}")
    return hashes, last, check.problems


async def hashes_between(connection: AsyncConnection, low: int, high: int) -> list[str]:
    """The hashes of entries `low` to `high`, both among them, as their rows name them."""
    query = sa.select(audit_entries.c.hash).where(audit_entries.c.sequence.between(low, high)).order_by(audit_entries.c.sequence)
    return list((await connection.execute(query)).scalars())


async def end_of_chain(connection: AsyncConnection) -> int:
    """The number of the newest entry; 0 where there is none."""
    return int((await connection.execute(sa.select(sa.func.max(audit_entries.c.sequence)))).scalar_one() or 0)


async def changed_since(connection: AsyncConnection, sequence: int, *, besides: Sequence[str]) -> bool:
    """Whether anybody but the actors `besides` has left an entry past `sequence`."""
    query = sa.select(audit_entries.c.sequence).where(audit_entries.c.sequence > sequence, audit_entries.c.actor.not_in(besides))
    return (await connection.execute(query.limit(1))).first() is not None


def _add_batch(batches: Expected[int], entry: AuditEntry) -> None:
    if entry.subject_digest is None:
        return
    if entry.subject.startswith(BATCH_SUBJECTS):
        batches.add(entry.sequence, entry.subject_digest)
    elif entry.subject.startswith(REDACTED):
        batch = entry.details.get("batch")
        if isinstance(batch, int) and batches.knows(batch):
            batches.add(batch, entry.subject_digest)


async def _rows(connection: AsyncConnection, *, after: int | None = None, until: int | None = None) -> AsyncIterator[Any]:
    every = sa.select(audit_entries).order_by(audit_entries.c.sequence).limit(PAGE_ROWS)
    if until is not None:
        every = every.where(audit_entries.c.sequence <= until)
    query = every if after is None else every.where(audit_entries.c.sequence > after)
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


async def entry_at(connection: AsyncConnection, sequence: int) -> AuditEntry | None:
    """The entry with this number."""
    query = sa.select(audit_entries.c.document).where(audit_entries.c.sequence == sequence)
    document = (await connection.execute(query)).scalar_one_or_none()
    return decode(document, AuditEntry) if document is not None else None


async def batch_digest(connection: AsyncConnection, batch: int) -> str | None:
    """What the chain says the rows of a batch are now: the digest of its newest redaction, or of its arrival."""
    redaction = await latest(connection, subject=f"{REDACTED}{batch}", limit=1)
    if redaction:
        return redaction[0].subject_digest
    query = sa.select(audit_entries.c.document).where(audit_entries.c.sequence == batch)
    document = (await connection.execute(query)).scalar_one_or_none()
    return decode(document, AuditEntry).subject_digest if document is not None else None


async def single_row_problems(connection: AsyncConnection, expected: Expected[str]) -> list[str]:
    """Rows that are not what their newest audit entry says, of the subjects that `expected` covers."""
    problems, digests = list[str](), expected.digests()
    by_noun: dict[str, dict[str, str]] = {}
    for subject, digest in digests.items():
        by_noun.setdefault(subject.partition("/")[0], {})[subject] = digest
    for collection in SINGLE:
        of_noun = by_noun.get(collection.noun, {})
        async for row in _table_rows(connection, collection.table):
            subject = collection.subject(row["id"])
            if not expected.covers(subject):
                continue
            digest = of_noun.pop(subject, "")
            if not digest:
                problems.append(f"{subject}: no audit entry knows this row; it was inserted")
            elif sha256_hex(_bytes(row["document"])) != digest or not _columns_match(collection, row):
                problems.append(f"{subject}: differs from its newest audit entry; it was edited")
        problems.extend(f"{subject}: the audit log knows it, the database does not; it was deleted" for subject in of_noun)
    return problems


async def batch_problems(connection: AsyncConnection, expected: Expected[int]) -> list[str]:
    """Batches of calls, outcomes, draws or later scores that differ from their audit entry, of those that `expected` covers."""
    problems, digests = list[str](), expected.digests()
    for collection in BATCHED:
        table = collection.table
        async for batch in _batches(connection, table):
            if not expected.covers(batch):
                continue
            query = sa.select(table).where(table.c.batch == batch).order_by(table.c.id)
            rows = (await connection.execute(query)).mappings().all()
            # Sorted here and not by the database, whose collation may order text otherwise.
            rows = sorted(rows, key=lambda row: row["id"])
            digest = sha256_hex(b"\n".join(_bytes(row["document"]) for row in rows))
            if digests.pop(batch, "") != digest or not all(_columns_match(collection, row) for row in rows):
                problems.append(f"{collection.noun} batch {batch}: its rows differ from audit entry {batch}; a row was edited")
    problems.extend(f"batch {batch}: the audit log knows it, the database does not; it was deleted" for batch in digests)
    return problems


async def _table_rows(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[sa.RowMapping]:
    query = every = sa.select(table).order_by(table.c.id).limit(PAGE_ROWS)
    while True:
        page = (await connection.execute(query)).mappings().all()
        for row in page:
            yield row
        if len(page) < PAGE_ROWS:
            return
        query = every.where(table.c.id > page[-1]["id"])


async def _batches(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[int]:
    query = every = sa.select(table.c.batch).distinct().order_by(table.c.batch).limit(PAGE_ROWS)
    while True:
        page = (await connection.execute(query)).scalars().all()
        for batch in page:
            yield batch
        if len(page) < PAGE_ROWS:
            return
        query = every.where(table.c.batch > page[-1])


def _bytes(document: object) -> bytes:
    """The document's bytes; SQLite gives back whatever somebody has put there, and nothing but text is ours."""
    return document.encode() if isinstance(document, str) else b""


def _columns_match(collection: Collection[Any], row: sa.RowMapping) -> bool:
    item = decode(row["document"], collection.kind)
    return collection.identify(item) == row["id"] and all(row[name] == value for name, value in collection.columns(item).items())
