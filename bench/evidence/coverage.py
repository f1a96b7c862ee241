"""How often each interval holds the truth that its data were drawn from; those of sequences, at all looks at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from bench.evidence import pilots

from groundcrew.metrics.handle_time import median_handle_time
from groundcrew.metrics.return_on_investment import InvestmentCase, return_on_investment
from groundcrew.stats.betting_difference import betting_difference
from groundcrew.stats.bootstrap import bootstrap_difference
from groundcrew.stats.cluster import ClusterDifference, cluster_difference
from groundcrew.stats.confidence_sequences import betting_sequence, mean_sequence
from groundcrew.stats.cuped import adjusted_values
from groundcrew.stats.e_values import beta_binomial_interval
from groundcrew.stats.interrupted_series import interrupted_difference
from groundcrew.stats.intervals import Interval, clopper_pearson, mean_t, newcombe, welch, wilson
from groundcrew.stats.moments import moments
from groundcrew.stats.significance import brunner_munzel
from groundcrew.stats.stepped_wedge import stepped_wedge_difference

Generator = np.random.Generator


class Case(NamedTuple):
    """One interval in one situation: `hits(rng, runs)` counts the runs in which it held the truth. `runs` of the full
    simulation; `nominal` is what it promises, `lowest` what a simulation of it may show without being a fault."""

    name: str
    situation: str
    hits: Callable[[Generator, int], int]
    runs: int
    lowest: float
    nominal: float = 0.95


def holds(interval: Interval, truth: float) -> bool:
    lower = -math.inf if interval.lower is None else interval.lower
    return lower <= truth <= (math.inf if interval.upper is None else interval.upper)


def robust_holds(difference: ClusterDifference, truth: float) -> bool:
    half = difference.half_width(0.025)
    return half is None or difference.estimate is None or abs(difference.estimate - truth) <= half


def each(one: Callable[[Generator], bool]) -> Callable[[Generator, int], int]:
    return lambda rng, runs: sum(one(rng) for _ in range(runs))


def one_rate(method: Callable[[int, int], Interval], n: int, rate: float) -> Callable[[Generator, int], int]:
    return lambda rng, runs: sum(holds(method(int(k), n), rate) for k in rng.binomial(n, rate, runs))


def two_rates(n: int, low: float, high: float) -> Callable[[Generator], bool]:
    return lambda rng: holds(newcombe(int(rng.binomial(n, high)), n, int(rng.binomial(2 * n, low)), 2 * n), high - low)


def skewed(rng: Generator) -> bool:
    treatment, control = rng.gamma(2.78, 5.4 * 0.8, 60), rng.gamma(2.78, 5.4, 60)
    return holds(welch(moments(treatment), moments(control)).interval, 2.78 * 5.4 * -0.2)


def resampled(rng: Generator) -> bool:
    treatment, control = rng.lognormal(0, 0.8, 60), rng.lognormal(0.2, 0.8, 90)
    truth = math.exp(0.32) - math.exp(0.52)
    return holds(bootstrap_difference(treatment, control, seed=int(rng.integers(2**31))), truth)


def ratio(rng: Generator) -> bool:
    drawn = pilots.draw_ratio(rng, 1, 200, 0.2)
    assert drawn.beside is not None
    return robust_holds(cluster_difference(drawn.values[0], drawn.treated[0], np.arange(200), drawn.beside[0]), 0.2)


def clustered(draw: Callable[[Generator, int, int, float], pilots.Pilots]) -> Callable[[Generator], bool]:
    def one(rng: Generator) -> bool:
        drawn = draw(rng, 1, 800, 0.3)
        assert drawn.cluster is not None
        return robust_holds(cluster_difference(drawn.values[0], drawn.treated[0], drawn.cluster[0]), 0.3)

    return one


def with_covariate(rng: Generator) -> bool:
    drawn = pilots.draw_covariate(rng, 1, 120, 0.3)
    assert drawn.beside is not None
    values, _ = adjusted_values(drawn.values[0], drawn.beside[0], drawn.treated[0])
    return holds(welch(moments(values[drawn.treated[0]]), moments(values[~drawn.treated[0]])).interval, 0.3)


def stars(rng: Generator) -> bool:
    """The truth P(treatment > control) + ½·P(tie) of two known distributions of stars."""
    better = np.array([0.05, 0.1, 0.15, 0.4, 0.3])
    below = np.cumsum(pilots.STAR_SHARES) - pilots.STAR_SHARES / 2
    x, y = rng.choice(pilots.STARS, 60, p=better), rng.choice(pilots.STARS, 80, p=pilots.STAR_SHARES)
    return holds(brunner_munzel(x, y).interval, float(better @ below))


def wedge(rng: Generator) -> bool:
    """16 clusters crossing on days 5, 10, 15 and 20 of 25, on a rising trend; 6 cases a cluster and day."""
    cluster, day = (grid.repeat(6) for grid in (np.repeat(np.arange(16), 25), np.tile(np.arange(25), 16)))
    treated = day >= 5 * (1 + cluster % 4)
    values = rng.normal(0, 0.5, 16)[cluster] + 0.05 * day + 0.4 * treated + rng.normal(0, 1, day.size)
    return robust_holds(stepped_wedge_difference(values, treated, cluster, day), 0.4)


def series(rng: Generator) -> bool:
    day = np.arange(80.0)
    values = 5 - 0.03 * day + 0.8 * (day >= 40) + rng.normal(0, 0.5, 80)
    return robust_holds(interrupted_difference(day, values, 40.0, n=80), 0.8)


def investment(rng: Generator) -> bool:
    benefit, tokens, review = rng.gamma(2, 2, 80), rng.exponential(0.2, 200), rng.lognormal(3, 0.7, 60)
    case = InvestmentCase(
        benefit_per_case_usd=mean_t(moments(benefit)),
        volume=1000,
        tokens_per_case_usd=mean_t(moments(tokens)),
        review_s=mean_t(moments(review)),
        hourly_wage_usd=60,
        fixed_usd=500,
    )
    truth = 1000 * (4 - 0.2 - math.exp(3 + 0.245) * 60 / 3600) - 500
    return holds(return_on_investment(case), truth)


def rates_by_bets(rate: float, effect: float) -> Callable[[Generator], bool]:
    def one(rng: Generator) -> bool:
        drawn = pilots.draw_proportion(rate)(rng, 1, 300, effect)
        lower, upper = betting_difference(drawn.values[0], drawn.treated[0], pilots.SPLIT, 0.025)
        return lower <= effect <= upper

    return one


def mean_at_all_looks(rng: Generator) -> bool:
    values = rng.exponential(1, 1000)
    return all(holds(mean_sequence(moments(values[:n]), 1000), 1.0) for n in range(20, 1001, 10))


def rate_at_all_looks(rng: Generator) -> bool:
    successes = np.cumsum(rng.random(400) < 0.1)
    return all(holds(beta_binomial_interval(int(successes[n - 1]), n), 0.1) for n in range(5, 401, 5))


def all_looks(kind: pilots.Kind) -> Callable[[Generator, int], int]:
    """All looks of the sequential rule, the last half of them past the planned n, at the planned effect."""

    def hits(rng: Generator, runs: int) -> int:
        found = 0
        for start in range(0, runs, 250):
            drawn = kind.draw(rng, min(250, runs - start), 800, kind.effect)
            lower, upper = kind.judge(drawn, pilots.sequential_rule(800, 400))
            missed = (np.nan_to_num(lower, nan=-np.inf) > kind.effect) | (np.nan_to_num(upper, nan=np.inf) < kind.effect)
            found += int((~missed.any(axis=1)).sum())
        return found

    return hits


CASES = (
    Case("Wilson", "rate .1, n = 60", one_rate(wilson, 60, 0.1), 20_000, 0.925),
    Case("Wilson", "rate .02, n = 300", one_rate(wilson, 300, 0.02), 20_000, 0.925),
    Case("Clopper–Pearson", "rate .1, n = 60", one_rate(clopper_pearson, 60, 0.1), 20_000, 0.945),
    Case("Clopper–Pearson", "rate .02, n = 300", one_rate(clopper_pearson, 300, 0.02), 20_000, 0.945),
    Case("Newcombe", ".1 against .2, n = 120 and 60", each(two_rates(60, 0.1, 0.2)), 20_000, 0.935),
    Case("Newcombe", ".01 against .03, n = 400 and 200", each(two_rates(200, 0.01, 0.03)), 20_000, 0.935),
    Case("t", "gamma, skewness 1.2, n = 40",
         each(lambda rng: holds(mean_t(moments(rng.gamma(2.78, 1, 40))), 2.78)), 10_000, 0.925),
    Case("Welch", "gamma, skewness 1.2, n = 60 and 60", each(skewed), 10_000, 0.935),
    Case("bootstrap t", "lognormal, skewness 3.7, n = 60 and 90", each(resampled), 2_000, 0.93),
    Case("delta method", "ratio of sums, 200 units", each(ratio), 10_000, 0.935),
    Case("cluster-robust", "40 employees, cases assigned", each(clustered(pilots.draw_clusters)), 5_000, 0.935),
    Case("cluster-robust", "40 employees, assigned whole", each(clustered(pilots.draw_whole_clusters)), 5_000, 0.935),
    Case("CUPED", "ρ = .6, n = 120", each(with_covariate), 10_000, 0.935),
    Case("Brunner–Munzel", "stars, n = 60 and 80", each(stars), 5_000, 0.935),
    Case(
        "median",
        "lognormal, n = 45",
        each(lambda rng: holds(median_handle_time(rng.lognormal(2, 1, 45)), math.exp(2))),
        10_000,
        0.945,
    ),
    Case("stepped wedge", "16 clusters, 4 steps, trend", each(wedge), 3_000, 0.925),
    Case("interrupted series", "80 days, trend and step", each(series), 5_000, 0.89),
    Case("return on investment (MOVER)", "benefit, tokens and review, n = 60 to 200", each(investment), 10_000, 0.92),
    Case("mean, asymptotic sequence", "exponential, looks from 20 to 1,000", each(mean_at_all_looks), 1_000, 0.95),
    Case("mean, betting sequence", "beta(4, 2), all looks to 300",
         each(lambda rng: holds(betting_sequence(rng.beta(4, 2, 300)), 2 / 3)), 1_000, 0.95),
    Case("rate, beta-binomial sequence", "rate .1, looks to 400", each(rate_at_all_looks), 1_000, 0.95),
    Case("difference, betting sequence", ".02 against .02, all looks to 300", each(rates_by_bets(0.02, 0.0)), 1_000, 0.95),
    Case("difference, betting sequence", ".2 against .5, all looks to 300", each(rates_by_bets(0.2, 0.3)), 1_000, 0.95),
    *(
        Case(f"planned sequence: {kind.name}", "planned 400, all looks to 800, with an effect", all_looks(kind), 2_000, 0.95)
        for kind in pilots.KINDS
        if kind.judge not in (pilots.judge_proportion, pilots.judge_rating)
    ),
)  # fmt: skip
