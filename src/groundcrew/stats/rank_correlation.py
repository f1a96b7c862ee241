"""Rank correlation with an interval: whether two signals about the same things rise together, without assuming how."""

from __future__ import annotations

import numpy as np
import scipy

from groundcrew.errors import InputError
from groundcrew.stats.intervals import Interval, check_confidence
from groundcrew.stats.moments import Values, finite_array

#: Under this many pairs a resample says nothing: the bounds stay unknown.
PAIRS_MIN = 10
#: More pairs than this are more than their interval needs; the first ones are taken.
PAIRS_MAX = 2_000
RESAMPLES = 400
#: Resamples of pairs that are ranked at once, which bounds the memory.
_CHUNK = 100
_SEED = 20_260_101


def spearman(first: Values, second: Values, confidence: float = 0.95) -> Interval:
    """Spearman's ρ of paired values, −1..1, with the percentile bootstrap over pairs (Spearman 1904; Efron 1979).

    Ties share their mean rank. Unknown (None) under three pairs or where one side does not vary; bounds unknown under PAIRS_MIN
    pairs. The same values always give the same bounds. Raises InputError where the two differ in length.
    """
    check_confidence(confidence)
    x, y = finite_array(first, field="first")[:PAIRS_MAX], finite_array(second, field="second")[:PAIRS_MAX]
    if x.size != y.size:
        raise InputError(f"{x.size} values but {y.size} to pair them with", field="second")
    n = int(x.size)
    estimate = _correlations(x[None, :], y[None, :])[0] if n >= 3 else np.nan
    lower = upper = None
    if n >= PAIRS_MIN and np.isfinite(estimate):
        random, found = np.random.default_rng(_SEED), []
        for _ in range(RESAMPLES // _CHUNK):
            chosen = random.integers(0, n, size=(_CHUNK, n))
            found.append(_correlations(x[chosen], y[chosen]))
        resampled = np.concatenate(found)
        resampled = resampled[np.isfinite(resampled)]
        if resampled.size >= RESAMPLES / 2:
            tail = (1 - confidence) / 2
            low, high = np.quantile(resampled, [tail, 1 - tail])
            lower, upper = min(float(low), float(estimate)), max(float(high), float(estimate))
    return Interval(
        estimate=float(estimate) if np.isfinite(estimate) else None,
        lower=lower,
        upper=upper,
        n=n,
        method="spearman-bootstrap",
        confidence=confidence,
    )


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Row by row the correlation of ranks; NaN where a row does not vary."""
    ranks = [scipy.stats.rankdata(each, axis=1) for each in (x, y)]
    centred = [each - each.mean(axis=1, keepdims=True) for each in ranks]
    scale = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        result: np.ndarray = np.where(scale > 0, (centred[0] * centred[1]).sum(axis=1) / scale, np.nan)
    return result
