"""Over many draws of labels from populations whose exact risk is known, the promise is broken no more often than it allows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
from bench.trust import guarantee as bench

from groundcrew.stats.risk_control import release_threshold

#: Were the promise broken in exactly 5 % of draws, a test would fail by chance this rarely.
FALSE_ALARM = 1e-4


def allowed(draws: int) -> int:
    return int(scipy.stats.binom.ppf(1 - FALSE_ALARM, draws, bench.DELTA))


@pytest.mark.parametrize(
    ("scenario", "n", "share"),
    [
        ("good, calibrated", 200, 0.5),
        ("good ranking, overconfident", 400, 0.7),
        ("useless, 15 % unsupported", 200, 0.0),
        ("useless, just above ε", 100, 0.0),
        ("useless, just above ε", 400, 0.0),
        ("inverted at the top", 200, 0.0),
        ("risk in waves around ε", 200, 0.0),
        ("five grades only", 400, 0.45),
    ],
)
def test_the_promise_holds_in_1000_draws(scenario: str, n: int, share: float) -> None:
    found = bench.simulate(scenario, n, 1_000)
    assert found.broken <= allowed(1_000)
    assert found.share >= share
    if "useless" in scenario:
        assert found.releasing <= allowed(1_000)


@pytest.mark.parametrize(
    ("scenario", "n", "draws"),
    [
        ("importance-sampled, good", 400, 200),
        ("importance-sampled, useless, just above ε", 400, 200),
        ("importance-sampled, inverted", 400, 150),
        ("importance-sampled, just above ε, by betting", 400, 60),
        ("clustered, useless, just above ε", 400, 200),
        ("looks after each label, good", 400, 150),
        ("looks after each label, useless, just above ε", 600, 200),
        ("looks after each label, importance-sampled, waves", 400, 150),
    ],
)
def test_the_promise_holds_under_unequal_sampling_groups_and_repeated_looks(scenario: str, n: int, draws: int) -> None:
    assert bench.simulate(scenario, n, draws).broken <= allowed(draws)


def hostile(seed: int) -> bench.Population:
    """Stretches and lumps of equal scores whose selective risk hovers around ε, in an order that no honest score would have."""
    source = np.random.default_rng(seed)
    sizes = source.dirichlet(np.ones(5))
    edges = np.cumsum(sizes)
    losses = bench.UNSUPPORTED_MAX * np.exp(source.normal(0, 0.3, 5)) * edges
    risks = (np.diff(losses, prepend=0.0) / sizes).clip(0, 1)
    depth = (np.arange(bench.POPULATION) + 0.5) / bench.POPULATION
    stretch = np.minimum(np.searchsorted(edges, depth), 4)
    lumps = source.random(5) < 0.5
    scores = np.where(lumps[stretch], 1 - (edges - sizes / 2)[stretch], 1 - depth)
    return bench.Population(scores, risks[stretch], np.ones(bench.POPULATION))


def test_no_population_breaks_the_promise_more_often_than_allowed() -> None:
    for seed in range(12):
        population = hostile(seed)
        broken = 0
        for number in range(250):
            (threshold,) = bench.look_once(population, 150, np.random.default_rng([seed, number]))
            broken += population.released(threshold)[1] > bench.UNSUPPORTED_MAX if threshold is not None else 0
        assert broken <= allowed(250)


def test_the_simulated_looks_are_those_of_the_product() -> None:
    population = bench.weighted(bench.good())
    for number in range(3):
        looks = bench.look_after_each(population, 500, np.random.default_rng([1, number]))
        arrays = bench.draw(population, 500, np.random.default_rng([1, number]))
        labels = bench.as_labels(arrays, float(population.probabilities.min()))
        for count in (100, 300, len(labels)):
            found = release_threshold(
                labels[:count], monitoring="sequential", probability_min=float(population.probabilities.min())
            )
            assert found.threshold == looks[count - bench.PLACING_LABELS - 1]
