"""Differences of arms as intervals that hold at every look, made from the boundary of a plan that names its n.

Each takes `n`, the units seen so far, and `planned_n`, those that the plan named before the first of them (None: none).
With `sides` 1 each bound alone errs with probability α, so that the pair covers 1 − 2α.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.stats.betting_difference import betting_difference
from groundcrew.stats.cluster import ClusterDifference
from groundcrew.stats.confidence_sequences import ASYMPTOTIC_N_MIN
from groundcrew.stats.intervals import Interval, newcombe_bounds, welch
from groundcrew.stats.moments import Moments, difference_error, moments
from groundcrew.stats.sequential_boundary import HORIZON_SHARE, horizon_boundaries, planned_boundary, student

Sides = Literal[1, 2]


def planned_mean_difference(
    treatment: Moments, control: Moments, planned_n: int | None, alpha: float, sides: Sides = 2
) -> Interval:
    """Difference of two means by a central limit theorem, one value a unit; unknown under ASYMPTOTIC_N_MIN values in an arm.

    The boundary's tail is carried over to Welch's t distribution, because the spread is estimated too.
    """
    n = treatment.n + control.n
    fixed, error = welch(treatment, control), difference_error(treatment, control)
    lower = upper = None
    if fixed.df is not None and error and min(treatment.n, control.n) >= ASYMPTOTIC_N_MIN:
        half = error * student(planned_boundary(n, planned_n, alpha, sides), fixed.df)
        lower, upper = around(fixed.interval.estimate, half)
    return Interval(
        estimate=fixed.interval.estimate,
        lower=lower,
        upper=upper,
        n=n,
        method="asymptotic-cs",
        confidence=_confidence(alpha, sides),
    )


def planned_proportion_difference(
    treatment: tuple[int, int], control: tuple[int, int], planned_n: int | None, alpha: float, sides: Sides = 2
) -> Interval:
    """Difference of two proportions from (successes, n) each: Newcombe's interval at the quantile that the boundary asks for."""
    n = treatment[1] + control[1]
    z = planned_boundary(n, planned_n, alpha, sides) if n else math.inf
    return _newcombe(treatment, control, z, _confidence(alpha, sides), "newcombe-cs")


def randomized_proportion_difference(
    values: NDArray[np.float64],
    treated: NDArray[np.bool_],
    split: float,
    planned_n: int | None,
    alpha: float,
    sides: Sides = 2,
) -> Interval:
    """Difference of two proportions whose units were each assigned with chance `split`; `values` in the order of arrival.

    Betting on the weighted values holds at any n, however small, and for ever; where an n was planned, Newcombe's interval
    at the looks up to it takes most of α.
    """
    counts = [(int(values[arm].sum()), int(arm.sum())) for arm in (treated, ~treated)]
    n, horizon = values.size, math.inf
    if planned_n is not None and n:
        horizon = float(horizon_boundaries(np.array([float(n)]), planned_n, alpha, sides)[0])
    interval = _newcombe(counts[0], counts[1], horizon, _confidence(alpha, sides), "newcombe+betting-cs")
    return intersection(interval, *_betting(values, treated, split, planned_n, alpha, sides))


def randomized_bounded_difference(
    values: NDArray[np.float64],
    treated: NDArray[np.bool_],
    bounds: tuple[float, float],
    split: float,
    planned_n: int | None,
    alpha: float,
    sides: Sides = 2,
) -> Interval:
    """The same for means of values within `bounds`, such as stars: betting, and up to the planned n a central limit theorem."""
    scale = bounds[1] - bounds[0]
    arms = [moments(values[arm]) for arm in (treated, ~treated)]
    estimate = None if arms[0].mean is None or arms[1].mean is None else arms[0].mean - arms[1].mean
    interval = Interval(
        estimate=estimate,
        lower=-scale,
        upper=scale,
        n=int(values.size),
        method="asymptotic+betting-cs",
        confidence=_confidence(alpha, sides),
    )
    fixed, error = welch(arms[0], arms[1]), difference_error(arms[0], arms[1])
    if planned_n is not None and fixed.df is not None and error and min(arm.n for arm in arms) >= ASYMPTOTIC_N_MIN:
        horizon = float(horizon_boundaries(np.array([float(values.size)]), planned_n, alpha, sides)[0])
        interval = intersection(interval, *around(estimate, error * student(horizon, fixed.df)))
    low, high = _betting((values - bounds[0]) / scale, treated, split, planned_n, alpha, sides)
    return intersection(interval, low * scale, high * scale)


def planned_robust_difference(
    difference: ClusterDifference, n: int, planned_n: int | None, alpha: float, sides: Sides = 2, method: str = "cluster-robust"
) -> Interval:
    """A cluster-robust, delta-method or series difference after `n` units, with the boundary in its t distribution."""
    lower = upper = None
    if difference.standard_error is not None and n >= 2 * ASYMPTOTIC_N_MIN:
        half = difference.standard_error * student(planned_boundary(n, planned_n, alpha, sides), difference.df)
        lower, upper = around(difference.estimate, half)
    return Interval(
        estimate=difference.estimate,
        lower=lower,
        upper=upper,
        n=difference.n,
        method=method + "-cs",
        confidence=_confidence(alpha, sides),
    )


def intersection(interval: Interval, lower: float | None, upper: float | None) -> Interval:
    """`interval` cut to lower..upper, which also holds; never so far that it loses its own estimate."""
    low = max((each for each in (interval.lower, lower) if each is not None), default=None)
    high = min((each for each in (interval.upper, upper) if each is not None), default=None)
    if interval.estimate is not None:
        low = None if low is None else min(low, interval.estimate)
        high = None if high is None else max(high, interval.estimate)
    return msgspec.structs.replace(interval, lower=low, upper=high)


def around(estimate: float | None, half: float | None) -> tuple[float | None, float | None]:
    """Bounds at the distance `half`; None where it is unknown or has no limit."""
    if estimate is None or half is None or not math.isfinite(half):
        return None, None
    return estimate - half, estimate + half


def _betting(
    values: NDArray[np.float64],
    treated: NDArray[np.bool_],
    split: float,
    planned_n: int | None,
    alpha: float,
    sides: Sides,
) -> tuple[float, float]:
    share = 1.0 if planned_n is None else 1 - HORIZON_SHARE
    return betting_difference(values, treated, split, alpha * share / sides)


def _newcombe(treatment: tuple[int, int], control: tuple[int, int], z: float, confidence: float, method: str) -> Interval:
    """Newcombe's interval at the quantile `z`; the whole range where that is infinite or an arm is empty."""
    estimate, lower, upper = None, -1.0, 1.0
    if treatment[1] and control[1]:
        estimate = treatment[0] / treatment[1] - control[0] / control[1]
        if math.isfinite(z):
            pairs = [tuple(np.array([float(each)]) for each in arm) for arm in (treatment, control)]
            low, high = newcombe_bounds((pairs[0][0], pairs[0][1]), (pairs[1][0], pairs[1][1]), np.array([z]))
            lower, upper = min(float(low[0]), estimate), max(float(high[0]), estimate)
    return Interval(
        estimate=estimate, lower=lower, upper=upper, n=treatment[1] + control[1], method=method, confidence=confidence
    )


def _confidence(alpha: float, sides: Sides) -> float:
    return 1 - alpha * (2 if sides == 1 else 1)
