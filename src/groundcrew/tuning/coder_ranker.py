"""Trains what weighs the coder's candidates: boosted trees in a cross-validation over cases, and curves that make probabilities
of their scores. What decides was always said of cases that the trees had not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.tuned.coder import Curve
from groundcrew.tuned.coder_case import chance_all_right, expected_f1
from groundcrew.tuned.coder_forest import Forest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Arrays = dict[str, npt.NDArray[Any]]

#: Seconds between two words of progress while trees grow.
TICK_SECONDS = 1.0
LEARNING_RATE, LEAVES, LEAF_ROWS, SHRINKAGE = 0.06, 31, 20, 20.0
#: The share of the figures among which each split is chosen: trees that see less are less alike, and err less together.
FIGURES_SHARE = 0.15
#: A probability is never said to be surer than this.
LOWEST, HIGHEST = 0.0005, 0.995


class Ranked(msgspec.Struct, frozen=True):
    """Trees, and the scores of all rows by trees that had not seen their case."""

    forest: Arrays
    held_out: Floats


def rank(rows: Floats, truth: Bools, fold: Ints, *, trees: int, seed: int, tick: Callable[[], None]) -> Ranked:
    """Trees on all rows, and held-out scores; `fold` is the part of the cross-validation that a row's case is in."""
    held_out = np.zeros(len(rows))
    for part in sorted(set(fold.tolist())):
        inside = fold == part
        forest = Forest(grow(rows[~inside], truth[~inside], trees=trees, seed=seed, tick=tick), rows.shape[1])
        held_out[inside] = _in_parts(forest, rows[inside])
    return Ranked(grow(rows, truth, trees=trees, seed=seed, tick=tick), held_out)


def grow(rows: Floats, truth: Bools, *, trees: int, seed: int, tick: Callable[[], None]) -> Arrays:
    """Boosted trees (histogram gradient boosting, Ke et al. 2017) as arrays; a constant where all rows are true, or none."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    share = float(truth.mean()) if len(truth) else 0.0
    if share in (0.0, 1.0):
        return _flatten([], 10.0 if share else -10.0)
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS,
        l2_regularization=SHRINKAGE,
        max_features=FIGURES_SHARE,
        early_stopping=False,
        random_state=seed,
    )
    _watched(lambda: model.fit(rows, truth), tick)
    return _flatten([each[0].nodes for each in model._predictors], float(np.ravel(model._baseline_prediction)[0]))


def _watched(work: Callable[[], object], tick: Callable[[], None]) -> None:
    """Does `work` in a thread, calling `tick` every second, for work that can not be asked how far it is. What `tick` raises is
    raised when the thread has ended, and nobody reads what it made."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        done = pool.submit(work)
        while True:
            try:
                done.result(timeout=TICK_SECONDS)
                return
            except TimeoutError:
                tick()


def _flatten(trees: Sequence[npt.NDArray[Any]], base: float) -> Arrays:
    """The trees' nodes in one row; a leaf points to itself."""
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    value: list[float] = []
    roots: list[int] = []
    for nodes in trees:
        start = len(value)
        roots.append(start)
        for at, node in enumerate(nodes):
            leaf = bool(node["is_leaf"])
            feature.append(0 if leaf else int(node["feature_idx"]))
            threshold.append(0.0 if leaf else float(node["num_threshold"]))
            left.append(start + (at if leaf else int(node["left"])))
            right.append(start + (at if leaf else int(node["right"])))
            value.append(float(node["value"]) if leaf else 0.0)
    return {
        "feature": np.array(feature, dtype=np.int32),
        "threshold": np.array(threshold, dtype=np.float64),
        "left": np.array(left, dtype=np.int32),
        "right": np.array(right, dtype=np.int32),
        "value": np.array(value, dtype=np.float64),
        "roots": np.array(roots, dtype=np.int32),
        "base": np.array([base], dtype=np.float64),
    }


def _in_parts(forest: Forest, rows: Floats, size: int = 2_000) -> Floats:
    parts = [forest.probabilities(rows[at : at + size]) for at in range(0, len(rows), size)]
    return np.concatenate(parts) if parts else np.zeros(0)


def calibrate(scores: Floats, truth: Floats | Bools, *, lowest: float = LOWEST, highest: float = HIGHEST) -> Curve:
    """A rising curve from scores to what they came to (isotonic regression, Zadrozny and Elkan 2002)."""
    from sklearn.isotonic import IsotonicRegression

    if not len(scores):
        return Curve((0.0, 1.0), (lowest, lowest))
    fitted = IsotonicRegression(y_min=lowest, y_max=highest, out_of_bounds="clip").fit(
        scores, np.asarray(truth, dtype=np.float64)
    )
    x, y = fitted.X_thresholds_, fitted.y_thresholds_
    return Curve(tuple(round(each, 7) for each in x.tolist()), tuple(round(each, 7) for each in y.tolist()))


def best_threshold(scores: Floats, truth: Bools, true_labels: int) -> float:
    """The score from which on keeping gives the highest micro F1; `true_labels` counts those that are no candidates too."""
    if not truth.any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(truth[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + true_labels)
    last = np.append(scores[order][1:] != scores[order][:-1], True)
    best = int(np.argmax(np.where(last, f1, -1.0)))
    following = scores[order][best + 1] if best + 1 < len(order) else 0.0
    return float((scores[order][best] + following) / 2)


def case_figures(cases: Sequence[tuple[Floats, Bools, int]], threshold: float, kind: str) -> tuple[Floats, Floats]:
    """For every case (its scores, their truth, its true labels): what the trust is read from, and what it should foretell."""
    said, came = [], []
    for scores, truth, labels in cases:
        kept = scores >= threshold
        right = int((kept & truth).sum())
        if kind == "all_right":
            said.append(chance_all_right(scores.tolist(), threshold))
            came.append(float(right == labels == int(kept.sum())))
        else:
            said.append(expected_f1(scores.tolist(), threshold))
            came.append(2 * right / max(1, int(kept.sum()) + labels))
    return np.array(said), np.array(came)


def prefixed(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    return {f"{name}.{field}": array for field, array in arrays.items()}
