"""Stepped wedge: clusters cross over from control to treatment one after another, and time is taken out by those yet to cross."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.cluster import CLUSTERS_PER_ARM_MIN, ClusterDifference

#: Moments at which a cluster crosses over; with fewer it is a before/after of two groups.
STEPS_MIN = 3
#: More distinct steps than this are no wedge but noise.
STEPS_MAX = 200


class Wedge(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of a wedge: the days on which clusters cross, in order, and how many clusters cross, and go back."""

    steps: tuple[int, ...]
    crossing: int
    returning: int


def wedge(treated: NDArray[np.bool_], clusters: NDArray[np.int64], days: NDArray[np.int64]) -> Wedge:
    """What the rows show of a wedge; `days` are whole numbers. A cluster crosses where it has rows of both arms."""
    _, index = np.unique(clusters, return_inverse=True)
    count = int(index.max()) + 1 if index.size else 0
    first_treated, last_control = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first_treated, index[treated], days[treated])
    np.maximum.at(last_control, index[~treated], days[~treated])
    both = (np.bincount(index[treated], minlength=count) > 0) & (np.bincount(index[~treated], minlength=count) > 0)
    return Wedge(
        steps=tuple(int(day) for day in np.unique(first_treated[both])),
        crossing=int(both.sum()),
        returning=int((both & (last_control > first_treated)).sum()),
    )


def stepped_wedge_difference(
    values: NDArray[np.float64],
    treated: NDArray[np.bool_],
    clusters: NDArray[np.int64],
    days: NDArray[np.int64],
) -> ClusterDifference:
    """Effect of the treatment with a level for every cluster and for every period between steps (Hussey & Hughes 2007).

    Least squares on the means of cluster and period, weighted with their cases; the variance is summed over clusters
    (Liang & Zeger 1986), K − 2 degrees of freedom. Unknown under CLUSTERS_PER_ARM_MIN crossing clusters, under STEPS_MIN
    steps, or where levels explain the treatment entirely. Raises InputError for more than STEPS_MAX steps.
    """
    n, shape = int(values.size), wedge(treated, clusters, days)
    _, cluster = np.unique(clusters, return_inverse=True)
    count = int(cluster.max()) + 1 if n else 0
    unknown = ClusterDifference(estimate=None, standard_error=None, df=0, clusters=count, n=n)
    if len(shape.steps) > STEPS_MAX:
        raise InputError(f"has {len(shape.steps)} steps, at most {STEPS_MAX} are allowed", field="days")
    if shape.crossing < CLUSTERS_PER_ARM_MIN or len(shape.steps) < STEPS_MIN:
        return unknown
    period = np.searchsorted(np.array(shape.steps), days, side="right")
    periods = len(shape.steps) + 1
    cell, index = np.unique(cluster * periods + period, return_inverse=True)
    weight = np.bincount(index).astype(np.float64)
    outcome = np.bincount(index, weights=values) / weight
    exposure = np.bincount(index, weights=treated.astype(np.float64)) / weight
    of_cluster, of_period = cell // periods, cell % periods
    total = np.bincount(of_cluster, weights=weight, minlength=count)

    def within(column: NDArray[np.float64]) -> NDArray[np.float64]:
        centred: NDArray[np.float64] = column - (np.bincount(of_cluster, weights=weight * column) / total)[of_cluster]
        return centred

    root = np.sqrt(weight)
    levels = np.column_stack([within((of_period == each).astype(np.float64)) for each in range(1, periods)]) * root[:, None]
    left, right = (within(column) * root for column in (exposure, outcome))
    exposure_rest = left - levels @ np.linalg.lstsq(levels, left, rcond=None)[0]
    outcome_rest = right - levels @ np.linalg.lstsq(levels, right, rcond=None)[0]
    information = float(exposure_rest @ exposure_rest)
    if information <= 1e-9 * float(weight.sum()):
        return unknown
    estimate = float(exposure_rest @ outcome_rest) / information
    scores = np.bincount(of_cluster, weights=exposure_rest * (outcome_rest - estimate * exposure_rest), minlength=count)
    variance = count / (count - 1) * float((scores**2).sum()) / information**2
    scale = float(np.abs(values).max()) or 1.0
    return ClusterDifference(
        estimate=estimate,
        standard_error=math.sqrt(variance) if variance > (1e-9 * scale) ** 2 else None,
        df=max(1, count - 2),
        clusters=count,
        n=n,
    )
