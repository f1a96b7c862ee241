"""Business metrics that a use case declares itself: what they measure is the business's, how they are averaged is ours."""

from __future__ import annotations

from typing import Literal

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, mean_t, wilson
from groundcrew.stats.moments import Moments

#: mean: any number; proportion: each value is 0 or 1; duration and cost: a number that is not negative.
BusinessKind = Literal["mean", "proportion", "duration", "cost"]


@metric(
    name="business",
    unit="as declared",
    range=(None, None),
    empty="estimate and bounds unknown; of a proportion bounds 0 to 1",
    source="Student 1908, t interval; of a proportion Wilson 1927, score interval",
)
def business(values: Moments, kind: BusinessKind, confidence: float = 0.95) -> Interval:
    """Sum of the outcomes of this name, divided by their number, one of each case.

    Kinds `duration` and `cost` have their interval cut at 0. Raises InputError where the mean of a proportion is outside 0..1.
    """
    if kind == "proportion":
        if values.mean is not None and not 0 <= values.mean <= 1:
            raise InputError(f"a proportion's values are 0 or 1, their mean is {values.mean:g}", field="kind")
        return wilson(round((values.mean or 0.0) * values.n), values.n, confidence)
    interval = mean_t(values, confidence)
    if kind == "mean" or interval.lower is None:
        return interval
    return Interval(
        estimate=interval.estimate,
        lower=max(0.0, interval.lower),
        upper=interval.upper,
        n=interval.n,
        method=interval.method,
        confidence=confidence,
    )
