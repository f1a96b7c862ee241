"""From a text to the scores of each part of a classifier, and from these to probabilities: shared by training and serving, so
that what was measured is what runs.

Parts see the text differently: linear models over words and over letters, and a head on a sentence encoder's vector. Their
scores are joined by a regression that was fitted on texts none of them had seen (stacking: Wolpert 1992; Ting & Witten 1999).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.grounding.onnx_session import softmax
from groundcrew.tuned.classifier_features import FAMILIES, Family, Floats, Occurrences, Row, Table, Words, occurrences, row_of
from groundcrew.tuned.loading import read_arrays

WEIGHTS_FILE = "weights.npz"
LABELS_FILE = "labels.json"
#: Parts in the order of the first axis of their scores.
PARTS = (*FAMILIES, "encoder")
LABELS_MAX = 2_000
#: A head's vector is multiplied by this before its first layer, so that its numbers are about 1 (384 numbers of length 1).
VECTOR_SCALE = float(np.sqrt(384))


class Linear(NamedTuple):
    """One linear model a label over the features of one family: `weights` (features, labels), `bias` (labels)."""

    table: Table
    weights: npt.NDArray[Any]
    bias: Floats

    def scores(self, row: Row) -> Floats:
        return np.asarray(row.values @ self.weights[row.places].astype(np.float64) + self.bias)


class Head(NamedTuple):
    """A hidden layer of rectified units over the encoder's vector, then one score a label."""

    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats

    def scores(self, vectors: npt.NDArray[Any]) -> Floats:
        """(texts, labels) for (texts, 384)."""
        hidden = np.maximum(vectors.astype(np.float64) * VECTOR_SCALE @ self.inner + self.inner_bias, 0.0)
        return np.asarray(hidden @ self.outer + self.outer_bias)


class Stack(NamedTuple):
    """Joins the scores of the parts: `own` (parts, labels) weighs a label's own scores, `cross` (parts · labels, labels) those of
    every label (zeros where it did not help), `bias` (labels)."""

    own: Floats
    cross: Floats
    bias: Floats
    multi_label: bool

    def logits(self, scores: Floats) -> Floats:
        """(texts, labels) for (texts, parts, labels)."""
        joined = (scores * self.own).sum(axis=1) + self.bias
        if self.cross.size:
            joined = joined + scores.reshape(scores.shape[0], -1) @ self.cross
        return np.asarray(joined)

    def probabilities(self, scores: Floats) -> Floats:
        """P(label) of each text and label; of one label they add up to 1 over the labels, of several each stands for itself."""
        logits = self.logits(scores)
        if not self.multi_label:
            return np.asarray(softmax(logits))
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


class Weights(NamedTuple):
    """Everything that was learned."""

    labels: tuple[str, ...]
    words: Linear
    letters: Linear
    head: Head
    stack: Stack

    def linear(self, family: Family) -> Linear:
        return self.words if family == "words" else self.letters


class Read(NamedTuple):
    """What the linear parts saw of a text: its words, its features and known rows by family."""

    words: Words
    found: dict[Family, Occurrences]
    rows: dict[Family, Row]

    @property
    def known(self) -> int:
        """Features of words that the model has seen in training."""
        return int(self.rows["words"].places.size)


def read(weights: Weights, words: Words) -> Read:
    """The features of a text that the model knows."""
    found = {family: occurrences(words, family) for family in FAMILIES}
    return Read(words, found, {family: row_of(weights.linear(family).table, found[family]) for family in FAMILIES})


def raw_trust(probabilities: Floats, *, multi_label: bool) -> Floats:
    """How sure the model is of its whole answer, before calibration: of one label the largest probability, of several the
    product over labels of the likelier of yes and no, as if labels came independently."""
    if not multi_label:
        return np.asarray(probabilities.max(axis=1))
    return np.asarray(np.exp(np.log(np.clip(np.maximum(probabilities, 1 - probabilities), 0.5, 1.0)).sum(axis=1)))


def save_weights(folder: Path, weights: Weights) -> None:
    """Writes weights and labels; the same weights give the same bytes."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for family in FAMILIES:
        linear = weights.linear(family)
        arrays[f"{family}.hashes"], arrays[f"{family}.idf"] = linear.table.hashes, linear.table.idf.astype(np.float32)
        arrays[f"{family}.weights"], arrays[f"{family}.bias"] = linear.weights.astype(np.float16), linear.bias
    arrays.update({f"head.{name}": value.astype(np.float32) for name, value in weights.head._asdict().items()})
    arrays.update({f"stack.{name}": getattr(weights.stack, name) for name in ("own", "cross", "bias")})
    with (folder / WEIGHTS_FILE).open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    labels = {"labels": list(weights.labels), "multi_label": weights.stack.multi_label}
    (folder / LABELS_FILE).write_text(json.dumps(labels, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load_weights(folder: Path) -> Weights:
    """What `save_weights` wrote. InputError where the files do not fit together."""
    path = folder / WEIGHTS_FILE
    try:
        described = json.loads((folder / LABELS_FILE).read_text(encoding="utf-8"))
        labels, multi_label = tuple(described["labels"]), described["multi_label"]
        weights = _weights(labels, multi_label is True, read_arrays(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the classifier's weights do not load: {error}", file=str(path)) from error
    problem = _problem(weights)
    if problem:
        raise InputError(f"the classifier's weights do not fit together: {problem}", file=str(path))
    return weights


def _weights(labels: tuple[str, ...], multi_label: bool, arrays: Mapping[str, npt.NDArray[Any]]) -> Weights:
    linear = {
        family: Linear(
            Table(arrays[f"{family}.hashes"], arrays[f"{family}.idf"].astype(np.float64)),
            arrays[f"{family}.weights"],
            arrays[f"{family}.bias"],
        )
        for family in FAMILIES
    }
    head = Head(**{name: arrays[f"head.{name}"].astype(np.float64) for name in Head._fields})
    stack = Stack(arrays["stack.own"], arrays["stack.cross"], arrays["stack.bias"], multi_label)
    return Weights(labels, linear["words"], linear["letters"], head, stack)


def _problem(weights: Weights) -> str | None:
    labels = len(weights.labels)
    if not 1 <= labels <= LABELS_MAX or len(set(weights.labels)) != labels:
        return f"{labels} labels"
    if not all(isinstance(label, str) and label for label in weights.labels):
        return "a label is no text"
    for family in FAMILIES:
        linear = weights.linear(family)
        rows = linear.table.hashes.size
        if linear.table.hashes.dtype != np.uint64 or (rows and not (np.diff(linear.table.hashes) > 0).all()):
            return f"the hashes of {family} are not in order"
        if linear.table.idf.shape != (rows,) or linear.weights.shape != (rows, labels) or linear.bias.shape != (labels,):
            return f"the shapes of {family}"
    head, stack = weights.head, weights.stack
    if head.inner.shape[1:] != head.inner_bias.shape or head.outer.shape != (head.inner_bias.size, labels):
        return "the shapes of the head"
    if stack.own.shape != (len(PARTS), labels) or stack.cross.shape not in ((0, labels), (len(PARTS) * labels, labels)):
        return "the shapes of the stack"
    if head.outer_bias.shape != (labels,) or stack.bias.shape != (labels,):
        return "the shapes of a bias"
    every = (weights.words.weights, weights.letters.weights, *head, stack.own, stack.cross, stack.bias)
    return None if all(np.isfinite(each).all() for each in every) else "a weight is no number"
