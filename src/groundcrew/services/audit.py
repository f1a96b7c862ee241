"""Proof: the audit log, its verification against the rows it vouches for, and its export for verification elsewhere."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from groundcrew.domain.audit import AuditEntry, chain_problems
from groundcrew.errors import InputError
from groundcrew.store import audit as stored
from groundcrew.store import sums
from groundcrew.store.database import Database

PROBLEMS_MAX = 20


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a verification: sound when `problems` is empty. `head` is the newest entry's hash."""

    entries: int
    head: str
    problems: tuple[str, ...]


class Audit:
    """The audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify(self) -> AuditReport:
        """Check the whole chain, then every audited row and every batch, then the sums that gates read."""
        async with self._database.read() as connection:
            entries, problems = await stored.read_chain(connection)
            problems += chain_problems(entries)
            single = {each.subject: each.subject_digest for each in entries}
            problems += await stored.single_row_problems(connection, single)
            problems += await stored.batch_problems(connection, stored.batch_digests(entries))
            # Of rows that were edited no sum can be right.
            problems += [] if problems else await sums.problems(connection)
        return _report(entries, problems)

    async def rebuild_sums(self, *, actor: str) -> None:
        """Make the sums of calls, ratings and outcomes anew from the rows. Reads every row while nobody else writes."""
        async with self._database.write(actor) as writer:
            await sums.rebuild(writer.connection)
            await writer.audit("rebuild", "sums/all", document=None, reason="made anew from the recorded rows")

    async def latest(self, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """The newest entries first."""
        async with self._database.read() as connection:
            return await stored.latest(connection, subject=subject, limit=limit)

    async def lines(self) -> AsyncIterator[bytes]:
        """The chain as JSON Lines."""
        async with self._database.read() as connection:
            async for entry in stored.entries(connection):
                yield msgspec.json.encode(entry) + b"\n"


def verify_file(path: Path) -> AuditReport:
    """Check an exported chain, offline, gzipped too. InputError names the line that is not an audit entry.

    A file that was cut off after any entry still verifies: compare the head with the one that the export named.
    """
    entries, problems = [], []
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    entry = msgspec.json.decode(line, type=AuditEntry)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise InputError(f"not an audit entry: {error}", file=str(path), line=number) from None
                entries.append(entry)
                if line.rstrip(b"\r\n") != msgspec.json.encode(entry):
                    problems.append(f"line {number}: holds more or other than its entry; it was edited")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(getattr(error, "strerror", None) or str(error) or "can not be read", file=str(path)) from None
    if not entries:
        raise InputError("holds no audit entries", file=str(path))
    return _report(entries, [*problems, *chain_problems(entries)])


def _report(entries: list[AuditEntry], problems: list[str]) -> AuditReport:
    return AuditReport(
        entries=len(entries), head=entries[-1].hash if entries else "", problems=tuple(dict.fromkeys(problems))[:PROBLEMS_MAX]
    )
