"""The figures of suggested labels against the true ones: precision, recall and F1 in their averages, ranking, single labels.

Averages as in Manning, Raghavan & Schütze 2008 (ch. 13.6) and Sokolova & Lapalme 2009; subset accuracy as in Zhu et al. 2005.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.stats.intervals import Interval
from groundcrew.tuned.model import Prediction
from groundcrew.tuning.evaluation_draws import Draws, Weights, interval_of
from groundcrew.tuning.examples import Example

#: Ranks at which precision is told.
RANKS = (1, 5, 8, 15)
Counts = NDArray[np.float64]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One case: its true labels, what was suggested by falling score (the ones below the threshold too), what of it was kept, how
    sure the model was, and how long it took (seconds; None where that was not measured)."""

    id: str
    truth: frozenset[str]
    ranked: tuple[tuple[str, float], ...]
    kept: frozenset[str]
    trust: float | None = None
    needs_person: bool = False
    seconds: float | None = None
    group: str = ""

    @property
    def exact(self) -> bool:
        """Whether exactly the true labels were kept."""
        return self.kept == self.truth


def case_of(example: Example, prediction: Prediction, seconds: float | None) -> Case:
    """The case that `prediction` makes of `example`."""
    return Case(
        id=example.id,
        truth=frozenset(example.labels),
        ranked=tuple((each.label, each.score) for each in prediction.suggestions),
        kept=frozenset(prediction.labels),
        trust=prediction.trust,
        needs_person=prediction.needs_person,
        seconds=seconds,
        group=example.group,
    )


class Table:
    """How often each label was right, suggested wrongly and missed, case by case: sparse (cases, labels), labels sorted."""

    def __init__(
        self,
        labels: tuple[str, ...],
        right: scipy.sparse.csr_array,
        wrong: scipy.sparse.csr_array,
        missed: scipy.sparse.csr_array,
    ) -> None:
        self.labels, self.right, self.wrong, self.missed = labels, right, wrong, missed
        self._each = [np.asarray(part.sum(axis=1)).ravel() for part in (right, wrong, missed)]
        self._last: tuple[Weights | None, tuple[Counts, Counts, Counts] | None] = (None, None)

    def sums(self, weights: Weights) -> tuple[Counts, Counts, Counts]:
        """Right, wrong and missed of each label under each row of weights; remembered for the next figure of the same rows."""
        last, sums = self._last
        if last is not weights or sums is None:
            sums = (weights @ self.right, weights @ self.wrong, weights @ self.missed)
            self._last = (weights, sums)
        return sums

    def totals(self, weights: Weights) -> tuple[Counts, Counts, Counts]:
        """The same over all labels."""
        right, wrong, missed = (weights @ each for each in self._each)
        return right, wrong, missed


def table(cases: Sequence[Case], name_of: Mapping[str, str] | None = None) -> Table:
    """The table of `cases`, over labels or over what `name_of` calls each (a chapter); labels without a name are left out."""
    parts: tuple[list[tuple[int, str]], ...] = ([], [], [])
    for place, case in enumerate(cases):
        for into, found in zip(parts, (case.truth & case.kept, case.kept - case.truth, case.truth - case.kept), strict=True):
            names = found if name_of is None else (name_of[each] for each in found if each in name_of)
            into += [(place, name) for name in names]
    labels = tuple(sorted({name for each in parts for _, name in each}))
    number = {name: place for place, name in enumerate(labels)}

    def matrix(entries: list[tuple[int, str]]) -> scipy.sparse.csr_array:
        rows, columns = [row for row, _ in entries], [number[name] for _, name in entries]
        return scipy.sparse.csr_array((np.ones(len(entries)), (rows, columns)), shape=(len(cases), len(labels)))

    return Table(labels, *map(matrix, parts))


def ratio(above: Counts, below: Counts) -> Counts:
    """above/below; NaN where nothing is below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, math.nan)


def f1(right: Counts, wrong: Counts, missed: Counts) -> Counts:
    """2·TP/(2·TP + FP + FN), 0..1 (van Rijsbergen 1979); NaN where the label neither occurs nor is suggested."""
    return ratio(2 * right, 2 * right + wrong + missed)


def main_figures(cases: Sequence[Case], counts: Table, *, multi_label: bool) -> dict[str, Callable[[Weights], Counts]]:
    """Figure → what computes it for rows of weights. All lie in 0..1, more is better, and each is NaN without any case.

    micro_*: over all pairs of case and label. macro_*: mean over the labels that occur or were suggested, each alike; a label
    without its own figure (never suggested: precision) counts 0, as in scikit-learn. weighted_f1: mean over labels by how often
    they occur. subset_accuracy: share of cases whose labels are all right and complete. precision_at_k: share of the first k
    suggestions that are true, 0 for those that are missing. mean_average_precision: over cases with a true label.
    """

    def micro(take: Callable[[Counts, Counts, Counts], Counts]) -> Callable[[Weights], Counts]:
        return lambda weights: take(*counts.totals(weights))

    def macro(take: Callable[[Counts, Counts, Counts], Counts]) -> Callable[[Weights], Counts]:
        def figure(weights: Weights) -> Counts:
            right, wrong, missed = counts.sums(weights)
            seen = right + wrong + missed > 0
            return ratio(np.where(seen, np.nan_to_num(take(right, wrong, missed)), 0.0).sum(axis=1), seen.sum(axis=1))

        return figure

    def weighted(weights: Weights) -> Counts:
        right, wrong, missed = counts.sums(weights)
        return ratio((np.nan_to_num(f1(right, wrong, missed)) * (right + missed)).sum(axis=1), (right + missed).sum(axis=1))

    found = {
        "micro_f1": micro(f1),
        "micro_precision": micro(lambda right, wrong, _: ratio(right, right + wrong)),
        "micro_recall": micro(lambda right, _, missed: ratio(right, right + missed)),
        "macro_f1": macro(f1),
        "macro_precision": macro(lambda right, wrong, _: ratio(right, right + wrong)),
        "macro_recall": macro(lambda right, _, missed: ratio(right, right + missed)),
        "weighted_f1": weighted,
        "subset_accuracy": mean_of([float(each.exact) for each in cases]),
    }
    for rank in RANKS if multi_label else RANKS[:1]:
        hits = [sum(label in each.truth for label, _ in each.ranked[:rank]) / rank for each in cases]
        found[f"precision_at_{rank}"] = mean_of(hits)
    found["mean_average_precision"] = mean_of([average_precision(each) for each in cases])
    return found


def mean_of(values: Sequence[float]) -> Callable[[Weights], Counts]:
    """The mean of the known values; NaN marks an unknown one."""
    array = np.array(values, dtype=np.float64)
    known = np.isfinite(array)
    filled = np.where(known, array, 0.0)
    return lambda weights: ratio(weights @ filled, weights @ known.astype(np.float64))


def average_precision(case: Case) -> float:
    """Mean, over the true labels, of the precision at the rank of each, 0 for one that was not suggested (Manning et al. 2008,
    8.4). NaN for a case without true labels."""
    if not case.truth:
        return math.nan
    hits, total = 0, 0.0
    for rank, (label, _) in enumerate(case.ranked, start=1):
        if label in case.truth:
            hits += 1
            total += hits / rank
    return total / len(case.truth)


def quantile_of(values: Sequence[float], share: float) -> Callable[[Weights], Counts]:
    """The `share` quantile of the values: the least one that so many of them do not exceed."""
    array = np.sort(np.array(values, dtype=np.float64))
    order = np.argsort(np.array(values, dtype=np.float64), kind="stable")

    def figure(weights: Weights) -> Counts:
        if not array.size:
            return np.full(weights.shape[0], math.nan)
        mass = np.cumsum(weights[:, order], axis=1)
        reached = mass >= share * mass[:, -1:] - 1e-9
        return np.where(mass[:, -1] > 0, array[np.argmax(reached, axis=1)], math.nan)

    return figure


class LabelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One label or chapter: how often it is true (`support`) and was suggested, and its figures."""

    name: str
    title: str = ""
    support: int
    suggested: int
    precision: Interval
    recall: Interval
    f1: Interval


def by_label(counts: Table, draws: Draws, titles: Mapping[str, str], *, limit: int) -> tuple[LabelFigures, ...]:
    """The figures of the `limit` labels that occur most often, those first."""
    ones = np.ones((1, draws.cases))
    right, wrong, missed = (each[0] for each in counts.sums(ones)) if draws.cases else (np.zeros(len(counts.labels)),) * 3
    support = right + missed
    chosen = sorted(range(len(counts.labels)), key=lambda each: (-support[each], -(right + wrong)[each], counts.labels[each]))[
        :limit
    ]
    part = Table(
        tuple(counts.labels[each] for each in chosen), counts.right[:, chosen], counts.wrong[:, chosen], counts.missed[:, chosen]
    )

    def figures(weights: Weights) -> Counts:
        hits, false, lost = part.sums(weights)
        return np.stack([ratio(hits, hits + false), ratio(hits, hits + lost), f1(hits, false, lost)], axis=2)

    estimate, drawn = draws.figures(figures)
    found = []
    for place, label in enumerate(chosen):
        n = int(support[label])
        own = [
            interval_of(float(estimate[place, kind]), drawn[:, place, kind], n=n, confidence=draws.confidence)
            for kind in range(3)
        ]
        name = counts.labels[label]
        found.append(
            LabelFigures(
                name=name,
                title=titles.get(name, ""),
                support=n,
                suggested=int((right + wrong)[label]),
                precision=own[0],
                recall=own[1],
                f1=own[2],
            )
        )
    return tuple(found)
