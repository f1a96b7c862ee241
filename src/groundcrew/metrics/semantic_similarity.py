"""Semantic similarity: whether what was finally sent still says what the draft said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import moments

#: Turns n texts into an array of n rows, one vector each.
Encode: TypeAlias = Callable[[Sequence[str]], NDArray[np.floating[Any]]]


@metric(
    name="semantic_similarity",
    unit="cosine",
    range=(-1.0, 1.0),
    empty="estimate and bounds unknown",
    source="Reimers & Gurevych 2019, cosine of sentence embeddings",
)
def semantic_similarity(drafts: Sequence[str], finals: Sequence[str], encode: Encode, confidence: float = 0.95) -> Interval:
    """Mean cosine between the vectors of draft and final text, with a t interval cut to −1..1."""
    return mean_similarity(pair_similarities(drafts, finals, encode), confidence)


@metric(
    name="reference_similarity",
    unit="cosine",
    range=(-1.0, 1.0),
    empty="estimate and bounds unknown",
    source="Reimers & Gurevych 2019, cosine of sentence embeddings",
)
def reference_similarity(answers: Sequence[str], references: Sequence[str], encode: Encode, confidence: float = 0.95) -> Interval:
    """Mean cosine between the vectors of an answer and of the text that a person says it should have been."""
    return mean_similarity(pair_similarities(answers, references, encode), confidence)


def mean_similarity(cosines: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of cosines that are at hand, with a t interval cut to −1..1."""
    interval = mean_t(moments(cosines), confidence)
    lower = None if interval.lower is None else max(-1.0, interval.lower)
    upper = None if interval.upper is None else min(1.0, interval.upper)
    return Interval(
        estimate=interval.estimate, lower=lower, upper=upper, n=interval.n, method=interval.method, confidence=confidence
    )


def pair_similarities(drafts: Sequence[str], finals: Sequence[str], encode: Encode) -> list[float]:
    """Cosine of each pair, −1..1. A pair of blank texts is 1, a blank text against any other 0.

    Raises InputError where the two differ in length or the encoder does not return one vector per text.
    """
    if len(drafts) != len(finals):
        raise InputError(f"{len(drafts)} drafts but {len(finals)} final texts", field="finals")
    filled = [index for index in range(len(drafts)) if drafts[index].strip() and finals[index].strip()]
    similarities = [float(not drafts[index].strip() and not finals[index].strip()) for index in range(len(drafts))]
    if filled:
        texts = [drafts[index] for index in filled] + [finals[index] for index in filled]
        vectors = np.asarray(encode(texts), dtype=np.float64)
        if vectors.ndim != 2 or vectors.shape[0] != len(texts):
            raise InputError(f"returned shape {vectors.shape} for {len(texts)} texts", field="encode")
        lengths = np.linalg.norm(vectors, axis=1)
        first, second = vectors[: len(filled)], vectors[len(filled) :]
        scale = lengths[: len(filled)] * lengths[len(filled) :]
        products = np.einsum("ij,ij->i", first, second)
        cosines = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
        for index, cosine in zip(filled, cosines.clip(-1.0, 1.0), strict=True):
            similarities[index] = float(cosine)
    return similarities
