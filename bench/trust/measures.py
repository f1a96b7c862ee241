"""Figures about scores against labels: ranking with an interval over source documents, F1, calibration, marked characters."""

from __future__ import annotations

from collections.abc import Sequence

import logistic
import msgspec
import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BOOTSTRAP_DRAWS = 1_000
Spans = Sequence[tuple[int, int]]


class Measured(msgspec.Struct, kw_only=True):
    """One system on one set. `f1` is at thresholds that are best on the other documents of the set (five folds)."""

    n: int
    rate: float
    auroc: float
    low: float
    high: float
    f1: float
    ece: float | None = None


def measure(unsupported: Flags, scores: Scores, groups: Sequence[str], *, calibrated: bool) -> Measured:
    """AUROC with a 95 % bootstrap interval over source documents, F1 out of fold, and ECE where scores are probabilities."""
    flagged = np.zeros(len(scores), dtype=bool)
    for train, test in logistic.folds(groups, count=min(5, len(set(groups)))):
        flagged[test] = scores[test] < best_threshold(unsupported[train], scores[train])
    low, high = interval(groups, lambda chosen: logistic.auroc(unsupported[chosen], -scores[chosen]))
    return Measured(
        n=len(scores),
        rate=float(unsupported.mean()),
        auroc=logistic.auroc(unsupported, -scores),
        low=low,
        high=high,
        f1=f1(unsupported, flagged),
        ece=calibration_error(~unsupported, scores) if calibrated else None,
    )


def interval(groups: Sequence[str], figure: object) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles of `figure(rows)` over draws of whole groups; fixed seed."""
    assert callable(figure)
    names = np.array(groups)
    members = [np.flatnonzero(names == name) for name in sorted(set(groups))]
    draw = np.random.default_rng(0)
    found = []
    for _ in range(BOOTSTRAP_DRAWS):
        value = figure(np.concatenate([members[number] for number in draw.integers(0, len(members), len(members))]))
        if not np.isnan(value):
            found.append(value)
    low, high = np.percentile(found, [2.5, 97.5]) if found else (float("nan"), float("nan"))
    return float(low), float(high)


def best_threshold(unsupported: Flags, scores: Scores) -> float:
    """The threshold that flags what lies below it with the highest F1 of the unsupported."""
    candidates = np.unique(np.append(scores, scores.max() + 1e-6))
    candidates = candidates if len(candidates) < 300 else np.quantile(candidates, np.linspace(0, 1, 300))
    return float(max(candidates, key=lambda threshold: f1(unsupported, scores < threshold)))


def f1(unsupported: Flags, flagged: Flags) -> float:
    """F1 of the unsupported class."""
    hits = float((unsupported & flagged).sum())
    return 2 * hits / float(unsupported.sum() + flagged.sum()) if hits else 0.0


def calibration_error(supported: Flags, scores: Scores) -> float:
    """Expected calibration error over ten bins of equal width."""
    bins = np.minimum((scores * 10).astype(int), 9)
    return float(
        sum(
            (bins == b).mean() * abs(scores[bins == b].mean() - supported[bins == b].mean())
            for b in range(10)
            if (bins == b).any()
        )
    )


def span_f1(lengths: Sequence[int], labelled: Sequence[Spans], marked: Sequence[Spans]) -> float | None:
    """Micro F1 of marked characters; None where nothing is labelled."""
    hits = ours = theirs = 0
    for length, truth, mine in zip(lengths, labelled, marked, strict=True):
        expected, found = np.zeros(length, bool), np.zeros(length, bool)
        for start, end in truth:
            expected[start:end] = True
        for start, end in mine:
            found[start:end] = True
        hits, ours, theirs = hits + int((expected & found).sum()), ours + int(found.sum()), theirs + int(expected.sum())
    return 2 * hits / (ours + theirs) if theirs else None
