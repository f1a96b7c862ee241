"""Slow drift, seen row by row: a state that takes values as they come and raises an alarm at the first row that shows a change.

Each value is ranked among the reference and all values before it. While nothing changes these ranks are uniform and independent,
whatever the distribution (conformal test martingales, Vovk, Gammerman & Shafer 2005), so a bet on them gains nothing. Bettors
learn how recent ranks are spread and bet on that; their gains over all possible beginnings of a change are summed (an e-detector:
Shiryaev–Roberts, Shin, Ramdas & Rinaldo 2022). Without a change the sum grows by 1 a row on average, so it stays below a limit L
for L rows on average at least, and the chance of an alarm among the first n rows is at most n/L.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.drift.columns import Column, Floats, is_missing, labels_of, numbers_of

#: Rows from one false alarm to the next, on average and at least, unless asked for otherwise.
FALSE_ALARM_EVERY = 100_000
FALSE_ALARM_EVERY_MAX = 1_000_000_000
#: Values of the reference that a watch needs.
REFERENCE_MIN = 40
#: Numbers are held in so many ranges, of equally many reference values; categories one by one, the rare ones as one.
RANGES = 32
CATEGORIES_MAX = 100
#: Ranks are bet on in these ranges of 0..1, given by their upper ends: narrow at the ends, where what is unusual falls.
CELL_ENDS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1.0)
#: How many recent rows a bettor remembers, in e-foldings: for drifts that come fast, and for small ones that stay.
MEMORIES = (50.0, 200.0, 1_000.0)
#: Rows of uniform ranks that a bettor believes to have seen beforehand: it bets little until it knows something.
PRIOR_ROWS = 20.0
FALSE_ALARM_EVERY_MIN = 10
#: Share of the stake that is never bet, so that one surprise can not ruin a bettor.
KEPT_BACK = 0.1
#: Largest evidence that is kept as a number; an alarm is long past.
EVIDENCE_MAX = 1e300
#: Anchors whose mean similarity is the nearness of a vector.
NEAREST = 5
SEED = 20261127
_WORD = (1 << 64) - 1


class ChangeState(msgspec.Struct, frozen=True, kw_only=True):
    """A watch over one feature: small, immutable, and serialisable with msgspec; `extended` gives the state after more rows.

    `alarm_at` is the row, counted from 1 after the reference, at which the change was seen, and stays; to go on, start a new
    watch with a new reference. `evidence` is compared with `false_alarm_every`.
    """

    kind: Literal["number", "category"]
    false_alarm_every: int
    seed: int
    #: Upper ends of the ranges of numbers, or the categories that are told apart.
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    #: Rows of reference and watch in each range or category, then (of categories) in others, then missing ones.
    counts: tuple[int, ...] = ()
    seen: int = 0
    #: Of each memory: remembered rows of each cell; and the Shiryaev–Roberts sum.
    remembered: tuple[tuple[float, ...], ...] = ()
    sums: tuple[float, ...] = ()
    alarm_at: int | None = None

    @property
    def evidence(self) -> float:
        """The e-detector's value: the mean of the bettors' sums, 0 before the first row."""
        return sum(self.sums) / len(self.sums)

    def extended(self, values: Iterable[Any]) -> ChangeState:
        """The state after these values, in the order they came; None and NaN are missing, which is a value like any other.

        Values after an alarm change nothing. InputError for a value of another kind.
        """
        if self.alarm_at is not None:
            return self
        places = self._places(Column(kind=self.kind, values=list(values)))
        counts, remembered, sums = list(self.counts), np.array(self.remembered), np.array(self.sums)
        keep = (1 - 1 / np.array(MEMORIES))[:, None]
        widths = np.diff(CELL_ENDS, prepend=0.0)
        total, seen, alarm_at = sum(counts), self.seen, None
        for place in places:
            seen += 1
            rank = self._rank(place, counts, total, seen)
            cell = bisect.bisect_left(CELL_ENDS, rank)
            width = widths[cell]
            believed = (remembered[:, cell] + PRIOR_ROWS * width) / (remembered.sum(axis=1) + PRIOR_ROWS)
            sums = np.minimum((1 + sums) * (KEPT_BACK + (1 - KEPT_BACK) * believed / width), EVIDENCE_MAX)
            remembered *= keep
            remembered[:, cell] += 1
            counts[place] += 1
            total += 1
            if sums.mean() >= self.false_alarm_every:
                alarm_at = seen
                break
        return msgspec.structs.replace(
            self,
            counts=tuple(counts),
            seen=seen,
            remembered=tuple(tuple(row) for row in remembered.tolist()),
            sums=tuple(sums.tolist()),
            alarm_at=alarm_at,
        )

    def _places(self, column: Column) -> list[int]:
        """Of each value its range or category."""
        missing = len(self.counts) - 1
        if self.kind == "number":
            numbers = numbers_of(column, "values")
            return [missing if math.isnan(value) else bisect.bisect_left(self.edges, value) for value in numbers.tolist()]
        known = {category: place for place, category in enumerate(self.categories)}
        return [missing if label is None else known.get(label, missing - 1) for label in labels_of(column, "values")]

    def _rank(self, place: int, counts: Sequence[int], total: int, seen: int) -> float:
        """The share of earlier values below this one; among those of its own range a place is drawn, this one included."""
        drawn = _drawn(self.seed, seen)
        return (sum(counts[:place]) + drawn * (counts[place] + 1)) / (total + 1)


def watch(reference: Column, *, false_alarm_every: int = FALSE_ALARM_EVERY, seed: int = SEED) -> ChangeState:
    """The watch over values that come after `reference`, a column of numbers or categories.

    Every second reference value sets the ranges, the others fill them, so that ranks of new values are exactly uniform while
    nothing changes. Vectors are watched by a number made of them, such as `nearness`. InputError for fewer than REFERENCE_MIN
    values, or another kind.
    """
    kind = reference.kind
    if kind != "number" and kind != "category":
        raise InputError("only numbers and categories can be watched row by row; make a number of vectors", field="kind")
    if not FALSE_ALARM_EVERY_MIN <= false_alarm_every <= FALSE_ALARM_EVERY_MAX:
        raise InputError(
            f"must lie in {FALSE_ALARM_EVERY_MIN}..{FALSE_ALARM_EVERY_MAX}, is {false_alarm_every}", field="false_alarm_every"
        )
    known = [value for value in reference.values if not is_missing(value)]
    if len(known) < REFERENCE_MIN:
        raise InputError(f"has {len(known)} values; a watch needs {REFERENCE_MIN}", field="reference")
    setting, filling = (Column(kind=kind, values=list(reference.values[start::2])) for start in (0, 1))
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    if kind == "number":
        edges = _edges(numbers_of(setting, "reference"))
    else:
        labels = Counter(label for label in labels_of(setting, "reference") if label is not None)
        categories = tuple(sorted(labels, key=lambda label: (-labels[label], label))[:CATEGORIES_MAX])
    places = len(edges) + 2 if kind == "number" else len(categories) + 2
    empty = ChangeState(
        kind=kind,
        false_alarm_every=false_alarm_every,
        seed=seed,
        edges=edges,
        categories=categories,
        counts=(0,) * places,
        remembered=((0.0,) * len(CELL_ENDS),) * len(MEMORIES),
        sums=(0.0,) * len(MEMORIES),
    )
    filled = np.bincount(empty._places(filling), minlength=places)
    return msgspec.structs.replace(empty, counts=tuple(int(count) for count in filled))


def nearness(anchors: NDArray[Any], vectors: NDArray[Any]) -> Floats:
    """Of each unit vector its mean cosine similarity to its NEAREST nearest `anchors`: small for what was never seen before.

    To watch texts, keep some reference vectors as anchors, and make the watch's reference of the nearness of others.
    """
    if not len(anchors):
        raise InputError("needs at least one vector", field="anchors")
    similar = np.asarray(vectors, dtype=np.float64) @ np.asarray(anchors, dtype=np.float64).T
    nearest = min(NEAREST, similar.shape[1])
    means: Floats = np.sort(similar, axis=1)[:, -nearest:].mean(axis=1)
    return means


def _edges(numbers: Floats) -> tuple[float, ...]:
    """Upper ends of RANGES ranges of about equally many numbers, and fewer where numbers repeat."""
    known = numbers[~np.isnan(numbers)]
    shares = np.arange(1, RANGES) / RANGES
    return tuple(np.unique(np.quantile(known, shares, method="inverted_cdf")).tolist()) if known.size else ()


def _drawn(seed: int, row: int) -> float:
    """A number in 0..1 for this row, the same in each process (SplitMix64, Steele, Lea & Flood 2014)."""
    state = (seed * 0x9E3779B97F4A7C15 + row * 0xD1B54A32D192ED03 + 0x9E3779B97F4A7C15) & _WORD
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _WORD
    return ((state ^ (state >> 31)) >> 11) * 2.0**-53
