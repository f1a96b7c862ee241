"""Trains the parts of a classifier: linear models over hashed words and letters, and a head on the encoder's vectors.

Linear support vector machines with squared hinge loss, one label against the rest: Fan et al. 2008 (LIBLINEAR), found hard to
beat on short texts by Wang & Manning 2012. scikit-learn does the optimisation; what is kept are plain arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from groundcrew.tuned.classifier_features import Family, Floats, Table, counted, occurrences, places_in, words_of
from groundcrew.tuned.classifier_scores import VECTOR_SCALE, Head, Linear

#: A feature stands in at least so many texts; of more than so many features, times labels, the most frequent ones stay.
TEXTS_MIN = 2
FEATURES_MAX = 400_000
WEIGHTS_MAX = 40_000_000
#: Texts whose features are counted at once, which bounds the memory.
TEXTS_AT_ONCE = 2_000
ITERATIONS_MAX = 5_000
HIDDEN = 128
HEAD_EPOCHS = 12
HEAD_BATCH = 64
HEAD_PENALTY = 1e-3

Matrix = Any  # scipy.sparse.csr_matrix, whose stubs are generic
Tick = Callable[[str], None]


class Features(NamedTuple):
    """All features of one family in the texts of a fit: `counts` holds logarithmic counts, a row a text."""

    family: Family
    hashes: npt.NDArray[np.uint64]
    counts: Matrix


def features_of(texts: Sequence[str], family: Family, labels: int, tick: Tick) -> Features:
    """Counts the features of `family`; those in fewer than `TEXTS_MIN` texts are left out."""
    hashes, frequency = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    per_text: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.float32]]] = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        tick(f"counting {family}: {start:,} of {len(texts):,} texts")
        some = [counted(occurrences(words_of(text), family).hashes) for text in texts[start : start + TEXTS_AT_ONCE]]
        per_text.extend((keys, counts.astype(np.float32)) for keys, counts in some)
        keys, counts = np.unique(np.concatenate([each[0] for each in some]), return_counts=True)
        merged, inverse = np.unique(np.concatenate((hashes, keys)), return_inverse=True)
        frequency = np.bincount(inverse, weights=np.concatenate((frequency, counts)), minlength=merged.size).astype(np.int64)
        hashes = merged
    room = max(1, min(FEATURES_MAX, WEIGHTS_MAX // max(labels, 1)))
    often = np.flatnonzero(frequency >= TEXTS_MIN)
    if often.size > room:
        often = np.sort(often[np.argsort(-frequency[often], kind="stable")[:room]])
    table = Table(hashes[often], np.ones(often.size))
    return Features(family, table.hashes, _matrix(per_text, table))


def _matrix(per_text: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.float32]]], table: Table) -> Matrix:
    ends, places, values = [0], [], []
    for hashes, counts in per_text:
        at, known = places_in(table, hashes)
        places.append(at[known].astype(np.int32))
        values.append(counts[known])
        ends.append(ends[-1] + int(known.sum()))
    shape = (len(per_text), table.hashes.size)
    return scipy.sparse.csr_matrix((np.concatenate(values), np.concatenate(places), np.array(ends, dtype=np.int64)), shape=shape)


def idf_of(counts: Matrix) -> Floats:
    """ln((1 + n) / (1 + texts with it)) + 1, and 0 for what stands in fewer than `TEXTS_MIN` of these texts."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1.0 + counts.shape[0]) / (1.0 + frequency)) + 1.0
    return np.asarray(np.where(frequency >= TEXTS_MIN, idf, 0.0))


def weighted(counts: Matrix, idf: Floats) -> Matrix:
    """Rows of counts times idf, each of length 1 (or 0)."""
    matrix = counts.astype(np.float64)
    matrix.data *= idf[matrix.indices]
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    matrix.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(matrix.indptr))
    return matrix


def fit_linear(
    features: Features, rows: Matrix, idf: Floats, truth: npt.NDArray[np.bool_], cost: float, seed: int, tick: Tick
) -> Linear:
    """One model a label on weighted `rows`; `truth` (texts, labels). A label that no text or every text has is constant."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    labels = truth.shape[1]
    weights, bias = np.zeros((rows.shape[1], labels), dtype=np.float32), np.full(labels, -1.0)
    for label in range(labels):
        tick(
            f"words: label {label + 1:,} of {labels:,}"
            if features.family == "words"
            else f"letters: label {label + 1:,} of {labels:,}"
        )
        positive = truth[:, label]
        if not positive.any() or positive.all():
            bias[label] = 1.0 if positive.size and positive.all() else -1.0
            continue
        model = LinearSVC(C=cost, dual=True, random_state=seed, max_iter=ITERATIONS_MAX)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(rows, positive)
        weights[:, label], bias[label] = model.coef_[0], model.intercept_[0]
    return Linear(Table(features.hashes, idf), weights, bias)


def linear_scores(linear: Linear, rows: Matrix) -> npt.NDArray[np.float32]:
    """(texts, labels) of weighted rows."""
    return np.asarray(rows @ linear.weights + linear.bias, dtype=np.float32)


def rounded(linear: Linear) -> Linear:
    """As it is kept: weights of 16 bits, features that no label weighs left out."""
    used = np.flatnonzero(np.any(linear.weights != 0, axis=1))
    table = Table(linear.table.hashes[used], linear.table.idf[used].astype(np.float32).astype(np.float64))
    return Linear(table, linear.weights[used].astype(np.float16), linear.bias)


def fit_head(vectors: npt.NDArray[Any], truth: npt.NDArray[np.bool_], multi_label: bool, seed: int, tick: Tick) -> Head:
    """A perceptron of one hidden layer (Adam, a fixed number of epochs); of one label trained with softmax, of several with a
    sigmoid each."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    tick("learning the head")
    seen = np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0))
    labels, size = truth.shape[1], vectors.shape[1]
    if not seen.size:
        return Head(np.zeros((size, 1)), np.zeros(1), np.zeros((1, labels)), np.zeros(labels))
    model = MLPClassifier(
        (HIDDEN,),
        alpha=HEAD_PENALTY,
        batch_size=min(HEAD_BATCH, len(vectors)),
        max_iter=HEAD_EPOCHS,
        random_state=seed,
        n_iter_no_change=HEAD_EPOCHS,
    )
    target = truth[:, seen].astype(np.int64) if multi_label else np.searchsorted(seen, truth.argmax(axis=1))
    if multi_label and seen.size == 1:
        target = target[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(vectors.astype(np.float64) * VECTOR_SCALE, target)
    outer, outer_bias = model.coefs_[1], model.intercepts_[1]
    if outer.shape[1] == 1 and seen.size == 2:
        # Two labels of one: one output, the log odds of the second.
        outer, outer_bias = np.concatenate((-outer, outer), axis=1) / 2, np.concatenate((-outer_bias, outer_bias)) / 2
    every = np.zeros((HIDDEN, labels))
    every[:, seen] = outer
    bias = np.full(labels, float(outer_bias.min()) - 1.0)
    bias[seen] = outer_bias
    return Head(model.coefs_[0], model.intercepts_[0], every, bias)
