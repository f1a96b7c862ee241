"""How long the parts of a use case's newest calls took."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from groundcrew.domain.call import LATENCY_PARTS

#: The newest calls that percentiles are taken over.
CALLS_MAX = 200


class PartLatency(msgspec.Struct, frozen=True, kw_only=True):
    """One part over the `calls` that have it, in milliseconds."""

    name: str
    calls: int
    p50_ms: float
    p95_ms: float


class LatencyView(msgspec.Struct, frozen=True, kw_only=True):
    """The parts as they happen, `total` last. Percentiles of parts do not add up to those of the total."""

    calls: int
    parts: tuple[PartLatency, ...] = ()


def summarise(times: Sequence[dict[str, float]]) -> LatencyView:
    """Percentiles by part over calls' `latency_ms`; no parts for no calls."""
    values: dict[str, list[float]] = {}
    for each in times:
        for part, value in each.items():
            values.setdefault(part, []).append(value)
    unknown = sorted(values.keys() - {*LATENCY_PARTS, "total"})  # of old records
    names = [each for each in (*LATENCY_PARTS[:-1], *unknown, LATENCY_PARTS[-1], "total") if each in values]
    parts = tuple(
        PartLatency(name=part, calls=len(values[part]), p50_ms=rank(values[part], 0.5), p95_ms=rank(values[part], 0.95))
        for part in names
    )
    return LatencyView(calls=len(times), parts=parts)


def rank(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]
