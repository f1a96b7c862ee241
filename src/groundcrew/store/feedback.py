"""Ratings and outcomes. Both are append-only; of several outcomes of one case and metric the newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.store import outcome_sums, rating_sums, tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode
from groundcrew.store.rows import stamp

#: Ids that one statement looks for. They travel as one value: a value each would cost more than finding their rows.
IDS_MAX = 10_000

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
        "origin": each.origin,
    },
    after_new=rating_sums.note,
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


OUTCOMES = Collection(
    tables.outcomes,
    Outcome,
    "outcome",
    identify=lambda each: each.id,
    columns=_outcome_columns,
    after_batch=outcome_sums.note_batch,
)
#: As `canonical_json` writes them, in one step: outcomes come by the million.
_CANONICAL = msgspec.json.Encoder(order="sorted")
_OUTCOME = msgspec.json.Decoder(Outcome)

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


async def newest_rating(connection: AsyncConnection, call_id: str, rater: str) -> Rating | None:
    """What this rater said last of a call."""
    table = tables.ratings
    query = sa.select(table.c.document).where(table.c.call_id == call_id, table.c.rater == rater)
    document = (await connection.execute(query.order_by(table.c.id.desc()).limit(1))).scalar_one_or_none()
    return None if document is None else decode(document, Rating)


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
    for metric, case_id, _ in wanted:
        cases.setdefault(metric, []).append(case_id)
    for metric, ids in cases.items():
        query = sa.select(table.c.document).where(table.c.use_case == use_case, table.c.metric == metric).order_by(table.c.id)
        for some in _parts(ids):
            these = query.where(_is_one_of(connection, table.c.case_id, some))
            for document in (await connection.execute(these)).scalars():
                outcome = _OUTCOME.decode(document)
                if (key := (outcome.metric, outcome.case_id, outcome.sample)) in wanted:
                    found[key] = outcome
    return found


async def versions_of_calls(connection: AsyncConnection, use_case: str, call_ids: Iterable[str]) -> dict[str, str]:
    """The version that answered each of these calls, where it is a recorded call of the use case that somebody was served by."""
    table, found = tables.calls, dict[str, str]()
    for some in _parts(sorted(set(call_ids))):
        query = sa.select(table.c.id, table.c.version_digest).where(*_served(use_case), _is_one_of(connection, table.c.id, some))
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
            *_served(use_case), _is_one_of(connection, table.c.case_id, some)
        )
        for row in await connection.execute(query):
            found.setdefault(row.case_id, []).append((row.received_at, row.version_digest))
    return {case_id: sorted(each) for case_id, each in found.items()}


def _served(use_case: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Calls of a use case that served somebody: shadow copies and trials did not."""
    table = tables.calls
    return table.c.use_case == use_case, table.c.shadow_of.is_(None), table.c.trial.is_(None)


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + IDS_MAX] for start in range(0, len(ids), IDS_MAX))


def _is_one_of(connection: AsyncConnection, column: sa.Column[Any], ids: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether `column` is one of `ids`, which go to the database as one array.

    A subquery in both: PostgreSQL joins it by index or hash even before it has statistics, as within the first minute of a large
    import. `= ANY(array)` it would compare with row by row.
    """
    if connection.dialect.name == "sqlite":
        values = sa.func.json_each(msgspec.json.encode(ids).decode()).table_valued("value")
        return column.in_(sa.select(values.c.value))
    return column.in_(sa.select(sa.func.unnest(sa.literal(list(ids), ARRAY(sa.Text)))))
