"""Queries that only the console's pages ask: the audit log a page at a time, the newest ratings, units of outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.store import tables
from groundcrew.store.database import decode


async def audit_page(
    connection: AsyncConnection, *, subjects: Sequence[str] = (), before: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """The newest entries first, older than sequence `before` and about one of `subjects` where given."""
    table = tables.audit_entries

    def page(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
        query = sa.select(table.c.document).where(*where).order_by(table.c.sequence.desc()).limit(limit)
        return query if before is None else query.where(table.c.sequence < before)

    documents: list[str] = []
    # One subject at a time: each is a look into an index, where all at once may be a walk along the whole log.
    for where in [[table.c.subject == each] for each in dict.fromkeys(subjects)] if subjects else [[]]:
        documents += (await connection.execute(page(*where))).scalars().all()
    found = sorted((decode(each, AuditEntry) for each in documents), key=lambda entry: -entry.sequence)
    return found[:limit]


async def newest_ratings(connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int) -> list[Rating]:
    """The newest ratings of one version first, sample ones among them."""
    columns, found = tables.ratings.c, list[Rating]()
    for sample in (False, True):
        query = (
            sa.select(columns.document)
            .where(columns.use_case == use_case, columns.version_digest == version_digest, columns.sample == sample)
            .order_by(columns.at.desc(), columns.id.desc())
            .limit(limit)
        )
        found += [decode(document, Rating) for document in (await connection.execute(query)).scalars()]
    return sorted(found, key=lambda each: (each.at, each.id), reverse=True)[:limit]


async def outcome_unit(connection: AsyncConnection, use_case: str, metric: str, *, sample: bool) -> str:
    """The unit that the outcomes of a metric are in, real or sample ones, as one of them says."""
    columns = tables.outcomes.c
    query = (
        sa.select(columns.document)
        .where(columns.use_case == use_case, columns.metric == metric, columns.sample == sample)
        .order_by(columns.case_id)
        .limit(1)
    )
    document = (await connection.execute(query)).scalar_one_or_none()
    return decode(document, Outcome).unit if document is not None else ""
