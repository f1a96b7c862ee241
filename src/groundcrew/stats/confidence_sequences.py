"""Confidence sequences: intervals that stay valid however often one looks and whenever one stops.

Normal mixture for means (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon 2021; asymptotic form and differences of arms:
Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024) and betting for bounded values (Waudby-Smith & Ramdas 2024).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.intervals import Interval, check_confidence
from groundcrew.stats.moments import Moments, Values, difference_error, finite_array

#: The asymptotic form rests on a central limit theorem: under this many values an arm says nothing yet.
ASYMPTOTIC_N_MIN = 20
#: Candidate means are 0, 1/1000, … 1; the result is widened by one step, so it never covers too little.
BETTING_GRID_STEPS = 1000
#: Largest share of the capital that one bet may risk.
BETTING_STAKE_MAX = 0.5
#: Values processed at a time, which bounds the memory (times the grid).
BETTING_CHUNK = 512
#: More values than this belong in an asymptotic sequence.
BETTING_N_MAX = 2_000_000


def mixture_rho(alpha: float, optimal_n: float, sides: Literal[1, 2] = 2) -> float:
    """The mixture's scale ρ that makes the sequence about tightest at `optimal_n` observations.

    ρ² = (−2·log a + log(1 − 2·log a))/n with a = α, or 2α for a one-sided bound (Waudby-Smith et al. 2024, app. B).
    """
    if not 0 < alpha < 0.5:
        raise InputError(f"must lie between 0 and 0.5, is {alpha:g}", field="alpha")
    if not optimal_n > 0:
        raise InputError(f"must be positive, is {optimal_n:g}", field="optimal_n")
    surprise = -2 * math.log(alpha * (2 if sides == 1 else 1))
    return math.sqrt((surprise + math.log1p(surprise)) / optimal_n)


def boundary(n: float, rho: float, alpha: float, sides: Literal[1, 2] = 2) -> float:
    """How many standard errors a mean of `n` unit-variance values may stray at any time with probability 1 − α.

    √(2·(κ + 1)/κ·log(√(κ + 1)/α)) with κ = n·ρ²; one-sided with log(1 + √(κ + 1)/(2α)) instead.
    """
    if not (n > 0 and rho > 0):
        raise InputError("n and rho must be positive", field="n")
    kappa = n * rho * rho
    root = math.sqrt(kappa + 1)
    surprise = math.log(root / alpha) if sides == 2 else math.log1p(root / (2 * alpha))
    return math.sqrt(2 * (kappa + 1) / kappa * surprise)


def normal_mixture_half_width(n: float, rho: float, alpha: float = 0.05) -> float:
    """Half-width, in standard deviations, of the two-sided normal-mixture sequence after `n` values."""
    return boundary(n, rho, alpha) / math.sqrt(n)


def mean_sequence(sample: Moments, optimal_n: float, confidence: float = 0.95) -> Interval:
    """Asymptotic confidence sequence of one mean, two-sided. Unknown (None) under ASYMPTOTIC_N_MIN values or without spread."""
    check_confidence(confidence)
    lower = upper = None
    if sample.mean is not None and sample.variance and sample.n >= ASYMPTOTIC_N_MIN:
        alpha = 1 - confidence
        rho = mixture_rho(alpha, optimal_n)
        half = math.sqrt(sample.variance) * normal_mixture_half_width(sample.n, rho, alpha)
        lower, upper = sample.mean - half, sample.mean + half
    return Interval(estimate=sample.mean, lower=lower, upper=upper, n=sample.n, method="asymptotic-cs", confidence=confidence)


def difference_sequence(
    treatment: Moments, control: Moments, optimal_n: float, alpha: float = 0.05, sides: Literal[1, 2] = 2
) -> Interval:
    """Asymptotic confidence sequence of treatment − control, tightest at `optimal_n` units over both arms.

    With `sides` 1 each bound alone errs with probability α, so that the pair covers 1 − 2α. Unknown under
    ASYMPTOTIC_N_MIN values in an arm, or where neither arm varies.
    """
    n = treatment.n + control.n
    confidence = 1 - alpha * (2 if sides == 1 else 1)
    estimate = lower = upper = None
    if treatment.mean is not None and control.mean is not None:
        estimate = treatment.mean - control.mean
    error = difference_error(treatment, control)
    if estimate is not None and error and min(treatment.n, control.n) >= ASYMPTOTIC_N_MIN:
        half = error * boundary(n, mixture_rho(alpha, optimal_n, sides), alpha, sides)
        lower, upper = estimate - half, estimate + half
    return Interval(estimate=estimate, lower=lower, upper=upper, n=n, method="asymptotic-cs", confidence=confidence)


def betting_sequence(
    values: Values,
    confidence: float = 0.95,
    minimum: float = 0.0,
    maximum: float = 1.0,
) -> Interval:
    """Hedged-capital betting sequence of the mean of values within minimum..maximum, in the order they arrived.

    Waudby-Smith & Ramdas 2024, theorem 3: predictable plug-in bets, truncated at ½, capital max(K⁺, K⁻)/2, running
    intersection over time. No distribution is assumed but that the mean does not move. No values give the whole range.
    Raises InputError for a value outside the range or more than BETTING_N_MAX values.
    """
    check_confidence(confidence)
    array = finite_array(values)
    if not minimum < maximum:
        raise InputError("must lie below the maximum", field="minimum")
    if array.size > BETTING_N_MAX:
        raise InputError(f"holds more than {BETTING_N_MAX} values", field="values")
    if array.size and not (minimum <= float(array.min()) and float(array.max()) <= maximum):
        raise InputError(f"holds a value outside {minimum:g}..{maximum:g}", field="values")
    scale = maximum - minimum
    low, high = _betting_bounds((array - minimum) / scale, 1 - confidence)
    return Interval(
        estimate=float(array.mean()) if array.size else None,
        lower=minimum + scale * low,
        upper=minimum + scale * high,
        n=int(array.size),
        method="betting-cs",
        confidence=confidence,
    )


def _betting_stakes(x: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """λ_t from the values before t only: √(2·log(2/α)/(σ̂²_{t−1}·t·log(1 + t))), with ½ and ¼ as prior mean and variance."""
    t = np.arange(1, x.size + 1, dtype=np.float64)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    stakes: NDArray[np.float64] = np.sqrt(2 * math.log(2 / alpha) / (before * t * np.log1p(t)))
    return stakes


def _betting_bounds(x: NDArray[np.float64], alpha: float) -> tuple[float, float]:
    """Lowest and highest mean in 0..1 against which no bettor ever multiplied the capital by 1/α, one grid step wider."""
    step = 1 / BETTING_GRID_STEPS
    means = np.arange(BETTING_GRID_STEPS + 1) * step
    stakes = _betting_stakes(x, alpha)
    with np.errstate(divide="ignore"):
        cap_up, cap_down = BETTING_STAKE_MAX / means, BETTING_STAKE_MAX / (1 - means)
    gain_up, gain_down = np.zeros_like(means), np.zeros_like(means)
    limit = math.log(2 / alpha)
    last = (0.0, 1.0)
    for start in range(0, x.size, BETTING_CHUNK):
        bet, step_values = stakes[start : start + BETTING_CHUNK, None], x[start : start + BETTING_CHUNK, None]
        surprise = step_values - means
        up = gain_up + np.cumsum(np.log1p(np.minimum(bet, cap_up) * surprise), axis=0)
        down = gain_down + np.cumsum(np.log1p(-np.minimum(bet, cap_down) * surprise), axis=0)
        kept = (np.maximum(up, down) < limit).all(axis=0)
        if not kept.any():  # the mean lies between two grid points, or it moved: keep the last interval that stood
            break
        # A mean once rejected stays rejected, so later values are compared with those that are left only.
        means, cap_up, cap_down = means[kept], cap_up[kept], cap_down[kept]
        gain_up, gain_down = up[-1, kept], down[-1, kept]
        last = (float(means[0]), float(means[-1]))
    return max(0.0, last[0] - step), min(1.0, last[1] + step)
