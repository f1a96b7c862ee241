"""The outcomes of one metric that count, as values: what sums can not tell, such as medians, and cases by what became of them."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.store.tables import outcome_sums, outcomes

RESOLVED, REOPENED = "resolved", "reopened"


class DayOutcomes(NamedTuple):
    """The outcomes of one metric, arm ("" where none is named) and day that count: number, sum, sum of squares."""

    day: str
    arm: str
    outcomes: int
    total: float
    squares: float


async def days(
    connection: AsyncConnection, use_case: str, version_digest: str, metric: str, *, since: date, until: date, sample: bool
) -> list[DayOutcomes]:
    """By day and arm, both days included, in order; from the kept sums."""
    columns = outcome_sums.c
    query = (
        sa.select(columns.day, columns.arm, columns.outcomes, columns.total, columns.squares)
        .where(
            columns.use_case == use_case,
            columns.version_digest == version_digest,
            columns.metric == metric,
            columns.day.between(since.isoformat(), until.isoformat()),
            columns.sample == sample,
            columns.outcomes > 0,
        )
        .order_by(columns.day, columns.arm)
    )
    return [DayOutcomes(*row) for row in (await connection.execute(query)).all()]


async def values(
    connection: AsyncConnection,
    use_case: str,
    version_digest: str,
    metric: str,
    *,
    since: date,
    until: date,
    sample: bool,
    limit: int,
) -> list[tuple[str, float]]:
    """(arm or "", value) of the newest `limit` outcomes of one metric that count, both days included."""
    columns = outcomes.c
    day = sa.func.substr(columns.at, 1, 10)
    query = (
        sa.select(sa.func.coalesce(columns.arm, ""), columns.value)
        .where(
            columns.use_case == use_case,
            columns.version_digest == version_digest,
            columns.metric == metric,
            columns.sample == sample,
            day.between(since.isoformat(), until.isoformat()),
            _newest(outcomes),
        )
        .order_by(columns.id.desc())
        .limit(limit)
    )
    return [(arm, value) for arm, value in (await connection.execute(query)).all()]


class CaseEnd(NamedTuple):
    """When a case was resolved, whether without a human, and when it was reopened, if ever; times as `stamp` writes them."""

    resolved_at: str
    automatic: bool
    reopened_at: str | None


async def resolved_cases(
    connection: AsyncConnection, use_case: str, version_digest: str, *, sample: bool, limit: int
) -> list[CaseEnd]:
    """The newest `limit` cases that outcomes named `resolved` are of, with what those named `reopened` say of them."""
    resolved, reopened = outcomes.alias("resolved"), outcomes.alias("reopened")
    same = sa.and_(
        reopened.c.use_case == resolved.c.use_case,
        reopened.c.metric == REOPENED,
        reopened.c.case_id == resolved.c.case_id,
        reopened.c.sample == resolved.c.sample,
        _newest(reopened),
    )
    query = (
        sa.select(resolved.c.at, resolved.c.value, reopened.c.at, reopened.c.value)
        .select_from(resolved.outerjoin(reopened, same))
        .where(
            resolved.c.use_case == use_case,
            resolved.c.version_digest == version_digest,
            resolved.c.metric == RESOLVED,
            resolved.c.sample == sample,
            _newest(resolved),
        )
        .order_by(resolved.c.id.desc())
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    return [CaseEnd(at, value == 1.0, again if was else None) for at, value, again, was in rows]


def _newest(table: Any) -> sa.ColumnElement[bool]:
    newer = outcomes.alias()
    names = ("use_case", "metric", "case_id", "sample")
    return ~sa.exists().where(*(newer.c[name] == table.c[name] for name in names), newer.c.id > table.c.id)
