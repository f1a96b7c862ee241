"""What a judge model's scores are worth: how far it agrees with itself, and how far with people who rated the same answers.

A judge's number is shown beside people's and never in their place: no gate reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from groundcrew.errors import InputError
from groundcrew.stats.agreement import krippendorff_alpha
from groundcrew.stats.intervals import Interval, check_confidence, wilson

BOOTSTRAP_DRAWS = 1_000
#: Pairs under which an agreement is no more than its estimate.
PAIRS_MIN = 10
Pair = tuple[float, float]


class JudgeAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far a judge and people agree on `n` answers: quadratic-weighted κ, Krippendorff's α at interval level, and the mean by
    which the judge is above people. Bounds are None under PAIRS_MIN pairs."""

    n: int
    kappa: Interval
    alpha: Interval
    bias: float | None


class RepeatVariance(msgspec.Struct, frozen=True, kw_only=True):
    """How far a judge says the same of the same answer: the mean variance within an answer over `n` answers that were judged more
    than once, and the share of them where every repeat said the same. None without any."""

    n: int
    variance: float | None
    same: float | None


class PositionBias(msgspec.Struct, frozen=True, kw_only=True):
    """What judging pairs in both orders shows: `consistent` pairs got the same answer either way; of the others `first` went to
    whichever stood first both times, `second` to whichever stood second. `first_share` is the share of preferences for the place
    in front, ½ where the place means nothing, with Wilson's interval."""

    pairs: int
    consistent: int
    first: int
    second: int
    first_share: Interval


def quadratic_kappa(pairs: Sequence[Pair], categories: Sequence[int]) -> float | None:
    """1 − Σw·observed / Σw·expected with w = (i − j)², over two raters' categories (Cohen 1968), −1..1.

    Values are rounded to the nearest category. None for no pairs, or where chance alone already agrees always. Raises InputError
    for categories that are not whole numbers in rising order.
    """
    if list(categories) != sorted(set(categories)) or len(categories) < 2:
        raise InputError("must be at least two, in rising order", field="categories")
    if not pairs:
        return None
    low, high = categories[0], categories[-1]
    first, second = (np.clip(np.rint([pair[side] for pair in pairs]), low, high).astype(np.int64) - low for side in (0, 1))
    size = high - low + 1
    table = np.zeros((size, size))
    np.add.at(table, (first, second), 1.0)
    weights = (np.arange(size)[:, None] - np.arange(size)) ** 2.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(pairs)
    by_chance = float((weights * expected).sum())
    return None if by_chance == 0 else 1 - float((weights * table).sum()) / by_chance


def judge_agreement(
    pairs: Sequence[Pair], *, categories: Sequence[int] = (1, 2, 3, 4, 5), confidence: float = 0.95, seed: int = 0
) -> JudgeAgreement:
    """Agreement over (judge, people) pairs, one for each answer, with percentiles over resampled answers (Efron 1979)."""
    check_confidence(confidence)
    mean = float(np.mean([judge - people for judge, people in pairs])) if pairs else None

    def kappa(some: Sequence[Pair]) -> float | None:
        return quadratic_kappa(some, categories)

    def alpha(some: Sequence[Pair]) -> float | None:
        return krippendorff_alpha([list(pair) for pair in some], "interval")

    return JudgeAgreement(
        n=len(pairs),
        kappa=_resampled(pairs, kappa, "quadratic-kappa", confidence, seed),
        alpha=_resampled(pairs, alpha, "krippendorff-alpha", confidence, seed),
        bias=mean,
    )


def repeat_variance(repeats: Sequence[Sequence[float]]) -> RepeatVariance:
    """`repeats` holds one judge's scores of each answer; answers with fewer than two say nothing."""
    several = [list(each) for each in repeats if len(each) > 1]
    if not several:
        return RepeatVariance(n=0, variance=None, same=None)
    return RepeatVariance(
        n=len(several),
        variance=float(np.mean([np.var(each, ddof=1) for each in several])),
        same=sum(len(set(each)) == 1 for each in several) / len(several),
    )


def position_bias(forward: Sequence[str | None], backward: Sequence[str | None], confidence: float = 0.95) -> PositionBias:
    """`forward` and `backward` say which place was preferred ("first", "second", "neither"; None: unknown) with the answers one
    way round and the other. A pair counts where both orders were told."""
    both = [(one, other) for one, other in zip(forward, backward, strict=True) if one is not None and other is not None]
    swapped = {"first": "second", "second": "first", "neither": "neither"}
    said = [word for pair in both for word in pair if word != "neither"]
    return PositionBias(
        pairs=len(both),
        consistent=sum(swapped[one] == other for one, other in both),
        first=sum(one == other == "first" for one, other in both),
        second=sum(one == other == "second" for one, other in both),
        first_share=wilson(said.count("first"), len(said), confidence),
    )


def preferred(forward: str | None, backward: str | None) -> str | None:
    """Which answer is better, whichever stood first: first, second or neither. A judge that follows the place prefers neither;
    None where an order is unknown."""
    if forward is None or backward is None:
        return None
    if (forward, backward) in (("first", "second"), ("second", "first")):
        return forward
    return "neither"


def _resampled(
    pairs: Sequence[Pair], figure: Callable[[Sequence[Pair]], float | None], method: str, confidence: float, seed: int
) -> Interval:
    estimate, n = figure(pairs), len(pairs)
    unknown = Interval(estimate=estimate, lower=None, upper=None, n=n, method=method, confidence=confidence)
    if estimate is None or n < PAIRS_MIN:
        return unknown
    random = np.random.default_rng(seed)
    drawn = [figure([pairs[index] for index in random.integers(0, n, n)]) for _ in range(BOOTSTRAP_DRAWS)]
    known = [each for each in drawn if each is not None]
    if len(known) <= BOOTSTRAP_DRAWS // 2 or min(known) == max(known):
        return unknown
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return msgspec.structs.replace(unknown, lower=min(float(low), estimate), upper=max(float(high), estimate))
