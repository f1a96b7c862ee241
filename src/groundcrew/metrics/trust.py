"""Trust: what the score said of the answers, on average. It is the score's own opinion; what people found is `trust_auroc`'s and
the labels' matter."""

from __future__ import annotations

from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import Moments


@metric(
    name="trust",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate and bounds unknown",
    source="Student 1908, t interval of the mean",
)
def trust(scores: Moments, confidence: float = 0.95) -> Interval:
    """Mean trust of the answers that have a score, with a t interval cut to 0..1."""
    interval = mean_t(scores, confidence)
    return Interval(
        estimate=interval.estimate,
        lower=None if interval.lower is None else max(0.0, interval.lower),
        upper=None if interval.upper is None else min(1.0, interval.upper),
        n=interval.n,
        method=interval.method,
        confidence=confidence,
    )
