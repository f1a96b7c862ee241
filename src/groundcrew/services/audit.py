"""Proof: the audit log, its verification against the rows it vouches for, and its export for verification elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.audit_search import Wanted
from groundcrew.errors import InputError
from groundcrew.services.checkpoints import checkpoint_hashes
from groundcrew.services.offline_signatures import NotReadable
from groundcrew.services.offline_verifier import verify_path
from groundcrew.store import audit as stored
from groundcrew.store import audit_search, kept_documents, sums
from groundcrew.store.audit import Expected
from groundcrew.store.database import Database

PROBLEMS_MAX = 20
PAGE_ROWS_MAX = 1_000


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a verification: sound when `problems` is empty. `head` is the newest entry's hash; `signed_to` the last entry
    that a checkpoint vouches for. `partial` says that entries are left out. `notes` say what could not be checked."""

    entries: int
    head: str
    problems: tuple[str, ...]
    checkpoints: int = 0
    signed_to: int = 0
    partial: bool = False
    notes: tuple[str, ...] = ()


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, newest first. Give `next_before` as `before` for the next page; None at the end. A search for text looks at so
    many entries a page, so that one may hold few entries, or none, and still have a next."""

    entries: tuple[AuditEntry, ...]
    next_before: int | None


class Audit:
    """The audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify(self) -> AuditReport:
        """Check the whole chain, then every audited row and every batch, then the sums that gates read and documents that were
        kept. Memory is bounded: where the log vouches for more rows than are held at once, it is read again for the others."""
        async with self._database.read() as connection:
            signed, problems = await checkpoint_hashes(connection)
            facts = await stored.walk(connection, signed=signed)
            problems = [*facts.check.problems, *problems]
            single, batches = facts.single, facts.batches
            parts = max(single.parts, batches.parts)
            for part in range(parts):
                if parts > 1:
                    single, batches = (Expected[str](parts=parts, part=part), Expected[int](parts=parts, part=part))
                    await stored.walk(connection, signed={}, single=single, batches=batches)
                problems += await stored.single_row_problems(connection, single)
                problems += await stored.batch_problems(connection, batches)
            problems += await kept_documents.problems(connection)
            # Of rows that were edited no sum can be right.
            problems += [] if problems else await sums.problems(connection)
        check = facts.check
        return AuditReport(
            entries=check.entries,
            head=check.head if check.entries else "",
            problems=tuple(dict.fromkeys(problems))[:PROBLEMS_MAX],
            checkpoints=len(signed),
            signed_to=max(signed, default=0),
        )

    async def rebuild_sums(self, *, actor: str) -> None:
        """Make the sums of calls, ratings and outcomes anew from the rows. Reads every row while nobody else writes."""
        async with self._database.write(actor) as writer:
            await sums.rebuild(writer.connection)
            await writer.audit("rebuild", "sums/all", document=None, reason="made anew from the recorded rows")

    async def latest(self, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """The newest entries first."""
        async with self._database.read() as connection:
            return await stored.latest(connection, subject=subject, limit=limit)

    async def search(self, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> AuditPage:
        """What is `wanted`, the newest first, older than entry `before` where given."""
        async with self._database.read() as connection:
            found, next_before = await audit_search.search(connection, wanted, before=before, limit=min(limit, PAGE_ROWS_MAX))
        return AuditPage(entries=tuple(found), next_before=next_before)

    async def lines(self, *, after: int = 0, until: int | None = None) -> AsyncIterator[bytes]:
        """The chain as JSON Lines."""
        async with self._database.read() as connection:
            async for entry in stored.entries(connection, after=after, until=until):
                yield msgspec.json.encode(entry) + b"\n"


def verify_file(path: Path, **options: Any) -> AuditReport:
    """Check an exported chain offline, gzipped too, as the auditor's own file does (`offline_verifier.verify_path`, whose options
    these are). InputError names the line that is not an audit entry."""
    try:
        report = verify_path(str(path), **options)
    except NotReadable as error:
        raise InputError(error.message, file=str(path), line=error.line) from None
    except OSError as error:
        raise InputError(error.strerror or str(error), file=str(error.filename or path)) from None
    return AuditReport(
        entries=report.entries,
        head=report.head,
        problems=tuple(str(each) for each in report.problems),
        checkpoints=report.checkpoints,
        signed_to=report.signed_to,
        partial=report.partial,
        notes=tuple(report.notes),
    )
