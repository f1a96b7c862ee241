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
    clusters: Sequence[str],
) -> ClusterDifference:
    """Difference of the arms' means over all cases, with the variance summed over clusters (Liang & Zeger 1986).

    The linearised (delta-method) form: each cluster's deviation from its arm's mean, so that it also serves ratios with
    random denominators (Deng, Knoblich & Lu 2018) and clusters that hold cases of both arms. The factor K/(K − 1) and
    K − 2 degrees of freedom guard against few clusters (Cameron & Miller 2015). Unknown under CLUSTERS_PER_ARM_MIN
    clusters in an arm, or without spread. Raises InputError where the three differ in length.
    """
    array, treated = finite_array(values), np.asarray(in_treatment, dtype=np.bool_)
    if not array.size == treated.size == len(clusters):
        raise InputError("values, arms and clusters must be equally many", field="clusters")
    n, n_treatment = int(array.size), int(treated.sum())
    if n_treatment in (0, n):
        return ClusterDifference(estimate=None, standard_error=None, df=0, clusters=len(set(clusters)), n=n)
    names, index = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    count = int(names.size)
    mean_treatment, mean_control = float(array[treated].mean()), float(array[~treated].mean())
    influence = np.where(treated, (array - mean_treatment) / n_treatment, -(array - mean_control) / (n - n_treatment))
    by_cluster = np.bincount(index, weights=influence, minlength=count)
    fewest = min(np.unique(index[treated]).size, np.unique(index[~treated]).size)
    error: float | None = None
    if fewest >= CLUSTERS_PER_ARM_MIN:
        error = math.sqrt(count / (count - 1) * float((by_cluster**2).sum()))
    return ClusterDifference(
        estimate=mean_treatment - mean_control,
        standard_error=error or None,
        df=max(1, count - 2),
        clusters=count,
        n=n,
    )
