"""The fitted part of the trust score: what models/trust/weights.json holds, and how it turns features into probabilities."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import numpy as np

from groundcrew.grounding.features import FEATURE_NAMES
from groundcrew.grounding.summary import ANSWER_FEATURE_NAMES
from groundcrew.grounding.trees import Forest, Matrix, Trees

#: What the entailment network adds to a claim's features, with their directions (see `features.Feature`).
ENTAILMENT_FEATURES: tuple[tuple[str, int], ...] = (
    ("entailed", 1),
    ("contradicted", -1),
    ("worst_word", -1),
    ("mean_word", -1),
)


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


class Model:
    """Weights ready to evaluate."""

    def __init__(self, weights: TrustWeights) -> None:
        self.weights = weights
        self._plain, self._stacked = Forest(weights.plain), Forest(weights.stacked)

    def plain(self, rows: Matrix) -> Matrix:
        """(n,) P(supported), 0..1, from (n, features) alone."""
        return sigmoid(self._plain.logits(rows))

    def stacked(self, rows: Matrix) -> Matrix:
        """(n,) P(supported) from (n, features + entailment features)."""
        return sigmoid(self._stacked.logits(rows))

    def contributions(self, row: Matrix) -> Matrix:
        """(features,): what each of a claim's features added to its log odds; the entailment network's stand last where the
        row has them."""
        stacked = len(row) > len(FEATURE_NAMES)
        return np.asarray((self._stacked if stacked else self._plain).contributions(row[None, :])[0])

    def is_settled(self, plain: float) -> bool:
        """Whether the network could hardly change a claim's plain probability."""
        low, high = self.weights.settled
        return plain <= low or plain >= high

    def answer(self, row: Matrix, *, stacked: bool) -> float:
        """P(the whole answer is supported), 0..1, from (answer features,)."""
        linear = self.weights.answer_stacked if stacked else self.weights.answer_plain
        return float(sigmoid(linear.logits(row[None, :]))[0])


def sigmoid(logits: Matrix) -> Matrix:
    """Log odds to probabilities, without overflow."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0))))


def load_weights() -> TrustWeights:
    """The weights that ship with the package (models/trust/weights.json)."""
    weights = msgspec.json.decode((files("groundcrew") / "models" / "trust" / "weights.json").read_bytes(), type=TrustWeights)
    if weights.features != FEATURE_NAMES or weights.answer_features != ANSWER_FEATURE_NAMES:
        raise RuntimeError("models/trust/weights.json was fitted for other features: run training/trust/fit.py")
    return weights
