"""Difference of two means by resampling: the check on the t distribution where values are few and skewed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from groundcrew.stats.intervals import Interval, check_confidence, welch
from groundcrew.stats.moments import Values, finite_array, moments

#: Resamples: the bounds' own noise is then small beside their width.
RESAMPLES = 1000
#: The same data give the same interval.
BOOTSTRAP_SEED = 20260301
#: With more values an arm the central limit theorem is no question, and resampling only costs time.
BOOTSTRAP_N_MAX = 20_000
#: Drawn numbers held in memory at a time.
DRAWN_MAX = 2_000_000


def bootstrap_difference(
    treatment: Values, control: Values, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = BOOTSTRAP_SEED
) -> Interval:
    """Studentised bootstrap of treatment − control (Efron & Tibshirani 1993, ch. 12): quantiles of resampled t values.

    Unknown where Welch's interval is, with more than BOOTSTRAP_N_MAX values in an arm, or where most resamples have no
    spread.
    """
    check_confidence(confidence)
    arms = [finite_array(treatment, field="treatment"), finite_array(control, field="control")]
    fixed = welch(moments(arms[0]), moments(arms[1]), confidence)
    estimate = fixed.interval.estimate
    lower = upper = None
    if estimate is not None and fixed.t is not None and max(arm.size for arm in arms) <= BOOTSTRAP_N_MAX:
        rng = np.random.default_rng(seed)
        (mean, variance), (other_mean, other_variance) = (_resampled(arm, resamples, rng) for arm in arms)
        error = np.sqrt(variance + other_variance)
        drawn = error > 0
        if drawn.mean() > 0.5:
            t = (mean - other_mean - estimate)[drawn] / error[drawn]
            low, high = np.quantile(t, [(1 - confidence) / 2, (1 + confidence) / 2])
            spread = math.sqrt(sum(float(arm.var(ddof=1)) / arm.size for arm in arms))
            lower, upper = estimate - float(high) * spread, estimate - float(low) * spread
    n = sum(int(arm.size) for arm in arms)
    return Interval(estimate=estimate, lower=lower, upper=upper, n=n, method="bootstrap-t", confidence=confidence)


def _resampled(
    values: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and squared standard error of each resample."""
    means, variances = np.empty(resamples), np.empty(resamples)
    step = max(1, DRAWN_MAX // values.size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = values[rng.integers(0, values.size, (rows, values.size))]
        means[start : start + rows] = drawn.mean(axis=1)
        variances[start : start + rows] = drawn.var(axis=1, ddof=1) / values.size
    return means, variances
