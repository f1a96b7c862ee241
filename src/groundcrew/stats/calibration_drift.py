"""Whether fresh labels still fit the calibration, tested so that one may look after each label.

Betting against the forecast, as in Henzi & Ziegel 2022 and Arnold, Henzi & Ziegel 2023 ("Sequentially valid tests for
forecast calibration"): each label multiplies the capital by a likelihood ratio that a calibrated score makes worth 1 or less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.domain.calibration import SCORE_MARGIN
from groundcrew.errors import InputError
from groundcrew.stats.moments import finite_array
from groundcrew.stats.weighted import WEIGHT_TOLERANCE

Direction = Literal["over-confident", "under-confident"]

#: How far, in logits, the bettors believe the score to be off; equal parts of the capital.
SHIFTS = (0.5, 1.0, 2.0)
#: Calibrated scores are watched as a whole and in these ranges, each with an equal part of the capital.
RANGES = ((0.0, 1.0), (0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.0))
#: Largest logarithm of an e-value that is turned into the value itself.
LOG_E_VALUE_MAX = 690.0


class DriftRange(msgspec.Struct, frozen=True, kw_only=True):
    """Labels whose calibrated score lies in lower..upper: what was expected, what was observed, and the evidence each way."""

    lower: float
    upper: float
    labels: int
    expected: float | None
    observed: float | None
    over_e_value: float
    under_e_value: float


class CalibrationDrift(msgspec.Struct, frozen=True, kw_only=True):
    """Whether labels in the order they came contradict the calibrated scores. `alarm` is set once and for all at label `at`
    (counted from 1); over-confident means that fewer answers were supported than the scores said. E-values: evidence so far.
    `ranges` begin with the whole."""

    alarm: bool
    direction: Direction | None
    at: int | None
    labels: int
    expected: float | None
    observed: float | None
    over_e_value: float
    under_e_value: float
    reason: str
    ranges: tuple[DriftRange, ...] = ()


def calibration_drift(
    calibrated: Sequence[float],
    supported: Sequence[bool],
    *,
    probabilities: Sequence[float] | None = None,
    groups: Sequence[str | None] | None = None,
    tolerance: float = 0.05,
    alpha: float = 0.01,
) -> CalibrationDrift:
    """Test whether P(supported) is within `tolerance` of what the calibrated scores say; one may look after each label.

    The chance of a false alarm, ever, is at most `alpha`, half for each direction (Ville 1939). `calibrated` lie in 0..1,
    in the order the labels came, none of which the calibration was fitted on; `probabilities` are those of being picked for
    review, and of each of `groups` the first label counts. Raises InputError for lists of different lengths and values out of
    range.
    """
    scores, weights, good, kept = _checked(calibrated, supported, probabilities, groups, tolerance, alpha)
    over = _log_wealth(np.maximum(scores - tolerance, SCORE_MARGIN), scores, good, weights, -1.0)
    under = _log_wealth(np.minimum(scores + tolerance, 1 - SCORE_MARGIN), scores, good, weights, 1.0)
    limit = math.log(2 / alpha)
    crossings: list[tuple[int, Direction]] = []
    for direction, path in (("over-confident", over), ("under-confident", under)):
        reached = np.flatnonzero(_mixture(path) >= limit)
        if reached.size:
            crossings.append((int(reached[0]), direction))  # type: ignore[arg-type]
    at, direction_found = min(crossings, default=(None, None))
    ranges = tuple(_range(place, scores, good, weights, over, under) for place in range(len(RANGES)))
    whole = ranges[0]
    return CalibrationDrift(
        alarm=at is not None,
        direction=direction_found,
        at=None if at is None else int(kept[at]) + 1,
        labels=int(scores.size),
        expected=whole.expected,
        observed=whole.observed,
        over_e_value=_e_value(_mixture(over)),
        under_e_value=_e_value(_mixture(under)),
        reason=_reason(direction_found, ranges, tolerance),
        ranges=ranges,
    )


def _checked(
    calibrated: Sequence[float],
    supported: Sequence[bool],
    probabilities: Sequence[float] | None,
    groups: Sequence[str | None] | None,
    tolerance: float,
    alpha: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Scores, weights and labels that count, and their places among all that were given."""
    scores = finite_array(calibrated, field="calibrated")
    n = int(scores.size)
    chances = np.ones(n) if probabilities is None else finite_array(probabilities, field="probabilities")
    if not n == len(supported) == chances.size or (groups is not None and len(groups) != n):
        raise InputError("scores, labels, probabilities and groups must be equally many", field="supported")
    if n and not (float(scores.min()) >= 0 and float(scores.max()) <= 1):
        raise InputError("holds a score outside 0..1", field="calibrated")
    if n and not (float(chances.min()) > 0 and float(chances.max()) <= 1 + WEIGHT_TOLERANCE):
        raise InputError("holds a value outside (0, 1]", field="probabilities")
    if not 0 <= tolerance < 1:
        raise InputError(f"must lie in 0..1, is {tolerance:g}", field="tolerance")
    if not 0 < alpha < 1:
        raise InputError(f"must lie between 0 and 1, is {alpha:g}", field="alpha")
    seen: set[str] = set()
    kept = []
    for place in range(n):
        group = groups[place] if groups is not None else None
        if group is None or group not in seen:
            kept.append(place)
        if group is not None:
            seen.add(group)
    chosen = np.array(kept, dtype=np.int64)
    weights = float(chances.min()) / chances if n else chances
    return scores[chosen], weights[chosen], np.asarray(supported, dtype=np.bool_)[chosen], chosen


def _log_wealth(
    null: NDArray[np.float64], scores: NDArray[np.float64], good: NDArray[np.bool_], weights: NDArray[np.float64], sign: float
) -> NDArray[np.float64]:
    """Logarithm of each range's capital after each label, (ranges, labels): the mean over SHIFTS of ∏(1 + w·(LR − 1)).

    LR is the likelihood of the label under the null's logit moved by the shift, over that under the null. It falls (rises)
    with the label where the null is a lower (upper) bound of P(supported), so its mean is at most 1 for any within.
    """
    rows = []
    logit = np.log(null) - np.log1p(-null)
    for lower, upper in RANGES:
        inside = (scores >= lower) & ((scores < upper) | (upper == 1.0))
        paths = []
        for shift in SHIFTS:
            other = scipy.special.expit(logit + sign * shift)
            ratio = np.where(good, other / null, (1 - other) / (1 - null))
            paths.append(np.cumsum(np.where(inside, np.log1p(weights * (ratio - 1)), 0.0)))
        rows.append(scipy.special.logsumexp(np.array(paths), axis=0) - math.log(len(SHIFTS)))
    return np.array(rows)


def _mixture(paths: NDArray[np.float64]) -> NDArray[np.float64]:
    mixed: NDArray[np.float64] = scipy.special.logsumexp(paths, axis=0) - math.log(len(RANGES))
    return mixed


def _e_value(path: NDArray[np.float64]) -> float:
    return math.exp(min(float(path[-1]), LOG_E_VALUE_MAX)) if path.size else 1.0


def _range(
    place: int,
    scores: NDArray[np.float64],
    good: NDArray[np.bool_],
    weights: NDArray[np.float64],
    over: NDArray[np.float64],
    under: NDArray[np.float64],
) -> DriftRange:
    lower, upper = RANGES[place]
    inside = (scores >= lower) & ((scores < upper) | (upper == 1.0))
    some = bool(inside.any())
    return DriftRange(
        lower=lower,
        upper=upper,
        labels=int(inside.sum()),
        expected=float(np.average(scores[inside], weights=weights[inside])) if some else None,
        observed=float(np.average(good[inside], weights=weights[inside])) if some else None,
        over_e_value=_e_value(over[place]),
        under_e_value=_e_value(under[place]),
    )


def _reason(direction: Direction | None, ranges: tuple[DriftRange, ...], tolerance: float) -> str:
    whole = ranges[0]
    if whole.expected is None or whole.observed is None:
        return "no fresh labels yet"
    figures = (
        f"of {whole.labels} fresh labels {100 * whole.observed:.3g} % are supported, {100 * whole.expected:.3g} % were expected"
    )
    if direction is None:
        return f"{figures}: no sign of a drift beyond {100 * tolerance:.3g} points"
    worst = max(ranges, key=lambda each: each.over_e_value if direction == "over-confident" else each.under_e_value)
    if worst is not whole and worst.expected is not None and worst.observed is not None:
        figures += (
            f"; between {worst.lower:g} and {worst.upper:g}, of {worst.labels} labels {100 * worst.observed:.3g} % "
            f"instead of {100 * worst.expected:.3g} %"
        )
    return f"the scores are {direction}: {figures}"
