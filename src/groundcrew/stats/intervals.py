"""Fixed-n confidence intervals of proportions, means and their differences: what a gate reads instead of bare averages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.moments import Moments

Side = Literal["two-sided", "lower", "upper"]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate with its bounds over `n` observations. None means unknown (too few data) or unbounded on that side.

    Never NaN. `confidence` is the coverage of the whole interval, or of the one bound when it is one-sided.
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    n: int
    method: str
    confidence: float


class WelchDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Treatment minus control with its interval; `t`, `df` and the two-sided `p_value` are None where unknown."""

    interval: Interval
    t: float | None
    df: float | None
    p_value: float | None


def check_confidence(confidence: float) -> None:
    """Raise InputError unless `confidence` lies strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise InputError(f"must lie between 0 and 1, is {confidence:g}", field="confidence")


def check_counts(successes: int, n: int) -> None:
    """Raise InputError unless 0 ≤ successes ≤ n and both are whole numbers."""
    if successes != int(successes) or n != int(n) or not 0 <= successes <= n:
        raise InputError(f"{successes} of {n} is not a count of successes", field="successes")


def tail(confidence: float, side: Side) -> float:
    """Error probability of one bound: half the whole for a two-sided interval."""
    check_confidence(confidence)
    return (1 - confidence) / (2 if side == "two-sided" else 1)


def wilson(successes: int, n: int, confidence: float = 0.95, side: Side = "two-sided") -> Interval:
    """Score interval of one proportion, within 0..1 (Wilson 1927, without continuity correction).

    n = 0 gives estimate None and the whole range 0..1. A one-sided interval keeps 0 or 1 as its other end.
    """
    check_counts(successes, n)
    z = -float(scipy.special.ndtri(tail(confidence, side)))
    if n == 0:
        return Interval(estimate=None, lower=0.0, upper=1.0, n=0, method="wilson", confidence=confidence)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    lower = 0.0 if successes == 0 or side == "upper" else min(max(0.0, centre - half), rate)
    upper = 1.0 if successes == n or side == "lower" else max(min(1.0, centre + half), rate)
    return Interval(estimate=rate, lower=lower, upper=upper, n=n, method="wilson", confidence=confidence)


def newcombe(
    treatment_successes: int,
    treatment_n: int,
    control_successes: int,
    control_n: int,
    confidence: float = 0.95,
) -> Interval:
    """Difference of two independent proportions, treatment − control, from two Wilson intervals (Newcombe 1998, method 10).

    Within −1..1. An empty arm gives estimate None; the bounds then say only what the other arm allows.
    """
    treatment = wilson(treatment_successes, treatment_n, confidence)
    control = wilson(control_successes, control_n, confidence)
    treatment_lower, treatment_upper = _ends(treatment)
    control_lower, control_upper = _ends(control)
    n = treatment_n + control_n
    if treatment.estimate is None or control.estimate is None:
        return Interval(
            estimate=None,
            lower=treatment_lower - control_upper,
            upper=treatment_upper - control_lower,
            n=n,
            method="newcombe",
            confidence=confidence,
        )
    difference = treatment.estimate - control.estimate
    below = math.hypot(treatment.estimate - treatment_lower, control_upper - control.estimate)
    above = math.hypot(treatment_upper - treatment.estimate, control.estimate - control_lower)
    return Interval(
        estimate=difference,
        lower=max(-1.0, difference - below),
        upper=min(1.0, difference + above),
        n=n,
        method="newcombe",
        confidence=confidence,
    )


def newcombe_bounds(
    treatment: tuple[NDArray[np.float64], NDArray[np.float64]],
    control: tuple[NDArray[np.float64], NDArray[np.float64]],
    z: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newcombe's bounds of treatment − control at the normal quantiles `z`, for many pairs of (successes, n ≥ 1) at once."""
    rate, low, high = _score_ends(*treatment, z)
    other, other_low, other_high = _score_ends(*control, z)
    below = np.hypot(rate - low, other_high - other)
    above = np.hypot(high - rate, other - other_low)
    return np.maximum(-1.0, rate - other - below), np.minimum(1.0, rate - other + above)


def _score_ends(
    successes: NDArray[np.float64], n: NDArray[np.float64], z: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The rate and Wilson's bounds of it."""
    rate = successes / n
    scale = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z / scale * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return rate, np.clip(centre - half, 0.0, rate), np.clip(centre + half, rate, 1.0)


def clopper_pearson(successes: int, n: int, confidence: float = 0.95, side: Side = "two-sided") -> Interval:
    """Exact interval of one proportion, within 0..1 (Clopper & Pearson 1934): never covers less than it says.

    n = 0 gives estimate None and the whole range 0..1.
    """
    check_counts(successes, n)
    error = tail(confidence, side)
    lower, upper = 0.0, 1.0
    if side != "upper" and successes > 0:
        lower = float(scipy.special.betaincinv(successes, n - successes + 1, error))
    if side != "lower" and successes < n:
        upper = float(scipy.special.betaincinv(successes + 1, n - successes, 1 - error))
    estimate = successes / n if n else None
    return Interval(estimate=estimate, lower=lower, upper=upper, n=n, method="clopper-pearson", confidence=confidence)


def clopper_pearson_upper(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """One-sided exact upper bound of a rare harm's rate (Clopper & Pearson 1934); n = 0 gives 1, the whole range."""
    return clopper_pearson(successes, n, confidence, "upper")


def mean_t(sample: Moments, confidence: float = 0.95, side: Side = "two-sided") -> Interval:
    """Student's t interval of one mean (Student 1908). Both bounds are None for n < 2 or a sample without any variation.

    A sample whose values are all equal says nothing about its own spread, so it gets no interval of width zero.
    """
    error = tail(confidence, side)
    lower = upper = None
    if sample.mean is not None and sample.variance:
        half = -float(scipy.special.stdtrit(sample.n - 1, error)) * math.sqrt(sample.variance / sample.n)
        lower = None if side == "upper" else sample.mean - half
        upper = None if side == "lower" else sample.mean + half
    return Interval(estimate=sample.mean, lower=lower, upper=upper, n=sample.n, method="t", confidence=confidence)


def welch(treatment: Moments, control: Moments, confidence: float = 0.95) -> WelchDifference:
    """Difference of two means, treatment − control, without assuming equal variances (Welch 1947; Satterthwaite 1946).

    Unknown (None) where an arm has fewer than two values or neither arm varies.
    """
    check_confidence(confidence)
    n = treatment.n + control.n
    estimate = None
    if treatment.mean is not None and control.mean is not None:
        estimate = treatment.mean - control.mean
    if estimate is None or treatment.variance is None or control.variance is None:
        return _unknown_welch(estimate, n, confidence)
    part_treatment, part_control = treatment.variance / treatment.n, control.variance / control.n
    variance = part_treatment + part_control
    if variance <= 0:
        return _unknown_welch(estimate, n, confidence)
    # Shares of the variance, not squares of it: tiny variances would underflow.
    share = part_treatment / variance
    df = 1 / (share**2 / (treatment.n - 1) + (1 - share) ** 2 / (control.n - 1))
    error = math.sqrt(variance)
    t = estimate / error
    half = -float(scipy.special.stdtrit(df, (1 - confidence) / 2)) * error
    interval = Interval(
        estimate=estimate, lower=estimate - half, upper=estimate + half, n=n, method="welch", confidence=confidence
    )
    return WelchDifference(interval=interval, t=t, df=df, p_value=2 * float(scipy.special.stdtr(df, -abs(t))))


def share_at_least(values: Sequence[float], threshold: float, confidence: float = 0.95, side: Side = "two-sided") -> Interval:
    """Wilson interval of the share of `values` that are ≥ `threshold`, for example of ratings with four stars or more."""
    return wilson(sum(value >= threshold for value in values), len(values), confidence, side)


def _ends(rate: Interval) -> tuple[float, float]:
    """Both ends of a proportion's interval; where one is unbounded the range 0..1 ends it."""
    return 0.0 if rate.lower is None else rate.lower, 1.0 if rate.upper is None else rate.upper


def _unknown_welch(estimate: float | None, n: int, confidence: float) -> WelchDifference:
    interval = Interval(estimate=estimate, lower=None, upper=None, n=n, method="welch", confidence=confidence)
    return WelchDifference(interval=interval, t=None, df=None, p_value=None)
