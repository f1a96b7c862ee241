"""Places an estimate, its interval and the bound that it must reach on one short scale, for drawing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date

import msgspec

from groundcrew.domain.gate import CriterionResult
from groundcrew.stats.intervals import Interval

WIDTH = 160.0
#: Height of a trend, and its least number of weeks.
TREND_HEIGHT, TREND_WEEKS_MIN = 36.0, 2
#: Share of the width that stays free at each end.
MARGIN = 0.06
_BOUND = re.compile(r"(≥|≤|>=|<=|>|<|at least|at most)\s*(-?\d+(?:[.,]\d+)*)\s*(%)?")


class Whisker(msgspec.Struct, frozen=True, kw_only=True):
    """Positions in 0..WIDTH; `zero` where there is no bound. `good_from` and `good_to` enclose the side that passes."""

    estimate: float | None
    lower: float | None
    upper: float | None
    bound: float | None
    zero: float | None
    good_from: float | None
    good_to: float | None
    label: str


class TrendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A week: its place from left to right, that of its estimate and of its bounds from top to bottom (None: unknown)."""

    x: float
    y: float
    low: float
    high: float


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """Weeks side by side, oldest first, the line through their estimates, and what they say in words."""

    points: tuple[TrendPoint, ...]
    path: str
    label: str


def bound_of(text: str) -> tuple[float, bool] | None:
    """The first bound in a text such as ``≥ 4.0`` or ``≤ 1 %``: its value, and whether higher passes. Percent are points."""
    found = _BOUND.search(text)
    if found is None:
        return None
    value = float(found.group(2).replace(",", ""))
    return value / 100 if found.group(3) else value, found.group(1) in ("≥", ">=", ">", "at least")


def whisker(result: CriterionResult) -> Whisker | None:
    """The drawing of one criterion; None where it has no interval."""
    known = [each for each in (result.lower, result.upper) if each is not None]
    if not known:
        return None
    bound = bound_of(result.bound)
    # Without a bound it is a difference, and what matters is where nothing is.
    values = [*known, *([result.estimate] if result.estimate is not None else []), bound[0] if bound else 0.0]
    low, high = min(values), max(values)
    span = (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - MARGIN * span, high + MARGIN * span

    def place(value: float | None) -> float | None:
        return None if value is None else round((value - low) / (high - low) * WIDTH, 1)

    at = place(bound[0]) if bound else None
    good = (None, None) if bound is None or at is None else ((at, WIDTH) if bound[1] else (0.0, at))
    return Whisker(
        estimate=place(result.estimate),
        lower=place(result.lower) if result.lower is not None else 0.0,
        upper=place(result.upper) if result.upper is not None else WIDTH,
        bound=at,
        zero=place(0.0) if bound is None else None,
        good_from=good[0],
        good_to=good[1],
        label=_label(result),
    )


def interval_whisker(interval: Interval, low: float | None = None, high: float | None = None) -> Whisker | None:
    """The drawing of an interval on the range `low`..`high`, or on its own; None where no end of it is known."""
    known = [each for each in (interval.lower, interval.upper, interval.estimate) if each is not None]
    if interval.lower is None and interval.upper is None:
        return None
    low, high = min(known) if low is None else low, max(known) if high is None else high
    span = (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - MARGIN * span, high + MARGIN * span

    def place(value: float | None) -> float | None:
        return None if value is None else round((value - low) / (high - low) * WIDTH, 1)

    return Whisker(
        estimate=place(interval.estimate),
        lower=place(interval.lower) if interval.lower is not None else 0.0,
        upper=place(interval.upper) if interval.upper is not None else WIDTH,
        bound=None,
        zero=place(0.0) if low < 0 < high else None,
        good_from=None,
        good_to=None,
        label=_interval_label(interval),
    )


def trend(weeks: Sequence[tuple[date, Interval]], words: Callable[[float | None], str]) -> Trend | None:
    """The drawing of a metric week by week; None under TREND_WEEKS_MIN weeks that have an estimate."""
    known = [(week, each, each.estimate) for week, each in weeks if each.estimate is not None]
    if len(known) < TREND_WEEKS_MIN:
        return None
    ends = [value for _, each, estimate in known for value in (each.lower, each.upper, estimate) if value is not None]
    low, high = min(ends), max(ends)
    span = (high - low) or max(abs(high), 1.0) * 0.1
    first = known[0][0]
    width = max((known[-1][0] - first).days, 1)

    def up(value: float) -> float:
        return round(3 + (1 - (value - low) / span) * (TREND_HEIGHT - 6), 1)

    points = tuple(
        TrendPoint(
            x=round(4 + (week - first).days / width * (WIDTH - 8), 1),
            y=up(estimate),
            low=up(low if each.lower is None else each.lower),
            high=up(high if each.upper is None else each.upper),
        )
        for week, each, estimate in known
    )
    said = [f"week of {week}: {words(estimate)} ({words(each.lower)} to {words(each.upper)})" for week, each, estimate in known]
    path = "M" + " L".join(f"{each.x} {each.y}" for each in points)
    return Trend(points=points, path=path, label="; ".join(said))


def _interval_label(interval: Interval) -> str:
    estimate = [f"estimate {interval.estimate:.4g}"] if interval.estimate is not None else []
    ends = ("unbounded" if each is None else f"{each:.4g}" for each in (interval.lower, interval.upper))
    return ", ".join([*estimate, f"interval {' to '.join(ends)}"])


def _label(result: CriterionResult) -> str:
    parts = [f"estimate {result.estimate:.4g}"] if result.estimate is not None else []
    lower = f"{result.lower:.4g}" if result.lower is not None else "unbounded"
    upper = f"{result.upper:.4g}" if result.upper is not None else "unbounded"
    parts.append(f"interval {lower} to {upper}")
    if result.bound:
        parts.append(f"bound {result.bound}")
    return ", ".join(parts)
