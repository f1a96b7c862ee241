"""Queries that only the console's pages ask: calls counted by the hour, and the audit log a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.store import tables
from groundcrew.store.database import decode

#: Characters of ``2026-01-31T09``, the hour in a call's stamp.
HOUR_LENGTH = 13


async def call_counts(connection: AsyncConnection, *, since: datetime) -> dict[str, int]:
    """Number of calls of each use case received since then, shadow copies and trials left out."""
    table = tables.calls
    query = (
        sa.select(table.c.use_case, sa.func.count())
        .where(table.c.received_at >= _stamp(since), table.c.shadow_of.is_(None), table.c.trial.is_(None))
        .group_by(table.c.use_case)
    )
    return {name: int(number) for name, number in (await connection.execute(query)).all()}


async def hourly_counts(connection: AsyncConnection, use_case: str, *, since: datetime) -> dict[tuple[str, str], int]:
    """Number of calls of one use case by (hour such as ``2026-01-31T09``, status), received since then, shadow copies and trials
    left out."""
    table = tables.calls
    hour = sa.func.substr(table.c.received_at, 1, HOUR_LENGTH).label("hour")
    query = (
        sa.select(hour, table.c.status, sa.func.count())
        .where(
            table.c.use_case == use_case,
            table.c.received_at >= _stamp(since),
            table.c.shadow_of.is_(None),
            table.c.trial.is_(None),
        )
        .group_by(hour, table.c.status)
    )
    return {(moment, status): int(number) for moment, status, number in (await connection.execute(query)).all()}


async def audit_page(
    connection: AsyncConnection, *, subjects: Sequence[str] = (), before: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """The newest entries first, older than sequence `before` and about one of `subjects` where given."""
    table = tables.audit_entries
    query = sa.select(table.c.document).order_by(table.c.sequence.desc()).limit(limit)
    if subjects:
        query = query.where(table.c.subject.in_(subjects))
    if before is not None:
        query = query.where(table.c.sequence < before)
    return [decode(document, AuditEntry) for document in (await connection.execute(query)).scalars()]


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
