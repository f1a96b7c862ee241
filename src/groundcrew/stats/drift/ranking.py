"""All columns' statistics over all deals, ranked together, with p-values and critical values that hold for the whole test.

Correction over columns is Westfall & Young's step-down over the largest score (1993), from the deals that were made anyway. It
keeps the chance of any false alarm at alpha like Holm's, but knows how columns hang together: ten columns that say the same
cost what one costs, and no p-value smaller than alpha/columns is needed, which would take as many more permutations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from groundcrew.stats.drift.assignments import Dealer, Deals
from groundcrew.stats.drift.columns import Floats, Kind
from groundcrew.stats.drift.scores import Scale

MISSING_NAME = "share of missing values"
#: Statistics are compared to so many digits of the largest.
ROUNDED_DIGITS = 12


class Statistics(Protocol):
    """What each kind gives: named statistics, larger for more drift, of the rows that are present."""

    names: tuple[str, ...]
    present: NDArray[np.bool_]

    def values(self, deals: Deals) -> Floats: ...

    def effect(self) -> float: ...


class Measured:
    """A column with its statistics over the deals so far, the observed one first."""

    def __init__(self, name: str, kind: Kind, statistics: Statistics, observed: NDArray[np.bool_]) -> None:
        self.name, self.kind, self.statistics = name, kind, statistics
        present: NDArray[np.bool_] = self.statistics.present
        self.values_known = int(present[~observed].sum()), int(present[observed].sum())
        self.missing = int((~present[~observed]).sum()), int((~present[observed]).sum())
        self.names = self.statistics.names + ((MISSING_NAME,) if any(self.missing) else ())
        self._present = present
        self._parts: list[Floats] = []

    def add(self, deals: Deals) -> None:
        """Take these deals' statistics in."""
        found = self.statistics.values(deals)
        if any(self.missing):
            found = np.vstack([found, _missing_gap(self._present, deals)])
        self._parts.append(found)

    def known(self) -> Floats:
        """(statistics, deals), rounded so that deals that are equal but for the order of additions tie."""
        values = np.concatenate(self._parts, axis=1)
        size = np.abs(values).max(axis=1, keepdims=True)
        size[size == 0] = 1.0
        rounded: Floats = np.round(values / size, ROUNDED_DIGITS) * size
        return rounded


class Ranking:
    """Scores of all columns over all deals, p-values alone and corrected, and each column's critical score."""

    def __init__(self, columns: Sequence[Measured], alpha: float) -> None:
        self._inner: list[list[Scale]] = []
        self._outer: list[Scale] = []
        self.strongest: list[int] = []
        self.observed: list[Floats] = []
        rows = []
        for column in columns:
            known = column.known()
            scales = [Scale(values) for values in known]
            scores = np.stack([scale.scores(values) for scale, values in zip(scales, known, strict=True)])
            best = scores.max(axis=0)
            outer = Scale(best)
            self._inner.append(scales)
            self._outer.append(outer)
            self.strongest.append(int(scores[:, 0].argmax()))
            self.observed.append(known[:, 0])
            rows.append(outer.scores(best))
        self.deals = rows[0].size - 1 if rows else 0
        table = np.array(rows).reshape(len(rows), self.deals + 1)
        self.alone = [float((1 + (row[1:] >= row[0]).sum()) / (self.deals + 1)) for row in table]
        self.adjusted, self.critical = _stepped_down(table, alpha)

    @classmethod
    def after(cls, columns: Sequence[Measured], dealer: Dealer, deals: int, alpha: float) -> Ranking:
        """The ranking after so many more deals."""
        for batch in dealer.batches(deals):
            for column in columns:
                column.add(batch)
        return cls(columns, alpha)

    def threshold(self, place: int) -> float | None:
        """What the column's strongest statistic must exceed for the column to be reported; None where nothing can be."""
        critical = self.critical[place]
        if critical is None:
            return None
        return float(self._inner[place][self.strongest[place]].value_at(self._outer[place].value_at(critical)))


def _stepped_down(table: Floats, alpha: float) -> tuple[list[float], list[float | None]]:
    """Corrected p-value and critical score of each column: the largest score of it and of all weaker columns must be beaten."""
    columns, deals = table.shape
    adjusted = [1.0] * columns
    critical: list[float | None] = [None] * columns
    order = np.argsort(-table[:, 0], kind="stable") if columns else np.zeros(0, dtype=np.int64)
    allowed = int(alpha * deals + 1e-9)
    rest = np.full(deals - 1, -np.inf) if columns else np.zeros(0)
    found: list[tuple[float, float | None]] = []
    for place in order[::-1]:
        rest = np.maximum(rest, table[place, 1:])
        p_value = float((1 + (rest >= table[place, 0]).sum()) / deals)
        limit = float(np.partition(rest, rest.size - allowed)[rest.size - allowed]) if 1 <= allowed <= rest.size else None
        found.append((p_value, limit))
    worst, stopped = 0.0, None
    for place, (p_value, limit) in zip(order, found[::-1], strict=True):
        worst = max(worst, p_value)
        adjusted[place] = worst
        critical[place] = limit if stopped is None else stopped
        if worst > alpha and stopped is None:
            stopped = limit
    return adjusted, critical


def _missing_gap(present: NDArray[np.bool_], deals: Deals) -> Floats:
    """|difference of the shares of missing values| · √(mn/(m+n)) of each deal."""
    current = deals.sum(axis=1)
    reference = deals.shape[1] - current
    gone = (deals & ~present).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(gone / current - ((~present).sum() - gone) / reference) * np.sqrt(current * reference / deals.shape[1])
    result: Floats = np.where((current > 0) & (reference > 0), gap, 0.0)
    return result
