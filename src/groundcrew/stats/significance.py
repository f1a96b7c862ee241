"""Hypothesis tests that are not read off an interval: Welch on raw values, Brunner–Munzel for stars, sample-ratio mismatch."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.intervals import Interval, WelchDifference, check_confidence, welch
from groundcrew.stats.moments import Values, finite_array, moments

#: A split this unlikely under the declared ratio voids the experiment (domain.md: SRM p ≥ .001).
SRM_P_MIN = 0.001


class RelativeEffect(msgspec.Struct, frozen=True, kw_only=True):
    """P(treatment > control) + ½·P(tie), 0..1, with its interval; ½ means no tendency. None where unknown."""

    interval: Interval
    statistic: float | None
    df: float | None
    p_value: float | None


def welch_test(treatment: Values, control: Values, confidence: float = 0.95) -> WelchDifference:
    """Welch's t test and interval for treatment − control on raw values (Welch 1947)."""
    return welch(moments(treatment), moments(control), confidence)


def brunner_munzel(treatment: Values, control: Values, confidence: float = 0.95) -> RelativeEffect:
    """Rank test for ordinal values with ties, such as stars, without equal variances (Brunner & Munzel 2000).

    With fewer than two values in an arm it is unknown. Where the arms do not overlap at all the rank variances vanish:
    the estimate is then 0 or 1 and test and bounds stay unknown.
    """
    check_confidence(confidence)
    x, y = finite_array(treatment, field="treatment"), finite_array(control, field="control")
    m, k = int(x.size), int(y.size)
    if m < 2 or k < 2:
        return _unknown_effect(None, m + k, confidence)
    joint = _midranks(np.concatenate([x, y]))
    joint_x, joint_y = joint[:m], joint[m:]
    estimate = float((joint_x.mean() - (m + 1) / 2) / k)
    placement_x, placement_y = joint_x - _midranks(x), joint_y - _midranks(y)
    part_x = float(placement_x.var(ddof=1)) / (m * k * k)
    part_y = float(placement_y.var(ddof=1)) / (k * m * m)
    variance = part_x + part_y
    if variance <= 0:
        return _unknown_effect(estimate, m + k, confidence)
    share = part_x / variance
    df = 1 / (share**2 / (m - 1) + (1 - share) ** 2 / (k - 1))
    error = variance**0.5
    statistic = (estimate - 0.5) / error
    half = -float(scipy.special.stdtrit(df, (1 - confidence) / 2)) * error
    interval = Interval(
        estimate=estimate,
        lower=max(0.0, estimate - half),
        upper=min(1.0, estimate + half),
        n=m + k,
        method="brunner-munzel",
        confidence=confidence,
    )
    return RelativeEffect(
        interval=interval, statistic=statistic, df=df, p_value=2 * float(scipy.special.stdtr(df, -abs(statistic)))
    )


def sample_ratio_mismatch(counts: Sequence[int], shares: Sequence[float] | None = None) -> float | None:
    """p-value of Pearson's χ² test that `counts` units per arm follow the planned `shares` (equal when left out).

    Under SRM_P_MIN the assignment or its logging is broken (Fabijan et al. 2019). None without any unit. Raises
    InputError for fewer than two arms, negative counts, or shares that are not positive.
    """
    observed = np.asarray(counts, dtype=np.float64)
    expected_shares = np.full(observed.size, 1.0) if shares is None else np.asarray(shares, dtype=np.float64)
    if observed.size < 2 or observed.size != expected_shares.size:
        raise InputError("needs a count and a share for each of at least two arms", field="counts")
    if bool((observed < 0).any()) or not bool((expected_shares > 0).all()):
        raise InputError("counts must not be negative and shares must be positive", field="counts")
    total = float(observed.sum())
    if total == 0:
        return None
    expected = total * expected_shares / expected_shares.sum()
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return float(scipy.special.chdtrc(observed.size - 1, statistic))


def equal_rates_p_value(treatment_successes: int, treatment_n: int, control_successes: int, control_n: int) -> float | None:
    """p-value of Pearson's χ² test, 1 degree of freedom, that two proportions are equal; None where it is unknown.

    Used for data quality: whether an arm loses more of its values than the other.
    """
    total, successes = treatment_n + control_n, treatment_successes + control_successes
    if treatment_n == 0 or control_n == 0:
        return None
    if successes in (0, total):
        return 1.0
    rate = successes / total
    difference = treatment_successes / treatment_n - control_successes / control_n
    variance = rate * (1 - rate) * (1 / treatment_n + 1 / control_n)
    return float(scipy.special.chdtrc(1, difference**2 / variance))


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ties sharing their average."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2.0)[inverse]
    return ranks


def _unknown_effect(estimate: float | None, n: int, confidence: float) -> RelativeEffect:
    interval = Interval(estimate=estimate, lower=None, upper=None, n=n, method="brunner-munzel", confidence=confidence)
    return RelativeEffect(interval=interval, statistic=None, df=None, p_value=None)
