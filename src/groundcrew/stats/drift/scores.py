"""Brings statistics of different scales onto one: how surprising each value is among all deals of the same statistic.

The score is −log of the share of deals at least as large; beyond the largest twentieth, where shares are coarse, it goes on as
if the tail were exponential (cf. Knijnenburg et al. 2009, who fit the tail of a permutation distribution). Whatever the tail
is truly like, tests stay exact: the scores treat all deals alike, and are themselves only ranked.
"""

from __future__ import annotations

import numpy as np

from groundcrew.stats.drift.columns import Floats

#: Share, and least number, of the largest values that the tail is fitted to.
TAIL_SHARE = 0.05
TAIL_MIN = 10
#: Quantiles of the tail that its scale is taken from.
TAIL_QUANTILES = (0.5, 0.75)


class Scale:
    """The map from one statistic's values to scores, from its values over all deals, the observed one among them."""

    def __init__(self, values: Floats) -> None:
        ordered = np.sort(values)
        n = ordered.size
        tail = min(n, max(TAIL_MIN, int(n * TAIL_SHARE)))
        self._start = float(ordered[n - tail])
        beyond = ordered[n - tail :] - self._start
        # From quantiles: one enormous value, the observed one, must not stretch the scale on which it is measured. From the
        # larger of two: a statistic that takes few values has most of its tail in one place, and jumps from there.
        self._stretch = max(float(np.quantile(beyond, share) / -np.log(1 - share)) for share in TAIL_QUANTILES)
        self._points, first = np.unique(ordered, return_index=True)
        self._levels = -np.log((n - first) / n)
        if self._stretch > 0:
            body = self._points <= self._start
            self._points, self._levels = self._points[body], self._levels[body]

    def scores(self, values: Floats) -> Floats:
        """The scores of values, ≥ 0; greater values never score less."""
        scores: Floats = np.interp(values, self._points, self._levels)
        if self._stretch > 0:
            scores = scores + np.maximum(0.0, values - self._start) / self._stretch
        return scores

    def value_at(self, score: float) -> float:
        """The value that has this score; the largest known one where the scores end below it."""
        top = float(self._levels[-1])
        if score > top and self._stretch > 0:
            return self._start + (score - top) * self._stretch
        return float(np.interp(score, self._levels, self._points))
