"""Labels as arrays: one per group, weighted by how they were sampled, and shares of them with intervals."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.domain.calibration import LabelledScore
from groundcrew.errors import InputError
from groundcrew.stats.intervals import Interval, check_confidence

#: Weights whose ratio differs from 1 by no more than this are equal.
WEIGHT_TOLERANCE = 1e-9


class LabelArrays(msgspec.Struct, frozen=True):
    """Labels in the order they came: `scores` 0..1, `unsupported` flags, `weights` in (0, 1] with the largest that may occur
    scaled to 1, and `groups` as whole numbers (each label its own where it has none). All of one length."""

    scores: NDArray[np.float64]
    unsupported: NDArray[np.bool_]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64]

    @property
    def uniform(self) -> bool:
        """Whether every label weighs the same."""
        return self.weights.size == 0 or bool(np.ptp(self.weights) <= WEIGHT_TOLERANCE * float(self.weights.max()))

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> LabelArrays:
        """The labels at these places."""
        return LabelArrays(self.scores[chosen], self.unsupported[chosen], self.weights[chosen], self.groups[chosen])


def label_arrays(labels: Sequence[LabelledScore], *, probability_min: float | None = None) -> LabelArrays:
    """Labels as arrays; each weighs probability_min/probability (Horvitz & Thompson 1952), the least one seen where left out.

    Raises InputError, with the label's place counted from 1 as its line, for a score outside 0..1, a probability outside
    (0, 1] or under `probability_min`: a weight without a bound makes every guarantee void.
    """
    if probability_min is not None and not 0 < probability_min <= 1:
        raise InputError(f"must lie above 0 and at most at 1, is {probability_min:g}", field="probability_min")
    least = probability_min or 0.0
    for line, label in enumerate(labels, start=1):
        if not 0 <= label.score <= 1:
            raise InputError(f"must lie in 0..1, is {label.score:g}", line=line, field="score")
        if not 0 < label.probability <= 1:
            raise InputError(f"must lie above 0 and at most at 1, is {label.probability:g}", line=line, field="probability")
        if label.probability < least * (1 - WEIGHT_TOLERANCE):
            raise InputError(f"{label.probability:g} is under the least of {least:g}", line=line, field="probability")
    names: dict[str, int] = {}
    groups = [
        line if label.group is None else -1 - names.setdefault(label.group, len(names)) for line, label in enumerate(labels)
    ]
    weights = np.array([1 / label.probability for label in labels], dtype=np.float64)
    scale = probability_min if probability_min is not None else (1 / float(weights.max()) if weights.size else 1.0)
    return LabelArrays(
        np.array([label.score for label in labels], dtype=np.float64),
        np.array([not label.supported for label in labels], dtype=np.bool_),
        np.minimum(weights * scale, 1.0),
        np.array(groups, dtype=np.int64),
    )


def one_of_each_group(arrays: LabelArrays, *, first: bool = False) -> LabelArrays:
    """Independent labels: of each group one that a checksum picks (with `first` the first one), so that a group counts once."""
    _, inverse, sizes = np.unique(arrays.groups, return_inverse=True, return_counts=True)
    if arrays.groups.size == sizes.size:
        return arrays
    by_group = np.argsort(inverse, kind="stable")
    starts = np.cumsum(sizes) - sizes
    offsets = np.zeros_like(sizes) if first else np.array([_pick(place, int(size)) for place, size in enumerate(sizes)])
    return arrays.take(np.sort(by_group[starts + offsets]))


def thinned(arrays: LabelArrays, seed: int) -> LabelArrays:
    """An even sample: each label stays with a chance equal to its weight, so that all answers were equally likely to get here."""
    return arrays.take(np.random.default_rng(seed).random(arrays.weights.size) < arrays.weights)


def _pick(place: int, size: int) -> int:
    return zlib.crc32(str(place).encode()) % size


def effective_size(weights: NDArray[np.float64]) -> float:
    """As many equally weighted labels say as much: (Σw)²/Σw² (Kish 1965); 0 for none."""
    return float(weights.sum()) ** 2 / float((weights**2).sum()) if weights.size else 0.0


def weighted_share(
    flags: NDArray[np.bool_], weights: NDArray[np.float64], confidence: float = 0.95, *, design_effect: float = 1.0
) -> Interval:
    """Weighted share of `flags` with Wilson's score interval on the effective size, divided by `design_effect`.

    With equal weights it is Wilson 1927 exactly; otherwise an approximation that counts as few labels as the weights leave.
    """
    check_confidence(confidence)
    n = int(flags.size)
    if n == 0:
        return Interval(estimate=None, lower=0.0, upper=1.0, n=0, method="wilson-weighted", confidence=confidence)
    size = max(effective_size(weights) / max(design_effect, 1.0), 1.0)
    rate = min(max(float(np.average(flags, weights=weights)), 0.0), 1.0)
    z = -float(scipy.special.ndtri((1 - confidence) / 2))
    centre = (rate + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(rate * (1 - rate) / size + z * z / (4 * size * size))
    lower = 0.0 if rate == 0 else min(max(0.0, centre - half), rate)
    upper = 1.0 if rate == 1 else max(min(1.0, centre + half), rate)
    return Interval(estimate=rate, lower=lower, upper=upper, n=n, method="wilson-weighted", confidence=confidence)
