"""Interrupted time series: the level after a change against the trend from before it, for data that no one randomised."""

from __future__ import annotations

import math

import numpy as np

from groundcrew.errors import InputError
from groundcrew.stats.cluster import ClusterDifference
from groundcrew.stats.moments import Values, finite_array

#: Points before and after that a trend needs at least (common advice for segmented regression, e.g. Penfold & Zhang 2013).
POINTS_PER_PHASE_MIN = 8


def interrupted_difference(times: Values, values: Values, start: float, n: int) -> ClusterDifference:
    """Mean gap, over the points from `start` on, between the level reached and the earlier trend carried forward.

    Segmented least squares with a level and a slope change (Wagner et al. 2002); standard error with Newey–West weights
    (Newey & West 1987, lag 4·(T/100)^(2/9)), never below that of independent errors, T − 4 degrees of freedom. `times` in
    any unit, one value each; `n` is the number of cases behind them. Unknown under POINTS_PER_PHASE_MIN points in a phase or
    for a perfect fit.
    """
    at, array = finite_array(times, field="times"), finite_array(values)
    if at.size != array.size:
        raise InputError("times and values must be equally many", field="times")
    order = np.argsort(at, kind="stable")
    at, array = at[order], array[order]
    after = at >= start
    points, points_after = int(at.size), int(after.sum())
    if min(points_after, points - points_after) < POINTS_PER_PHASE_MIN:
        return ClusterDifference(estimate=None, standard_error=None, df=0, clusters=points, n=n)
    since = np.where(after, at - start, 0.0)
    design = np.column_stack([np.ones(points), at - at[0], after.astype(np.float64), since])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return ClusterDifference(estimate=None, standard_error=None, df=0, clusters=points, n=n)
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ array
    scores = design * (array - design @ coefficients)[:, None]
    lags = math.floor(4 * (points / 100) ** (2 / 9))
    spread = scores.T @ scores
    for lag in range(1, lags + 1):
        product = scores[lag:].T @ scores[:-lag]
        spread = spread + (1 - lag / (lags + 1)) * (product + product.T)
    contrast = np.array([0.0, 0.0, 1.0, float(since[after].mean())])
    variance = float(contrast @ inverse @ spread @ inverse @ contrast) * points / (points - 4)
    # In short series the weights find less spread than there is; what independent errors would show is the least.
    squares = float(((array - design @ coefficients) ** 2).sum()) / (points - 4)
    variance = max(variance, squares * float(contrast @ inverse @ contrast))
    scale = float(np.abs(array).max()) or 1.0
    return ClusterDifference(
        estimate=float(contrast @ coefficients),
        standard_error=math.sqrt(variance) if variance > (1e-9 * scale) ** 2 else None,
        df=points - 4,
        clusters=points,
        n=n,
    )
