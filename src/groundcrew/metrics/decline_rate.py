"""Declined and fallen-back calls: how often the system says that it has no verified answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from groundcrew.domain.call import CallStatus
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, wilson

#: Calls that came to an answer or to none; refused, failed, cancelled and opened ones never got that far.
CONCLUDED: frozenset[CallStatus] = frozenset({"answered", "declined", "fallback", "held"})


@metric(
    name="decline_rate",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, bounds 0 to 1",
    source="Wilson 1927, score interval",
)
def decline_rate(statuses: Sequence[CallStatus], confidence: float = 0.95) -> Interval:
    """Declined calls, divided by answered, declined, fallback and held ones."""
    return _share(statuses, "declined", confidence)


@metric(
    name="fallback_rate",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, bounds 0 to 1",
    source="Wilson 1927, score interval",
)
def fallback_rate(statuses: Sequence[CallStatus], confidence: float = 0.95) -> Interval:
    """Calls answered from approved text because the generated answer did not hold, divided by all concluded calls."""
    return _share(statuses, "fallback", confidence)


def share_of_concluded(counts: Mapping[str, int], wanted: CallStatus, confidence: float = 0.95) -> Interval:
    """The same from counts by status: calls that ended as `wanted`, divided by all concluded ones."""
    return wilson(counts.get(wanted, 0), sum(counts.get(status, 0) for status in CONCLUDED), confidence)


def _share(statuses: Sequence[CallStatus], wanted: CallStatus, confidence: float) -> Interval:
    return share_of_concluded(Counter(statuses), wanted, confidence)
