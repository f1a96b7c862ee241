"""Figures of calls: how they ended, what the score said, how long they took, what they cost. From kept sums, but for the costs of
cases, which are of the newest calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from groundcrew.metrics.cost_per_case import cost_per_case
from groundcrew.metrics.decline_rate import share_of_concluded
from groundcrew.metrics.latency import latency_p50, latency_p90, latency_p99
from groundcrew.metrics.trust import trust
from groundcrew.services.metric_figures import MetricFigure, Period, by_week, figure
from groundcrew.stats.intervals import Interval
from groundcrew.stats.moments import moments_of_sums
from groundcrew.store import rollups, texts
from groundcrew.store.database import Connection

#: Newest calls that name a case which costs of cases are taken over.
COST_CALLS_MAX = 20_000
_NO_CALLS = "calls of this version through the gateway"


async def of_calls(connection: Connection, period: Period) -> list[MetricFigure]:
    """Decline and fallback rate, trust, latency."""
    where = period.use_case, period.version_digest
    span = {"since": period.since, "until": period.until, "sample": period.sample}
    days = await rollups.days(connection, *where, **span)  # type: ignore[arg-type]
    found = [
        figure(
            name,
            title,
            "answers",
            _ended(days, status),
            source="recorded calls, sums by day",
            missing=_NO_CALLS,
            weeks=by_week(days, lambda each: each.day, lambda rows, status=status: _ended(rows, status)),  # type: ignore[misc]
        )
        for name, title, status in (("decline_rate", "Declined", "declined"), ("fallback_rate", "Fell back", "fallback"))
    ]
    scores = await rollups.spreads(connection, *where[:1], rollups.TRUST, where[1], **span)  # type: ignore[arg-type]
    found.append(
        figure(
            "trust",
            "Trust",
            "answers",
            _trust(list(scores.values())),
            source="the score's own opinion of the answers, sums by day",
            missing="answers with claims and sources, which get a score",
            higher_is_better=True,
            weeks=by_week(scores.items(), lambda each: each[0], lambda rows: _trust([own for _, own in rows])),
        )
    )
    times = await rollups.spreads(connection, *where[:1], rollups.TOTAL_MS, where[1], **span)  # type: ignore[arg-type]
    for compute, title in ((latency_p50, "Latency, median"), (latency_p90, "Latency, 90 %"), (latency_p99, "Latency, 99 %")):
        found.append(
            figure(
                compute.__name__,
                title,
                "cost and time",
                compute(_merged(list(times.values()))),
                source="whole time of recorded calls, counted in buckets 9 % wide",
                missing=_NO_CALLS,
                higher_is_better=False,
                weeks=by_week(
                    times.items(),
                    lambda each: each[0],
                    lambda rows, compute=compute: compute(_merged([own for _, own in rows])),  # type: ignore[misc]
                ),
            )
        )
    return found


async def of_costs(connection: Connection, period: Period) -> list[MetricFigure]:
    """Cost per case."""
    since, until = period.stamps
    cases = await texts.case_costs(
        connection,
        period.use_case,
        period.version_digest,
        since=since,
        until=until,
        sample=period.sample,
        limit=COST_CALLS_MAX,
    )
    unknown = sum(each.cost_usd is None for each in cases)
    missing = "calls that name a case (header groundcrew-case-id)"
    if unknown:
        missing = f"a price on every target: the cost of {unknown} of {len(cases)} cases is unknown"
    return [
        figure(
            "cost_per_case",
            "Model cost per case",
            "cost and time",
            cost_per_case([each.cost_usd for each in cases]),
            source=f"the newest {COST_CALLS_MAX:,} calls that name a case",
            note="what people's time costs is not in it",
            missing=missing,
            higher_is_better=False,
        )
    ]


def _ended(days: Sequence[rollups.DaySums], status: str) -> Interval:
    counts: Counter[str] = Counter()
    for each in days:
        counts[each.status] += each.calls
    return share_of_concluded(counts, status)  # type: ignore[arg-type]


def _trust(spreads: Sequence[rollups.Spread]) -> Interval:
    n = sum(each.counts.total() for each in spreads)
    return trust(moments_of_sums(n, sum(each.total for each in spreads), sum(each.squares for each in spreads)))


def _merged(spreads: Sequence[rollups.Spread]) -> Mapping[int, int]:
    counts: Counter[int] = Counter()
    for each in spreads:
        counts.update(each.counts)
    return counts
