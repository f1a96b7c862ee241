"""Latency: how long a call takes as the gateway's client sees it, by quantile, since means hide whoever waits."""

from __future__ import annotations

from collections.abc import Mapping

from groundcrew.metrics.registry import metric
from groundcrew.stats.buckets import duration_quantile
from groundcrew.stats.intervals import Interval

_SOURCE = "Thompson 1936, bounds from order statistics, widened to the edges of log buckets 9 % wide"


@metric(name="latency_p50", unit="ms", range=(0.0, None), empty="estimate and bounds unknown", source=_SOURCE)
def latency_p50(counts: Mapping[int, int], confidence: float = 0.95) -> Interval:
    """The duration that half of the calls do not exceed.

    `counts`: calls by `stats.buckets.duration_bucket` of their whole time.
    """
    return duration_quantile(counts, 0.5, confidence)


@metric(name="latency_p90", unit="ms", range=(0.0, None), empty="estimate and bounds unknown", source=_SOURCE)
def latency_p90(counts: Mapping[int, int], confidence: float = 0.95) -> Interval:
    """The duration that 90 of 100 calls do not exceed."""
    return duration_quantile(counts, 0.9, confidence)


@metric(name="latency_p99", unit="ms", range=(0.0, None), empty="estimate and bounds unknown", source=_SOURCE)
def latency_p99(counts: Mapping[int, int], confidence: float = 0.95) -> Interval:
    """The duration that 99 of 100 calls do not exceed."""
    return duration_quantile(counts, 0.99, confidence)
