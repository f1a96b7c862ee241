"""Differences of arms whose cases come in clusters (employees, days, customers with several cases), robust to that."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.moments import Values, finite_array

#: With fewer clusters in an arm the robust variance is itself a guess: the interval stays unknown.
CLUSTERS_PER_ARM_MIN = 3


class ClusterDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Treatment − control with its cluster-robust `standard_error` on `df` degrees of freedom; None where unknown."""

    estimate: float | None
    standard_error: float | None
    df: int
    clusters: int
    n: int

    def half_width(self, error: float) -> float | None:
        """Distance from the estimate to the bound that errs with probability `error`, from the t distribution."""
        if self.standard_error is None:
            return None
        return -float(scipy.special.stdtrit(self.df, error)) * self.standard_error


def cluster_difference(
    values: Values,
    in_treatment: Sequence[bool] | NDArray[np.bool_],
    clusters: Sequence[str] | NDArray[np.int64],
    denominator: NDArray[np.float64] | None = None,
    covariate: NDArray[np.float64] | None = None,
) -> ClusterDifference:
    """Difference of the arms' means over all cases, with the variance summed over clusters (Liang & Zeger 1986).

    With a `denominator` (≥ 0, one a value) each arm's figure is the sum of its values over the sum of its denominators.
    Both are linearised (delta method: Deng, Knoblich & Lu 2018), which also serves clusters that hold cases of both arms.
    A `covariate` known before assignment takes out what it explains (CUPED: Deng, Xu, Kohavi & Walker 2013). The factor
    K/(K − 1) and K − 2 degrees of freedom guard against few clusters (Cameron & Miller 2015). Unknown under
    CLUSTERS_PER_ARM_MIN clusters in an arm, or without spread. Raises InputError where the arrays differ in length.
    """
    array, treated = finite_array(values), np.asarray(in_treatment, dtype=np.bool_)
    below = np.ones(array.size) if denominator is None else finite_array(denominator, field="denominator")
    beside = np.zeros(array.size) if covariate is None else finite_array(covariate, field="covariate")
    if not array.size == treated.size == len(clusters) == below.size == beside.size:
        raise InputError("values, arms and clusters must be equally many", field="clusters")
    n = int(array.size)
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(names.size)
    if not (below[treated].sum() > 0 and below[~treated].sum() > 0):
        return ClusterDifference(estimate=None, standard_error=None, df=0, clusters=count, n=n)
    estimate, influence = _linearised(array, treated, below)
    if covariate is not None:
        shift, pull = _linearised(beside, treated, np.ones(n))
        slope = float(influence @ pull) / float(pull @ pull) if float(pull @ pull) > 0 else 0.0
        estimate, influence = estimate - slope * shift, influence - slope * pull
    by_cluster = np.bincount(index, weights=influence, minlength=count)
    in_arms = [np.count_nonzero(np.bincount(index[arm], minlength=count)) for arm in (treated, ~treated)]
    error: float | None = None
    if min(in_arms) >= CLUSTERS_PER_ARM_MIN:
        error = math.sqrt(count / (count - 1) * float((by_cluster**2).sum()))
    return ClusterDifference(
        estimate=estimate,
        standard_error=error or None,
        df=max(1, count - 2),
        clusters=count,
        n=n,
    )


def _linearised(
    array: NDArray[np.float64], treated: NDArray[np.bool_], below: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Treatment − control of Σ values/Σ denominators, and how far each case moves it."""
    total_treatment, total_control = float(below[treated].sum()), float(below[~treated].sum())
    ratio_treatment = float(array[treated].sum()) / total_treatment
    ratio_control = float(array[~treated].sum()) / total_control
    influence = np.where(
        treated,
        (array - ratio_treatment * below) / total_treatment,
        -(array - ratio_control * below) / total_control,
    )
    return ratio_treatment - ratio_control, influence
