"""Draws one metric over the looks at an experiment: estimate and interval at each, where nothing is, and what must be reached."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.domain.gate import CriterionResult
from groundcrew.domain.hypothesis import SuccessMetric
from groundcrew.metrics.comparison import MetricResult
from groundcrew.metrics.experiment_look import Analysis
from groundcrew.web.console.scale import Whisker, whisker

WIDTH, HEIGHT = 640.0, 190.0
#: Where the frame begins and ends: room for figures to the left and below.
LEFT, RIGHT, TOP, BOTTOM = 64.0, 630.0, 10.0, 158.0
#: Early intervals are many times as wide as late ones: the scale shows so many half-widths of the newest, the rest is cut off.
HALF_WIDTHS_SHOWN = 4.0


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One look: where its estimate and the ends of its interval are drawn, None where they are not known."""

    x: float
    y: float | None
    low: float
    high: float
    label: str


class LookDrawing(msgspec.Struct, frozen=True, kw_only=True):
    """The drawing: `band` and `line` are SVG paths, `zero` and `goal` heights of lines, None where they lie outside; `ticks` are
    (height, figure) to the left, `first` and `last` what stands below."""

    points: tuple[Point, ...]
    band: str
    line: str
    zero: float | None
    goal: float | None
    goal_label: str
    ticks: tuple[tuple[float, str], ...]
    first: str
    last: str
    label: str


def goal_of(metric: SuccessMetric) -> tuple[float, bool, str] | None:
    """What the whole interval must lie beyond: the value, whether higher passes, and in words; None for a metric without one.

    A success metric must be better than nothing, a guardrail no worse than its margin; a rare harm's rate stays below it.
    """
    higher = metric.direction == "increase"
    if metric.role == "success":
        return 0.0, higher, "better than no effect"
    if metric.role == "guardrail" and metric.margin is not None:
        if metric.kind == "rare_harm":
            return metric.margin, False, f"a rate of at most {metric.margin:g}"
        return (-metric.margin if higher else metric.margin), higher, f"no worse than {metric.margin:g}"
    return None


def metric_whisker(metric: SuccessMetric, result: MetricResult) -> Whisker | None:
    """The drawing of a metric's interval beside what it must lie beyond."""
    goal = goal_of(metric)
    bound = "" if goal is None else f"{'>' if goal[1] else '<'} {goal[0]:.6f}"
    return whisker(
        CriterionResult(
            key=metric.name,
            title=metric.name,
            status="unknown",
            estimate=result.estimate,
            lower=result.lower,
            upper=result.upper,
            bound=bound,
        )
    )


def sequence(metric: SuccessMetric, looks: Sequence[Analysis]) -> LookDrawing | None:
    """The drawing of a metric over `looks`, oldest first; None where fewer than two of them know anything of it."""
    known = [(look, result) for look in looks if (result := _of(look, metric.name)) is not None and result.estimate is not None]
    if len(known) < 2:
        return None
    low, high = _scale(metric, [result for _, result in known])

    def up(value: float) -> float:
        place = BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP)
        return round(min(max(place, TOP), BOTTOM), 1)

    step = (RIGHT - LEFT) / (len(known) - 1)
    points = tuple(
        Point(
            x=round(LEFT + place * step, 1),
            y=up(result.estimate) if result.estimate is not None else None,
            low=up(result.lower) if result.lower is not None else BOTTOM,
            high=up(result.upper) if result.upper is not None else TOP,
            label=_label(look, result),
        )
        for place, (look, result) in enumerate(known)
    )
    forth, back = ((f"{each.x} {each.high}" for each in points), (f"{each.x} {each.low}" for each in reversed(points)))
    goal = goal_of(metric)
    shown = goal is not None and low <= goal[0] <= high and goal[0] != 0
    return LookDrawing(
        points=points,
        band=f"M{' L'.join((*forth, *back))} Z",
        line="M" + " L".join(f"{each.x} {each.y}" for each in points),
        zero=up(0.0) if low <= 0 <= high and metric.kind != "rare_harm" else None,
        goal=up(goal[0]) if goal is not None and shown else None,
        goal_label=goal[2] if goal is not None else "",
        ticks=tuple((up(each), f"{each:.3g}") for each in (low, (low + high) / 2, high)),
        first=_below(*known[0]),
        last=_below(*known[-1]),
        label=f"{metric.name} over {len(known)} looks; {points[-1].label}",
    )


def _of(look: Analysis, name: str) -> MetricResult | None:
    results = look.report.metrics if look.report is not None else ()
    return next((each for each in results if each.name == name), None)


def _scale(metric: SuccessMetric, results: Sequence[MetricResult]) -> tuple[float, float]:
    """The lowest and highest value that are drawn."""
    newest = results[-1]
    ends = [each for each in (newest.lower, newest.upper) if each is not None]
    middle = newest.estimate or 0.0
    half = max((abs(each - middle) for each in ends), default=abs(middle) or 1.0)
    values = [0.0, *ends, *(each.estimate for each in results if each.estimate is not None)]
    if (goal := goal_of(metric)) is not None:
        values.append(goal[0])
    room = HALF_WIDTHS_SHOWN * half
    values = [min(max(each, middle - room), middle + room) for each in values]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return low - 0.08 * span, high + 0.08 * span


def _label(look: Analysis, result: MetricResult) -> str:
    lower = "unbounded" if result.lower is None else f"{result.lower:.4g}"
    upper = "unbounded" if result.upper is None else f"{result.upper:.4g}"
    when = f"{look.as_of:%Y-%m-%d %H:%M}, " if look.as_of is not None else ""
    return f"{when}n = {result.n}: {result.estimate:.4g}, interval {lower} to {upper}"


def _below(look: Analysis, result: MetricResult) -> str:
    return f"{look.as_of:%Y-%m-%d}, n = {result.n:,}" if look.as_of is not None else f"n = {result.n:,}"
