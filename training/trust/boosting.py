"""Fits small boosted trees with monotone directions (scikit-learn's histogram boosting, after Ke et al. 2017) and restates them
as the arrays that the product evaluates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from groundcrew.grounding.trees import Trees

Matrix = npt.NDArray[np.float64]
DEPTH, ROUNDS, LEARNING_RATE, LEAF_MIN, PENALTY, FEATURES_SHARE = 3, 250, 0.08, 25, 4.0, 0.5


def fit(features: Matrix, labels: npt.NDArray[np.bool_], importance: Matrix, signs: Sequence[int]) -> Trees:
    """Trees over (n, features); `signs` bounds each feature to speak for (1), against (-1) or either way (0). Fixed seed."""
    booster = HistGradientBoostingClassifier(
        max_depth=DEPTH,
        max_iter=ROUNDS,
        learning_rate=LEARNING_RATE,
        min_samples_leaf=LEAF_MIN,
        l2_regularization=PENALTY,
        max_features=FEATURES_SHARE,
        monotonic_cst=list(signs),
        early_stopping=False,
        random_state=7,
    )
    booster.fit(features, labels, sample_weight=importance / importance.mean())
    trees = [_restate(stage[0].nodes) for stage in booster._predictors]
    return Trees(
        depth=DEPTH,
        base=float(booster._baseline_prediction.ravel()[0]) + sum(tree[3] for tree in trees),
        features=tuple(tree[0] for tree in trees),
        thresholds=tuple(tree[1] for tree in trees),
        values=tuple(tree[2] for tree in trees),
    )


def calibrated(trees: Trees, slope: float, intercept: float) -> Trees:
    """The same trees with log odds `slope` · x + `intercept`."""
    return Trees(
        depth=trees.depth,
        base=round(trees.base * slope + intercept, 5),
        features=trees.features,
        thresholds=trees.thresholds,
        values=tuple(tuple(round(value * slope, 5) for value in tree) for tree in trees.values),
    )


def _restate(nodes: npt.NDArray[np.void]) -> tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...], float]:
    """One tree as complete arrays, and what its root holds, which belongs to no feature. Below a leaf its value goes on, so that
    every path has the same length."""
    inner = 2**DEPTH - 1
    features, thresholds, values = [0] * inner, [float("1e30")] * inner, [0.0] * (2 * inner + 1)
    means = _means(nodes)

    def place(position: int, node: int) -> None:
        values[position] = means[node]
        if position >= inner:
            return
        if nodes[node]["is_leaf"]:
            place(2 * position + 1, node)
            place(2 * position + 2, node)
            return
        features[position] = int(nodes[node]["feature_idx"])
        thresholds[position] = float(nodes[node]["num_threshold"])
        place(2 * position + 1, int(nodes[node]["left"]))
        place(2 * position + 2, int(nodes[node]["right"]))

    place(0, 0)
    return tuple(features), tuple(thresholds), tuple(value - values[0] for value in values), values[0]


def _means(nodes: npt.NDArray[np.void]) -> list[float]:
    """The value of each node: its own for a leaf, else the mean of its leaves by their counts."""
    found: list[float] = [0.0] * len(nodes)
    for node in reversed(range(len(nodes))):
        if nodes[node]["is_leaf"]:
            found[node] = float(nodes[node]["value"])
            continue
        left, right = int(nodes[node]["left"]), int(nodes[node]["right"])
        counts = float(nodes[left]["count"]), float(nodes[right]["count"])
        found[node] = (found[left] * counts[0] + found[right] * counts[1]) / max(1.0, sum(counts))
    return found
