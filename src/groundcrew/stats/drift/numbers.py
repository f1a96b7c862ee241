"""Statistics of a column of numbers: gaps between the two distribution functions, which need no bins and no assumed shape.

Kolmogorov–Smirnov sees a gap in one place, Anderson–Darling (Pettitt 1976) weighs the tails up, Wasserstein (1-Wasserstein
over the spread) sees how far values moved. The strongest speaks for the column; the permutations pay for the choice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundcrew.stats.drift.assignments import Deals
from groundcrew.stats.drift.columns import Floats

#: The largest number there is.
LARGEST = float(np.finfo(np.float64).max)


class NumberStatistics:
    """Over pooled `values`, NaN where missing; ±infinity counts as beyond every number."""

    names: tuple[str, ...] = ("Kolmogorov-Smirnov", "Anderson-Darling", "Wasserstein")

    def __init__(self, values: Floats, observed: NDArray[np.bool_]) -> None:
        self.present = ~np.isnan(values)
        known = np.flatnonzero(self.present)
        self._order = known[np.argsort(values[known], kind="stable")]
        ordered = values[self._order]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if ordered.size else np.zeros(0, dtype=np.int64)
        self._share = (self._ends + 1) / max(1, ordered.size)
        self._steps = np.diff(self._share, prepend=0.0)
        self._distances = _distances(ordered[self._ends]) if ordered.size else np.zeros(0)
        self._observed = observed

    def values(self, deals: Deals) -> Floats:
        """(statistics, deals)."""
        gaps, scale = self._gaps(deals)
        if gaps.shape[1] < 2:
            return np.zeros((3, len(deals)))
        inner, share = gaps[:, :-1], self._share[:-1]
        absolute = np.abs(inner)
        largest = absolute.max(axis=1) * np.sqrt(scale)
        weighted = (inner**2) @ (self._steps[:-1] / (share * (1 - share))) * scale
        moved = absolute @ self._distances * np.sqrt(scale)
        return np.stack([largest, weighted, moved])

    def effect(self) -> float:
        """The largest difference between the windows' shares below any one value."""
        gaps, _ = self._gaps(self._observed[None, :])
        return float(np.abs(gaps).max()) if gaps.size else 0.0

    def _gaps(self, deals: Deals) -> tuple[Floats, Floats]:
        """F_current − F_reference after each different value, (deals, values), and the size mn/(m+n) of each deal."""
        dealt = deals[:, self._order]
        n = self._order.size
        below = np.cumsum(dealt, axis=1, dtype=np.int32)[:, self._ends]
        current = dealt.sum(axis=1).astype(np.float64)
        reference = n - current
        usable = (current > 0) & (reference > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            # F_current − F_reference = (F_current − F_pooled)·(m+n)/n_reference
            gaps = (below / current[:, None] - self._share) * (n / reference)[:, None]
            scale = current * reference / max(1, n)
        gaps[~usable] = 0.0
        return gaps, np.where(usable, scale, 0.0)


def _distances(points: Floats) -> Floats:
    """Between neighbouring different values, over the values' spread; infinities lie one spread beyond the last number."""
    finite = points[np.isfinite(points)]
    if finite.size == 0:
        return np.ones(points.size - 1)
    if max(abs(float(finite[0])), abs(float(finite[-1]))) > LARGEST / 4:  # so that no difference overflows
        points, finite = points / 8, finite / 8
    spread = float(finite[-1] - finite[0]) or 1.0
    clipped = np.clip(points, finite[0] - spread, finite[-1] + spread)
    distances: Floats = np.diff(clipped) / spread
    return distances
