"""Whole pilots at once, in numpy: which of them would have been called better or worse at each of their looks.

The same boundaries, bets and formulas as `groundcrew.metrics.estimation`, over many pilots and all looks in one go; that both
decide alike, look by look, is a test (tests/unit/stats/test_sequential_simulation.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.stats.betting_difference import difference_bets, wealth_above, wealth_below
from groundcrew.stats.cluster import CLUSTERS_PER_ARM_MIN
from groundcrew.stats.confidence_sequences import ASYMPTOTIC_N_MIN
from groundcrew.stats.intervals import newcombe_bounds
from groundcrew.stats.sequential_boundary import HORIZON_SHARE, horizon_boundaries, planned_boundaries

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

ALPHA, SPLIT = 0.05, 0.5
HANDLE_TIME_MEAN, HANDLE_TIME_SD = 15.0, 9.0
STARS, STAR_SHARES = np.arange(1.0, 6.0), np.array([0.08, 0.12, 0.2, 0.35, 0.25])
COVARIATE_CORRELATION = 0.6
CLUSTERS, ICC = 40, 0.05


class Pilots(NamedTuple):
    """Pilots (first axis) with their cases in order of arrival (second axis). `beside` is a covariate or a denominator,
    `cluster` the number of each case's cluster; None where a kind has none."""

    values: Numbers
    treated: Flags
    beside: Numbers | None = None
    cluster: NDArray[np.int64] | None = None


class Looks(NamedTuple):
    """Lower and upper bound of treatment − control at each look of each pilot; NaN while unknown."""

    lower: Numbers
    upper: Numbers


class Rule(NamedTuple):
    """The quantile at each look of what the central limit theorem judges alone, of what it judges beside bets, and the
    one-sided level of those bets (None: no bets)."""

    alone: Numbers
    beside_bets: Numbers
    bets: float | None


def sequential_rule(looks: int, planned_n: int, alpha: float = ALPHA, sides: Literal[1, 2] = 2) -> Rule:
    """Looks after every case, up to and past `planned_n`."""
    n = np.arange(1.0, looks + 1)
    return Rule(
        planned_boundaries(n, planned_n, alpha, sides),
        horizon_boundaries(n, planned_n, alpha, sides),
        alpha * (1 - HORIZON_SHARE) / sides,
    )


def fixed_rule(looks: int, alpha: float = ALPHA, sides: Literal[1, 2] = 2) -> Rule:
    """One look, wherever it may be: what each look would say if it were the only one."""
    z = np.full(looks, -float(scipy.special.ndtri(alpha / sides)))
    return Rule(z, z, None)


class Kind(NamedTuple):
    """A kind of metric: how its pilots are drawn with a given effect, how they are judged, the effect that is planned here, and
    about how many cases over both arms find it at one look with power .8 (the simulation finds the exact figure)."""

    name: str
    draw: Callable[[np.random.Generator, int, int, float], Pilots]
    judge: Callable[[Pilots, Rule], Looks]
    effect: float
    fixed_n: int


def treatments(rng: np.random.Generator, runs: int, n: int) -> Flags:
    return rng.random((runs, n)) < SPLIT


def draw_mean(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    treated = treatments(rng, runs, n)
    return Pilots(rng.normal(0.0, HANDLE_TIME_SD, (runs, n)) + HANDLE_TIME_MEAN + effect * treated, treated)


def draw_duration(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    """Gamma, skewness 1.2, scaled in the treatment so that its mean moves by `effect`."""
    treated = treatments(rng, runs, n)
    shape = (HANDLE_TIME_MEAN / HANDLE_TIME_SD) ** 2
    values = rng.gamma(shape, HANDLE_TIME_MEAN / shape, (runs, n))
    return Pilots(values * np.where(treated, 1 + effect / HANDLE_TIME_MEAN, 1.0), treated)


def draw_cost(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    """Lognormal with mean 1 and sd 1 (skewness 4): a few cases cost most of the money."""
    treated = treatments(rng, runs, n)
    sigma = math.sqrt(math.log(2.0))
    return Pilots(rng.lognormal(-(sigma**2) / 2, sigma, (runs, n)) * np.where(treated, 1 + effect, 1.0), treated)


def draw_proportion(rate: float) -> Callable[[np.random.Generator, int, int, float], Pilots]:
    def draw(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
        treated = treatments(rng, runs, n)
        return Pilots((rng.random((runs, n)) < rate + effect * treated).astype(np.float64), treated)

    return draw


def draw_rating(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    """Stars; with a chance of effect/(5 − mean) a treated case becomes a five."""
    treated = treatments(rng, runs, n)
    values = rng.choice(STARS, (runs, n), p=STAR_SHARES)
    lifted = treated & (rng.random((runs, n)) < effect / (5 - float(STARS @ STAR_SHARES)))
    return Pilots(np.where(lifted, 5.0, values), treated)


def draw_ratio(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    """Each unit has 1 + Poisson(1.5) cases, with a level of its own; the figure is the sum over the cases' number."""
    treated = treatments(rng, runs, n)
    cases = 1.0 + rng.poisson(1.5, (runs, n))
    level = rng.gamma(4.0, 0.25, (runs, n)) + effect * treated
    return Pilots(cases * level + np.sqrt(cases) * rng.normal(0, 0.5, (runs, n)), treated, beside=cases)


def draw_covariate(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    treated = treatments(rng, runs, n)
    before = rng.normal(0, 1, (runs, n))
    rest = math.sqrt(1 - COVARIATE_CORRELATION**2)
    values = COVARIATE_CORRELATION * before + rest * rng.normal(0, 1, (runs, n))
    return Pilots(values + effect * treated, treated, beside=before)


def draw_clusters(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    """Cases of employees, who differ and react differently; each case is assigned by itself."""
    treated = treatments(rng, runs, n)
    cluster = rng.integers(0, CLUSTERS, (runs, n))
    level, reaction = (rng.normal(0, math.sqrt(ICC), (runs, CLUSTERS)) for _ in range(2))
    own = np.take_along_axis(level, cluster, axis=1) + np.take_along_axis(reaction, cluster, axis=1) * treated
    return Pilots(own + rng.normal(0, 1, (runs, n)) + effect * treated, treated, cluster=cluster)


def draw_whole_clusters(rng: np.random.Generator, runs: int, n: int, effect: float) -> Pilots:
    """The same, but employees are assigned, half of them to each arm."""
    cluster = rng.integers(0, CLUSTERS, (runs, n))
    treated = cluster % 2 == 0
    level = rng.normal(0, math.sqrt(ICC), (runs, CLUSTERS))
    return Pilots(
        np.take_along_axis(level, cluster, axis=1) + rng.normal(0, 1, (runs, n)) + effect * treated, treated, cluster=cluster
    )


def judge_means(pilots: Pilots, rule: Rule) -> Looks:
    return _welch(*_running(pilots.values, pilots.treated), rule.alone)


def judge_covariate(pilots: Pilots, rule: Rule) -> Looks:
    """Welch on values less θ·covariate, θ estimated anew at each look from what was seen up to then."""
    assert pilots.beside is not None
    y, x, arms = pilots.values, pilots.beside, (pilots.treated, ~pilots.treated)
    n = [np.cumsum(arm, axis=1).astype(np.float64) for arm in arms]
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = [[np.cumsum(each * arm, axis=1) for each in (y, x, y * y, x * y, x * x)] for arm in arms]
        within = [[s[2] - s[0] ** 2 / k, s[3] - s[0] * s[1] / k, s[4] - s[1] ** 2 / k] for s, k in zip(sums, n, strict=True)]
        slope = (within[0][1] + within[1][1]) / (within[0][2] + within[1][2])
        means = [(s[0] - slope * s[1]) / k for s, k in zip(sums, n, strict=True)]
        spread = [np.maximum(0.0, w[0] - 2 * slope * w[1] + slope**2 * w[2]) / (k - 1) for w, k in zip(within, n, strict=True)]
    return _welch(n, means, spread, rule.alone)


def judge_proportion(pilots: Pilots, rule: Rule) -> Looks:
    """Newcombe up to the planned n, betting always."""
    arms = (pilots.treated, ~pilots.treated)
    counts = [(np.cumsum(pilots.values * arm, axis=1), np.cumsum(arm, axis=1).astype(np.float64)) for arm in arms]
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper = newcombe_bounds(counts[0], counts[1], np.minimum(rule.beside_bets, 1e6)[None, :])
    return _bet(pilots.values, pilots.treated, Looks(lower, upper), rule.bets)


def judge_rating(pilots: Pilots, rule: Rule) -> Looks:
    """Welch up to the planned n, betting on (stars − 1)/4 always."""
    looks = _welch(*_running(pilots.values, pilots.treated), rule.beside_bets)
    return _bet((pilots.values - 1) / 4, pilots.treated, looks, rule.bets)


def judge_ratio(pilots: Pilots, rule: Rule) -> Looks:
    """Delta method; units are the clusters."""
    assert pilots.beside is not None
    y, d = pilots.values, pilots.beside
    ratios, variance, fewest = [], np.zeros_like(y), np.full_like(y, np.inf)
    look = np.arange(1.0, y.shape[1] + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        for arm in (pilots.treated, ~pilots.treated):
            total, below = np.cumsum(y * arm, axis=1), np.cumsum(d * arm, axis=1)
            squares = [np.cumsum(each * arm, axis=1) for each in (y * y, y * d, d * d)]
            ratio = total / below
            variance += (squares[0] - 2 * ratio * squares[1] + ratio**2 * squares[2]) / below**2
            ratios.append(ratio)
            fewest = np.minimum(fewest, np.cumsum(arm, axis=1))
        error = np.sqrt(look / (look - 1) * variance)
        half = error * _student(rule.alone[None, :], np.maximum(1.0, look - 2)[None, :])
    half = np.where((look[None, :] >= 2 * ASYMPTOTIC_N_MIN) & (fewest >= CLUSTERS_PER_ARM_MIN), half, np.nan)
    return Looks(ratios[0] - ratios[1] - half, ratios[0] - ratios[1] + half)


def judge_clusters(pilots: Pilots, rule: Rule) -> Looks:
    """Cluster-robust, look by look over all pilots."""
    assert pilots.cluster is not None
    runs, n = pilots.values.shape
    row = np.arange(runs)
    count, total = np.zeros((2, runs, CLUSTERS)), np.zeros((2, runs, CLUSTERS))
    lower, upper = np.full((runs, n), np.nan), np.full((runs, n), np.nan)
    for look in range(n):
        arm, cluster = (~pilots.treated[:, look]).astype(np.int64), pilots.cluster[:, look]
        count[arm, row, cluster] += 1
        total[arm, row, cluster] += pilots.values[:, look]
        if look + 1 < 2 * ASYMPTOTIC_N_MIN:
            continue
        size = count.sum(axis=2)
        mean = total.sum(axis=2) / size
        influence = (total - mean[:, :, None] * count) / size[:, :, None]
        seen = (count.sum(axis=0) > 0).sum(axis=1)
        fewest = (count > 0).sum(axis=2).min(axis=0)
        error = np.sqrt(seen / (seen - 1) * ((influence[0] - influence[1]) ** 2).sum(axis=1))
        half = np.where(fewest >= CLUSTERS_PER_ARM_MIN, error * _student(rule.alone[look], np.maximum(1.0, seen - 2.0)), np.nan)
        lower[:, look], upper[:, look] = mean[0] - mean[1] - half, mean[0] - mean[1] + half
    return Looks(lower, upper)


KINDS = (
    Kind("mean (normal)", draw_mean, judge_means, 3.0, 285),
    Kind("duration (gamma)", draw_duration, judge_means, 3.0, 345),
    Kind("cost per case (lognormal)", draw_cost, judge_means, 0.25, 640),
    Kind("proportion, 20 %", draw_proportion(0.20), judge_proportion, 0.08, 890),
    Kind("proportion, 2 %", draw_proportion(0.02), judge_proportion, 0.04, 760),
    Kind("rating", draw_rating, judge_rating, 0.25, 740),
    Kind("ratio", draw_ratio, judge_ratio, 0.12, 850),
    Kind("mean with a covariate (CUPED)", draw_covariate, judge_covariate, 0.2, 500),
    Kind("clusters, cases assigned", draw_clusters, judge_clusters, 0.25, 680),
    Kind("clusters assigned whole", draw_whole_clusters, judge_clusters, 0.4, 310),
)


def superior(looks: Looks) -> Flags:
    """Whether each look calls the treatment better (larger is better here); once called, it stays called."""
    return np.logical_or.accumulate(np.nan_to_num(looks.lower, nan=-1.0) > 0, axis=1)


def worse(looks: Looks) -> Flags:
    return np.logical_or.accumulate(np.nan_to_num(looks.upper, nan=1.0) < 0, axis=1)


def _running(values: Numbers, treated: Flags) -> tuple[list[Numbers], list[Numbers], list[Numbers]]:
    """Count, mean and variance of each arm after each case."""
    n, means, variances = [], [], []
    for arm in (treated, ~treated):
        k = np.cumsum(arm, axis=1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.cumsum(values * arm, axis=1) / k
            variances.append((np.cumsum(values**2 * arm, axis=1) - k * mean**2) / (k - 1))
        n.append(k)
        means.append(mean)
    return n, means, variances


def _welch(
    n: list[Numbers],
    means: list[Numbers],
    variances: list[Numbers],
    z: Numbers,
) -> Looks:
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [v / k for v, k in zip(variances, n, strict=True)]
        share = parts[0] / (parts[0] + parts[1])
        df = 1 / (share**2 / (n[0] - 1) + (1 - share) ** 2 / (n[1] - 1))
        half = np.sqrt(parts[0] + parts[1]) * _student(z[None, :], df)
    known = np.minimum(n[0], n[1]) >= ASYMPTOTIC_N_MIN
    difference = means[0] - means[1]
    return Looks(np.where(known, difference - half, np.nan), np.where(known, difference + half, np.nan))


def _bet(values: Numbers, treated: Flags, looks: Looks, alpha: float | None) -> Looks:
    """Where a bettor against "no difference" ever reached the limit, the bound on that side is moved past zero."""
    if alpha is None:
        return looks
    bets = difference_bets(values, treated, SPLIT, alpha)
    limit = math.log(1 / alpha)
    above, below = wealth_above(bets, 0.0) >= limit, wealth_below(bets, 0.0) >= limit
    tiny = 1e-9
    lower = np.where(np.logical_or.accumulate(above, axis=1), np.fmax(looks.lower, tiny), looks.lower)
    return Looks(lower, np.where(np.logical_or.accumulate(below, axis=1), np.fmin(looks.upper, -tiny), looks.upper))


def _student(z: Numbers, df: Numbers) -> Numbers:
    tail = scipy.special.ndtr(-z)
    quantile: Numbers = np.where(tail > 0, -scipy.special.stdtrit(df, np.maximum(tail, 1e-300)), np.inf)
    return quantile
