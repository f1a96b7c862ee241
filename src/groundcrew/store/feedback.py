"""Ratings and outcomes. Both are append-only; of several outcomes of one case and metric the newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.store import tables
from groundcrew.store.calls import stamp
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode

#: Keys in one statement; a power of two, and below what either database takes.
KEYS_MAX = 1_024

RATINGS = Collection(
    tables.ratings,
    Rating,
    "rating",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "version_digest": each.version_digest,
        "sample": each.sample,
        "call_id": each.call_id,
        "rater": each.rater,
        "origin": each.origin,
    },
)


def _outcome_columns(outcome: Outcome) -> dict[str, Any]:
    return {
        "use_case": outcome.use_case,
        "metric": outcome.metric,
        "case_id": outcome.case_id,
        "sample": outcome.sample,
        "value": outcome.value,
        "at": stamp(outcome.at),
        "version_digest": outcome.version_digest,
        "unit_id": outcome.unit_id,
        "arm": outcome.arm,
        "cluster": outcome.cluster,
    }


OUTCOMES = Collection(tables.outcomes, Outcome, "outcome", identify=lambda each: each.id, columns=_outcome_columns)
#: As `canonical_json` writes them, in one step: outcomes come by the million.
_CANONICAL = msgspec.json.Encoder(order="sorted")

#: Metric, case and whether it is sample data: what an outcome is of.
OutcomeKey = tuple[str, str, bool]
OutcomeRow = tuple[str, bytes, dict[str, Any]]


def outcome_rows(outcomes: Iterable[Outcome]) -> list[OutcomeRow]:
    """Outcomes as they are inserted, sorted by id; costs time, so that many are made apart from the transaction's loop."""
    found = [(each.id, _CANONICAL.encode(each), _outcome_columns(each)) for each in outcomes]
    found.sort(key=lambda row: row[0])
    return found


async def insert_outcomes(writer: Writer, use_case: str, rows: Sequence[OutcomeRow], *, details: dict[str, Any]) -> None:
    """Insert outcomes, all new, under one audit entry over all of them."""
    await OUTCOMES.insert_documents(writer, rows, "import", f"outcomes/{use_case}", details={"use_case": use_case, **details})


async def current_outcomes(connection: AsyncConnection, use_case: str) -> list[Outcome]:
    """The outcome that counts of each metric and case, sample data apart: the newest by id (UUIDv7, so by time of arrival), for
    what is older than the one that counts is not recorded."""
    table = tables.outcomes
    newest = (
        sa.select(sa.func.max(table.c.id))
        .where(table.c.use_case == use_case)
        .group_by(table.c.metric, table.c.case_id, table.c.sample)
        .scalar_subquery()
    )
    query = sa.select(table.c.document).where(table.c.id.in_(newest)).order_by(table.c.id)
    return [decode(document, Outcome) for document in (await connection.execute(query)).scalars()]


async def latest_values(connection: AsyncConnection, use_case: str, keys: Iterable[OutcomeKey]) -> dict[OutcomeKey, Outcome]:
    """The outcome that counts for each of the given keys that has one."""
    table, found = tables.outcomes, dict[OutcomeKey, Outcome]()
    wanted = set(keys)
    cases: dict[str, list[str]] = {}
    for metric, case_id, _ in sorted(wanted):
        cases.setdefault(metric, []).append(case_id)
    for metric, ids in cases.items():
        query = sa.select(table.c.document).where(table.c.use_case == use_case, table.c.metric == metric).order_by(table.c.id)
        for some in _parts(ids):
            for document in (await connection.execute(query.where(table.c.case_id.in_(some)))).scalars():
                outcome = decode(document, Outcome)
                if (key := (outcome.metric, outcome.case_id, outcome.sample)) in wanted:
                    found[key] = outcome
    return found


async def versions_of_calls(connection: AsyncConnection, use_case: str, call_ids: Iterable[str]) -> dict[str, str]:
    """The version that answered each of these calls, where it is a recorded call of the use case that somebody was served by."""
    table, found = tables.calls, dict[str, str]()
    for some in _parts(sorted(set(call_ids))):
        query = sa.select(table.c.id, table.c.version_digest).where(*_served(use_case), table.c.id.in_(some))
        found.update((row.id, row.version_digest) for row in await connection.execute(query))
    return found


async def versions_of_cases(
    connection: AsyncConnection, use_case: str, case_ids: Iterable[str]
) -> dict[str, list[tuple[str, str]]]:
    """When calls of these business cases came (as `stamp` writes it) and which version answered them, in order."""
    table, found = tables.calls, dict[str, list[tuple[str, str]]]()
    any_case = sa.select(table.c.id).where(*_served(use_case), table.c.case_id.is_not(None)).limit(1)
    if (await connection.execute(any_case)).first() is None:
        return found
    for some in _parts(sorted(set(case_ids))):
        query = sa.select(table.c.case_id, table.c.received_at, table.c.version_digest).where(
            *_served(use_case), table.c.case_id.in_(some)
        )
        for row in await connection.execute(query):
            found.setdefault(row.case_id, []).append((row.received_at, row.version_digest))
    return {case_id: sorted(each) for case_id, each in found.items()}


def _served(use_case: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Calls of a use case that served somebody: shadow copies and trials did not."""
    table = tables.calls
    return table.c.use_case == use_case, table.c.shadow_of.is_(None), table.c.trial.is_(None)


def _parts(ids: Sequence[str]) -> Iterable[list[str]]:
    """`ids` in parts, each filled up to a power of two: drivers keep prepared statements by their text."""
    for start in range(0, len(ids), KEYS_MAX):
        some = list(ids[start : start + KEYS_MAX])
        yield some + some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
