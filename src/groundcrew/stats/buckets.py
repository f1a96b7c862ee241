"""Buckets that figures are counted in, so that a quantile of ten million of them is read from a few dozen numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import scipy

from groundcrew.errors import InputError
from groundcrew.stats.intervals import Interval, check_confidence

#: Buckets for each doubling: neighbouring edges are 9 % apart.
PER_DOUBLING = 8
#: Lowest and highest bucket of durations: from 1/1024 ms to 4.6 hours; what lies beyond is counted in the last one.
DURATION_BUCKET_MIN, DURATION_BUCKET_MAX = -10 * PER_DOUBLING, 24 * PER_DOUBLING
#: Equal buckets that 0..1 is cut into.
SHARE_BUCKETS = 50


def duration_bucket(duration_ms: float) -> int:
    """The bucket of a duration: the whole part of 8·log₂(ms), within the lowest and the highest."""
    if not duration_ms > 0:
        return DURATION_BUCKET_MIN
    if math.isinf(duration_ms):
        return DURATION_BUCKET_MAX
    return min(max(math.floor(PER_DOUBLING * math.log2(duration_ms)), DURATION_BUCKET_MIN), DURATION_BUCKET_MAX)


def share_bucket(share: float) -> int:
    """The bucket of a number within 0..1, 0 to SHARE_BUCKETS − 1."""
    return min(max(int(share * SHARE_BUCKETS), 0), SHARE_BUCKETS - 1)


@lru_cache(maxsize=1024)
def duration_edges(bucket: int) -> tuple[float, float]:
    """(lower, upper) edge of a duration's bucket, in ms; the lowest one starts at 0."""
    lower = 0.0 if bucket <= DURATION_BUCKET_MIN else 2 ** (bucket / PER_DOUBLING)
    return lower, 2 ** ((bucket + 1) / PER_DOUBLING)


def duration_quantile(counts: Mapping[int, int], share: float, confidence: float = 0.95) -> Interval:
    """The duration, in ms, that `share` (within 0..1, exclusive) of the counted ones do not exceed.

    Bounds from order statistics (Thompson 1936; the normal approximation of their ranks), each widened to the edge of its bucket,
    so that they hold for what was counted; the estimate is the geometric middle of its bucket, at most 4.5 % off. No counts give
    unknown everything; a bound whose rank no observation has is unknown. InputError for a share outside 0..1.
    """
    check_confidence(confidence)
    if not 0 < share < 1:
        raise InputError(f"must lie between 0 and 1, is {share:g}", field="share")
    n = sum(counts.values())
    estimate = lower = upper = None
    if n:
        middle = duration_edges(_bucket_at(counts, max(1, math.ceil(share * n))))
        estimate = math.sqrt(max(middle[0], middle[1] / 2) * middle[1])
        spread = -float(scipy.special.ndtri((1 - confidence) / 2)) * math.sqrt(n * share * (1 - share))
        low, high = math.floor(share * n - spread), math.ceil(share * n + spread) + 1
        lower = duration_edges(_bucket_at(counts, low))[0] if low >= 1 else None
        upper = duration_edges(_bucket_at(counts, high))[1] if high <= n else None
    return Interval(estimate=estimate, lower=lower, upper=upper, n=n, method="bucketed-order-statistics", confidence=confidence)


def _bucket_at(counts: Mapping[int, int], rank: int) -> int:
    """The bucket that holds the observation of this rank, from 1."""
    passed = 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if passed >= rank:
            return bucket
    return max(counts)
