"""The release threshold with a guarantee: risk control on labelled answers, whatever the quality of the score.

Learn-then-Test (Angelopoulos, Bates, Candès, Jordan & Lei 2021/2025) for the selective risk (Geifman & El-Yaniv 2017):
thresholds are tested from strict to lax, each by a test of "more than ε of what it releases is unsupported", until one
fails; the family-wise error of the whole walk is the δ of each test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.calibration import Guarantee, LabelledScore, Monitoring, RiskTest
from groundcrew.errors import InputError
from groundcrew.stats.moments import finite_array
from groundcrew.stats.risk_tests import (
    BISECTIONS,
    Numbers,
    binomial_p_values,
    check_promise,
    hoeffding_bentkus_p_values,
    least_labels,
    log_wealth,
    risk_bound,
)
from groundcrew.stats.risk_words import labels_that_would_do, reason
from groundcrew.stats.weighted import LabelArrays, label_arrays, one_of_each_group, thinned, weighted_share

#: A walk starts where a third of the labels would be released, but at no more than allow five errors (208 for 5 % and 95 %):
#: strict enough that a good score passes there, lax enough that one chance error does not end it. With five times as many
#: labels as one needs without an error, further walks start at the third itself and at everything, each with its part of δ:
#: one start near the top would too often fail where thousands of labels say yes.
START_SHARE, START_ERRORS_MAX, MANY_TIMES = 1 / 3, 5, 5
TOP_PART, EVERYTHING_PART = 0.8, 0.1
#: Where repeated looks ask for thresholds fixed in advance: the shares of answers they release, and what part of
#: δ the walk gets at which of them (Wiens 2003: what passes hands its part on to the next).
CANDIDATE_SHARES = tuple(round(0.25 + 0.05 * step, 2) for step in range(16))
STARTS = {0.25: 0.2, 0.5: 0.8}
#: Labels that only place those thresholds, and are not tested, where no unlabelled scores do it.
PLACING_LABELS = 20
#: Seed of the order among equal scores and of the labels that place thresholds; neither may depend on a label.
SEED = 20_177
SHARE_CONFIDENCE = 0.95


class Choice(msgspec.Struct, frozen=True):
    """What a walk over thresholds ended with: the lowest that passed (None for none), and the α at which its test passed."""

    threshold: float | None
    alpha: float


def release_threshold(
    labels: Sequence[LabelledScore],
    unsupported_max: float = 0.05,
    confidence: float = 0.95,
    *,
    monitoring: Monitoring = "fixed",
    test: RiskTest | None = None,
    probability_min: float | None = None,
    unlabelled: Sequence[float] | None = None,
) -> Guarantee:
    """The lowest threshold at which at most `unsupported_max` of released answers are unsupported, with `confidence`.

    `labels` are in the order they came, a random sample of the answers to come, each picked with its known probability; the
    scores must not have been fitted on these labels. Of each group one label counts. `fixed` is for one look; `sequential`
    stays valid when it is asked again after each label, at the price of more labels. Left out, `test` is the exact binomial
    one for one look (labels of unequal probability are thinned to an even sample first), and betting, which uses the weights,
    for repeated looks. `probability_min` is the least probability that the sampling could give: for one look the least one
    seen may stand for it, repeated looks at unequal probabilities need it. `unlabelled` are scores of other answers of the
    same kind, the same ones at each look: from PLACING_LABELS on they place the candidate thresholds of betting, and where
    they are more than the labels they tell the share. Raises InputError for values outside their ranges, and for a test that
    does not suit the looks.
    """
    check_promise(unsupported_max, confidence)
    chosen_test = test or ("exact-binomial" if monitoring == "fixed" else "betting")
    if chosen_test != "betting" and monitoring == "sequential":
        raise InputError(f"{chosen_test} is for one look: use betting for repeated ones", field="test")
    every = label_arrays(labels, probability_min=probability_min)
    if monitoring == "sequential" and probability_min is None and not every.uniform:
        raise InputError(
            "is needed: repeated looks at unequal probabilities ask for the least that can occur", field="probability_min"
        )
    arrays = one_of_each_group(every, first=monitoring == "sequential")
    others = _scores(unlabelled)
    if chosen_test == "betting":
        if others is not None and others.size >= PLACING_LABELS:
            tested, candidates = arrays, candidate_thresholds(others)
        else:
            placing = placing_labels(int(arrays.scores.size), monitoring)
            tested, placed = arrays.take(~placing), arrays.take(placing)
            candidates = candidate_thresholds(placed.scores, placed.weights)
        choice = walk_candidates(tested, candidates, unsupported_max, 1 - confidence)
    else:
        tested = arrays if arrays.uniform else thinned(arrays, SEED)
        choice = walk_ranks(tested.scores, tested.unsupported, unsupported_max, 1 - confidence, chosen_test)
    return _guarantee(arrays, tested, choice, others, unsupported_max, confidence, monitoring, chosen_test)


def walk_ranks(
    scores: Numbers, unsupported: NDArray[np.bool_], unsupported_max: float, delta: float, test: RiskTest = "exact-binomial"
) -> Choice:
    """Fixed-sequence walks over "the j highest scores are released", j from a start's rank up to all; the lowest end counts.

    Each errs with probability at most its part of δ, for any score, also where the risk does not fall with the score. Given
    how many labels lie above each point where the risk R(v) of the share v crosses ε, every stretch between two crossings, and
    so everything above the next one, has the risk ε exactly: the number of errors there is Binomial(·, ε), whatever rank the
    walk began at. Equal scores are put in an order that no label knows; the threshold then is the lowest one strictly above
    the first score that is left out, and it lies within the stretch that was tested.
    """
    n = int(scores.size)
    order = np.lexsort((np.random.default_rng(SEED).permutation(n), -scores))
    ordered, errors = scores[order], np.cumsum(unsupported[order].astype(np.int64))
    choice = Choice(None, delta)
    for start, alpha in _starts(n, unsupported_max, delta):
        threshold = _walk(ordered, errors, start, unsupported_max, alpha, test)
        if threshold is not None and (choice.threshold is None or threshold < choice.threshold):
            choice = Choice(threshold, alpha)
    return choice


def _starts(n: int, unsupported_max: float, delta: float) -> list[tuple[int, float]]:
    """Ranks at which walks over n labels begin, and the part of δ of each, α; known before any label is.

    A walk begins where one more error is allowed, so that its first test is as sharp as its α lets it be.
    """
    fewest = least_labels(unsupported_max, 1 - delta)
    third, top = int(n * START_SHARE), int(fewest[START_ERRORS_MAX])
    if n < MANY_TIMES * int(fewest[0]):
        wanted = [(third, 1.0)]
    elif third <= top:
        wanted = [(third, 1 - EVERYTHING_PART), (n, EVERYTHING_PART)]
    else:
        wanted = [(top, TOP_PART), (third, 1 - TOP_PART - EVERYTHING_PART), (n, EVERYTHING_PART)]
    starts = []
    for aim, part in wanted:
        least = least_labels(unsupported_max, 1 - part * delta)
        place = int(np.searchsorted(least, aim))
        if n >= int(least[0]):
            starts.append((min(int(least[place]), n) if place < least.size else aim, part * delta))
    return starts


def _walk(
    ordered: Numbers, errors: NDArray[np.int64], start: int, unsupported_max: float, alpha: float, test: RiskTest
) -> float | None:
    """Where the walk from rank `start` ends: the threshold, 0 for everything, None where no threshold lies within it."""
    n = int(ordered.size)
    ranks, wrong = np.arange(start, n + 1), errors[start - 1 :]
    if test == "hoeffding-bentkus":
        p_values = hoeffding_bentkus_p_values(wrong.astype(np.float64), ranks, unsupported_max)
    else:
        p_values = binomial_p_values(wrong, ranks, unsupported_max)
    failed = np.flatnonzero(p_values > alpha)
    if not failed.size:
        return 0.0
    passed = int(failed[0])
    if passed == 0:
        return None
    left_out = float(ordered[start + passed - 1])
    return math.nextafter(left_out, math.inf) if float(ordered[start]) > left_out else None


def candidate_thresholds(scores: Numbers, weights: Numbers | None = None) -> list[tuple[float, float]]:
    """Thresholds from strict to lax that release about CANDIDATE_SHARES of these scores, each with its part of δ.

    The last is 0 and releases everything. Equal thresholds are one, with the parts of all.
    """
    parts: dict[float, float] = {}
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    mass = np.cumsum(np.ones_like(ordered) if weights is None else weights[order])
    for share in CANDIDATE_SHARES:
        threshold = 0.0
        if share < 1 and ordered.size:
            threshold = float(ordered[min(int(np.searchsorted(mass, share * mass[-1] - 1e-12)), ordered.size - 1)])
        parts[threshold] = parts.get(threshold, 0.0) + STARTS.get(share, 0.0)
    return sorted(parts.items(), reverse=True)


def placing_labels(n: int, monitoring: Monitoring) -> NDArray[np.bool_]:
    """Which labels place the thresholds: the first ones for repeated looks, else some at random, so that a sorted file does
    no harm."""
    count = min(PLACING_LABELS, n)
    chosen = np.arange(count) if monitoring == "sequential" else np.random.default_rng(SEED).permutation(n)[:count]
    placing = np.zeros(n, dtype=np.bool_)
    placing[chosen] = True
    return placing


def walk_candidates(
    arrays: LabelArrays, candidates: Sequence[tuple[float, float]], unsupported_max: float, delta: float
) -> Choice:
    """Fallback walk (Wiens 2003) by betting over thresholds that were fixed without these labels, from strict to lax.

    Each threshold is tested at its part of δ and what the one before it hands on, which is all that it had where it passed,
    else nothing. The lowest that passes is chosen. Valid for any dependence between scores and labels and, since each
    wealth may be read at any time, at every look at once.
    """
    thresholds = np.array([threshold for threshold, _ in candidates])
    wealths = log_wealth(released_weights(arrays, thresholds), arrays.unsupported, unsupported_max)
    choice, alpha = Choice(None, delta), 0.0
    for place, (threshold, part) in enumerate(candidates):
        alpha += part * delta
        if alpha > 0 and float(wealths[place]) >= -math.log(alpha):
            choice = Choice(threshold, alpha)
        else:
            alpha = 0.0
    return choice


def released_weights(arrays: LabelArrays, thresholds: Numbers) -> Numbers:
    """Weight of each label where a threshold releases it, else 0: (thresholds, labels)."""
    weights: Numbers = np.where(arrays.scores >= thresholds[:, None], arrays.weights, 0.0)
    return weights


def conformal_threshold(labels: Sequence[LabelledScore], unsupported_max: float = 0.05) -> float | None:
    """The lowest threshold with E[share of all answers that are released and unsupported] ≤ `unsupported_max`.

    Conformal risk control (Angelopoulos, Bates, Fisch, Lei & Schuster 2024) for the monotone loss 1{s ≥ λ}·1{unsupported}:
    (Σ loss + 1)/(n + 1) ≤ ε. A weaker promise than `release_threshold`: an average over draws of the labels, and a share of
    all answers, not of the released ones. None where n is too small (n + 1 < 1/ε). Raises InputError for unequal
    probabilities.
    """
    check_promise(unsupported_max, 0.5)
    arrays = one_of_each_group(label_arrays(labels))
    if not arrays.uniform:
        raise InputError("conformal risk control needs equally likely labels", field="probability")
    n = int(arrays.scores.size)
    allowed = math.floor(unsupported_max * (n + 1) - 1 + 1e-9)
    if allowed < 0:
        return None
    wrong = np.sort(arrays.scores[arrays.unsupported])[::-1]
    return 0.0 if wrong.size <= allowed else math.nextafter(float(wrong[allowed]), math.inf)


def _scores(values: Sequence[float] | None) -> Numbers | None:
    if values is None or len(values) == 0:
        return None
    array = finite_array(values, field="unlabelled")
    if float(array.min()) < 0 or float(array.max()) > 1:
        raise InputError("holds a score outside 0..1", field="unlabelled")
    return array


def _guarantee(
    arrays: LabelArrays,
    tested: LabelArrays,
    choice: Choice,
    others: Numbers | None,
    unsupported_max: float,
    confidence: float,
    monitoring: Monitoring,
    test: RiskTest,
) -> Guarantee:
    """The choice with the figures that belong to it, and its reason in words."""
    released = tested.scores >= (choice.threshold or 0.0)
    weights, wrong = tested.weights[released], tested.unsupported[released]
    n, errors = int(wrong.size), int(wrong.sum())
    if test == "betting":
        bound = risk_bound(weights, wrong, choice.alpha)
    else:
        bound = _binomial_bound(errors, n, choice.alpha, test)
    share = weighted_share(arrays.scores >= (choice.threshold or 0.0), arrays.weights, SHARE_CONFIDENCE)
    if others is not None and others.size > arrays.scores.size:
        share = weighted_share(others >= (choice.threshold or 0.0), np.ones(others.size), SHARE_CONFIDENCE)
    nothing = choice.threshold is None
    guarantee = Guarantee(
        threshold=choice.threshold,
        unsupported_max=unsupported_max,
        confidence=confidence,
        method=test,
        monitoring=monitoring,
        sampling="uniform" if arrays.uniform else "weighted",
        labels=int(arrays.scores.size),
        released=n,
        unsupported=errors,
        share=0.0 if nothing else share.estimate,
        share_lower=0.0 if nothing else share.lower or 0.0,
        share_upper=0.0 if nothing or share.upper is None else share.upper,
        risk=float(np.average(wrong, weights=weights)) if n else None,
        risk_upper=bound,
        reason="",
        more_labels=labels_that_would_do(arrays, unsupported_max, confidence),
    )
    return msgspec.structs.replace(guarantee, reason=reason(guarantee, int(arrays.scores.size - tested.scores.size)))


def _binomial_bound(errors: int, n: int, alpha: float, test: RiskTest) -> float:
    """The least ε that the test rejects at `alpha` for so many errors: Clopper–Pearson's bound, or that of the looser test."""
    if n == 0:
        return 1.0
    low, high = errors / n, 1.0
    counts, size = np.array([errors]), np.array([n])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if test == "hoeffding-bentkus":
            p_value = float(hoeffding_bentkus_p_values(counts.astype(np.float64), size, middle)[0])
        else:
            p_value = float(binomial_p_values(counts, size, middle)[0])
        low, high = (low, middle) if p_value <= alpha else (middle, high)
    return high
