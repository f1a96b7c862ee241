"""Whether the sums that pages and gates read are those of the rows, and making them anew where they are not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.store import outcome_sums, rating_sums, rollups, tables
from groundcrew.store.rows import insert_rows

#: Sums of fractions differ in their last digits by the order in which they were added up.
RELATIVE_ERROR_MAX = 1e-6

Sums = Mapping[tuple[Any, ...], tuple[Any, ...]]


async def problems(connection: AsyncConnection) -> list[str]:
    """Kinds of sums that differ from what their rows add up to, in words; reads every row."""
    kept, anew = await rollups.stored(connection), await rollups.rebuilt(connection)
    pairs: dict[str, tuple[Sums, Sums]] = {
        "calls": (kept.sums, anew.sums),
        "the spread of calls": (kept.spreads, anew.spreads),
        "ratings": (await rating_sums.stored(connection), await rating_sums.rebuilt(connection)),
        "outcomes": (await outcome_sums.stored(connection), await outcome_sums.rebuilt(connection)),
    }
    return [
        f"sums of {kind}: differ from what the recorded rows add up to; they were edited"
        for kind, (own, other) in pairs.items()
        if not _alike(own, other)
    ]


async def rebuild(connection: AsyncConnection) -> None:
    """Make all sums anew from the rows, in one transaction that writes; reads every row."""
    anew = await rollups.rebuilt(connection)
    await _replace(connection, tables.call_sums, anew.sums)
    await _replace(connection, tables.call_spreads, anew.spreads)
    await rebuild_feedback(connection)


async def rebuild_feedback(connection: AsyncConnection) -> None:
    """Make the sums of ratings and outcomes anew from the rows; reads every one of them."""
    await _replace(connection, tables.outcome_sums, await outcome_sums.rebuilt(connection))
    orders = await rating_sums.orders(connection)
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for key, own in (await rating_sums.rebuilt(connection)).items():
        # Past every count of rewrites that was, so that whatever was computed along the old order is computed anew.
        rewrites, last = orders.get(key, (0, ""))[0] + 1, await rating_sums.last_place(connection, *key)
        rows[key] = (*own, rewrites, last)
    await _replace(connection, tables.rating_sums, rows)


async def _replace(connection: AsyncConnection, table: sa.Table, sums: Sums) -> None:
    await connection.execute(table.delete())
    await insert_rows(connection, table, [each.name for each in table.columns], [(*key, *own) for key, own in sums.items()])


def _alike(own: Sums, other: Sums) -> bool:
    return own.keys() == other.keys() and all(
        math.isclose(first, second, rel_tol=RELATIVE_ERROR_MAX, abs_tol=RELATIVE_ERROR_MAX)
        for key, sums in own.items()
        for first, second in zip(sums, other[key], strict=True)
    )
