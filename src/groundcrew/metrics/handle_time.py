"""Handle time: how long people work on a case. The mean pays the bills, the median is what is typical."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, check_confidence, mean_t
from groundcrew.stats.moments import Values, finite_array, moments


@metric(
    name="handle_time",
    unit="s",
    range=(0.0, None),
    empty="estimate and bounds unknown",
    source="Student 1908, t interval of the mean",
)
def handle_time(durations_s: Sequence[float], confidence: float = 0.95) -> Interval:
    """Sum of the seconds spent, divided by cases, with a t interval cut at 0."""
    _check(durations_s)
    interval = mean_t(moments(durations_s), confidence)
    lower = None if interval.lower is None else max(0.0, interval.lower)
    return Interval(
        estimate=interval.estimate,
        lower=lower,
        upper=interval.upper,
        n=interval.n,
        method=interval.method,
        confidence=confidence,
    )


@metric(
    name="median_handle_time",
    unit="s",
    range=(0.0, None),
    empty="estimate and bounds unknown",
    source="Thompson 1936, distribution-free bounds from order statistics",
)
def median_handle_time(durations_s: Sequence[float], confidence: float = 0.95) -> Interval:
    """The middle duration, between the order statistics that cover the median at least as often as they say.

    Under six cases no pair of order statistics covers 95 %: the bounds are then unknown.
    """
    check_confidence(confidence)
    ordered = np.sort(_check(durations_s))
    n = int(ordered.size)
    lower = upper = None
    # The largest rank r with P(Binomial(n, ½) < r) ≤ (1 − confidence)/2.
    ranks = np.arange(1, n // 2 + 1)
    allowed = ranks[scipy.special.bdtr(ranks - 1, n, 0.5) <= (1 - confidence) / 2] if n else ranks
    if allowed.size:
        rank = int(allowed[-1])
        lower, upper = float(ordered[rank - 1]), float(ordered[n - rank])
    estimate = float(np.median(ordered)) if n else None
    return Interval(estimate=estimate, lower=lower, upper=upper, n=n, method="order-statistics", confidence=confidence)


def _check(durations_s: Values) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array = finite_array(durations_s, field="durations_s")
    if bool((array < 0).any()):
        raise InputError("holds a negative duration", field="durations_s")
    return array.reshape(-1)
