"""Every row of the design's table of reference values, to the digits that it gives."""

from __future__ import annotations

import numpy as np
import pytest

from groundcrew.stats import agreement, e_values, intervals, sample_size, significance
from groundcrew.stats.confidence_sequences import betting_sequence, boundary, mixture_rho, normal_mixture_half_width
from groundcrew.stats.cuped import adjusted_values
from groundcrew.stats.design_effect import design_effect

PEEKING_RUNS, PEEKING_N, PEEKING_FIRST = 4000, 1000, 20


def bounds(interval: intervals.Interval) -> tuple[float | None, float | None]:
    return interval.lower, interval.upper


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson(successes: int, n: int, lower: float, upper: float) -> None:
    assert bounds(intervals.wilson(successes, n)) == pytest.approx((lower, upper), abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "lower", "upper"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((0, 10, 0, 20), -0.1611, 0.2775)],
)
def test_newcombe(counts: tuple[int, int, int, int], lower: float, upper: float) -> None:
    assert bounds(intervals.newcombe(*counts)) == pytest.approx((lower, upper), abs=5e-5)


@pytest.mark.parametrize(("size", "n"), [(0.2, 393.41), (0.5, 63.77), (0.8, 25.52)])
def test_t_test_size(size: float, n: float) -> None:
    assert sample_size.means(size, 1.0) == pytest.approx(n, abs=5e-3)


@pytest.mark.parametrize(("mde", "n"), [(3, 142.25), (1.5, 566.08)])
def test_handle_time_size(mde: float, n: float) -> None:
    assert sample_size.means(mde, 9.0) == pytest.approx(n, abs=5e-3)


def test_proportion_size() -> None:
    assert sample_size.proportions(0.20, 0.25) == pytest.approx(1030.2, abs=0.05)


def test_non_inferiority_size() -> None:
    assert sample_size.round_up(sample_size.non_inferiority_proportions(0.9, 0.1, alpha=0.05, power=0.9)) == 155


@pytest.mark.parametrize(("guardrails", "n"), [(0, 1570), (1, 2102), (3, 2599)])
def test_size_with_guardrails(guardrails: int, n: int) -> None:
    power = sample_size.guardrail_power(0.8, guardrails)
    assert sample_size.round_up(sample_size.means_normal(0.1, 1.0, power=power)) == n


@pytest.mark.parametrize(
    ("treatment", "lower", "upper", "passes"), [(890, -0.0326, 0.0126, True), (850, -0.0743, -0.0257, False)]
)
def test_non_inferiority_margin(treatment: int, lower: float, upper: float, passes: bool) -> None:
    interval = intervals.newcombe(treatment, 1000, 900, 1000, confidence=0.9)
    assert bounds(interval) == pytest.approx((lower, upper), abs=5e-5)
    assert interval.lower is not None
    assert (interval.lower > -0.05) is passes


@pytest.mark.parametrize(("successes", "lower", "passes"), [(800, 0.7784, False), (830, 0.8096, True)])
def test_automation_bound(successes: int, lower: float, passes: bool) -> None:
    interval = intervals.wilson(successes, 1000, side="lower")
    assert interval.lower == pytest.approx(lower, abs=5e-5)
    assert interval.lower is not None
    assert (interval.lower >= 0.8) is passes


def test_zero_failures() -> None:
    assert intervals.clopper_pearson_upper(0, 299).upper == pytest.approx(0.00997, abs=5e-6)
    assert sample_size.round_up(sample_size.zero_failures(0.01)) == 299


def test_welch_on_sleep_data() -> None:
    # Extra hours of sleep under two drugs, ten patients (Cushny & Peebles 1905; R's data set `sleep`).
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    result = significance.welch_test(first, second)
    assert result.t == pytest.approx(-1.8608, abs=5e-5)
    assert result.df == pytest.approx(17.776, abs=5e-4)
    assert result.p_value == pytest.approx(0.07939, abs=5e-6)


@pytest.mark.parametrize(("counts", "p_value"), [((821588, 815482), 1.82e-6), ((1000, 1200), 2.008e-5)])
def test_sample_ratio_mismatch(counts: tuple[int, int], p_value: float) -> None:
    found = significance.sample_ratio_mismatch(counts)
    assert found == pytest.approx(p_value, rel=2e-3)
    assert found is not None
    assert found < significance.SRM_P_MIN


def test_peeking_after_every_case() -> None:
    values = np.random.default_rng(20260301).standard_normal((PEEKING_RUNS, PEEKING_N), dtype=np.float32)
    n = np.arange(1, PEEKING_N + 1)
    strayed = np.abs(np.cumsum(values, axis=1)) / np.sqrt(n)
    strayed = strayed[:, PEEKING_FIRST - 1 :]
    rho = mixture_rho(0.05, PEEKING_N)
    limit = np.array([boundary(float(k), rho, 0.05) for k in n[PEEKING_FIRST - 1 :]])
    naive = float((strayed > 1.959964).any(axis=1).mean())
    sequence = float((strayed > limit).any(axis=1).mean())
    assert naive == pytest.approx(0.4145, abs=0.03)
    assert sequence == pytest.approx(0.0135, abs=0.01)
    assert sequence <= 0.05


def test_normal_mixture() -> None:
    rho = mixture_rho(0.05, 5000)
    assert rho == pytest.approx(0.039840, abs=5e-7)
    widths = [normal_mixture_half_width(n, rho) for n in (100, 1000, 5000)]
    assert widths == pytest.approx([0.669439, 0.106375, 0.042924], abs=5e-7)


@pytest.mark.parametrize(("successes", "value"), [(60, 0.91305), (65, 11.4614), (70, 427.307)])
def test_e_value(successes: int, value: float) -> None:
    found = e_values.beta_binomial_e_value(successes, 100, 0.5)
    assert found == pytest.approx(value, rel=5e-6)
    assert (found >= 20) is (successes == 70)


@pytest.mark.parametrize(
    ("n", "lower", "upper"),
    [(50, 0.632, 0.947), (100, 0.677, 0.920), (250, 0.717, 0.889), (500, 0.738, 0.870)],
)
def test_betting_sequence(n: int, lower: float, upper: float) -> None:
    assert bounds(betting_sequence([1, 1, 1, 1, 0] * (n // 5))) == pytest.approx((lower, upper), abs=1e-9)


def test_betting_sequence_of_ratings() -> None:
    interval = betting_sequence([5, 4, 5, 3, 4] * 40, minimum=1, maximum=5)
    assert bounds(interval) == pytest.approx((4.036, 4.380), abs=1e-9)


def test_kappa() -> None:
    assert agreement.cohen_kappa([[20, 5], [10, 15]]) == pytest.approx(0.40, abs=1e-12)


def test_design_effect() -> None:
    assert design_effect(50, 0.05) == pytest.approx(3.45)


@pytest.mark.parametrize(
    ("before_s", "after_s", "share"),
    [(25 * 60, 2.5, 99.83), (15 * 60, 60, 93.3), (15 * 60, 120, 86.7), (11 * 60, 60, 90.9)],
)
def test_arithmetic_of_the_stories(before_s: float, after_s: float, share: float) -> None:
    assert 100 * (1 - after_s / before_s) == pytest.approx(share, abs=0.05)


def test_handle_time_story_is_six_hundred_times_faster() -> None:
    assert 25 * 60 / 2.5 == 600


def test_a_covariate_leaves_one_minus_rho_squared() -> None:
    rng = np.random.default_rng(20260302)
    before = rng.standard_normal(200_000)
    values = 0.6 * before + 0.8 * rng.standard_normal(200_000)
    adjusted, correlation = adjusted_values(values, before, np.arange(200_000) % 2 == 0)
    assert correlation == pytest.approx(0.6, abs=0.01)
    assert adjusted.var() / values.var() == pytest.approx(1 - 0.6**2, abs=0.01)
    assert sample_size.adjusted(1.0, 0.6) == pytest.approx(0.64)


def test_error_rates_of_a_plan() -> None:
    assert sample_size.success_alpha(0.05, 2) == pytest.approx(0.025)
    assert sample_size.guardrail_power(0.8, 3) == pytest.approx(1 - 0.2 / 4)


@pytest.mark.parametrize(("n", "share"), [(100, 0.83), (200, 0.39)])
def test_fixed_stability_thresholds_are_wrong_at_pilot_size(n: int, share: float) -> None:
    """10 bins, no drift: how often the population stability index of two samples of n exceeds .1."""
    rng = np.random.default_rng(20260303)
    counts = rng.multinomial(n, np.full(10, 0.1), (20_000, 2)).astype(float)
    first, second = (np.maximum(counts[:, side], 0.5) / n for side in (0, 1))
    index = ((first - second) * np.log(first / second)).sum(axis=1)
    assert float((index > 0.1).mean()) == pytest.approx(share, abs=0.03)
