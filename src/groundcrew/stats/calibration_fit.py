"""The map from a score to P(supported) that labels bear: few bend the shipped score, many may draw a curve of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.domain.calibration import SCORE_MARGIN, CalibrationMap, LabelledScore, MapMethod
from groundcrew.stats.weighted import LabelArrays, effective_size, label_arrays

#: Effective labels from which each kind of map is tried; below the first the score stays as it was shipped.
LABELS_MIN: dict[MapMethod, int] = {"shipped": 0, "logistic": 20, "beta": 50, "isotonic": 200}
#: How far labels may bend the shipped score: standard deviations of the prior on intercept and slopes (around 0, 1 and 1).
INTERCEPT_SD, SLOPE_SD = 2.0, 0.5
#: Effective labels that a step of an isotonic map stands on at least.
STEP_LABELS_MIN = 25
FOLDS = 5
#: What the shipped score may say at most, and at least, before a label has been seen.
SHIPPED_FLOOR = 0.01
SEED = 20_177

Fit = Callable[[LabelArrays], CalibrationMap]


def fit_calibration(labels: Sequence[LabelledScore]) -> CalibrationMap:
    """The simplest map that predicts held-out labels within a standard error of the best, if better than the shipped score.

    From simple to rich: logistic (Platt 1999); beta calibration (Kull, Silva Filho & Flach 2017), both by penalised
    likelihood around the shipped score, so that few labels bend it little; isotonic regression (Zadrozny & Elkan 2002) over
    steps of at least STEP_LABELS_MIN labels. Each is tried from its LABELS_MIN on. Labels count by their weight; whole groups
    are held out, in FOLDS folds. The result lies within 1/(n + 2)..(n + 1)/(n + 2) of n effective labels (Laplace's rule of
    succession), the shipped score within 0.01..0.99. It is fitted on these labels: a guarantee needs the score before it, or
    other labels.
    """
    arrays = label_arrays(labels)
    size = effective_size(arrays.weights)
    methods = [method for method, least in LABELS_MIN.items() if size >= least]
    if len(methods) == 1:
        few = f"{arrays.scores.size} labels are too few to change the score; from {LABELS_MIN['logistic']} on they do"
        return _shipped(arrays, few)
    losses = {method: _held_out_losses(arrays, _FITS[method]) for method in methods}
    means = {method: float(np.average(each, weights=arrays.weights)) for method, each in losses.items()}
    fits = methods[1:]
    best = min(fits, key=lambda method: means[method])
    chosen = next(each for each in fits if means[each] - means[best] <= _paired_error(arrays, losses[each] - losses[best]))
    why = f"{chosen} is the simplest within a standard error of the best"
    if means["shipped"] <= means[chosen]:
        chosen, why = "shipped", "the score as shipped is no worse than any map"
    why = f"held-out log loss: {', '.join(f'{method} {means[method]:.4f}' for method in methods)}; {why}"
    fitted = _FITS[chosen](arrays)
    return msgspec.structs.replace(fitted, log_loss=means[chosen], shipped_log_loss=means["shipped"], reason=why)


def _shipped(arrays: LabelArrays, why: str = "") -> CalibrationMap:
    return CalibrationMap(
        method="shipped", labels=int(arrays.scores.size), floor=SHIPPED_FLOOR, ceiling=1 - SHIPPED_FLOOR, reason=why
    )


def _logistic(arrays: LabelArrays) -> CalibrationMap:
    intercept, slope = _penalised(arrays, lambda up, down: np.column_stack([up + down]))
    return _bounded(arrays, "logistic", intercept=intercept, rise=slope, fall=slope)


def _beta(arrays: LabelArrays) -> CalibrationMap:
    intercept, rise, fall = _penalised(arrays, lambda up, down: np.column_stack([up, down]))
    return _bounded(arrays, "beta", intercept=intercept, rise=rise, fall=fall)


def _penalised(
    arrays: LabelArrays, features: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, ...]:
    """Intercept and slopes (not negative) of least weighted log loss plus the prior's penalty; weights sum to n effective."""
    inside = np.clip(arrays.scores, SCORE_MARGIN, 1 - SCORE_MARGIN)
    columns = features(np.log(inside), -np.log1p(-inside))
    supported = (~arrays.unsupported).astype(np.float64)
    weights = arrays.weights * effective_size(arrays.weights) / arrays.weights.sum()
    slopes = columns.shape[1]
    centre = np.array([0.0, *[1.0] * slopes])
    precision = np.array([INTERCEPT_SD**-2.0, *[SLOPE_SD**-2.0] * slopes])

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = values[0] + columns @ values[1:]
        missed = weights * (scipy.special.expit(logits) - supported)
        total = float((weights * (np.logaddexp(0.0, logits) - supported * logits)).sum())
        total += float((precision * (values - centre) ** 2).sum()) / 2
        gradient = np.concatenate([[missed.sum()], columns.T @ missed]) + precision * (values - centre)
        return total, gradient

    bounds = [(None, None), *[(0.0, None)] * slopes]
    solved = scipy.optimize.minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(float(value) for value in solved.x)


def _isotonic(arrays: LabelArrays) -> CalibrationMap:
    """Pool-adjacent-violators over equal-mass steps; each pooled block's share with Laplace's two labels, at its mean score."""
    order = np.argsort(arrays.scores, kind="stable")
    scores, supported, weights = arrays.scores[order], (~arrays.unsupported)[order], arrays.weights[order]
    weights = weights * effective_size(weights) / weights.sum()
    edges = np.flatnonzero(np.diff(scores) > 0) + 1
    blocks: list[list[float]] = []  # mass, supported mass, score mass
    mass = good = position = 0.0
    for start, end in zip([0, *edges], [*edges, scores.size], strict=True):
        step = slice(int(start), int(end))
        mass += float(weights[step].sum())
        good += float(weights[step] @ supported[step])
        position += float(weights[step] @ scores[step])
        if mass >= STEP_LABELS_MIN:
            blocks.append([mass, good, position])
            mass = good = position = 0.0
    if mass > 0:
        blocks.append([mass, good, position])
        if mass < STEP_LABELS_MIN and len(blocks) > 1:
            _merge_last(blocks)
    pooled: list[list[float]] = []
    for block in blocks:
        pooled.append(block)
        while len(pooled) > 1 and _share(pooled[-2]) >= _share(pooled[-1]):
            _merge_last(pooled)
    knots = tuple((block[2] / block[0], _share(block)) for block in pooled)
    return _bounded(arrays, "isotonic", knots=knots)


def _merge_last(blocks: list[list[float]]) -> None:
    last = blocks.pop()
    blocks[-1] = [before + after for before, after in zip(blocks[-1], last, strict=True)]


def _share(block: list[float]) -> float:
    return (block[1] + 1) / (block[0] + 2)


def _bounded(
    arrays: LabelArrays,
    method: MapMethod,
    *,
    intercept: float = 0.0,
    rise: float = 1.0,
    fall: float = 1.0,
    knots: tuple[tuple[float, float], ...] = (),
) -> CalibrationMap:
    floor = 1 / (effective_size(arrays.weights) + 2)
    return CalibrationMap(
        method=method,
        labels=int(arrays.scores.size),
        floor=floor,
        ceiling=1 - floor,
        intercept=intercept,
        rise=rise,
        fall=fall,
        knots=knots,
    )


_FITS: dict[MapMethod, Fit] = {"shipped": _shipped, "logistic": _logistic, "beta": _beta, "isotonic": _isotonic}


def _held_out_losses(arrays: LabelArrays, fit: Fit) -> NDArray[np.float64]:
    """Log loss in nats of each label under the map fitted without its fold; all labels of a group share a fold."""
    names, inverse = np.unique(arrays.groups, return_inverse=True)
    folds = (np.random.default_rng(SEED).permutation(names.size) % FOLDS)[inverse]
    losses = np.zeros(arrays.scores.size)
    for fold in np.unique(folds):
        held = folds == fold
        if bool(held.all()):
            continue
        fitted = fit(arrays.take(~held))
        probabilities = np.array([fitted.apply(float(score)) for score in arrays.scores[held]])
        losses[held] = -np.log(np.where(arrays.unsupported[held], 1 - probabilities, probabilities))
    return losses


def _paired_error(arrays: LabelArrays, differences: NDArray[np.float64]) -> float:
    """Standard error of the weighted mean difference of two maps' losses, summed over groups first."""
    weights = arrays.weights / arrays.weights.sum()
    mean = float(weights @ differences)
    _, inverse = np.unique(arrays.groups, return_inverse=True)
    return float(np.sqrt((np.bincount(inverse, weights=weights * (differences - mean)) ** 2).sum()))
