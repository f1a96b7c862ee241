"""Evaluates boosted trees of any shape from plain arrays (gradient boosting, Friedman 2001): they rank the coder's candidates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: No tree is deeper; a file that says otherwise is broken.
DEPTH_MAX = 64
FIELDS = ("feature", "threshold", "left", "right", "value", "roots", "base")


class Forest:
    """Nodes of all trees in one row: left where `feature` ≤ `threshold`; a leaf points to itself. `roots` are the trees' first
    nodes, `base` is added to the leaves' values; the sum is a log odds."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.generic]], features: int) -> None:
        """ValueError where the arrays are no forest over `features` columns."""
        self._feature: Ints = np.asarray(arrays["feature"], dtype=np.int64)
        self._threshold: Floats = np.asarray(arrays["threshold"], dtype=np.float64)
        self._left: Ints = np.asarray(arrays["left"], dtype=np.int64)
        self._right: Ints = np.asarray(arrays["right"], dtype=np.int64)
        self._value: Floats = np.asarray(arrays["value"], dtype=np.float64)
        self._roots: Ints = np.asarray(arrays["roots"], dtype=np.int64)
        self._base = float(np.asarray(arrays["base"]).reshape(-1)[0])
        count = len(self._feature)
        if not all(each.shape == (count,) for each in (self._threshold, self._left, self._right, self._value)):
            raise ValueError("the arrays of the trees differ in length")
        for each, bound in ((self._feature, features), (self._left, count), (self._right, count), (self._roots, count)):
            if len(each) and (each.min() < 0 or each.max() >= bound):
                raise ValueError("the trees point outside their arrays")
        if not (np.isfinite(self._threshold).all() and np.isfinite(self._value).all() and np.isfinite(self._base)):
            raise ValueError("the trees hold values that are no numbers")

    def probabilities(self, rows: Floats) -> Floats:
        """(n,) probabilities for (n, features). A row's result does not depend on the others."""
        node = np.repeat(self._roots[None, :], len(rows), axis=0)
        lines = np.arange(len(rows))[:, None]
        for _ in range(DEPTH_MAX):
            left = rows[lines, self._feature[node]] <= self._threshold[node]
            following = np.where(left, self._left[node], self._right[node])
            if np.array_equal(following, node):
                break
            node = following
        logits = self._value[node].sum(axis=1) + self._base
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -50.0, 50.0))))
