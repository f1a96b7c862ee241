"""How many units an arm needs before anyone is exposed, by kind of metric; fractional, so that callers round up once.

α is divided over success metrics and β over guardrails as in Schultzberg, Ankargren & Frånberg 2024 (risk-aware decisions
with several metrics): a launch needs every guardrail to pass, which costs power, but gains no false positives.
"""

from __future__ import annotations

import math
from typing import Literal

import scipy

from groundcrew.errors import InputError
from groundcrew.stats.sequential_boundary import planned_drift

Sides = Literal[1, 2]
NullVariance = Literal["control", "pooled"]

#: Beyond this many units an arm nobody will wait; the request is refused as a mistake.
PER_ARM_MAX = 10**12

#: From here on t and normal quantiles agree to six digits, and the non-central t series loses its own.
LARGE_SAMPLE_N = 1e5
#: How often the search for a size that suffices may double its upper end.
BRACKET_DOUBLINGS_MAX = 40


def success_alpha(alpha: float, success_metrics: int) -> float:
    """α of each of several success metrics: divided by their number (Bonferroni)."""
    _check_errors(alpha, 0.8)
    if success_metrics < 1:
        raise InputError("needs at least one success metric", field="success_metrics")
    return alpha / success_metrics


def guardrail_power(power: float, guardrails: int) -> float:
    """Power that each test needs so that one success and G guardrail metrics pass together: 1 − β/(G + 1)."""
    _check_errors(0.05, power)
    if guardrails < 0:
        raise InputError("must not be negative", field="guardrails")
    return 1 - (1 - power) / (guardrails + 1)


def means(effect: float, sd: float, alpha: float = 0.05, power: float = 0.8, sides: Sides = 2) -> float:
    """Units per arm for a t test of two means at equal arms, from the exact non-central t distribution (Cohen 1988).

    `effect` and `sd` in the metric's unit; the effect's sign does not matter. Never below 2.
    """
    _check_errors(alpha, power)
    size = _standardised(effect, sd)

    def shortfall(n: float) -> float:
        df, centre = 2 * n - 2, size * math.sqrt(n / 2)
        critical = -float(scipy.special.stdtrit(df, alpha / sides))
        reached = 1 - float(scipy.special.nctdtr(df, centre, critical))
        if sides == 2:
            wrong_side = float(scipy.special.nctdtr(df, centre, -critical))
            reached += 0.0 if math.isnan(wrong_side) else wrong_side  # scipy gives NaN where it underflows
        return reached - power

    start = means_normal(effect, sd, alpha, power, sides)
    if start > LARGE_SAMPLE_N:
        return start
    low, high = 2.0, 2 * start + 10
    for _ in range(BRACKET_DOUBLINGS_MAX):
        if shortfall(high) >= 0:
            break
        high *= 2
    return low if shortfall(low) >= 0 else float(scipy.optimize.brentq(shortfall, low, high, xtol=1e-6))


def means_normal(effect: float, sd: float, alpha: float = 0.05, power: float = 0.8, sides: Sides = 2) -> float:
    """Units per arm for two means by the normal approximation: 2·((z_α + z_β)·sd/effect)²."""
    _check_errors(alpha, power)
    return _checked(2 * (_quantiles(alpha, power, sides) / _standardised(effect, sd)) ** 2)


def proportions(
    control_rate: float,
    treatment_rate: float,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Sides = 2,
    null_variance: NullVariance = "control",
) -> float:
    """Units per arm for a difference of two proportions, normal approximation (Fleiss, Levin & Paik 2003, ch. 4).

    `null_variance` says whose variance holds under "no difference": the control's rate (the usual calculators), or the
    pooled rate, which asks for a few per cent more where the rate rises towards one half.
    """
    _check_errors(alpha, power)
    for field, rate in (("control_rate", control_rate), ("treatment_rate", treatment_rate)):
        if not 0 <= rate <= 1:
            raise InputError(f"must lie in 0..1, is {rate:g}", field=field)
    if control_rate == treatment_rate:
        raise InputError("must differ from the control's rate", field="treatment_rate")
    null_rate = control_rate if null_variance == "control" else (control_rate + treatment_rate) / 2
    if null_rate * (1 - null_rate) == 0:  # at 0 or 1 the control itself has no variance to plan with
        null_rate = (control_rate + treatment_rate) / 2
    z_alpha, z_beta = -float(scipy.special.ndtri(alpha / sides)), float(scipy.special.ndtri(power))
    spread = z_alpha * math.sqrt(2 * null_rate * (1 - null_rate)) + z_beta * math.sqrt(
        control_rate * (1 - control_rate) + treatment_rate * (1 - treatment_rate)
    )
    return _checked((spread / (treatment_rate - control_rate)) ** 2)


def non_inferiority_proportions(rate: float, margin: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Units per arm to show, one-sided, that a proportion is worse by less than `margin` when both rates are `rate`.

    Normal approximation: (z_α + z_β)²·2·p·(1 − p)/margin² (Blackwelder 1982).
    """
    _check_errors(alpha, power)
    if not 0 < rate < 1:
        raise InputError(f"must lie between 0 and 1, is {rate:g}", field="rate")
    return means_normal(margin, math.sqrt(rate * (1 - rate)), alpha, power, sides=1)


def non_inferiority_means(sd: float, margin: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Units per arm to show, one-sided, that a mean is worse by less than `margin` when both means are equal (exact t)."""
    return means(margin, sd, alpha, power, sides=1)


def zero_failures(limit: float, confidence: float = 0.95) -> float:
    """Cases without one failure that put the exact upper bound of its rate at `limit`: log(1 − confidence)/log(1 − limit)."""
    if not (0 < limit < 1 and 0 < confidence < 1):
        raise InputError("limit and confidence must lie between 0 and 1", field="limit")
    return math.log(1 - confidence) / math.log1p(-limit)


def sequential_inflation(alpha: float = 0.05, power: float = 0.8, sides: Sides = 2) -> float:
    """Factor ≥ 1 on n that pays for looking after every unit up to that n (`sequential_boundary`), at the same power.

    (δ/(z_α + z_β))² with δ the drift that the boundary's looks find with that power. The part of the boundary that holds
    past n is left out, so the true power is a little higher; and a clear effect stops the run well before.
    """
    _check_errors(alpha, power)
    return (planned_drift(alpha, power, sides) / _quantiles(alpha, power, sides)) ** 2


def adjusted(n: float, covariate_correlation: float) -> float:
    """`n` with a covariate from before the experiment adjusted for: n·(1 − ρ²) (Deng, Xu, Kohavi & Walker 2013)."""
    if not -1 < covariate_correlation < 1:
        raise InputError(f"must lie between -1 and 1, is {covariate_correlation:g}", field="covariate_correlation")
    return n * (1 - covariate_correlation**2)


def total_for_split(per_arm: float, split: float) -> float:
    """Units over both arms when the treatment gets the share `split`, from `per_arm` units at equal arms.

    Keeps 1/n_t + 1/n_c: total = per_arm/(2·split·(1 − split)), which is 2·per_arm at one half.
    """
    if not 0 < split < 1:
        raise InputError(f"must lie between 0 and 1, is {split:g}", field="split")
    return per_arm / (2 * split * (1 - split))


def round_up(n: float) -> int:
    """Whole units: the next integer, forgiving 1e-6 of rounding error."""
    return math.ceil(n - 1e-6)


def _quantiles(alpha: float, power: float, sides: Sides) -> float:
    return -float(scipy.special.ndtri(alpha / sides)) + float(scipy.special.ndtri(power))


def _standardised(effect: float, sd: float) -> float:
    if not (math.isfinite(effect) and effect != 0):
        raise InputError("must be a number other than 0", field="effect")
    if not (math.isfinite(sd) and sd > 0):
        raise InputError("must be a positive number", field="sd")
    return abs(effect) / sd


def _check_errors(alpha: float, power: float) -> None:
    if not 0 < alpha < 0.5:
        raise InputError(f"must lie between 0 and 0.5, is {alpha:g}", field="alpha")
    if not 0.5 <= power < 1:
        raise InputError(f"must lie from 0.5 to below 1, is {power:g}", field="power")


def _checked(n: float) -> float:
    if not n <= PER_ARM_MAX:
        raise InputError(f"needs {n:.3g} units per arm: the effect is too small to be found", field="effect")
    return max(2.0, n)
