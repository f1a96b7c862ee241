"""Figures of business outcomes. Four names have a meaning of their own (`resolved`, `reopened`, `handle_time`, `cost`); any other
name is a business metric where the use case declares it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time

import msgspec
import numpy as np

from groundcrew.domain.use_case import BusinessMetric, UseCase
from groundcrew.metrics.automation_rate import REOPEN_WINDOW_DAYS, automation_counts
from groundcrew.metrics.business import BusinessKind, business
from groundcrew.metrics.handle_time import median_handle_time
from groundcrew.services.automation import resolved_columns
from groundcrew.services.metric_figures import MetricFigure, Period, WeekFigure, by_week, figure, week_of
from groundcrew.stats.intervals import Interval, wilson
from groundcrew.stats.moments import moments_of_sums
from groundcrew.store import console, outcome_values
from groundcrew.store.database import Connection
from groundcrew.store.outcome_values import DayOutcomes

#: Newest outcomes that a median is taken over.
VALUES_MAX = 20_000
HANDLE_TIME, COST = "handle_time", "cost"
#: Seconds in the units that a handle time may be sent in; without a unit it is in seconds.
UNIT_S = {"": 1.0, "s": 1.0, "min": 60.0, "minutes": 60.0, "h": 3_600.0, "hours": 3_600.0}
_HOW = "outcomes named {} (API, client.py, `groundcrew outcomes import`)"


async def of_outcomes(
    connection: Connection, period: Period, use_case: UseCase, control: frozenset[str], now: datetime
) -> list[MetricFigure]:
    """Automation rate, handle time, other cost, and each declared business metric. Outcomes of arms in `control` were not served
    by this version and are left out."""
    found = [await _automation(connection, period, now), *await _handle_time(connection, period, control)]
    declared = [*use_case.metrics]
    if COST not in {each.name for each in declared}:
        declared.insert(0, BusinessMetric(name=COST, kind="cost", unit="USD", direction="decrease"))
    for each in declared:
        if each.name != HANDLE_TIME:
            found.append(await _declared(connection, period, each, control))
    return found


async def _automation(connection: Connection, period: Period, now: datetime) -> MetricFigure:
    every = await resolved_columns(connection, period.use_case, period.version_digest, sample=period.sample)
    first = datetime.combine(period.since, time.min, UTC).timestamp()
    last = datetime.combine(period.until, time.max, UTC).timestamp()
    inside = (every.resolved_at_s >= first) & (every.resolved_at_s <= last)
    cases = every.where(inside)
    as_of = now.timestamp()
    weeks = []
    names = np.array(
        [week_of(datetime.fromtimestamp(each, UTC).date()).toordinal() for each in cases.resolved_at_s], dtype=np.int64
    )
    for name in np.unique(names):
        of_week = cases.where(names == name)
        automated, counted = automation_counts(of_week, as_of)
        if counted:
            weeks.append(WeekFigure(week=period.since.fromordinal(int(name)), interval=wilson(automated, counted)))
    automated, counted = automation_counts(cases, as_of)
    young = int(cases.resolved_at_s.size) - counted
    missing = _HOW.format("resolved (1: without a human, 0: by a human) and reopened (1)")
    return figure(
        "automation_rate",
        "Resolved without a human",
        "cases",
        wilson(automated, counted),
        source=f"outcomes resolved and reopened; reopened within {REOPEN_WINDOW_DAYS} days counts against",
        note=f"{young:,} cases resolved less than {REOPEN_WINDOW_DAYS} days ago are left out" if young else "",
        missing=f"{young:,} cases are younger than {REOPEN_WINDOW_DAYS} days" if young else missing,
        higher_is_better=True,
        weeks=weeks,
    )


async def _handle_time(connection: Connection, period: Period, control: frozenset[str]) -> list[MetricFigure]:
    unit = await console.outcome_unit(connection, period.use_case, HANDLE_TIME, sample=period.sample)
    scale = UNIT_S.get(unit, 1.0)
    days = await _days(connection, period, HANDLE_TIME, control)
    values = await outcome_values.values(
        connection,
        period.use_case,
        period.version_digest,
        HANDLE_TIME,
        since=period.since,
        until=period.until,
        sample=period.sample,
        limit=VALUES_MAX,
    )
    times = [max(0.0, value) * scale for arm, value in values if arm not in control]
    missing = _HOW.format(HANDLE_TIME)
    return [
        figure(
            "handle_time",
            "Handle time, mean",
            "cases",
            _mean(days, "duration", scale),
            source="outcomes handle_time, sums by day",
            note=_left_out(control),
            missing=missing,
            higher_is_better=False,
            weeks=by_week(days, lambda each: each.day, lambda rows: _mean(rows, "duration", scale)),
        ),
        figure(
            "median_handle_time",
            "Handle time, median",
            "cases",
            median_handle_time(times),
            source=f"the newest {VALUES_MAX:,} outcomes handle_time",
            note=_left_out(control),
            missing=missing,
            higher_is_better=False,
        ),
    ]


async def _declared(connection: Connection, period: Period, metric: BusinessMetric, control: frozenset[str]) -> MetricFigure:
    days = await _days(connection, period, metric.name, control)
    unit = metric.unit or await console.outcome_unit(connection, period.use_case, metric.name, sample=period.sample)
    if not unit and metric.kind == "proportion":
        unit = "share"
    made = figure(
        "business",
        "Other cost per case" if metric.name == COST else metric.name.replace("_", " ").capitalize(),
        "cost and time" if metric.name == COST else "business",
        _mean(days, metric.kind, 1.0),
        source=f"outcomes {metric.name}, sums by day",
        note=_left_out(control),
        missing=_HOW.format(metric.name),
        higher_is_better=metric.direction == "increase",
        weeks=by_week(days, lambda each: each.day, lambda rows: _mean(rows, metric.kind, 1.0)),
        unit=unit,
    )
    return msgspec.structs.replace(made, name=metric.name)


async def _days(connection: Connection, period: Period, metric: str, control: frozenset[str]) -> list[DayOutcomes]:
    rows = await outcome_values.days(
        connection,
        period.use_case,
        period.version_digest,
        metric,
        since=period.since,
        until=period.until,
        sample=period.sample,
    )
    return [each for each in rows if each.arm not in control]


def _mean(days: Sequence[DayOutcomes], kind: BusinessKind, scale: float) -> Interval:
    n, total = sum(each.outcomes for each in days), sum(each.total for each in days)
    squares = sum(each.squares for each in days)
    moments = moments_of_sums(n, total * scale, squares * scale * scale)
    if kind == "proportion" and moments.mean is not None and not 0 <= moments.mean <= 1:
        kind = "mean"  # what was sent is no proportion: shown as the mean that it is
    return business(moments, kind)


def _left_out(control: frozenset[str]) -> str:
    named = sorted(each for each in control if each not in ("control", "holdout"))
    return f"without cases of the arm {named[0]}" if named else ""
