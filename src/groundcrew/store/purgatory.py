"""What the portfolio of waiting pilots is told from: when each was last called, by how many people, and what it has spent. All
of it from sums that are kept; no call is read."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.spending import NANOS
from groundcrew.store.database import decode
from groundcrew.store.tables import audit_entries, call_sums, spending


class Spent(NamedTuple):
    """What one use case has cost in recorded calls: USD of those whose cost is known, and how many calls have an unknown one."""

    usd: float
    unknown_calls: int


async def spent(connection: AsyncConnection) -> dict[str, Spent]:
    """By use case, sample calls left out."""
    columns = spending.c
    query = (
        sa.select(columns.use_case, sa.func.sum(columns.nanos), sa.func.sum(columns.unknown_calls))
        .where(~columns.sample)
        .group_by(columns.use_case)
    )
    return {name: Spent(int(nanos or 0) / NANOS, int(unknown or 0)) for name, nanos, unknown in await connection.execute(query)}


async def people(connection: AsyncConnection) -> dict[str, int]:
    """How many different users each use case answered, as applications named them; calls that name nobody count nobody."""
    columns = spending.c
    named = (
        sa.select(columns.use_case, columns.user_id)
        .where(~columns.sample, columns.user_id.is_not(None), columns.user_id != "")
        .distinct()
        .subquery()
    )
    query = sa.select(named.c.use_case, sa.func.count()).group_by(named.c.use_case)
    return {name: int(number) for name, number in await connection.execute(query)}


async def last_days(connection: AsyncConnection) -> dict[str, str]:
    """The last day (YYYY-MM-DD, UTC) on which each use case was called for people."""
    columns = call_sums.c
    query = (
        sa.select(columns.use_case, sa.func.max(columns.period))
        .where(columns.span == "day", ~columns.sample)
        .group_by(columns.use_case)
    )
    return {name: day for name, day in await connection.execute(query)}  # noqa: C416


async def registered_at(connection: AsyncConnection, use_case: str) -> datetime | None:
    """When a use case was first declared, as its oldest audit entry says."""
    query = (
        sa.select(audit_entries.c.document)
        .where(audit_entries.c.subject == f"use-case/{use_case}")
        .order_by(audit_entries.c.sequence)
        .limit(1)
    )
    document = (await connection.execute(query)).scalar_one_or_none()
    return decode(document, AuditEntry).at if document is not None else None
