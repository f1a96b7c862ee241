"""Ratings and outcomes. Both are append-only; of several outcomes of one case and metric the newest counts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.store import outcome_sums, rating_sums, tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import decode
from groundcrew.store.rows import stamp

RATINGS = Collection(
    tables.ratings,
    Rating,
    "rating",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "version_digest": each.version_digest,
        "sample": each.sample,
        "at": stamp(each.at),
        "stars": each.stars,
        "rater": each.rater,
        "call_id": each.call_id,
        "case_id": each.case_id,
        "critical_harm": each.critical_harm,
    },
    after_new=rating_sums.note,
)
OUTCOMES = Collection(
    tables.outcomes,
    Outcome,
    "outcome",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "metric": each.metric,
        "case_id": each.case_id,
        "sample": each.sample,
        "value": each.value,
        "at": stamp(each.at),
        "version_digest": each.version_digest,
        "unit_id": each.unit_id,
        "arm": each.arm,
        "cluster": each.cluster,
    },
    after_batch=outcome_sums.note_batch,
)


async def current_outcomes(connection: AsyncConnection, use_case: str) -> list[Outcome]:
    """The newest outcome of each metric and case, by id (UUIDv7, so by time of arrival)."""
    table = tables.outcomes
    newest = (
        sa.select(sa.func.max(table.c.id))
        .where(table.c.use_case == use_case)
        .group_by(table.c.metric, table.c.case_id)
        .scalar_subquery()
    )
    query = sa.select(table.c.document).where(table.c.id.in_(newest)).order_by(table.c.id)
    return [decode(document, Outcome) for document in (await connection.execute(query)).scalars()]


async def latest_values(connection: AsyncConnection, use_case: str, keys: set[tuple[str, str]]) -> dict[tuple[str, str], Outcome]:
    """The newest outcome for each of the given (metric, case id) pairs that has one."""
    found: dict[tuple[str, str], Outcome] = {}
    cases = sorted({case for _, case in keys})
    for start in range(0, len(cases), 500):
        query = (
            sa.select(tables.outcomes.c.document)
            .where(tables.outcomes.c.use_case == use_case, tables.outcomes.c.case_id.in_(cases[start : start + 500]))
            .order_by(tables.outcomes.c.id)
        )
        for document in (await connection.execute(query)).scalars():
            outcome = decode(document, Outcome)
            if (outcome.metric, outcome.case_id) in keys:
                found[outcome.metric, outcome.case_id] = outcome
    return found
