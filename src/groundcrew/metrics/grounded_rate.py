"""Grounded answers: how often what was answered was supported by approved sources."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.domain.trust import TrustState
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, Side, wilson


@metric(
    name="grounded_rate",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, bounds 0 to 1",
    source="Wilson 1927, score interval",
)
def grounded_rate(states: Sequence[TrustState | None], confidence: float = 0.95, side: Side = "two-sided") -> Interval:
    """Answered calls whose trust state is `supported`, divided by all answered calls.

    One state per answered call (declined calls are not answers). None, an answer that nobody checked, counts as not
    grounded, as do `no_claims` and `no_sources`.
    """
    return wilson(sum(state == "supported" for state in states), len(states), confidence, side)
