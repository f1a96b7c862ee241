"""Taking out of a metric what was known of each unit before the experiment (CUPED: Deng, Xu, Kohavi & Walker 2013).

A covariate that the assignment could not have touched changes no expectation, only the spread: by 1 − ρ². Whether it was
untouched cannot be seen, but whether it looks touched can, and then nothing is adjusted.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.stats.intervals import welch
from groundcrew.stats.moments import moments
from groundcrew.stats.significance import SRM_P_MIN, equal_rates_p_value

#: Under this share of values with a covariate, in either arm, the adjustment is not worth its questions.
COVERAGE_MIN = 0.5


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """A covariate ready to be used: `values` with gaps filled, or None and `refusal` says why nothing is adjusted."""

    values: NDArray[np.float64] | None
    covered: int
    refusal: str = ""


def usable_covariate(covariate: NDArray[np.float64], treated: NDArray[np.bool_]) -> Adjustment:
    """`covariate` (NaN: none) with each gap at the mean of all that are known, so that such a unit is simply not adjusted.

    No unit is left out. Refused where an arm lacks it for more than half of its values, where the arms lack it unequally,
    where it differs between the arms (both at p < SRM_P_MIN: then it is not from before), or where it does not vary.
    """
    known = np.isfinite(covariate)
    covered = int(known.sum())
    counts = [(int(known[arm].sum()), int(arm.sum())) for arm in (treated, ~treated)]

    def refused(why: str) -> Adjustment:
        return Adjustment(values=None, covered=covered, refusal=why)

    if any(have < COVERAGE_MIN * n or n == 0 for have, n in counts):
        have, n = min(counts, key=lambda each: each[0] / max(1, each[1]))
        return refused(f"only {have} of {n} values of an arm have a covariate")
    loss = equal_rates_p_value(*counts[0], *counts[1])
    if loss is not None and loss < SRM_P_MIN:
        return refused(f"the covariate is missing unequally in the arms (p = {loss:.2g})")
    balance = welch(moments(covariate[treated & known]), moments(covariate[~treated & known])).p_value
    if balance is None:
        return refused("the covariate does not vary")
    if balance < SRM_P_MIN:
        return refused(f"the covariate differs between the arms (p = {balance:.2g}), so it is not from before")
    return Adjustment(values=np.where(known, covariate, float(covariate[known].mean())), covered=covered)


def adjusted_values(
    values: NDArray[np.float64], covariate: NDArray[np.float64], treated: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """`values` less θ·(covariate − its mean), and the correlation ρ within the arms; θ is the pooled slope within the arms."""
    y, x = values.copy(), covariate.copy()
    for arm in (treated, ~treated):
        if arm.any():
            y[arm] -= y[arm].mean()
            x[arm] -= x[arm].mean()
    product, square, spread = float(x @ y), float(x @ x), float(y @ y)
    if square <= 0 or spread <= 0:
        return values, 0.0
    return values - product / square * (covariate - covariate.mean()), product / (square * spread) ** 0.5
