"""Intervals contain their estimate, tighten with n, cover as often as they say, and say so when they know nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from groundcrew.errors import InputError
from groundcrew.stats.intervals import (
    Interval,
    clopper_pearson,
    clopper_pearson_upper,
    mean_t,
    newcombe,
    share_at_least,
    welch,
    wilson,
)
from groundcrew.stats.moments import moments

counts = st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
samples = st.lists(st.floats(-1e6, 1e6), max_size=30)


def contains(interval: Interval) -> bool:
    if interval.estimate is None:
        return True
    below = interval.lower is None or interval.lower <= interval.estimate
    return below and (interval.upper is None or interval.estimate <= interval.upper)


@given(counts, st.sampled_from([0.8, 0.95, 0.999]), st.sampled_from(["two-sided", "lower", "upper"]))
def test_proportions_stay_in_range_and_contain_their_estimate(count: tuple[int, int], level: float, side: str) -> None:
    for method in (wilson, clopper_pearson):
        interval = method(*count, level, side)  # type: ignore[arg-type]
        assert interval.lower is not None
        assert interval.upper is not None
        assert 0 <= interval.lower <= interval.upper <= 1
        assert contains(interval)


@given(st.integers(0, 50), st.integers(1, 50), st.integers(2, 9))
def test_the_same_rate_over_more_cases_is_tighter(successes: int, n: int, factor: int) -> None:
    successes = min(successes, n)
    for method in (wilson, clopper_pearson):
        small, large = method(successes, n), method(successes * factor, n * factor)
        assert small.lower <= large.lower + 1e-12  # type: ignore[operator]
        assert large.upper <= small.upper + 1e-12  # type: ignore[operator]


@given(counts, counts)
def test_difference_is_antisymmetric_and_contains_its_estimate(a: tuple[int, int], b: tuple[int, int]) -> None:
    forward, backward = newcombe(*a, *b), newcombe(*b, *a)
    assert forward.lower == pytest.approx(-backward.upper, abs=1e-12)  # type: ignore[operator]
    assert contains(forward)
    assert -1 <= forward.lower <= forward.upper <= 1  # type: ignore[operator]


@given(samples, samples)
def test_means_contain_their_estimate_and_are_never_nan(a: list[float], b: list[float]) -> None:
    for interval in (mean_t(moments(a)), welch(moments(a), moments(b)).interval):
        assert contains(interval)
        for figure in (interval.estimate, interval.lower, interval.upper):
            assert figure is None or np.isfinite(figure)


def test_nothing_observed_is_unknown_over_the_whole_range() -> None:
    assert wilson(0, 0) == Interval(estimate=None, lower=0, upper=1, n=0, method="wilson", confidence=0.95)
    assert clopper_pearson_upper(0, 0).upper == 1
    nothing = newcombe(0, 0, 5, 10)
    assert nothing.estimate is None
    assert nothing.upper == pytest.approx(1 - wilson(5, 10).lower)  # type: ignore[operator]
    assert mean_t(moments([])).estimate is None
    one = mean_t(moments([3.0]))
    assert (one.estimate, one.lower, one.upper) == (3.0, None, None)
    assert share_at_least([], 4).estimate is None


def test_a_sample_without_spread_gets_no_interval_of_width_zero() -> None:
    assert mean_t(moments([4.0] * 50)).lower is None
    result = welch(moments([4.0] * 50), moments([4.0] * 50))
    assert (result.interval.lower, result.p_value) == (None, None)


@pytest.mark.parametrize("bad", [(-1, 5), (6, 5), (0, -1), (1.5, 5)])
def test_impossible_counts_are_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(InputError):
        wilson(*bad)
    with pytest.raises(InputError):
        clopper_pearson_upper(*bad)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5, float("nan")])
def test_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(InputError, match="confidence"):
        wilson(1, 2, confidence)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="finite"):
        moments([1.0, value])


def test_against_statsmodels_and_scipy() -> None:
    interval = clopper_pearson(7, 40)
    assert (interval.lower, interval.upper) == pytest.approx(proportion_confint(7, 40, method="beta"))
    interval = newcombe(7, 40, 12, 50)
    expected = confint_proportions_2indep(7, 40, 12, 50, method="newcomb", compare="diff")
    assert (interval.lower, interval.upper) == pytest.approx(expected)
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 30), rng.normal(0.3, 2, 45)
    reference = scipy_stats.ttest_ind(a, b, equal_var=False)
    ours = welch(moments(a), moments(b))
    assert ours.p_value == pytest.approx(reference.pvalue)
    low, high = reference.confidence_interval()
    assert (ours.interval.lower, ours.interval.upper) == pytest.approx((low, high))
    single = scipy_stats.ttest_1samp(a, 0).confidence_interval()
    assert (mean_t(moments(a)).lower, mean_t(moments(a)).upper) == pytest.approx((single.low, single.high))


def test_coverage_by_simulation() -> None:
    rng = np.random.default_rng(7)
    runs, n, rate = 2000, 60, 0.1
    wilson_hits = exact_hits = newcombe_hits = welch_hits = 0
    for a, b in zip(rng.binomial(n, rate, runs), rng.binomial(n, rate + 0.1, runs), strict=True):
        score, exact, difference = wilson(int(a), n), clopper_pearson(int(a), n), newcombe(int(b), n, int(a), n)
        wilson_hits += score.lower <= rate <= score.upper  # type: ignore[operator]
        exact_hits += exact.lower <= rate <= exact.upper  # type: ignore[operator]
        newcombe_hits += difference.lower <= 0.1 <= difference.upper  # type: ignore[operator]
    for _ in range(runs):
        interval = welch(moments(rng.normal(1, 3, 12)), moments(rng.normal(0, 1, 25))).interval
        welch_hits += interval.lower <= 1 <= interval.upper  # type: ignore[operator]
    assert wilson_hits / runs == pytest.approx(0.95, abs=0.025)
    assert exact_hits / runs >= 0.945
    assert newcombe_hits / runs == pytest.approx(0.95, abs=0.02)
    assert welch_hits / runs == pytest.approx(0.95, abs=0.015)
