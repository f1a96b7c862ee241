"""Each contextual metric: its formula, its range, what it says about no data, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.metrics.automation_rate import ResolvedCase, automation_rate
from groundcrew.metrics.cost_per_case import cost_per_case
from groundcrew.metrics.critical_harm import critical_harm
from groundcrew.metrics.decline_rate import decline_rate, fallback_rate
from groundcrew.metrics.edit_distance import TEXT_LENGTH_MAX, edit_similarity, levenshtein, pair_similarity
from groundcrew.metrics.grounded_rate import grounded_rate
from groundcrew.metrics.handle_time import handle_time, median_handle_time
from groundcrew.metrics.registry import definition, definitions, metric
from groundcrew.metrics.return_on_investment import InvestmentCase, investment_report, return_on_investment
from groundcrew.metrics.semantic_similarity import pair_similarities, semantic_similarity
from groundcrew.metrics.stars import good_ratings, stars, stars_one_look
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import moments

NOW = datetime(2026, 3, 20, tzinfo=UTC)


def letters(texts: Sequence[str]) -> np.ndarray:
    """An encoder for tests: counts of letters."""
    return np.array([[text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], dtype=np.float32)


def test_every_metric_states_formula_range_empty_value_and_source() -> None:
    known = definitions()
    assert {"stars", "grounded_rate", "automation_rate", "critical_harm", "return_on_investment"} <= {each.name for each in known}
    for each in known:
        assert each.formula
        assert each.empty
        assert each.source
        assert each.unit
    assert (definition("stars").minimum, definition("stars").maximum) == (1, 5)
    with pytest.raises(NotFound, match="is stars meant"):
        definition("star")


def test_a_name_is_registered_once() -> None:
    with pytest.raises(Conflict, match="already registered"):

        @metric(name="stars", unit="stars", range=(0, 1), empty="-", source="-")
        def other(values: Sequence[float]) -> Interval:
            raise AssertionError(values)


def test_stars() -> None:
    ratings = [5, 4, 5, 3, 4] * 40
    anytime, once, good = stars(ratings), stars_one_look(ratings, side="lower"), good_ratings(ratings)
    assert (anytime.lower, anytime.upper) == pytest.approx((4.036, 4.380))
    assert once.lower > anytime.lower  # type: ignore[operator]
    assert good.estimate == 0.8
    assert (stars([]).estimate, stars([]).lower, stars([]).upper) == (None, 1, 5)
    assert stars_one_look([]).lower is None
    assert stars_one_look([5] * 300).lower is None
    assert stars([5] * 300).lower > 4.8  # type: ignore[operator]
    for function in (stars, stars_one_look, good_ratings):
        with pytest.raises(InputError):
            function([0])


def test_grounded_rate_counts_what_nobody_checked_against_it() -> None:
    interval = grounded_rate(["supported"] * 8 + ["unsupported", None])
    assert (interval.estimate, interval.n) == (0.8, 10)
    assert (grounded_rate([]).estimate, grounded_rate([]).upper) == (None, 1)


def test_decline_and_fallback_rates_leave_out_calls_that_never_concluded() -> None:
    statuses = ["answered"] * 6 + ["declined"] * 3 + ["fallback"] + ["failed", "refused", "cancelled", "opened"] * 5
    assert decline_rate(statuses).estimate == pytest.approx(0.3)  # type: ignore[arg-type]
    assert fallback_rate(statuses).estimate == pytest.approx(0.1)  # type: ignore[arg-type]
    assert decline_rate(["failed"]).estimate is None


def test_automation_rate_waits_for_the_reopen_window() -> None:
    def case(age_days: float, by_human: bool = False, reopened_after: float | None = None) -> ResolvedCase:
        resolved = NOW - timedelta(days=age_days)
        reopened = None if reopened_after is None else resolved + timedelta(days=reopened_after)
        return ResolvedCase(resolved_at=resolved, by_human=by_human, reopened_at=reopened)

    cases = [case(10), case(10, by_human=True), case(10, reopened_after=3), case(10, reopened_after=8), case(3)]
    interval = automation_rate(cases, NOW)
    assert (interval.estimate, interval.n) == (0.5, 4)
    assert automation_rate([case(1)], NOW).estimate is None
    assert automation_rate([case(20)] * 1000, NOW, side="lower").lower == pytest.approx(0.9973, abs=1e-3)
    with pytest.raises(InputError, match="before the case"):
        automation_rate([case(10, reopened_after=-1)], NOW)
    with pytest.raises(InputError, match="offset"):
        automation_rate([case(10)], NOW.replace(tzinfo=None))


def test_semantic_similarity() -> None:
    assert pair_similarities(["abc", "", "", "ab"], ["cab", "", "x", "yz"], letters) == pytest.approx([1, 1, 0, 0])
    interval = semantic_similarity(["abc"] * 5, ["abc", "abd", "ab", "a", "z"], letters)
    assert interval.n == 5
    assert -1 <= interval.lower <= interval.estimate <= interval.upper <= 1  # type: ignore[operator]
    assert semantic_similarity([], [], letters).estimate is None
    assert pair_similarities(["123"], ["456"], letters) == [0]
    with pytest.raises(InputError, match="2 drafts"):
        semantic_similarity(["a", "b"], ["a"], letters)
    with pytest.raises(InputError, match="encode"):
        semantic_similarity(["a"], ["a"], lambda texts: np.zeros((1, 3)))


def plain_levenshtein(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


@given(st.text("abcé🙂", max_size=40), st.text("abcé🙂", max_size=40))
def test_levenshtein_equals_the_textbook_algorithm(first: str, second: str) -> None:
    assert levenshtein(first, second) == plain_levenshtein(first, second)
    assert 0 <= pair_similarity(first, second) <= 1


def test_edit_similarity_edges_and_limit() -> None:
    assert levenshtein("kitten", "sitting") == 3
    assert (pair_similarity("", ""), pair_similarity("abc", "")) == (1, 0)
    assert edit_similarity([], []).estimate is None
    assert edit_similarity(["abcd"], ["abce"]).estimate == 0.75
    long = "ab" * 5000
    assert levenshtein(long, "b" + long[:-1] + "c") == 2
    with pytest.raises(InputError, match="longer"):
        levenshtein("a" * (TEXT_LENGTH_MAX + 1), "")
    with pytest.raises(InputError):
        edit_similarity(["a"], [])


def test_handle_time_mean_and_median() -> None:
    durations = [60.0, 90, 120, 150, 3600, 80, 70, 100, 110, 95]
    assert handle_time(durations).estimate == pytest.approx(447.5)
    assert handle_time(durations).lower == 0
    median = median_handle_time(durations)
    assert (median.estimate, median.lower, median.upper) == (97.5, 70, 150)
    assert median_handle_time([1.0] * 5).lower is None
    assert (median_handle_time([]).estimate, handle_time([]).estimate) == (None, None)
    for function in (handle_time, median_handle_time):
        with pytest.raises(InputError):
            function([-1.0])


def test_median_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(500):
        interval = median_handle_time(rng.exponential(1, 25))  # type: ignore[arg-type]
        hits += interval.lower <= np.log(2) <= interval.upper  # type: ignore[operator]
    assert hits / 500 >= 0.93


def test_cost_per_case_is_unknown_where_one_cost_is() -> None:
    assert cost_per_case([0.1, 0.3]).estimate == pytest.approx(0.2)
    unknown = cost_per_case([0.1, None, 0.3])
    assert (unknown.estimate, unknown.upper, unknown.n) == (None, None, 3)
    assert cost_per_case([]).estimate is None
    with pytest.raises(InputError):
        cost_per_case([-0.1])


def test_critical_harm_does_not_take_silence_for_safety() -> None:
    assert critical_harm([False] * 299).upper == pytest.approx(0.00997, abs=5e-6)
    silent = critical_harm([None] * 500)
    assert (silent.estimate, silent.upper, silent.n) == (None, 1, 0)
    assert critical_harm([True] + [False] * 298).upper > 0.01  # type: ignore[operator]


def test_return_on_investment_is_an_interval() -> None:
    saved = mean_t(moments(list(np.random.default_rng(2).normal(9.0, 6.0, 400))))
    case = InvestmentCase(
        benefit_per_case_usd=saved,
        volume=10_000,
        tokens_per_case_usd=0.02,
        review_s=mean_t(moments([60.0, 90, 120, 75, 85] * 20)),
        hourly_wage_usd=45,
        fixed_usd=20_000,
    )
    report = investment_report(case)
    expected = 10_000 * (saved.estimate - 0.02 - 86 * 45 / 3600) - 20_000  # type: ignore[operator]
    assert report.net.estimate == pytest.approx(expected)
    assert report.net.lower < report.net.estimate < report.net.upper  # type: ignore[operator]
    assert report.net == return_on_investment(case)
    assert "benefit_per_case_usd" in {each.figure for each in report.sensitivity[:2]}
    assert any("tokens_per_case_usd is assumed" in line for line in report.assumptions)
    assert report.ratio == pytest.approx(report.net.estimate / report.cost_usd)  # type: ignore[operator]


def test_return_on_investment_covers_the_true_value() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        case = InvestmentCase(
            benefit_per_case_usd=mean_t(moments(rng.normal(5, 3, 60))),
            volume=100,
            tokens_per_case_usd=mean_t(moments(rng.normal(1, 0.5, 60))),
            review_s=mean_t(moments(rng.normal(360, 200, 60))),
            hourly_wage_usd=10,
            fixed_usd=50,
        )
        net = return_on_investment(case)
        hits += net.lower <= 100 * (5 - 1 - 1) - 50 <= net.upper  # type: ignore[operator]
    assert hits / 400 == pytest.approx(0.95, abs=0.03)


def test_return_on_investment_unknown_parts_and_bad_figures() -> None:
    def case(benefit: Interval | float, volume: float = 10) -> InvestmentCase:
        return InvestmentCase(
            benefit_per_case_usd=benefit, volume=volume, tokens_per_case_usd=0.1, review_s=0, hourly_wage_usd=40, fixed_usd=0
        )

    unknown = return_on_investment(case(mean_t(moments([]))))
    assert (unknown.estimate, unknown.lower) == (None, None)
    one = return_on_investment(case(mean_t(moments([3.0]))))
    assert (one.estimate, one.lower) == (pytest.approx(29), None)
    for bad in (case(1.0, volume=-1), case(float("nan")), case(1.0, volume=float("inf"))):
        with pytest.raises(InputError):
            return_on_investment(bad)
