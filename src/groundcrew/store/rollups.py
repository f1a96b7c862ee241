"""Sums of recorded calls: kept in the transaction that inserts them, so that what pages and gates show of many calls is read from
a few rows. They are no record of their own: `rebuilt` makes them anew from the calls, and must give the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from operator import add as add_up
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import CallHead
from groundcrew.domain.spending import NANOS, to_nanos
from groundcrew.stats.buckets import duration_bucket, share_bucket
from groundcrew.store.rows import SUM_MAX, add_rows, stamp
from groundcrew.store.tables import CALL_SPREAD_KEYS, CALL_SUM_KEYS, CALL_SUMS, call_spreads, call_sums, calls

#: Characters of ``2026-01-31T09``, the hour in a call's stamp.
DAY_LENGTH, HOUR_LENGTH = 10, 13
#: What call_spreads tells of: the whole time of a call in ms, and the trust of the answer.
TOTAL_MS, TRUST = "total_ms", "trust"
_SUM_NAMES, _SPREAD_NAMES = (*CALL_SUM_KEYS, "sample"), (*CALL_SPREAD_KEYS, "sample", "bucket")
_HEAD = msgspec.json.Decoder(CallHead)
#: Calls that are read at a time where the sums are made anew.
PAGE_ROWS = 2_000
_NO_SUMS, _NO_SPREAD = (0,) * len(CALL_SUMS), (0, 0.0, 0.0)

SumKey = tuple[str, str, str, str, str, str, bool]
SpreadKey = tuple[str, str, str, str, bool, int]


class Rollup(NamedTuple):
    """Sums by key, in the order of the tables' columns."""

    sums: dict[SumKey, tuple[int, ...]]
    spreads: dict[SpreadKey, tuple[Any, ...]]


def rolled_up(recorded: Iterable[CallHead]) -> Rollup:
    """The sums of some calls; shadow copies and trials were for nobody and are left out."""
    rollup = Rollup({}, {})
    hours: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for call in recorded:
        if call.shadow_of is not None or call.trial is not None:
            continue
        own = (
            1,
            int(call.cost_usd is None),
            to_nanos(call.cost_usd or 0.0),
            min(max(call.input_tokens, 0), SUM_MAX),
            min(max(call.output_tokens, 0), SUM_MAX),
        )
        when, trust = stamp(call.received_at), call.trust
        key = (call.use_case, when[:HOUR_LENGTH], call.version_digest, call.status, trust.state if trust else "", call.sample)
        hours[key] = tuple(map(add_up, hours.get(key, _NO_SUMS), own))
        figures = []
        if (total := call.latency_ms.get("total")) is not None:
            figures.append((TOTAL_MS, total, duration_bucket(total)))
        if trust is not None and trust.trust is not None:
            figures.append((TRUST, trust.trust, share_bucket(trust.trust)))
        for measure, value, bucket in figures:
            place = (call.use_case, measure, when[:DAY_LENGTH], call.version_digest, call.sample, bucket)
            rollup.spreads[place] = tuple(map(add_up, rollup.spreads.get(place, _NO_SPREAD), (1, value, value * value)))
    for (use_case, hour, *rest), sums in hours.items():
        for span, period in (("all", ""), ("day", hour[:DAY_LENGTH]), ("hour", hour)):
            whole = (use_case, span, period, *rest)
            rollup.sums[whole] = tuple(map(add_up, rollup.sums.get(whole, _NO_SUMS), sums))
    return rollup


async def add(connection: AsyncConnection, recorded: Iterable[CallHead]) -> None:
    """Add calls to the sums; in the transaction that inserts them, so that each counts once."""
    rollup = rolled_up(recorded)
    sums = [(*key, *(min(each, SUM_MAX) for each in own)) for key, own in sorted(rollup.sums.items())]
    spreads = [(*key, *own) for key, own in sorted(rollup.spreads.items())]
    await add_rows(connection, call_sums, _SUM_NAMES, CALL_SUMS, sums)
    await add_rows(connection, call_spreads, _SPREAD_NAMES, ("calls", "total", "squares"), spreads)


async def stored(connection: AsyncConnection) -> Rollup:
    """All sums as they are kept."""
    sums = (await connection.execute(sa.select(*(call_sums.c[name] for name in (*_SUM_NAMES, *CALL_SUMS))))).all()
    names = (*_SPREAD_NAMES, "calls", "total", "squares")
    spreads = (await connection.execute(sa.select(*(call_spreads.c[name] for name in names)))).all()
    return Rollup(
        {tuple(row[: len(_SUM_NAMES)]): tuple(row[len(_SUM_NAMES) :]) for row in sums},
        {tuple(row[: len(_SPREAD_NAMES)]): tuple(row[len(_SPREAD_NAMES) :]) for row in spreads},
    )


async def status_counts(
    connection: AsyncConnection, use_case: str, version_digest: str | None = None, *, samples: bool = True
) -> dict[tuple[str, str], int]:
    """Number of calls by (status, trust state or ''), of one version where given, without sample data where not wanted."""
    query = _of(use_case, "all", call_sums.c.status, call_sums.c.trust_state, samples=samples)
    if version_digest is not None:
        query = query.where(call_sums.c.version_digest == version_digest)
    return {(status, state): int(number) for status, state, number in (await connection.execute(query)).all()}


async def total_cost(connection: AsyncConnection, use_case: str, version_digest: str) -> float | None:
    """USD that one version of a use case has cost, sample data apart; None while the cost of any of its calls is unknown."""
    query = sa.select(sa.func.sum(call_sums.c.cost_nanos), sa.func.sum(call_sums.c.unknown_cost_calls)).where(
        call_sums.c.use_case == use_case,
        call_sums.c.span == "all",
        call_sums.c.version_digest == version_digest,
        ~call_sums.c.sample,
    )
    nanos, unknown = (await connection.execute(query)).one()
    return None if unknown else float(nanos or 0) / NANOS


async def calls_of_day(connection: AsyncConnection, day: date) -> dict[str, int]:
    """Number of calls that each use case received on a UTC day."""
    query = (
        sa.select(call_sums.c.use_case, sa.func.sum(call_sums.c.calls))
        .where(call_sums.c.span == "day", call_sums.c.period == day.isoformat())
        .group_by(call_sums.c.use_case)
    )
    return {name: int(number) for name, number in (await connection.execute(query)).all()}


async def hourly_counts(connection: AsyncConnection, use_case: str, *, since: datetime) -> dict[tuple[str, str], int]:
    """Number of calls of one use case by (hour such as ``2026-01-31T09``, status), from the hour of `since` on."""
    query = _of(use_case, "hour", call_sums.c.period, call_sums.c.status).where(
        call_sums.c.period >= since.isoformat()[:HOUR_LENGTH]
    )
    return {(hour, status): int(number) for hour, status, number in (await connection.execute(query)).all()}


class DaySums(NamedTuple):
    """The calls of one day and status: their number, those of unknown cost, the cost of the others in USD, their tokens."""

    day: str
    status: str
    calls: int
    unknown_cost_calls: int
    cost_usd: float
    tokens: int


async def days(
    connection: AsyncConnection, use_case: str, version_digest: str, *, since: date, until: date, sample: bool
) -> list[DaySums]:
    """The calls of one version by day and status, both days included, in order."""
    columns = call_sums.c
    sums = (columns.calls, columns.unknown_cost_calls, columns.cost_nanos, columns.input_tokens + columns.output_tokens)
    query = (
        sa.select(columns.period, columns.status, *(sa.func.sum(each) for each in sums))
        .where(
            columns.use_case == use_case,
            columns.span == "day",
            columns.period.between(since.isoformat(), until.isoformat()),
            columns.version_digest == version_digest,
            columns.sample == sample,
        )
        .group_by(columns.period, columns.status)
        .order_by(columns.period, columns.status)
    )
    return [
        DaySums(day, status, int(number), int(unknown), float(nanos) / NANOS, int(tokens))
        for day, status, number, unknown, nanos, tokens in (await connection.execute(query)).all()
    ]


class Spread(NamedTuple):
    """How a figure of some calls is spread: calls by bucket, their sum and the sum of their squares."""

    counts: Counter[int]
    total: float
    squares: float


async def spreads(
    connection: AsyncConnection, use_case: str, measure: str, version_digest: str, *, since: date, until: date, sample: bool
) -> dict[str, Spread]:
    """The spread of one figure of one version by day, both days included."""
    columns = call_spreads.c
    query = sa.select(columns.day, columns.bucket, columns.calls, columns.total, columns.squares).where(
        columns.use_case == use_case,
        columns.measure == measure,
        columns.day.between(since.isoformat(), until.isoformat()),
        columns.version_digest == version_digest,
        columns.sample == sample,
    )
    found: dict[str, Spread] = {}
    for day, bucket, number, total, squares in (await connection.execute(query)).all():
        before = found.get(day, Spread(Counter(), 0.0, 0.0))
        before.counts[bucket] += int(number)
        found[day] = Spread(before.counts, before.total + total, before.squares + squares)
    return found


def _of(use_case: str, span: str, *grouped: sa.Column[Any], samples: bool = True) -> sa.Select[Any]:
    wanted: Sequence[sa.ColumnElement[bool]] = () if samples else (~call_sums.c.sample,)
    return (
        sa.select(*grouped, sa.func.sum(call_sums.c.calls))
        .where(call_sums.c.use_case == use_case, call_sums.c.span == span, *wanted)
        .group_by(*grouped)
    )


async def rebuilt(connection: AsyncConnection) -> Rollup:
    """The sums made anew from the calls. Reads them all, a page at a time."""
    rollup, last = Rollup({}, {}), ""
    while True:
        page = sa.select(calls.c.id, calls.c.document).where(calls.c.id > last).order_by(calls.c.id).limit(PAGE_ROWS)
        rows = (await connection.execute(page)).all()
        if not rows:
            return rollup
        _merge(rollup, rolled_up(_HEAD.decode(document) for _, document in rows))
        last = rows[-1].id


def _merge(into: Rollup, more: Rollup) -> None:
    for key, own in more.sums.items():
        into.sums[key] = tuple(min(a + b, SUM_MAX) for a, b in zip(into.sums.get(key, _NO_SUMS), own, strict=True))
    for place, own in more.spreads.items():
        into.spreads[place] = tuple(map(add_up, into.spreads.get(place, _NO_SPREAD), own))


async def versions(connection: AsyncConnection, use_case: str) -> list[str]:
    """The digests of all versions of a use case that calls are recorded of."""
    columns = call_sums.c
    query = sa.select(columns.version_digest).distinct().where(columns.use_case == use_case, columns.span == "all")
    return list((await connection.execute(query)).scalars())


async def first_day(connection: AsyncConnection, use_case: str, version_digest: str) -> str | None:
    """The first UTC day, such as ``2026-01-31``, with real calls of one version."""
    columns = call_sums.c
    query = sa.select(sa.func.min(columns.period)).where(
        columns.use_case == use_case, columns.span == "day", columns.version_digest == version_digest, ~columns.sample
    )
    found: str | None = (await connection.execute(query)).scalar_one()
    return found
