"""The boundary that knows its n: hardly above one look at that n, never silent past it, exact where values are bounded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.stats import planned_sequences as sequences
from groundcrew.stats.betting_difference import BETTING_DIFFERENCE_N_MAX, betting_difference
from groundcrew.stats.cluster import cluster_difference
from groundcrew.stats.confidence_sequences import boundary, mixture_rho
from groundcrew.stats.intervals import Interval, newcombe
from groundcrew.stats.moments import moments
from groundcrew.stats.sequential_boundary import horizon_boundary, planned_boundary, planned_drift, student

bits = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=60)


def test_at_the_planned_n_it_is_little_above_one_look() -> None:
    assert planned_boundary(400, 400, 0.05) == pytest.approx(2.2825, abs=1e-3)
    assert planned_boundary(400, 400, 0.05, 1) == pytest.approx(2.0047, abs=1e-3)
    assert horizon_boundary(0.25, 0.05) == pytest.approx(2 * horizon_boundary(1.0, 0.05))
    assert horizon_boundary(1.01, 0.05) == math.inf
    assert 2.8 < planned_drift(0.05, 0.8) < 2.8016 * 1.15**0.5
    for bad in (0.0, -1.0):
        with pytest.raises(InputError):
            horizon_boundary(bad, 0.05)
    with pytest.raises(InputError):
        planned_boundary(10, 20, 0.6)


def test_early_and_past_the_plan_the_mixture_holds() -> None:
    for n in (5, 20, 401, 4000, 10**6):
        each = 0.05 * 0.1 / 2
        assert planned_boundary(n, 400, 0.05) == pytest.approx(boundary(n, mixture_rho(each, 100, 1), each, 1))
    assert planned_boundary(500, None, 0.05) < planned_boundary(500, 400, 0.05)


def test_a_reflected_walk_reaches_the_horizon_as_often_as_promised() -> None:
    rng = np.random.default_rng(41)
    walk = np.cumsum(rng.standard_normal((4000, 1000), dtype=np.float32), axis=1) / math.sqrt(1000)
    reached = (np.abs(walk) >= horizon_boundary(1.0, 0.05)).any(axis=1).mean()
    assert 0.035 < reached < 0.055


def test_the_tail_is_carried_over_to_few_degrees_of_freedom() -> None:
    assert student(1.959964, 1e9) == pytest.approx(1.959964, abs=1e-5)
    assert student(1.959964, 5) == pytest.approx(2.5706, abs=1e-4)
    assert student(60.0, 5) == math.inf
    assert student(2.0, 0) == math.inf


@given(bits, st.floats(0.1, 0.9))
def test_bets_stay_in_range_and_few_values_prove_nothing(found: list[tuple[bool, float]], split: float) -> None:
    treated = np.array([each[0] for each in found], dtype=np.bool_)
    lower, upper = betting_difference(np.array([each[1] for each in found], dtype=float), treated, split, 0.025)
    assert -1 <= lower <= upper <= 1
    if not found:
        assert (lower, upper) == (-1, 1)


def test_bets_find_a_clear_difference_in_a_few_dozen_cases_and_mirror() -> None:
    rng = np.random.default_rng(42)
    treated = rng.random(200) < 0.5
    values = (rng.random(200) < np.where(treated, 0.9, 0.1)).astype(float)
    lower, upper = betting_difference(values, treated, 0.5, 0.025)
    assert 0 < lower < 0.8 < upper
    mirrored = betting_difference(values, ~treated, 0.5, 0.025)
    assert mirrored == pytest.approx((-upper, -lower), abs=1e-4)
    early = betting_difference(values[:60], treated[:60], 0.5, 0.025)
    assert 0 < early[0] <= lower


def test_bets_are_valid_at_the_smallest_n_and_unequal_splits() -> None:
    rng, hits, runs = np.random.default_rng(43), 0, 300
    for _ in range(runs):
        treated = rng.random(80) < 0.2
        values = (rng.random(80) < np.where(treated, 0.03, 0.03)).astype(float)
        lower, upper = betting_difference(values, treated, 0.2, 0.025)
        hits += lower <= 0 <= upper
    assert hits / runs >= 0.95


def test_bets_refuse_what_they_cannot_hold_for_and_stop_at_their_limit() -> None:
    with pytest.raises(InputError):
        betting_difference(np.array([1.2]), np.array([True]), 0.5, 0.05)
    with pytest.raises(InputError):
        betting_difference(np.array([1.0]), np.array([True]), 1.0, 0.05)
    rng = np.random.default_rng(44)
    n = BETTING_DIFFERENCE_N_MAX
    treated, values = rng.random(n + 50) < 0.5, rng.random(n + 50)
    assert betting_difference(values, treated, 0.5, 0.025) == betting_difference(values[:n], treated[:n], 0.5, 0.025)


def test_proportions_are_known_at_any_n_and_tighten_at_the_plan() -> None:
    rng = np.random.default_rng(45)
    treated = rng.random(1000) < 0.5
    values = (rng.random(1000) < np.where(treated, 0.3, 0.2)).astype(float)
    tiny = sequences.randomized_proportion_difference(values[:3], treated[:3], 0.5, 1000, 0.05)
    assert tiny.lower is not None
    assert -1 <= tiny.lower <= tiny.upper <= 1  # type: ignore[operator]
    whole = sequences.randomized_proportion_difference(values, treated, 0.5, 1000, 0.05)
    counts = [(int(values[arm].sum()), int(arm.sum())) for arm in (treated, ~treated)]
    fixed = newcombe(*counts[0], *counts[1])
    ratio = (whole.upper - whole.lower) / (fixed.upper - fixed.lower)  # type: ignore[operator]
    assert 1.1 < ratio < 1.2
    nothing = sequences.randomized_proportion_difference(values[:0], treated[:0], 0.5, 1000, 0.05)
    assert (nothing.estimate, nothing.lower, nothing.upper) == (None, -1, 1)
    unplanned = sequences.randomized_proportion_difference(values, treated, 0.5, None, 0.05)
    assert unplanned.lower < whole.lower  # type: ignore[operator]
    apart = sequences.planned_proportion_difference(counts[0], counts[1], 1000, 0.05)
    assert apart.upper == pytest.approx(whole.upper, abs=0.01)


def test_bounded_means_are_on_their_own_scale() -> None:
    rng = np.random.default_rng(46)
    treated = rng.random(600) < 0.5
    stars = rng.integers(1, 6, 600).astype(float)
    low = sequences.randomized_bounded_difference(stars[:10], treated[:10], (1, 5), 0.5, 600, 0.05)
    assert -4 <= low.lower < -2 < 2 < low.upper <= 4  # type: ignore[operator]
    whole = sequences.randomized_bounded_difference(stars, treated, (1, 5), 0.5, 600, 0.05)
    assert -0.5 < whole.lower < whole.upper < 0.5  # type: ignore[operator]
    scaled = sequences.randomized_bounded_difference(10 * stars, treated, (10, 50), 0.5, 600, 0.05)
    assert (scaled.lower, scaled.upper) == pytest.approx((10 * whole.lower, 10 * whole.upper))  # type: ignore[operator]


def test_few_or_flat_values_stay_unknown() -> None:
    few, enough, flat = moments([1.0, 2.0] * 5), moments([1.0, 2.0] * 30), moments([3.0] * 50)
    assert sequences.planned_mean_difference(few, enough, 100, 0.05).lower is None
    assert sequences.planned_mean_difference(flat, flat, 100, 0.05).lower is None
    assert sequences.planned_mean_difference(enough, moments([]), 100, 0.05).estimate is None
    robust = cluster_difference([1.0, 2.0, 3.0, 5.0] * 5, [True, True, False, False] * 5, np.arange(20))
    assert sequences.planned_robust_difference(robust, 20, 100, 0.05).lower is None
    assert sequences.planned_robust_difference(robust, 40, 100, 0.05).lower is not None


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 5), st.floats(0, 5))
def test_an_intersection_never_loses_its_estimate(estimate: float, shift: float, below: float, above: float) -> None:
    interval = Interval(estimate=estimate, lower=estimate - 2, upper=estimate + 2, n=9, method="x", confidence=0.95)
    cut = sequences.intersection(interval, estimate + shift - below, estimate + shift + above)
    assert interval.lower <= cut.lower <= estimate <= cut.upper <= interval.upper  # type: ignore[operator]
    assert sequences.intersection(interval, None, None) == interval
