"""Cost per case: what the model calls of a business case cost."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import finite_array, moments


@metric(
    name="cost_per_case",
    unit="USD",
    range=(0.0, None),
    empty="estimate and bounds unknown",
    source="Student 1908, t interval of the mean",
)
def cost_per_case(costs_usd: Sequence[float | None], confidence: float = 0.95) -> Interval:
    """Sum of the cases' costs, divided by cases, with a t interval cut at 0.

    One number per case. A single unknown cost (None) makes estimate and bounds unknown: it is not zero, and leaving it
    out would favour the cases that can be priced.
    """
    known = [cost for cost in costs_usd if cost is not None]
    array = finite_array(known, field="costs_usd")
    if bool((array < 0).any()):
        raise InputError("holds a negative cost", field="costs_usd")
    if len(known) < len(costs_usd):
        return Interval(estimate=None, lower=None, upper=None, n=len(costs_usd), method="t", confidence=confidence)
    interval = mean_t(moments(array), confidence)
    lower = None if interval.lower is None else max(0.0, interval.lower)
    return Interval(
        estimate=interval.estimate,
        lower=lower,
        upper=interval.upper,
        n=interval.n,
        method=interval.method,
        confidence=confidence,
    )
