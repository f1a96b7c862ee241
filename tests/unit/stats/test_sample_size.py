"""Sample sizes deliver the power they promise, and refuse what cannot be planned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestIndPower

from groundcrew.errors import InputError
from groundcrew.stats import sample_size
from groundcrew.stats.sequential_boundary import planned_boundaries


@given(st.floats(0.05, 2), st.floats(0.001, 0.2), st.floats(0.5, 0.99))
def test_exact_size_gives_the_power(size: float, alpha: float, power: float) -> None:
    n = sample_size.means(size, 1.0, alpha, power)
    reached = TTestIndPower().power(size, n, alpha)
    assume(not np.isnan(reached))  # the reference underflows where the wrong side's tail is next to nothing
    assert reached == pytest.approx(power, abs=1e-4) or (n == 2 and reached >= power)


@given(st.floats(0.05, 1), st.floats(1.05, 3))
def test_smaller_effects_need_more(size: float, factor: float) -> None:
    assert sample_size.means(size / factor, 1.0) > sample_size.means(size, 1.0)
    assert sample_size.means_normal(size, 1.0) <= sample_size.means(size, 1.0)


def test_strict_error_rates_on_large_effects_still_find_a_size() -> None:
    assert 2 <= sample_size.means(5, 1.0, 1e-10, 0.99) < 100


def test_unequal_split_keeps_the_precision() -> None:
    assert sample_size.total_for_split(100, 0.5) == 200
    total = sample_size.total_for_split(100, 0.1)
    assert 1 / (0.1 * total) + 1 / (0.9 * total) == pytest.approx(2 / 100)


def test_pooled_variance_asks_for_more_towards_one_half() -> None:
    assert sample_size.proportions(0.2, 0.25, null_variance="pooled") == pytest.approx(1093.74, abs=0.01)
    assert sample_size.proportions(0.0, 0.05) > 0


def test_error_rates_are_divided() -> None:
    assert sample_size.success_alpha(0.05, 2) == 0.025
    assert sample_size.guardrail_power(0.8, 3) == pytest.approx(0.95)


def test_price_of_peeking() -> None:
    assert sample_size.sequential_inflation(0.05, 0.8) == pytest.approx(1.0896, abs=1e-4)
    # The inflated n does deliver the power when one looks after every pair of units, and most runs end earlier.
    fixed = sample_size.means_normal(0.3, 1.0)
    n = sample_size.round_up(fixed * sample_size.sequential_inflation())
    rng = np.random.default_rng(11)
    difference = np.cumsum(rng.normal(0.3, 2**0.5, (4000, n)), axis=1)
    pairs = np.arange(1.0, n + 1)
    crossed = difference / np.sqrt(2 * pairs) > planned_boundaries(2 * pairs, 2 * n, 0.05)
    assert crossed.any(axis=1).mean() == pytest.approx(0.8, abs=0.02)
    stopped = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, n)
    assert stopped.mean() < 0.85 * fixed


def test_a_covariate_scales_the_size() -> None:
    assert sample_size.adjusted(100, 0.6) == pytest.approx(64)
    with pytest.raises(InputError):
        sample_size.adjusted(100, -1.0)


@pytest.mark.parametrize(
    "arguments", [(0, 1), (1, 0), (1, -1), (float("nan"), 1), (1, float("inf")), (1, 1, 0.5), (1, 1, 0.05, 1.0)]
)
def test_what_cannot_be_planned_is_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        sample_size.means(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("rates", [(0.2, 0.2), (-0.1, 0.2), (0.2, 1.1)])
def test_impossible_rates_are_refused(rates: tuple[float, float]) -> None:
    with pytest.raises(InputError):
        sample_size.proportions(*rates)


def test_endless_trials_are_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        sample_size.means(1e-9, 1.0)
    with pytest.raises(InputError):
        sample_size.total_for_split(100, 1.0)
