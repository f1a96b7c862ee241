"""Joins the parts of a classifier and calibrates what comes out, all of it on scores of texts that the parts had not seen.

The regression that joins them is penalised towards one weight a part; a richer one is used only where it predicts held-out
texts better. Stacking: Wolpert 1992, Ting & Witten 1999. Calibration by the regression itself: Platt 1999.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from groundcrew.domain.calibration import CalibrationMap, LabelledScore
from groundcrew.grounding.onnx_session import softmax
from groundcrew.stats.calibration import fit_calibration
from groundcrew.stats.intervals import Interval, wilson
from groundcrew.stats.risk_control import release_threshold
from groundcrew.tuned.classifier_features import Floats
from groundcrew.tuned.classifier_scores import Stack, raw_trust

#: shared: one weight a part; own: one for each label besides; cross: every label's scores speak to every label.
Kind = Literal["shared", "own", "cross"]
KINDS: tuple[Kind, ...] = ("shared", "own", "cross")
#: Standard deviations of the normal priors, for scores of about unit size.
SHARED_SD, OWN_SD, CROSS_SD, BIAS_SD = 10.0, 0.5, 0.15, 3.0
CROSS_WEIGHTS_MAX = 100_000
ITERATIONS_MAX = 200
#: A richer kind must lower the held-out loss by this share, or the simpler one stays.
BETTER = 0.002
THRESHOLDS = 99
#: Where nothing may be answered without a person: no trust reaches it, since none is certain.
EVERYTHING = 1.0
LIKELIER_WRONG = 0.5

Truth = npt.NDArray[np.bool_]
Tick = Callable[[str], None]


class Joined(NamedTuple):
    """The stack fitted on everything, its kind, and the cross-fitted probabilities of every text."""

    stack: Stack
    kind: Kind
    held_out: Floats


class Trusted(NamedTuple):
    """`person_below` on the scale of the calibrated trust; `answered` and `right` are the share that it leaves without a person
    and how much of that was right, on held-out texts; `held_out` the trust of each of these."""

    calibration: CalibrationMap
    person_below: float
    promised: bool
    reason: str
    answered: Interval
    right: Interval
    held_out: Floats


def join(scores: Floats, truth: Truth, folds: npt.NDArray[np.int64], *, multi_label: bool, tick: Tick) -> Joined:
    """Chooses the kind by the cross-fitted log loss and fits it on all texts. `scores` (texts, parts, labels) are held out."""
    best: Joined | None = None
    best_loss = np.inf
    for kind in KINDS:
        if kind == "cross" and scores.shape[1] * scores.shape[2] ** 2 > CROSS_WEIGHTS_MAX:
            continue
        held_out = np.zeros(truth.shape)
        for fold in np.unique(folds):
            tick(f"joining the parts: {kind}")
            inside = folds != fold
            stack = fit_stack(scores[inside], truth[inside], kind, multi_label=multi_label)
            held_out[~inside] = stack.probabilities(scores[~inside])
        loss = log_loss(held_out, truth, multi_label=multi_label)
        if loss < best_loss * (1 - BETTER):
            best, best_loss = Joined(fit_stack(scores, truth, kind, multi_label=multi_label), kind, held_out), loss
    assert best is not None, "the first kind always has a finite loss"
    return best


def fit_stack(scores: Floats, truth: Truth, kind: Kind, *, multi_label: bool) -> Stack:
    """Penalised likelihood by L-BFGS. The result is on the scale of `scores` as they came."""
    texts, parts, labels = scores.shape
    scale = np.maximum(scores.astype(np.float64).std(axis=(0, 2)), 1e-6)
    inputs = scores / scale[None, :, None]
    flat = inputs.reshape(texts, parts * labels)
    own_size, cross_size = (0 if kind == "shared" else parts * labels), (parts * labels * labels if kind == "cross" else 0)
    priors = np.concatenate(
        [
            np.full(size, sd**-2.0)
            for size, sd in ((parts, SHARED_SD), (own_size, OWN_SD), (cross_size, CROSS_SD), (labels, BIAS_SD))
        ]
    )

    def unpacked(vector: Floats) -> tuple[Floats, Floats, Floats]:
        shared, own, cross, bias = np.split(vector, np.cumsum((parts, own_size, cross_size)))
        weights = np.tile(shared[:, None], (1, labels)) + (own.reshape(parts, labels) if own_size else 0.0)
        return weights, cross.reshape(-1, labels), bias

    def loss(vector: Floats) -> tuple[float, Floats]:
        own, cross, bias = unpacked(vector)
        logits = (inputs * own).sum(axis=1) + bias
        if cross_size:
            logits = logits + flat @ cross
        value, error = _loss_and_error(logits, truth, multi_label)
        by_own = np.einsum("npl,nl->pl", inputs, error)
        gradient = [by_own.sum(axis=1), by_own.ravel() if own_size else [], (flat.T @ error).ravel() if cross_size else []]
        full = np.concatenate([*gradient, error.sum(axis=0)]) + priors * vector
        return value + 0.5 * float((priors * vector * vector).sum()), full

    start = np.concatenate((np.ones(parts), np.zeros(own_size + cross_size + labels)))
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS_MAX})
    own, cross, bias = unpacked(found.x)
    cross = cross / np.repeat(scale, labels)[:, None] if cross_size else np.zeros((0, labels))
    return Stack(own / scale[:, None], cross, bias, multi_label)


def _loss_and_error(logits: Floats, truth: Truth, multi_label: bool) -> tuple[float, Floats]:
    """Negative log likelihood and its derivative by the logits."""
    if multi_label:
        value = float(np.logaddexp(0.0, np.where(truth, -logits, logits)).sum())
        return value, 0.5 * (1.0 + np.tanh(0.5 * logits)) - truth
    value = float((scipy.special.logsumexp(logits, axis=1) - logits[truth]).sum())
    return value, softmax(logits) - truth


def log_loss(probabilities: Floats, truth: Truth, *, multi_label: bool) -> float:
    """Nats a text."""
    inside = np.clip(probabilities, 1e-12, 1 - 1e-12)
    if multi_label:
        return float(-np.log(np.where(truth, inside, 1 - inside)).sum(axis=1).mean())
    return float(-np.log(inside[truth]).mean())


def kept_of(probabilities: npt.NDArray[np.floating[Any]], threshold: float, *, multi_label: bool) -> Truth:
    """What is kept: of one label the likeliest, of several what reaches the threshold."""
    if multi_label:
        return np.asarray(probabilities >= threshold)
    kept = np.zeros(probabilities.shape, dtype=np.bool_)
    kept[np.arange(len(kept)), probabilities.argmax(axis=1)] = True
    return kept


def best_threshold(held_out: Floats, truth: Truth) -> float:
    """The threshold with the best micro F1 on held-out probabilities; the middle one of equals."""
    candidates = np.arange(1, THRESHOLDS + 1) / (THRESHOLDS + 1)
    scores = np.array([micro_f1(held_out >= each, truth) for each in candidates])
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    return float(candidates[best[len(best) // 2]])


def micro_f1(kept: Truth, truth: Truth) -> float:
    """2 · hits / (kept + true); 0 where nothing is kept and nothing true."""
    both = int(kept.sum()) + int(truth.sum())
    return 2.0 * int((kept & truth).sum()) / both if both else 0.0


def macro_f1(kept: Truth, truth: Truth) -> float:
    """The mean F1 over the labels that are true of a text or kept for one."""
    hits, both = (kept & truth).sum(axis=0), kept.sum(axis=0) + truth.sum(axis=0)
    return float((2.0 * hits[both > 0] / both[both > 0]).mean()) if (both > 0).any() else 0.0


def trusted(
    held_out: Floats, right: npt.NDArray[np.bool_], groups: list[str], *, multi_label: bool, wanted: float, confidence: float
) -> Trusted:
    """Calibrates "the whole answer is right" and finds the lowest trust from which on answers without a person are right as
    often as wanted, with that confidence (Learn-then-Test, `stats/risk_control.py`). Where no trust reaches that, all go to a
    person, and so does, whatever was promised, an answer that is more likely wrong than right."""
    raw = raw_trust(held_out, multi_label=multi_label)
    labelled = [
        LabelledScore(score=float(score), supported=bool(each), group=group or None)
        for score, each, group in zip(np.clip(raw, 0.0, 1.0), right, groups, strict=True)
    ]
    calibration = fit_calibration(labelled)
    guarantee = release_threshold(labelled, 1 - wanted, confidence)
    trust = np.array([calibration.apply(each.score) for each in labelled])
    bound = EVERYTHING
    if guarantee.threshold is not None:
        bound = max(calibration.apply(guarantee.threshold), LIKELIER_WRONG)
        if (trust[raw < guarantee.threshold] >= bound).any():
            # A step of the map holds scores on both sides of the threshold: all of the step goes to a person.
            bound = float(np.nextafter(bound, 2.0))
    answered = trust >= bound
    count = int(answered.sum())
    return Trusted(
        calibration,
        bound,
        guarantee.threshold is not None,
        guarantee.reason,
        wilson(count, len(trust)),
        wilson(int(right[answered].sum()), count),
        trust,
    )
