"""Covariates, clusters, ratios, wedges and resampling: each takes out what it should, and refuses what it cannot know."""

from __future__ import annotations

import numpy as np
import pytest

from groundcrew.errors import InputError
from groundcrew.stats.bootstrap import BOOTSTRAP_N_MAX, bootstrap_difference
from groundcrew.stats.cluster import cluster_difference
from groundcrew.stats.cuped import adjusted_values, usable_covariate
from groundcrew.stats.design_effect import design_effect, measured_clusters
from groundcrew.stats.intervals import welch
from groundcrew.stats.moments import moments
from groundcrew.stats.stepped_wedge import STEPS_MAX, stepped_wedge_difference, wedge


def arms(rng: np.random.Generator, n: int) -> np.ndarray:  # type: ignore[type-arg]
    return rng.random(n) < 0.5


def test_a_covariate_narrows_by_what_it_explains_and_shifts_nothing_on_average() -> None:
    rng = np.random.default_rng(51)
    estimates, plain_estimates = [], []
    for _ in range(200):
        treated, before = arms(rng, 300), rng.normal(0, 1, 300)
        values = 0.8 * before + 0.6 * rng.normal(0, 1, 300) + 0.5 * treated
        adjusted, correlation = adjusted_values(values, before, treated)
        assert 0.7 < correlation < 0.88
        estimates.append(adjusted[treated].mean() - adjusted[~treated].mean())
        plain_estimates.append(values[treated].mean() - values[~treated].mean())
    assert np.mean(estimates) == pytest.approx(0.5, abs=0.02)
    assert np.var(estimates) / np.var(plain_estimates) == pytest.approx(1 - 0.8**2, abs=0.12)


def test_a_unit_without_a_covariate_stays_in() -> None:
    rng = np.random.default_rng(52)
    treated, before = arms(rng, 400), rng.normal(5, 1, 400)
    gaps = rng.random(400) < 0.3
    found = usable_covariate(np.where(gaps, np.nan, before), treated)
    assert found.values is not None
    assert found.covered == 400 - gaps.sum()
    assert found.values[gaps] == pytest.approx(np.full(gaps.sum(), before[~gaps].mean()))


@pytest.mark.parametrize(
    ("covariate", "says"),
    [
        (lambda rng, treated: np.where(rng.random(treated.size) < 0.7, np.nan, 1 + treated), "only"),
        (lambda rng, treated: np.where(treated & (rng.random(treated.size) < 0.4), np.nan, rng.normal(size=treated.size)),
         "missing unequally"),
        (lambda rng, treated: rng.normal(size=treated.size) + treated, "differs between the arms"),
        (lambda rng, treated: np.ones(treated.size), "does not vary"),
    ],
)  # fmt: skip
def test_a_covariate_that_is_not_from_before_is_refused(covariate, says: str) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(53)
    treated = arms(rng, 600)
    found = usable_covariate(covariate(rng, treated), treated)
    assert found.values is None
    assert says in found.refusal


def test_nothing_to_adjust_leaves_the_values() -> None:
    values, treated = np.array([1.0, 2.0, 3.0]), np.array([True, False, True])
    assert adjusted_values(values, np.ones(3), treated) == (pytest.approx(values), 0.0)


def test_a_ratio_is_the_sum_over_the_sum() -> None:
    rng = np.random.default_rng(54)
    cases = rng.integers(1, 6, 300).astype(float)
    treated = arms(rng, 300)
    cost = cases * rng.gamma(4, 0.5, 300)
    found = cluster_difference(cost, treated, np.arange(300), cases)
    expected = cost[treated].sum() / cases[treated].sum() - cost[~treated].sum() / cases[~treated].sum()
    assert found.estimate == pytest.approx(expected)
    # One case each is the plain difference of means.
    plain = cluster_difference(cost, treated, np.arange(300))
    assert cluster_difference(cost, treated, np.arange(300), np.ones(300)) == plain
    assert cluster_difference(cost, treated, np.arange(300), np.where(treated, 0.0, 1.0)).estimate is None
    with pytest.raises(InputError):
        cluster_difference(cost, treated, np.arange(300), cases[:10])


def test_a_covariate_in_clusters_is_that_of_single_cases_where_clusters_are_single() -> None:
    rng = np.random.default_rng(55)
    treated, before = arms(rng, 500), rng.normal(0, 1, 500)
    values = before + rng.normal(0, 0.5, 500) + 0.3 * treated
    found = cluster_difference(values, treated, np.arange(500), None, before)
    adjusted, _ = adjusted_values(values, before, treated)
    single = welch(moments(adjusted[treated]), moments(adjusted[~treated])).interval
    assert found.estimate == pytest.approx(single.estimate, abs=0.01)
    assert 2 * found.half_width(0.025) == pytest.approx(single.upper - single.lower, rel=0.02)  # type: ignore[operator]


def test_the_measured_design_effect_is_that_of_the_data() -> None:
    rng = np.random.default_rng(56)
    cluster = np.repeat(np.arange(200), 50)
    values = rng.normal(0, np.sqrt(0.05), 200)[cluster] + rng.normal(0, np.sqrt(0.95), cluster.size)
    found = measured_clusters(values, cluster)
    assert (found.clusters, found.typical_size) == (200, 50)
    assert found.icc == pytest.approx(0.05, abs=0.015)
    assert found.design_effect == pytest.approx(3.45, abs=0.8)
    assert found.design_effect == pytest.approx(design_effect(50, found.icc))  # type: ignore[arg-type]
    alone = measured_clusters(values[:5], np.arange(5))
    assert (alone.icc, alone.design_effect) == (None, None)


def staircase(rng: np.random.Generator, clusters: int = 12, days: int = 24) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    cluster, day = (grid.repeat(5) for grid in (np.repeat(np.arange(clusters), days), np.tile(np.arange(days), clusters)))
    treated = day >= 4 + 5 * (cluster % 4)
    values = rng.normal(0, 1, clusters)[cluster] - 0.2 * day + 1.0 * treated + rng.normal(0, 1, day.size)
    return values, treated, cluster, day


def test_a_stepped_wedge_takes_out_clusters_and_time() -> None:
    found = stepped_wedge_difference(*staircase(np.random.default_rng(57)))
    assert found.estimate == pytest.approx(1.0, abs=3 * found.standard_error)  # type: ignore[operator]
    assert found.standard_error < 0.3  # type: ignore[operator]
    values, treated, _, _ = staircase(np.random.default_rng(57))
    assert values[treated].mean() - values[~treated].mean() < 0  # what a plain comparison would have said


def test_a_wedge_without_steps_or_clusters_is_unknown() -> None:
    values, treated, cluster, day = staircase(np.random.default_rng(58))
    assert wedge(treated, cluster, day).steps == (4, 9, 14, 19)
    assert wedge(treated, cluster, day).returning == 0
    assert wedge(~treated, cluster, day).returning == 12
    at_once = day >= 10
    assert stepped_wedge_difference(values, at_once, cluster, day).estimate is None
    two = cluster < 2
    assert stepped_wedge_difference(values[two], treated[two], cluster[two], day[two]).estimate is None
    assert stepped_wedge_difference(values[:0], treated[:0], cluster[:0], day[:0]).estimate is None
    many = STEPS_MAX + 1
    with pytest.raises(InputError):
        stepped_wedge_difference(np.zeros(2 * many), np.arange(2 * many) % 2 == 1, np.arange(2 * many) // 2, np.arange(2 * many))


def test_resampling_agrees_with_welch_where_values_are_many_and_well_behaved() -> None:
    rng = np.random.default_rng(59)
    treatment, control = rng.normal(1, 1, 400), rng.normal(0, 2, 300)
    found, fixed = bootstrap_difference(treatment, control), welch(moments(treatment), moments(control)).interval
    assert (found.lower, found.upper) == pytest.approx((fixed.lower, fixed.upper), abs=0.03)
    assert bootstrap_difference(treatment, control) == found
    assert bootstrap_difference([1.0], control).lower is None
    assert bootstrap_difference([2.0] * 9, [2.0] * 9).lower is None
    assert bootstrap_difference(np.zeros(BOOTSTRAP_N_MAX + 1) + rng.normal(size=BOOTSTRAP_N_MAX + 1), control).lower is None
