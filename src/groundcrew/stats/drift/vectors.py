"""Statistics of a column of vectors, such as the embeddings of texts: kernels' mean differences, from one Gram matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundcrew.stats.drift.assignments import Deals
from groundcrew.stats.drift.columns import Floats

#: Shrinkage of the pooled covariance, as a share of its mean eigenvalue.
RIDGE = 1.0


class VectorStatistics:
    """Over pooled `vectors`, NaN where missing."""

    names: tuple[str, ...] = ("MMD", "whitened mean difference")

    def __init__(self, vectors: Floats, observed: NDArray[np.bool_]) -> None:
        self.present: NDArray[np.bool_] = ~np.isnan(vectors).any(axis=1)
        self._rows = np.flatnonzero(self.present)
        known = vectors[self._rows]
        self._grams = [_gaussian(known), _whitened(known)] if len(known) else []
        self._observed = observed

    def values(self, deals: Deals) -> Floats:
        """(statistics, deals)."""
        if not self._grams:
            return np.zeros((2, len(deals)))
        dealt = deals[:, self._rows].astype(np.float64)
        return np.stack([_mean_difference(gram, dealt) for gram in self._grams])

    def effect(self) -> float:
        """How far a classifier tells the windows apart, 2·AUC − 1, cut at 0."""
        return 0.0


def _mean_difference(gram: Floats, dealt: Floats) -> Floats:
    """MMD² times mn/(m+n) of each deal."""
    n = dealt.shape[1]
    current = dealt.sum(axis=1)
    reference = n - current
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = dealt / current[:, None] - (1 - dealt) / reference[:, None]
        value = np.einsum("bi,bi->b", weights @ gram, weights) * current * reference / n
    result: Floats = np.where((current > 0) & (reference > 0), value, 0.0)
    return result


def _gaussian(vectors: Floats) -> Floats:
    squares = (vectors**2).sum(axis=1)
    distances = np.maximum(0.0, squares[:, None] + squares - 2 * vectors @ vectors.T)
    middle = float(np.median(distances[np.triu_indices(len(vectors), 1)])) if len(vectors) > 1 else 1.0
    gram: Floats = np.exp(-distances / (middle or 1.0))
    np.fill_diagonal(gram, 0.0)
    return gram


def _whitened(vectors: Floats) -> Floats:
    centred = vectors - vectors.mean(axis=0)
    covariance = centred.T @ centred / len(vectors)
    ridge = RIDGE * float(np.trace(covariance)) / len(covariance) or 1.0
    gram: Floats = centred @ np.linalg.solve(covariance + ridge * np.eye(len(covariance)), centred.T)
    np.fill_diagonal(gram, 0.0)
    return gram
