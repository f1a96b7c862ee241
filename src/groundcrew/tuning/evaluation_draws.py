"""Intervals over cases by drawing them again: whole groups at a time, since what one patient's cases share must not count twice.

Percentile bootstrap (Efron 1979; Davison & Hinkley 1997, 5.2) of whole clusters (Field & Welsh 2007). All figures of one
evaluation see the same draws, so that differences are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from groundcrew.stats.intervals import Interval, check_confidence

DRAWS = 1_000
#: Of very many cases fewer draws do, since their intervals are narrow: at most so many cases drawn in all, and at least so many
#: draws.
CASES_DRAWN_MAX, DRAWS_MIN = 5_000_000, 200
#: Draws that are worked on at a time, which bounds the memory (times the cases, or the labels).
CHUNK = 50
#: Drawn weights that are kept for the next figure; more are drawn again.
WEIGHTS_KEPT_MAX = 4_000_000
#: The same cases give the same interval.
SEED = 20_260_801

#: How often each case counts: one row for each draw, one column for each case.
Weights: TypeAlias = NDArray[np.float64]


class Draws:
    """Draws of the cases of one evaluation; `groups` names the group of each, "" for a case on its own."""

    def __init__(self, groups: Sequence[str], *, confidence: float = 0.95, seed: int = SEED) -> None:
        check_confidence(confidence)
        self.cases, self.confidence, self._seed = len(groups), confidence, seed
        names: dict[str, int] = {}
        own = [names.setdefault(f"g{name}" if name else f"c{place}", len(names)) for place, name in enumerate(groups)]
        self._group_of = np.array(own, dtype=np.int64)
        self.groups = len(names)
        self._kept: list[Weights] = []
        self.count = max(DRAWS_MIN, min(DRAWS, CASES_DRAWN_MAX // max(1, self.cases)))

    def groups_of(self, chosen: NDArray[np.bool_]) -> int:
        """How many groups have a chosen case."""
        return int(np.unique(self._group_of[chosen]).size)

    def __iter__(self) -> Iterator[Weights]:
        """The weights of all draws, CHUNK rows at a time; the same ones every time."""
        if self._kept:
            yield from self._kept
            return
        keep = self.count * self.cases <= WEIGHTS_KEPT_MAX
        drawn = []
        for each in self._drawn():
            if keep:
                drawn.append(each)
            yield each
        self._kept = drawn

    def _drawn(self) -> Iterator[Weights]:
        random, equal = np.random.default_rng(self._seed), np.full(self.groups, 1 / max(1, self.groups))
        for _ in range(0, self.count, CHUNK):
            yield random.multinomial(self.groups, equal, size=CHUNK)[:, self._group_of].astype(np.float64)

    def figures(self, figure: Callable[[Weights], NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `figure` gives for the cases as they are, and for each draw: (…) and (draws, …). It gets rows of weights and gives
        one value, or one row of values, for each; NaN where there is none."""
        if self.cases == 0:
            empty = figure(np.zeros((1, 0)))
            return np.full(empty.shape[1:], math.nan), np.full((0, *empty.shape[1:]), math.nan)
        return figure(np.ones((1, self.cases)))[0], np.concatenate([figure(each) for each in self])

    def intervals(self, figures: Sequence[Callable[[Weights], NDArray[np.float64]]]) -> list[Interval]:
        """As `interval`, for several figures in one pass over the draws."""
        if not figures:
            return []
        estimates, drawn = self.figures(lambda weights: np.stack([each(weights) for each in figures], axis=1))
        return [
            interval_of(float(estimates[place]), drawn[:, place], n=self.cases, confidence=self.confidence)
            for place in range(len(figures))
        ]

    def interval(self, figure: Callable[[Weights], NDArray[np.float64]], *, n: int | None = None) -> Interval:
        """The figure with its interval. The bounds are None where the draws do not vary, or most of them have no figure: they
        say nothing then, however sure that looks."""
        estimate, drawn = self.figures(figure)
        return interval_of(float(estimate), drawn, n=self.cases if n is None else n, confidence=self.confidence)


def interval_of(estimate: float, drawn: NDArray[np.float64], *, n: int, confidence: float) -> Interval:
    """The percentile interval of one figure."""
    lower = upper = None
    known = drawn[np.isfinite(drawn)]
    if math.isfinite(estimate) and known.size > drawn.size / 2 and float(np.ptp(known)) > 0:
        low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
        lower, upper = min(float(low), estimate), max(float(high), estimate)
    return Interval(
        estimate=estimate if math.isfinite(estimate) else None,
        lower=lower,
        upper=upper,
        n=n,
        method="group-bootstrap",
        confidence=confidence,
    )
