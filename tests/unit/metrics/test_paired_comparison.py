"""Two sides of the same questions: who is better, by how much, and whether a planted loss is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.metrics.paired_comparison import finding_of, paired_comparison, wins

shares = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=60)
numbers = st.lists(
    st.tuples(st.floats(-100, 100, allow_nan=False), st.floats(-100, 100, allow_nan=False)), min_size=2, max_size=40
)


def test_a_planted_loss_of_five_points_is_worse_and_the_same_model_is_not() -> None:
    random = np.random.default_rng(5)
    base = random.uniform(0.6, 1.0, 400)
    same = base + random.normal(0, 0.05, 400)
    lost = base - 0.05 + random.normal(0, 0.05, 400)
    kept = paired_comparison("trust", list(base), list(same), kind="mean", direction="increase", margin=0.02)
    worse = paired_comparison("trust", list(base), list(lost), kind="mean", direction="increase", margin=0.02)
    assert kept.finding == "non_inferior"
    assert worse.finding == "worse"
    assert worse.estimate == pytest.approx(-0.05, abs=0.01)
    assert worse.method == "paired-t+bootstrap"


def test_a_planted_loss_of_shares_is_worse() -> None:
    first = [1.0] * 380 + [0.0] * 20
    second = [1.0] * 350 + [0.0] * 50
    result = paired_comparison("grounded", first, second, kind="proportion", direction="increase", margin=0.02)
    assert (result.finding, result.n, result.method) == ("worse", 400, "bonett-price")
    assert result.estimate == pytest.approx(-0.075)
    assert (result.first, result.second) == (0.95, 0.875)


def test_the_interval_of_shares_is_bonetts_and_prices() -> None:
    """Their formula by hand for 20 gained, 10 lost of 100: 10/102 ± 1.96·√((32/102 − (10/102)²)/102)."""
    first = [0.0] * 20 + [1.0] * 10 + [1.0] * 70
    second = [1.0] * 20 + [0.0] * 10 + [1.0] * 70
    result = paired_comparison("exact", first, second, kind="proportion", direction="increase")
    assert result.estimate == pytest.approx(0.1)
    assert result.lower == pytest.approx(-0.008981, abs=1e-5)
    assert result.upper == pytest.approx(0.205060, abs=1e-5)


def test_lower_is_better_where_the_metric_says_so() -> None:
    first, second = [900.0, 950.0, 1010.0, 880.0] * 10, [700.0, 760.0, 790.0, 640.0] * 10
    assert paired_comparison("latency", first, second, kind="duration", direction="decrease", margin=10).finding == "better"
    assert paired_comparison("latency", second, first, kind="duration", direction="decrease", margin=10).finding == "worse"


@pytest.mark.parametrize("values", [[], [0.4], [0.4] * 30])
def test_what_does_not_vary_is_unknown_without_bounds(values: list[float]) -> None:
    result = paired_comparison("similarity", values, values, kind="mean", direction="increase", margin=0.1)
    assert result.finding == "unknown"
    assert result.lower is None


def test_what_does_not_vary_gets_an_honest_interval_where_its_range_is_known() -> None:
    few = paired_comparison("trust", [0.9] * 5, [0.9] * 5, kind="mean", direction="increase", margin=0.05, bounds=(0, 1))
    many = paired_comparison("trust", [0.9] * 800, [0.9] * 800, kind="mean", direction="increase", margin=0.05, bounds=(0, 1))
    assert few.finding == "inconclusive"
    assert (many.finding, many.method) == ("non_inferior", "betting-cs")
    stars = paired_comparison("stars", [4.0] * 5, [4.0] * 5, kind="rating", direction="increase", margin=0.2)
    assert stars.finding == "inconclusive"


def test_unknown_sides_are_left_out_and_too_many_make_the_finding_unknown() -> None:
    first: list[float | None] = [float(each % 7) for each in range(100)]
    second: list[float | None] = [float(each % 7) + 1 + each % 2 for each in range(100)]
    second[:5] = [None] * 5
    some = paired_comparison("score", first, second, kind="mean", direction="increase", margin=0.5)
    assert (some.n, some.uneven, some.finding) == (95, 5, "better")
    second[:20] = [None] * 20
    assert paired_comparison("score", first, second, kind="mean", direction="increase", margin=0.5).finding == "unknown"
    first[:20] = [None] * 20
    neither = paired_comparison("score", first, second, kind="mean", direction="increase", margin=0.5)
    assert (neither.n, neither.uneven, neither.finding) == (80, 0, "better")


def test_the_same_seed_gives_the_same_bounds() -> None:
    first, second = [1.0, 2.0, 9.0, 4.0, 7.0, 30.0], [2.0, 2.5, 3.0, 4.0, 9.0, 1.0]
    one = paired_comparison("cost", first, second, kind="cost", direction="decrease", seed=3)
    assert one == paired_comparison("cost", first, second, kind="cost", direction="decrease", seed=3)


@pytest.mark.parametrize(
    ("first", "second", "kind", "margin", "problem"),
    [
        ([1.0], [1.0, 2.0], "mean", 0.1, "values on one side"),
        ([1.0], [0.5], "proportion", 0.1, "neither 0 nor 1"),
        ([1.0], [0.5], "mean", -0.1, "from 0 on"),
        ([float("nan")], [0.5], "mean", 0.1, "finite"),
    ],
)
def test_bad_input_is_named(first: list[float], second: list[float], kind: str, margin: float, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        paired_comparison("score", first, second, kind=kind, direction="increase", margin=margin)  # type: ignore[arg-type]


@given(shares)
def test_swapping_the_sides_of_shares_turns_the_interval_round(pairs: list[tuple[float, float]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    one = paired_comparison("exact", first, second, kind="proportion", direction="increase")
    other = paired_comparison("exact", second, first, kind="proportion", direction="increase")
    assert one.lower is not None
    assert one.upper is not None
    assert one.estimate is not None
    assert other.upper is not None
    assert -1 <= one.lower <= one.estimate <= one.upper <= 1
    assert one.lower == pytest.approx(-other.upper)


@given(numbers, st.sampled_from(["increase", "decrease"]), st.floats(0, 10))
def test_a_finding_is_what_its_bounds_say(pairs: list[tuple[float, float]], direction: str, margin: float) -> None:
    result = paired_comparison(
        "score",
        [a for a, _ in pairs],
        [b for _, b in pairs],
        kind="mean",
        direction=direction,  # type: ignore[arg-type]
        margin=margin,
    )
    if result.finding in ("better", "non_inferior"):
        assert result.lower is not None
        assert result.upper is not None
        assert (result.lower if direction == "increase" else -result.upper) > -margin
    if result.lower is None:
        assert result.finding == "unknown"


def test_findings_by_their_bounds() -> None:
    assert finding_of(0.1, 0.2, "increase", 0.05) == "better"
    assert finding_of(-0.04, 0.2, "increase", 0.05) == "non_inferior"
    assert finding_of(-0.04, -0.01, "increase", 0.05) == "non_inferior"
    assert finding_of(-0.06, -0.01, "increase", 0.05) == "worse"
    assert finding_of(-0.06, 0.2, "increase", 0.05) == "inconclusive"
    assert finding_of(-0.04, 0.2, "increase", None) == "inconclusive"
    assert finding_of(0.1, 0.2, "decrease", None) == "worse"
    assert finding_of(None, 0.2, "increase", 0.5) == "unknown"


def test_wins_are_counted_by_direction_and_tested_exactly() -> None:
    """9 of 10 pairs on one side: 2·(1 + 10)/2¹⁰ = .021484, as McNemar's exact test has it."""
    first, second = [0.0] * 9 + [1.0] + [1.0] * 5, [1.0] * 9 + [0.0] + [1.0] * 5
    found = wins(first, second, direction="increase")
    assert (found.first, found.second, found.ties) == (1, 9, 5)
    assert found.p_value == pytest.approx(0.021484, abs=1e-6)
    assert wins(first, second, direction="decrease").first == 9
    assert wins([1.0, 2.0], [1.0, 2.0], direction="increase").p_value is None


def test_the_intervals_cover_what_they_say() -> None:
    random = np.random.default_rng(11)
    covered_means = covered_shares = 0
    for _ in range(400):
        base = random.exponential(1.0, 60)
        other = base + random.exponential(0.5, 60) - 0.5
        result = paired_comparison("cost", list(base), list(other), kind="mean", direction="increase")
        covered_means += result.lower is not None and result.upper is not None and result.lower <= 0 <= result.upper
        first = random.random(60) < 0.8
        second = np.where(random.random(60) < 0.3, random.random(60) < 0.8, first)
        result = paired_comparison(
            "exact", [float(a) for a in first], [float(b) for b in second], kind="proportion", direction="increase"
        )
        covered_shares += result.lower is not None and result.upper is not None and result.lower <= 0 <= result.upper
    assert covered_means / 400 >= 0.91
    assert covered_shares / 400 >= 0.93
