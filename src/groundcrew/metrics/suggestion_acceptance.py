"""Acceptance: how often reviewers let a model's suggested labels leave as they were."""

from __future__ import annotations

from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, wilson


@metric(
    name="suggestion_acceptance",
    unit="share of cases",
    range=(0.0, 1.0),
    empty="estimate and bounds unknown",
    source="Wilson 1927",
)
def suggestion_acceptance(accepted: int, decided: int, confidence: float = 0.95) -> Interval:
    """Decided cases whose labels left unchanged / decided cases, with Wilson's interval. A rejection is no acceptance."""
    return wilson(accepted, decided, confidence)
