"""Two answers to the same question, many times over: how far the second side differs from the first, pair by pair, and whether
that is worse than a margin allows. Pairs share their question, so it is their own differences that are averaged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.domain.hypothesis import BINARY_KINDS, RATING_MAX, RATING_MIN, Direction, MetricKind
from groundcrew.errors import InputError
from groundcrew.stats.confidence_sequences import betting_sequence
from groundcrew.stats.intervals import Interval, check_confidence, mean_t
from groundcrew.stats.moments import finite_array, moments

PairedFinding = Literal["non_inferior", "worse", "better", "inconclusive", "unknown"]

#: Resamples of the pairs. Beyond so many pairs their mean is as good as normal, and Student's interval stands alone.
BOOTSTRAP_DRAWS, BOOTSTRAP_PAIRS_MAX = 2_000, 5_000
#: Share of the pairs that may be known on one side alone. Past it, what is left is a choice of questions, not a comparison [D].
UNEVEN_SHARE_MAX = 0.1


class PairedResult(msgspec.Struct, frozen=True, kw_only=True):
    """Second − first in the metric's unit with bounds (None = unknown) over `n` pairs. `uneven` pairs are known on one side only.

    `finding` is about the second side: `better` (the difference's bound is on the good side of 0), `non_inferior` (on the good
    side of the margin), `worse` (on the bad side of 0, and not within the margin), `inconclusive`, or `unknown`.
    """

    name: str
    estimate: float | None
    lower: float | None
    upper: float | None
    n: int
    finding: PairedFinding
    method: str
    first: float | None = None
    second: float | None = None
    uneven: int = 0
    confidence: float = 0.95


class Wins(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs in which each side is better, and neither. `p_value` is the sign test's: that both win as often (Dixon & Mood 1946);
    for yes/no values it is McNemar's exact test (McNemar 1947). None where every pair is a tie."""

    first: int
    second: int
    ties: int
    p_value: float | None


def paired_comparison(
    name: str,
    first: Sequence[float | None],
    second: Sequence[float | None],
    *,
    kind: MetricKind,
    direction: Direction,
    margin: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    bounds: tuple[float, float] | None = None,
) -> PairedResult:
    """Compare two aligned arrays; None is unknown, and a pair with an unknown side is left out.

    Shares (`proportion`, `rare_harm`, values 0 and 1): adjusted Wald interval of paired proportions (Bonett & Price 2012). Means:
    of Student's t interval of the differences (Student 1908) and the percentile bootstrap over pairs (Efron 1979), drawn from
    `seed`, the farther end on each side. Differences without any variation have neither: where the metric's values have
    `bounds` (ratings have), a betting confidence sequence (Waudby-Smith & Ramdas 2024) speaks in their place.

    `margin`, in the metric's unit, is the loss that may be borne; None asks for no non-inferiority. Raises InputError where the
    arrays differ in length, a value is not finite or not 0 or 1 where it must be, or the margin is negative.
    """
    check_confidence(confidence)
    before, after, uneven = _aligned(first, second)
    if margin is not None and not (math.isfinite(margin) and margin >= 0):
        raise InputError(f"must be a number from 0 on, is {margin:g}", field="margin")
    if bounds is None and kind == "rating":
        bounds = (RATING_MIN, RATING_MAX)
    if kind in BINARY_KINDS:
        if not bool((np.isin(before, (0.0, 1.0)) & np.isin(after, (0.0, 1.0))).all()):
            raise InputError("holds a value that is neither 0 nor 1", field=name)
        interval = _of_shares(before, after, confidence)
    else:
        interval = _of_means(after - before, confidence, seed, bounds)
    finding = finding_of(interval.lower, interval.upper, direction, margin)
    if uneven > UNEVEN_SHARE_MAX * (before.size + uneven):
        finding = "unknown"
    return PairedResult(
        name=name,
        estimate=interval.estimate,
        lower=interval.lower,
        upper=interval.upper,
        n=interval.n,
        finding=finding,
        method=interval.method,
        first=float(before.mean()) if before.size else None,
        second=float(after.mean()) if after.size else None,
        uneven=uneven,
        confidence=confidence,
    )


def finding_of(lower: float | None, upper: float | None, direction: Direction, margin: float | None) -> PairedFinding:
    """What an interval of second − first says of the second side; unknown where a bound is."""
    if lower is None or upper is None:
        return "unknown"
    worst, best = (lower, upper) if direction == "increase" else (-upper, -lower)
    if worst > 0:
        return "better"
    if margin is not None and worst > -margin:
        return "non_inferior"
    return "worse" if best < 0 else "inconclusive"


def wins(first: Sequence[float | None], second: Sequence[float | None], *, direction: Direction, tolerance: float = 0.0) -> Wins:
    """Who is better, pair by pair; differences of at most `tolerance` are ties."""
    before, after, _ = _aligned(first, second)
    gain = (after - before) * (1 if direction == "increase" else -1)
    up, down = int((gain > tolerance).sum()), int((gain < -tolerance).sum())
    p_value = None
    if up + down:
        p_value = min(1.0, 2 * float(scipy.special.bdtr(min(up, down), up + down, 0.5)))
    return Wins(first=down, second=up, ties=int(gain.size) - up - down, p_value=p_value)


def _aligned(
    first: Sequence[float | None], second: Sequence[float | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """The pairs that are known on both sides, and how many are known on one."""
    if len(first) != len(second):
        raise InputError(f"{len(first)} values on one side but {len(second)} on the other", field="second")
    both = [(before, after) for before, after in zip(first, second, strict=True) if before is not None and after is not None]
    uneven = sum((before is None) != (after is None) for before, after in zip(first, second, strict=True))
    return (
        finite_array([before for before, _ in both], field="first"),
        finite_array([after for _, after in both], field="second"),
        uneven,
    )


def _of_shares(before: NDArray[np.float64], after: NDArray[np.float64], confidence: float) -> Interval:
    n = int(before.size)
    method = "bonett-price"
    if n == 0:
        return Interval(estimate=None, lower=None, upper=None, n=0, method=method, confidence=confidence)
    gained, lost = int(((before == 0) & (after == 1)).sum()), int(((before == 1) & (after == 0)).sum())
    estimate = (gained - lost) / n
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    z = -float(scipy.special.ndtri((1 - confidence) / 2))
    half = z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return Interval(
        estimate=estimate,
        lower=max(-1.0, min(up - down - half, estimate)),
        upper=min(1.0, max(up - down + half, estimate)),
        n=n,
        method=method,
        confidence=confidence,
    )


def _of_means(differences: NDArray[np.float64], confidence: float, seed: int, bounds: tuple[float, float] | None) -> Interval:
    interval = mean_t(moments(differences), confidence)
    if interval.lower is None or interval.upper is None or interval.estimate is None:
        if bounds is None or interval.n == 0:
            return msgspec.structs.replace(interval, method="paired-t")
        reach = bounds[1] - bounds[0]
        return betting_sequence(differences, confidence, -reach, reach)
    if interval.n > BOOTSTRAP_PAIRS_MAX:
        return msgspec.structs.replace(interval, method="paired-t")
    drawn = _resampled(differences, confidence, seed)
    return msgspec.structs.replace(
        interval, lower=min(interval.lower, drawn[0]), upper=max(interval.upper, drawn[1]), method="paired-t+bootstrap"
    )


def _resampled(differences: NDArray[np.float64], confidence: float, seed: int) -> tuple[float, float]:
    random, n = np.random.default_rng(seed), int(differences.size)
    equal = np.full(n, 1 / n)
    chunk = max(1, min(BOOTSTRAP_DRAWS, 1_000_000 // n))
    means = [random.multinomial(n, equal, size=chunk) @ differences / n for _ in range(0, BOOTSTRAP_DRAWS, chunk)]
    low, high = np.quantile(np.concatenate(means)[:BOOTSTRAP_DRAWS], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
