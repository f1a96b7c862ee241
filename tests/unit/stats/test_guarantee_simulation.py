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
