"""Statistics of a column of categories: counts by category, rare ones pooled, and rows whose category is new.

χ² sees many small changes, Jensen–Shannon large relative ones; what is new in the current window is counted on its own, since a
few rows of unknown categories weigh nothing in either.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.stats.drift.assignments import Deals
from groundcrew.stats.drift.columns import Floats

#: Categories with fewer rows in both windows together are one category, in χ² and Jensen–Shannon.
POOLED_ROWS_MIN = 10


class CategoryStatistics:
    """Over pooled `labels`, None where missing."""

    names: tuple[str, ...] = ("chi-squared", "Jensen-Shannon", "new categories")

    def __init__(self, labels: Sequence[str | None], observed: NDArray[np.bool_]) -> None:
        self.present = np.array([label is not None for label in labels], dtype=np.bool_)
        self._rows = np.flatnonzero(self.present)
        known = [label for label in labels if label is not None]
        places = {label: place for place, label in enumerate(sorted(set(known)))}
        codes = np.array([places[label] for label in known], dtype=np.int64)
        self._totals = np.bincount(codes, minlength=len(places)).astype(np.float64)
        shape = (len(places), codes.size)
        self._members = scipy.sparse.csr_array((np.ones(codes.size), (codes, np.arange(codes.size))), shape=shape)
        self._rare = self._totals < POOLED_ROWS_MIN
        self._observed = observed

    def values(self, deals: Deals) -> Floats:
        """(statistics, deals)."""
        if self._totals.size == 0:
            return np.zeros((3, len(deals)))
        counts = self._counts(deals)
        current = counts.sum(axis=0)
        reference = self._rows.size - current
        usable = (current > 0) & (reference > 0)
        pooled, totals = self._pooled(counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            p, q = pooled / current, (totals[:, None] - pooled) / reference
            middle = (totals / totals.sum())[:, None]
            scale = current * reference / (current + reference)
            squares = ((p - q) ** 2 / middle).sum(axis=0) * scale
            weight = current / self._rows.size
            shannon = (_relative(p, middle) * weight + _relative(q, middle) * (1 - weight)) * 2 * self._rows.size
            new = np.where(counts == self._totals[:, None], counts, 0.0).sum(axis=0) / np.maximum(current, 1)
        return np.where(usable, np.stack([squares, shannon, new]), 0.0)

    def effect(self) -> float:
        """Total variation between the windows, rare categories pooled: the share of rows that would have to change."""
        if self._totals.size == 0:
            return 0.0
        pooled, totals = self._pooled(self._counts(self._observed[None, :]))
        p, q = pooled[:, 0], totals - pooled[:, 0]
        return float(np.abs(p / p.sum() - q / q.sum()).sum() / 2) if p.sum() and q.sum() else 0.0

    def _counts(self, deals: Deals) -> Floats:
        """Current rows of each category, (categories, deals)."""
        counts: Floats = self._members @ deals[:, self._rows].T.astype(np.float64)
        return counts

    def _pooled(self, counts: Floats) -> tuple[Floats, Floats]:
        if self._rare.sum() < 2:
            return counts, self._totals
        rest = counts[self._rare].sum(axis=0, keepdims=True)
        return np.vstack([counts[~self._rare], rest]), np.append(self._totals[~self._rare], self._totals[self._rare].sum())


def _relative(p: Floats, q: Floats) -> Floats:
    """Kullback–Leibler divergence of each column."""
    divergence: Floats = np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0) / q), 0.0).sum(axis=0)
    return divergence
