"""The fitted part of the trust score: what models/trust/weights.json holds, and how it turns features into probabilities."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import numpy as np
import numpy.typing as npt

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
#: What the last regression over a claim reads: log odds of both trees, and the network's figures, once more where the sources
#: are rows of records, of which the network knows more than words do.
JOINT_FEATURES: tuple[tuple[str, int], ...] = (
    ("plain", 1),
    ("stacked", 1),
    *ENTAILMENT_FEATURES,
    *((f"{name}_of_rows", 0) for name, _ in ENTAILMENT_FEATURES),
)
_ROWS = FEATURE_NAMES.index("rows_share")


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
    """`plain` are trees over a claim's features, `stacked` over these and the entailment network's, `joint` a regression over
    both (`JOINT_FEATURES`); of a claim on rows the network's own log odds, raised by `rows_shift`, make up `rows_share` of the
    result; `answer_plain` and `answer_stacked` regressions over an answer's. `settled` are the plain
    probabilities below and above which the network is not asked; `threshold` the support below which a claim is unsupported,
    `answer_threshold` the trust below which an answer is flagged in bench/trust. All chosen on out-of-fold scores."""

    version: str
    features: tuple[str, ...]
    answer_features: tuple[str, ...]
    plain: Trees
    stacked: Trees
    joint: Linear
    rows_share: float
    rows_shift: float
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

    def stacked(self, rows: Matrix, on_rows: npt.NDArray[np.bool_]) -> Matrix:
        """(n,) P(supported) from (n, features + entailment features). `on_rows` (n,) says whose evidence is rows of a record or
        table, of which the network ranks claims better than words and doubtful checks do."""
        plain = self._plain.logits(rows[:, : len(FEATURE_NAMES)])
        joint = self.weights.joint.logits(joint_rows(plain, self._stacked.logits(rows), rows))
        share = self.weights.rows_share * on_rows
        entailed = rows[:, len(FEATURE_NAMES)] + self.weights.rows_shift
        return sigmoid((1 - share) * joint + share * entailed)

    def contributions(self, row: Matrix, *, on_rows: bool = False) -> Matrix:
        """(features,): what each of a claim's features added to its log odds; the entailment network's stand last where the
        row has them."""
        size = len(FEATURE_NAMES)
        plain = np.asarray(self._plain.contributions(row[None, :size])[0])
        if len(row) == size:
            return plain
        joint, network = self.weights.joint, len(ENTAILMENT_FEATURES)
        slopes = np.asarray(joint.weights) / np.asarray(joint.scales)
        added: Matrix = slopes[1] * np.asarray(self._stacked.contributions(row[None, :])[0])
        added[:size] += slopes[0] * plain
        centred = joint_rows(np.zeros(1), np.zeros(1), row[None, :])[0] - np.asarray(joint.means)
        direct = (slopes * centred)[2:]
        added[size:] += direct[:network] + direct[network:]
        if on_rows:
            added *= 1 - self.weights.rows_share
            added[size] += self.weights.rows_share * (row[size] + self.weights.rows_shift)
        return np.asarray(added)

    def is_settled(self, plain: float) -> bool:
        """Whether the network could hardly change a claim's plain probability."""
        low, high = self.weights.settled
        return plain <= low or plain >= high

    def answer(self, row: Matrix, *, stacked: bool) -> float:
        """P(the whole answer is supported), 0..1, from (answer features,)."""
        linear = self.weights.answer_stacked if stacked else self.weights.answer_plain
        return float(sigmoid(linear.logits(row[None, :]))[0])


def joint_rows(plain: Matrix, stacked: Matrix, rows: Matrix) -> Matrix:
    """(n, joint features) in the order of `JOINT_FEATURES`, from the log odds of both trees and (n, features + entailment
    features)."""
    network = rows[:, len(FEATURE_NAMES) :]
    return np.hstack([plain[:, None], stacked[:, None], network, network * rows[:, _ROWS : _ROWS + 1]])


def sigmoid(logits: Matrix) -> Matrix:
    """Log odds to probabilities, without overflow."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0))))


def load_weights() -> TrustWeights:
    """The weights that ship with the package (models/trust/weights.json)."""
    weights = msgspec.json.decode((files("groundcrew") / "models" / "trust" / "weights.json").read_bytes(), type=TrustWeights)
    if weights.features != FEATURE_NAMES or weights.answer_features != ANSWER_FEATURE_NAMES:
        raise RuntimeError("models/trust/weights.json was fitted for other features: run training/trust/fit.py")
    return weights
