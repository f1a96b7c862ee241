"""Outcomes that count, summed by metric, arm and day as batches of them come."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.store.rows import add_rows
from groundcrew.store.statistics import analyse_if_grown
from groundcrew.store.tables import OUTCOME_SUM_KEYS, outcome_sums, outcomes

DAY_LENGTH = 10
#: Metrics and arms of one version that are told apart on a page.
GROUPS_MAX = 200
_NAMES, _SUMS = (*OUTCOME_SUM_KEYS, "sample"), ("outcomes", "total", "squares")


class OutcomeSums(NamedTuple):
    """The outcomes of one metric and arm ("" where none is named) that count: how many, their sum, the sum of their squares."""

    metric: str
    arm: str
    sample: bool
    outcomes: int
    total: float
    squares: float


async def note_batch(connection: AsyncConnection, batch: int) -> None:
    """Add a batch that was just inserted. Of the outcomes of one metric and case the newest counts, so that what it replaces is
    taken off."""
    await analyse_if_grown(connection, outcomes)
    fresh, newer = outcomes.alias("fresh"), outcomes.alias("newer")
    counted = _summed(fresh, 1).where(fresh.c.batch == batch, ~sa.exists().where(_same(newer, fresh), newer.c.id > fresh.c.id))
    given, other = outcomes.alias("given"), outcomes.alias("other")
    replaced = (
        sa.select(sa.func.max(other.c.id))
        .select_from(given.join(other, _same(other, given)))
        .where(given.c.batch == batch, other.c.batch != batch)
        .group_by(other.c.use_case, other.c.metric, other.c.case_id, other.c.sample)
    )
    old = outcomes.alias("old")
    taken = _summed(old, -1).where(
        old.c.id.in_(replaced), sa.exists().where(_same(newer, old), newer.c.batch == batch, newer.c.id > old.c.id)
    )
    for query in (counted, taken):
        rows = [tuple(row) for row in (await connection.execute(query)).all()]
        await add_rows(connection, outcome_sums, _NAMES, _SUMS, rows)


async def of_version(connection: AsyncConnection, use_case: str, version_digest: str) -> list[OutcomeSums]:
    """By metric, arm and sample, in that order; GROUPS_MAX at most."""
    columns = outcome_sums.c
    grouped = columns.metric, columns.arm, columns.sample
    sums = [sa.func.sum(columns[name]) for name in _SUMS]
    query = (
        sa.select(*grouped, *sums)
        .where(columns.use_case == use_case, columns.version_digest == version_digest)
        .group_by(*grouped)
        .having(sums[0] > 0)
        .order_by(columns.metric, columns.sample, columns.arm)
        .limit(GROUPS_MAX)
    )
    found = (await connection.execute(query)).all()
    return [OutcomeSums(metric, arm, bool(sample), int(n), total, squares) for metric, arm, sample, n, total, squares in found]


async def rebuilt(connection: AsyncConnection) -> dict[tuple[Any, ...], tuple[int, float, float]]:
    """By key of the table: the sums made anew from the outcomes. Reads them all."""
    each, newer = outcomes.alias("each"), outcomes.alias("newer")
    query = _summed(each, 1).where(~sa.exists().where(_same(newer, each), newer.c.id > each.c.id))
    return _by_key((await connection.execute(query)).all())


async def stored(connection: AsyncConnection) -> dict[tuple[Any, ...], tuple[int, float, float]]:
    """All sums as they are kept, those of nothing left out."""
    query = sa.select(*(outcome_sums.c[name] for name in (*_NAMES, *_SUMS))).where(outcome_sums.c.outcomes != 0)
    return _by_key((await connection.execute(query)).all())


def _by_key(rows: Any) -> dict[tuple[Any, ...], tuple[int, float, float]]:
    return {tuple(row[:-3]): (int(row[-3]), row[-2], row[-1]) for row in rows}


def _summed(table: sa.FromClause, sign: int) -> sa.Select[Any]:
    columns = table.c
    day = sa.func.substr(columns.at, 1, DAY_LENGTH)
    keys = (columns.use_case, columns.version_digest, columns.metric, sa.func.coalesce(columns.arm, ""), day, columns.sample)
    sums = (sa.func.count(), sa.func.sum(columns.value), sa.func.sum(columns.value * columns.value))
    return sa.select(*keys, *(sign * each for each in sums)).group_by(*keys)


def _same(first: sa.FromClause, second: sa.FromClause) -> sa.ColumnElement[bool]:
    names = ("use_case", "metric", "case_id", "sample")
    return sa.and_(*(first.c[name] == second.c[name] for name in names))
