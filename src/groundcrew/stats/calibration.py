"""How far a trust score can be read as a probability: the reliability curve and the figures of scores on labelled answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.domain.calibration import LabelledScore
from groundcrew.stats.calibration_fit import fit_calibration
from groundcrew.stats.discrimination import auroc, weighted_auroc
from groundcrew.stats.intervals import Interval, check_confidence, mean_t
from groundcrew.stats.moments import moments
from groundcrew.stats.weighted import LabelArrays, label_arrays, weighted_share

__all__ = [
    "CalibrationReport",
    "ReliabilityBin",
    "area_under_curve",
    "brier_score",
    "calibration_report",
    "expected_calibration_error",
    "fit_calibration",
    "reliability",
]

#: A bin of the curve holds at least so many labels where it can, and the curve has at most so many bins.
BIN_LABELS_MIN, BINS_MAX = 15, 10
BOOTSTRAP_DRAWS = 1_000
#: Of very many labels fewer draws do, since their intervals are narrow: at most so many labels drawn in all.
BOOTSTRAP_LABELS_MAX = 5_000_000
#: Draws that are worked on at a time, which bounds the memory (times the labels).
BOOTSTRAP_CHUNK = 50
#: Seed of the bootstrap: the same labels give the same interval.
SEED = 20_177

#: One row of weights for each draw, one column for each label.
Weights: TypeAlias = NDArray[np.float64]


class ReliabilityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Answers with neighbouring scores `lower`..`upper`: their mean score and the share of them that was supported."""

    lower: float
    upper: float
    mean_score: float
    supported: Interval


class CalibrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that says how good a score is on labelled answers: curve, expected calibration error, AUROC, Brier score."""

    labels: int
    groups: int
    reliability: tuple[ReliabilityBin, ...]
    expected_calibration_error: Interval
    auroc: Interval
    brier: Interval


def calibration_report(labels: Sequence[LabelledScore], confidence: float = 0.95) -> CalibrationReport:
    """Curve and figures of the scores as they are; for those of a map, put `map.apply(score)` into the labels first.

    Labels count by their weight. Intervals of independent, equally likely labels are DeLong's (AUROC) and Student's (Brier);
    else, and always for the calibration error, they come from a bootstrap of whole groups. Raises InputError for scores or
    probabilities outside their ranges.
    """
    check_confidence(confidence)
    arrays = label_arrays(labels)
    return CalibrationReport(
        labels=int(arrays.scores.size),
        groups=int(np.unique(arrays.groups).size),
        reliability=reliability(arrays, confidence=confidence),
        expected_calibration_error=expected_calibration_error(arrays, confidence),
        auroc=area_under_curve(arrays, confidence),
        brier=brier_score(arrays, confidence),
    )


def area_under_curve(arrays: LabelArrays, confidence: float = 0.95) -> Interval:
    """AUROC of the scores, 0..1; unknown without both kinds of answers."""
    if _independent(arrays):
        return auroc(arrays.scores, ~arrays.unsupported, confidence)
    return _bootstrapped(arrays, confidence, lambda weights: weighted_auroc(arrays.scores, ~arrays.unsupported, weights))


def brier_score(arrays: LabelArrays, confidence: float = 0.95) -> Interval:
    """Mean squared distance of score and label, 0..1 (Brier 1950)."""
    if not _independent(arrays):
        squares = (arrays.scores - ~arrays.unsupported) ** 2
        return _bootstrapped(arrays, confidence, lambda weights: weights @ squares / weights.sum(axis=1))
    found = mean_t(moments((arrays.scores - ~arrays.unsupported) ** 2), confidence)
    lower = None if found.lower is None else max(0.0, found.lower)
    return msgspec.structs.replace(found, lower=lower, upper=None if found.upper is None else min(1.0, found.upper))


def _independent(arrays: LabelArrays) -> bool:
    return arrays.uniform and int(np.unique(arrays.groups).size) == int(arrays.groups.size)


def reliability(arrays: LabelArrays, bins: int | None = None, confidence: float = 0.95) -> tuple[ReliabilityBin, ...]:
    """Equal-mass bins from low to high scores; equal scores are never parted. Empty without labels.

    The share's interval is Wilson's on the effective size, less what labels of one group repeat (their design effect).
    """
    result = []
    for members in _bins(arrays.scores, bins):
        chosen = arrays.take(members)
        supported = ~chosen.unsupported
        share = weighted_share(supported, chosen.weights, confidence, design_effect=_design_effect(chosen))
        result.append(
            ReliabilityBin(
                lower=float(chosen.scores.min()),
                upper=float(chosen.scores.max()),
                mean_score=float(np.average(chosen.scores, weights=chosen.weights)),
                supported=share,
            )
        )
    return tuple(result)


def expected_calibration_error(arrays: LabelArrays, confidence: float = 0.95, bins: int | None = None) -> Interval:
    """Mean distance between score and share supported over equal-mass bins (Naeini, Cooper & Hauskrecht 2015), debiased.

    The plain figure grows with noise: a bin of a perfect score still strays by its standard error. The expected excess of
    each bin, |N(gap, σ²)| over |gap| with gap² − σ² for the squared gap (Kumar, Liang & Ma 2019), is taken off. The interval
    is a bootstrap of whole groups, centred on the estimate. None and the whole range without labels.
    """
    check_confidence(confidence)
    members = _bins(arrays.scores, bins)
    return _bootstrapped(arrays, confidence, lambda weights: _calibration_errors(arrays, members, weights), centred=True)


def _calibration_errors(arrays: LabelArrays, members: list[NDArray[np.int64]], weights: Weights) -> NDArray[np.float64]:
    """The debiased error under each row of weights, in 0..1."""
    result = np.zeros(weights.shape[0])
    for chosen in members:
        supported, own = ~arrays.unsupported[chosen], weights[:, chosen]
        mass, squares = own.sum(axis=1), (own**2).sum(axis=1)
        seen = mass > 0
        whole = np.where(seen, mass, 1.0)
        gap = np.abs(own @ (arrays.scores[chosen] - supported)) / whole
        size = np.where(seen, mass**2 / np.where(seen, squares, 1.0), 1.0)
        rate = (own @ supported / whole * size + 1) / (size + 2)
        sigma = np.sqrt(rate * (1 - rate) / size)
        centre = np.sqrt(np.maximum(gap**2 - sigma**2, 0.0))
        folded = sigma * math.sqrt(2 / math.pi) * np.exp(-((centre / sigma) ** 2) / 2)
        folded += centre * (1 - 2 * scipy.special.ndtr(-centre / sigma))
        result += mass * (gap - (folded - centre))
    clipped: NDArray[np.float64] = np.clip(result / weights.sum(axis=1), 0.0, 1.0)
    return clipped


def _bins(scores: NDArray[np.float64], bins: int | None) -> list[NDArray[np.int64]]:
    """Places of the labels of each equal-mass bin; a run of equal scores goes where its middle lies."""
    n = int(scores.size)
    if n == 0:
        return []
    count = min(max(n // BIN_LABELS_MIN, 1), BINS_MAX) if bins is None else max(1, bins)
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    middle = (np.cumsum(sizes) - sizes / 2)[place]
    belongs = np.minimum((middle / n * count).astype(np.int64), count - 1)
    return [np.flatnonzero(belongs == number) for number in range(count) if bool((belongs == number).any())]


def _design_effect(arrays: LabelArrays) -> float:
    """Variance of the share with groups over that without: (Σ_groups of summed residuals squared)/(Σ residuals squared)."""
    supported = ~arrays.unsupported
    residuals = arrays.weights * (supported - float(np.average(supported, weights=arrays.weights)))
    alone = float((residuals**2).sum())
    _, inverse = np.unique(arrays.groups, return_inverse=True)
    return max(1.0, float((np.bincount(inverse, weights=residuals) ** 2).sum()) / alone) if alone > 0 else 1.0


def _bootstrapped(
    arrays: LabelArrays, confidence: float, figure: Callable[[Weights], NDArray[np.float64]], *, centred: bool = False
) -> Interval:
    """A figure in 0..1 with the percentile interval over draws of whole groups (Efron 1979; Davison & Hinkley 1997, 3.8).

    `figure` gives one value for each row of weights, NaN where there is none. `centred` moves the interval by the draws' mean
    distance from the estimate, for figures that noise biases. Bounds are None where most draws have no figure or the draws do
    not vary.
    """
    n = int(arrays.scores.size)
    value = float(figure(arrays.weights[None, :])[0]) if n else math.nan
    estimate = None if math.isnan(value) else value
    whole = Interval(estimate=estimate, lower=0.0, upper=1.0, n=n, method="group-bootstrap", confidence=confidence)
    if estimate is None:
        return whole
    names, inverse = np.unique(arrays.groups, return_inverse=True)
    random, equal = np.random.default_rng(SEED), np.full(names.size, 1 / names.size)
    parts = []
    wanted = min(BOOTSTRAP_DRAWS, max(BOOTSTRAP_LABELS_MAX // n, 4 * BOOTSTRAP_CHUNK))
    for _ in range(0, wanted, BOOTSTRAP_CHUNK):
        times = random.multinomial(names.size, equal, size=BOOTSTRAP_CHUNK)
        parts.append(figure(arrays.weights * times[:, inverse]))
    draws = np.concatenate(parts)
    draws = draws[np.isfinite(draws)]
    if draws.size <= wanted // 2 or float(np.ptp(draws)) == 0:
        return msgspec.structs.replace(whole, lower=None, upper=None)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    shift = estimate - float(draws.mean()) if centred else 0.0
    lower, upper = min(max(0.0, float(low) + shift), estimate), max(min(1.0, float(high) + shift), estimate)
    return msgspec.structs.replace(whole, lower=lower, upper=upper)
