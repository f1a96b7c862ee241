"""Tests on raw values, agreement of raters, design effects and cluster-robust differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from groundcrew.errors import InputError
from groundcrew.stats.agreement import cohen_kappa, krippendorff_alpha
from groundcrew.stats.cluster import cluster_difference
from groundcrew.stats.design_effect import design_effect, intraclass_correlation
from groundcrew.stats.intervals import welch
from groundcrew.stats.moments import moments
from groundcrew.stats.significance import brunner_munzel, equal_rates_p_value, sample_ratio_mismatch

stars = st.lists(st.integers(1, 5), min_size=2, max_size=40)


@given(stars, stars)
def test_brunner_munzel_agrees_with_scipy(a: list[int], b: list[int]) -> None:
    ours = brunner_munzel(a, b)
    assert ours.interval.estimate is not None
    assert 0 <= ours.interval.estimate <= 1
    if ours.p_value is not None:
        reference = scipy_stats.brunnermunzel(a, b)
        assert ours.statistic == pytest.approx(-reference.statistic, abs=1e-9)
        assert ours.p_value == pytest.approx(reference.pvalue, abs=1e-9)


def test_arms_without_overlap_or_values_stay_unknown() -> None:
    apart = brunner_munzel([5, 5, 5], [1, 2, 1])
    assert (apart.interval.estimate, apart.p_value, apart.interval.lower) == (1.0, None, None)
    assert brunner_munzel([], [1, 2]).interval.estimate is None


def test_sample_ratio_of_any_number_of_arms() -> None:
    assert sample_ratio_mismatch([0, 0]) is None
    assert sample_ratio_mismatch([500, 500]) == 1
    assert sample_ratio_mismatch([100, 900], [0.1, 0.9]) == 1
    expected = scipy_stats.chisquare([30, 40, 50]).pvalue
    assert sample_ratio_mismatch([30, 40, 50]) == pytest.approx(expected)
    for bad in (([5], None), ([5, -1], None), ([5, 5], [1.0, 0.0]), ([5, 5], [1.0])):
        with pytest.raises(InputError):
            sample_ratio_mismatch(*bad)


def test_equal_rates() -> None:
    table = [[40, 60], [55, 45]]
    expected = scipy_stats.chi2_contingency(table, correction=False).pvalue
    assert equal_rates_p_value(40, 100, 55, 100) == pytest.approx(expected)
    assert equal_rates_p_value(0, 0, 5, 10) is None
    assert equal_rates_p_value(10, 10, 20, 20) == 1


def test_kappa_at_its_edges() -> None:
    assert cohen_kappa([[5, 0], [0, 5]]) == 1
    assert cohen_kappa([[0, 0], [0, 0]]) is None
    assert cohen_kappa([[9, 0], [0, 0]]) is None
    with pytest.raises(InputError):
        cohen_kappa([[1, 2, 3], [4, 5, 6]])


def test_krippendorff_alpha_on_his_example() -> None:
    # The four-observer example of Krippendorff's "Computing Krippendorff's Alpha-Reliability" (2011), gaps as None.
    observers: list[list[float | None]] = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    items = [list(column) for column in zip(*observers, strict=True)]
    assert krippendorff_alpha(items, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(items, "ordinal") == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(items, "interval") == pytest.approx(0.849, abs=5e-4)
    assert krippendorff_alpha([[1, 1], [1, None]]) is None


def test_design_effect_and_icc() -> None:
    assert design_effect(1, 0.3) == 1
    for bad in ((0.5, 0.1), (10, 1.1), (10, -0.1), (float("nan"), 0.1)):
        with pytest.raises(InputError):
            design_effect(*bad)
    rng = np.random.default_rng(2)
    groups = [list(rng.normal(shift, 1, 40)) for shift in rng.normal(0, 0.5, 300)]
    assert intraclass_correlation(groups) == pytest.approx(0.2, abs=0.03)
    assert intraclass_correlation([[1.0], [2.0]]) is None
    assert intraclass_correlation([[1.0, 1.0], [1.0, 1.0]]) is None


def test_clusters_of_one_case_are_about_welch() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, 400)
    treated = np.arange(400) % 2 == 0
    result = cluster_difference(values, treated, [str(index) for index in range(400)])
    plain = welch(moments(values[treated]), moments(values[~treated])).interval
    assert result.estimate == pytest.approx(plain.estimate)
    assert result.half_width(0.025) == pytest.approx((plain.upper - plain.lower) / 2, rel=0.01)  # type: ignore[operator]


def test_clusters_assigned_whole_widen_the_interval_to_its_coverage() -> None:
    rng = np.random.default_rng(4)
    runs, clusters, size = 600, 20, 30
    hits = naive_hits = 0
    names = [f"c{index:02d}" for index in range(clusters) for _ in range(size)]
    treated = np.repeat(np.arange(clusters) % 2 == 0, size)
    for _ in range(runs):
        values = np.repeat(rng.normal(0, 0.5, clusters), size) + rng.normal(0, 1, clusters * size)
        result = cluster_difference(values, treated, names)
        hits += abs(result.estimate) <= result.half_width(0.025)  # type: ignore[arg-type, operator]
        plain = welch(moments(values[treated]), moments(values[~treated])).interval
        naive_hits += plain.lower <= 0 <= plain.upper  # type: ignore[operator]
    assert hits / runs == pytest.approx(0.95, abs=0.025)
    assert naive_hits / runs < 0.75


def test_few_clusters_one_arm_or_no_spread_stay_unknown() -> None:
    assert cluster_difference([1, 2, 3, 4], [True, True, False, False], ["a", "a", "b", "b"]).standard_error is None
    assert cluster_difference([1, 2], [True, True], ["a", "b"]).estimate is None
    flat = cluster_difference([1.0] * 8, [True] * 4 + [False] * 4, list("abcdefgh"))
    assert flat.standard_error is None
    assert flat.half_width(0.05) is None
    with pytest.raises(InputError):
        cluster_difference([1, 2], [True], ["a", "b"])
