"""Recall at work: how many of the labels that left a model had suggested."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.metrics.registry import metric
from groundcrew.metrics.suggestion_precision import ratio_of_sums
from groundcrew.stats.intervals import Interval


@metric(
    name="suggestion_recall",
    unit="share of labels",
    range=(0.0, 1.0),
    empty="estimate and bounds unknown",
    source="ratio estimator: Cochran 1977, ch. 6",
)
def suggestion_recall(kept: Sequence[int], final: Sequence[int], confidence: float = 0.95) -> Interval:
    """Labels that left and were suggested / labels that left, over cases, with a t interval of the ratio cut to 0..1."""
    return ratio_of_sums(kept, final, confidence)
