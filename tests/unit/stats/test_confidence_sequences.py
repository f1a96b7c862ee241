"""Sequences hold at every look at once; e-values rarely reach 1/α when nothing is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.stats.confidence_sequences import (
    ASYMPTOTIC_N_MIN,
    betting_sequence,
    boundary,
    difference_sequence,
    mean_sequence,
    mixture_rho,
)
from groundcrew.stats.e_values import (
    beta_binomial_e_value,
    beta_binomial_interval,
    log_beta_binomial,
    split_e_value,
)
from groundcrew.stats.intervals import clopper_pearson, wilson
from groundcrew.stats.moments import moments, proportion_moments


@given(st.lists(st.floats(0, 1), max_size=60))
def test_betting_stays_in_range_and_one_value_proves_nothing(values: list[float]) -> None:
    interval = betting_sequence(values)
    assert interval.lower is not None
    assert interval.upper is not None
    assert 0 <= interval.lower <= interval.upper <= 1
    if len(values) <= 1:  # the first stake is at most √(8·log 40/log 2) = 6.5, so the capital stays below 40
        assert (interval.lower, interval.upper) == (0, 1)


def test_betting_only_tightens_as_values_arrive() -> None:
    values = np.random.default_rng(3).beta(4, 2, 1500)
    previous = (0.0, 1.0)
    for n in (10, 100, 511, 512, 513, 1024, 1500):
        interval = betting_sequence(values[:n])
        assert previous[0] <= interval.lower  # type: ignore[operator]
        assert interval.upper <= previous[1]  # type: ignore[operator]
        previous = (interval.lower, interval.upper)  # type: ignore[assignment]
    assert previous[0] < values.mean() < previous[1]


def test_betting_is_equivariant_to_the_scale() -> None:
    values = np.random.default_rng(4).uniform(0, 1, 300)
    plain, stars = betting_sequence(values), betting_sequence(1 + 4 * values, minimum=1, maximum=5)
    assert stars.lower == pytest.approx(1 + 4 * plain.lower)  # type: ignore[operator]
    assert stars.upper == pytest.approx(1 + 4 * plain.upper)  # type: ignore[operator]


def test_betting_covers_at_every_look() -> None:
    rng = np.random.default_rng(5)
    # The intersection over time is what is returned, so covering at the end means having covered at every look.
    hits = sum(
        interval.lower <= 0.9 <= interval.upper  # type: ignore[operator]
        for interval in (betting_sequence(rng.binomial(1, 0.9, 300).astype(float)) for _ in range(150))
    )
    assert hits / 150 >= 0.95


@pytest.mark.parametrize("values", [[1.2], [-0.1], [float("nan")], [0.5, float("inf")]])
def test_betting_refuses_values_outside_the_range(values: list[float]) -> None:
    with pytest.raises(InputError):
        betting_sequence(values)


def test_few_values_and_no_spread_are_unknown() -> None:
    few, flat = moments([1.0, 2.0] * 5), moments([3.0] * 500)
    enough = moments([1.0, 2.0] * ASYMPTOTIC_N_MIN)
    assert mean_sequence(few, 100).lower is None
    assert mean_sequence(flat, 100).lower is None
    assert difference_sequence(few, enough, 100).lower is None
    assert difference_sequence(flat, flat, 100).lower is None
    assert difference_sequence(moments([]), enough, 100).estimate is None


def test_a_sequence_is_wider_than_the_interval_at_one_look() -> None:
    sample = moments(np.random.default_rng(6).normal(0, 1, 400))
    sequence = mean_sequence(sample, 400)
    assert sequence.upper - sample.mean > 1.96 * sample.standard_error  # type: ignore[operator]


def test_one_sided_boundary_is_lower_than_the_two_sided_one() -> None:
    assert boundary(500, mixture_rho(0.05, 500, 1), 0.05, 1) < boundary(500, mixture_rho(0.05, 500), 0.05)


def test_difference_of_arms_rarely_leaves_the_sequence_when_nothing_differs() -> None:
    rng = np.random.default_rng(8)
    runs, looks = 400, range(40, 1001, 40)
    false_alarms = 0
    for _ in range(runs):
        treatment, control = rng.exponential(1, 500), rng.exponential(1, 500)
        for look in looks:
            interval = difference_sequence(moments(treatment[: look // 2]), moments(control[: look // 2]), 1000)
            if interval.lower is not None and not interval.lower <= 0 <= interval.upper:  # type: ignore[operator]
                false_alarms += 1
                break
    assert false_alarms / runs <= 0.05


@given(st.integers(0, 300), st.integers(0, 300))
def test_beta_binomial_interval_contains_the_rate_and_the_exact_interval(a: int, b: int) -> None:
    interval = beta_binomial_interval(a, a + b)
    assert 0 <= interval.lower <= interval.upper <= 1  # type: ignore[operator]
    exact = clopper_pearson(a, a + b)
    assert interval.lower <= exact.lower + 1e-9  # type: ignore[operator]
    assert exact.upper <= interval.upper + 1e-9  # type: ignore[operator]


def test_e_value_is_a_fair_bet_under_the_null() -> None:
    n = 12
    weights = np.array([np.exp(-log_beta_binomial(k, n, 0.3)) for k in range(n + 1)])
    assert (weights > 0).all()
    # Summed over all sequences, the expected e-value under the null is one.
    from scipy.stats import binom

    expected = sum(binom.pmf(k, n, 0.3) * beta_binomial_e_value(k, n, 0.3) for k in range(n + 1))
    assert expected == pytest.approx(1.0)


def test_e_value_crosses_rarely_at_any_look() -> None:
    draws = np.random.default_rng(9).random((600, 500)) < 0.2
    successes = np.cumsum(draws, axis=1)
    crossed = 0
    for run in successes:
        crossed += any(log_beta_binomial(int(run[n - 1]), n, 0.2) >= np.log(20) for n in range(5, 501, 5))
    assert crossed / 600 <= 0.05


def test_e_value_at_the_edges() -> None:
    assert beta_binomial_e_value(0, 0, 0.5) == 1
    assert beta_binomial_e_value(1, 10, 0.0) == float("inf")
    assert beta_binomial_e_value(100_000, 100_000, 0.5) == float("inf")
    nothing = beta_binomial_interval(0, 0)
    assert (nothing.estimate, nothing.lower, nothing.upper) == (None, 0, 1)
    for bad in ({"null": 1.5}, {"null": 0.5, "prior": (0.0, 1.0)}):
        with pytest.raises(InputError):
            log_beta_binomial(1, 2, **bad)  # type: ignore[arg-type]


def test_prior_near_zero_proves_a_rare_harm_rare_sooner() -> None:
    assert beta_binomial_interval(0, 480, side="upper", prior=(1, 100)).upper < 0.01  # type: ignore[operator]
    assert beta_binomial_interval(0, 480, side="upper").upper > 0.01  # type: ignore[operator]
    assert wilson(0, 480).lower == 0


def test_sequential_sample_ratio() -> None:
    assert split_e_value(1000, 1200, 0.5) > 1000
    assert split_e_value(1000, 1020, 0.5) < 20
    assert split_e_value(0, 0, 0.5) == 1


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3])
def test_early_looks_at_rare_events_do_not_prove_non_inferiority(rate: float) -> None:
    """The treatment is worse by exactly the margin: one-sided, at most α of the runs may ever say that it is not."""
    rng, runs, n, margin = np.random.default_rng(12), 400, 400, 0.05
    treatment = np.cumsum(rng.random((runs, n)) < rate + margin, axis=1)
    control = np.cumsum(rng.random((runs, n)) < rate, axis=1)
    passed = 0
    for run in range(runs):
        for look in range(ASYMPTOTIC_N_MIN, n + 1, 10):
            arms = [proportion_moments(int(arm[run, look - 1]), look) for arm in (treatment, control)]
            interval = difference_sequence(*arms, 2 * n, alpha=0.05, sides=1)
            if interval.upper is not None and interval.upper < margin:
                passed += 1
                break
    assert passed / runs <= 0.05
