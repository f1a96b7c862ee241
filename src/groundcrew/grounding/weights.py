"""The fitted part of the trust score: what models/trust/weights.json holds, and how it turns features into probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.grounding.features import FEATURE_NAMES
from groundcrew.grounding.summary import ANSWER_FEATURE_NAMES
from groundcrew.grounding.trees import Forest, Matrix, Trees

#: What the entailment network adds to a claim's features, with their directions (see `features.Feature`).
ENTAILMENT_FEATURES: tuple[tuple[str, int], ...] = (("entailed", 1), ("contradicted", -1), ("worst_word", -1))


class Linear(msgspec.Struct, frozen=True, kw_only=True):
    """A logistic regression over standardised features."""

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def logits(self, rows: Matrix) -> Matrix:
        """(n,) log odds for (n, features)."""
        standard = (np.atleast_2d(rows) - np.asarray(self.means)) / np.asarray(self.scales)
        return np.asarray((standard * np.asarray(self.weights)).sum(axis=1) + self.intercept)


class TrustWeights(msgspec.Struct, frozen=True, kw_only=True):
    """`plain` are trees over a claim's features, `stacked` over these and the entailment network's; `answer_plain` and
    `answer_stacked` regressions over an answer's. `settled` are the plain probabilities below and above which the network is
    not asked; `threshold` the support below which a claim is unsupported, `answer_threshold` the trust below which an answer is
    flagged in bench/trust. All chosen on out-of-fold scores."""

    version: str
    features: tuple[str, ...]
    answer_features: tuple[str, ...]
    plain: Trees
    stacked: Trees
    answer_plain: Linear
    answer_stacked: Linear
    settled: tuple[float, float]
    threshold: float
    answer_threshold: float
