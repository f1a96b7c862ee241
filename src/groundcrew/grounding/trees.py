"""Evaluates small boosted trees from arrays, and says what each feature added: gradient boosting (Friedman 2001) with monotone
directions, so that no figure can speak against its own meaning. Fitted in training/trust."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


class Trees(msgspec.Struct, frozen=True, kw_only=True):
    """Complete binary trees of one depth. Node 0 is the root, nodes 2n + 1 and 2n + 2 are the branches of n: left where
    `feature` ≤ `threshold`. `values` are log odds, of inner nodes too; a node past a leaf repeats its value."""

    depth: int
    base: float
    features: tuple[tuple[int, ...], ...]
    thresholds: tuple[tuple[float, ...], ...]
    values: tuple[tuple[float, ...], ...]


class Forest:
    """`Trees` as arrays, ready to evaluate many rows at once."""

    def __init__(self, trees: Trees) -> None:
        """ValueError where the arrays do not have the size that the depth asks for."""
        count, inner = len(trees.features), 2**trees.depth - 1
        self._features = np.array(trees.features, dtype=np.int64).reshape(count, -1)
        self._thresholds = np.array(trees.thresholds, dtype=np.float64).reshape(count, -1)
        self._values = np.array(trees.values, dtype=np.float64).reshape(count, -1)
        if self._features.shape[1:] != (inner,) or self._values.shape[1:] != (2 * inner + 1,):
            raise ValueError("the trees' arrays do not fit their depth")
        self._depth, self._base = trees.depth, trees.base

    def logits(self, rows: Matrix) -> Matrix:
        """(n,) log odds for (n, features). A row's result does not depend on the others."""
        return np.asarray(self.contributions(rows).sum(axis=1) + self._base)

    def contributions(self, rows: Matrix) -> Matrix:
        """(n, features): what each feature adds to the log odds along the paths taken (Saabas 2014); with the base they add
        up to `logits`."""
        rows = np.atleast_2d(rows)
        added = np.zeros(rows.shape)
        trees = np.arange(len(self._features))
        lines = np.arange(len(rows))[:, None]
        node = np.zeros((len(rows), len(trees)), dtype=np.int64)
        for _ in range(self._depth):
            feature = self._features[trees, node]
            right = rows[lines, feature] > self._thresholds[trees, node]
            following = 2 * node + 1 + right
            np.add.at(added, (lines, feature), self._values[trees, following] - self._values[trees, node])
            node = following
        return added
