"""The figures of single answers and of runs: words are found whole, failures count, intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.evaluation import EvaluationCase
from groundcrew.domain.trust import TrustReport
from groundcrew.errors import InputError
from groundcrew.metrics.evaluation_figures import FIGURES, Answered, figures_of, plain
from groundcrew.metrics.evaluation_report import interval_of
from groundcrew.stats.intervals import wilson


def case(**fields: object) -> EvaluationCase:
    return EvaluationCase(id="a", messages=({"role": "user", "content": "What does it cost?"},), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("CHF 20", "It costs CHF 20.", True),
        ("CHF 20", "It costs CHF 200.", False),
        ("CHF 20", "It costs CHF 20.50.", False),
        ("CHF 20", "It costs chf 20, no more.", True),
        ("CHF 15’000", "at least CHF 15'000 on average", True),
        ("CHF 15", "at least CHF 15'000", False),
        ("1.25 %", "a mark-up of 1.25 % applies", True),
        ("free of\n charge", "It is free  of charge.", True),
        ("on", "only", False),
    ],
)
def test_words_are_found_whole(words: str, text: str, found: bool) -> None:
    figures = figures_of(case(contains=(words,), excludes=(words,)), Answered(status="answered", text=text), None)
    assert figures["contains"] == float(found)
    assert figures["excludes"] == float(not found)


def test_a_failed_answer_is_worth_nothing_and_a_declined_one_may_be_right() -> None:
    failed = figures_of(case(reference="CHF 20.", contains=("CHF 20",)), Answered(status="failed"), None)
    assert {name: failed[name] for name in ("behaves", "contains", "exact", "similarity", "trust", "failed")} == {
        **dict.fromkeys(("behaves", "contains", "exact", "similarity", "trust"), 0.0),
        "failed": 1.0,
    }
    assert "latency_ms" not in failed
    right = figures_of(case(declines=True), Answered(status="declined", text="I have no verified answer."), None)
    assert (right["behaves"], right["declined"], right["answered"]) == (1.0, 1.0, 0.0)
    assert "trust" not in right
    wrong = figures_of(
        case(declines=True), Answered(status="answered", text="Surely.", trust=TrustReport(trust=0.1, state="unsupported")), None
    )
    assert wrong["behaves"] == 0.0
    assert figures_of(case(), Answered(status="declined", text="None."), None)["behaves"] == 0.0
    refused = figures_of(case(declines=True), Answered(status="refused"), None)
    assert refused["behaves"] == 1.0, "a refusal is no answer either"


def test_what_can_not_be_told_is_left_out() -> None:
    figures = figures_of(case(), Answered(status="answered", text="Hello."), None)
    assert not {"trust", "grounded", "contains", "excludes", "exact", "similarity", "cost_usd"} & figures.keys()
    figures = figures_of(case(reference="Hello."), Answered(status="answered", text="hello."), 0.9)
    assert (figures["exact"], figures["similarity"]) == (1.0, 0.9)


def test_plain_is_the_same_however_it_is_written() -> None:
    assert plain("Don’t  pay\u00a0CHF\u202f20 – ever") == plain("don't pay CHF 20 - EVER")


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=60))
def test_shares_with_equal_weights_are_wilsons(values: list[float]) -> None:
    found = interval_of(values, [2.0] * len(values), FIGURES["contains"])
    expected = wilson(int(sum(values)), len(values))
    assert (found.lower, found.upper) == (pytest.approx(expected.lower), pytest.approx(expected.upper))


def test_unequal_weights_leave_fewer_cases() -> None:
    values = [1.0, 0.0] * 20
    even = interval_of(values, [1.0] * 40, FIGURES["contains"])
    uneven = interval_of(values, [100.0, 100.0] + [1.0] * 38, FIGURES["contains"])
    assert uneven.upper - uneven.lower > even.upper - even.lower  # type: ignore[operator]
    with pytest.raises(InputError, match="positive"):
        interval_of([1.0], [0.0], FIGURES["contains"])


def test_means_are_students_and_stay_in_their_range() -> None:
    """R: t.test(c(.9, .8, 1, .7)) gives .6446 to 1.0554."""
    found = interval_of([0.9, 0.8, 1.0, 0.7], [1.0] * 4, FIGURES["trust"])
    assert found.lower == pytest.approx(0.6446, abs=1e-4)
    assert found.upper == 1.0
    assert interval_of([5.0, 5.0], [1.0, 1.0], FIGURES["latency_ms"]).lower is None, "no spread, no range: unknown"
    same = interval_of([0.9] * 40, [1.0] * 40, FIGURES["trust"])
    assert same.lower is not None
    assert same.lower < 0.9
    assert interval_of([], [], FIGURES["trust"]).estimate is None


def test_the_intervals_cover_what_they_say() -> None:
    random = np.random.default_rng(4)
    covered = {"trust": 0, "contains": 0, "repeated": 0}
    for _ in range(600):
        weights = list(random.uniform(0.5, 2.0, 40))
        trust = interval_of(list(random.beta(8, 2, 40)), weights, FIGURES["trust"])
        covered["trust"] += trust.lower is not None and trust.upper is not None and trust.lower <= 0.8 <= trust.upper
        shares = interval_of(list((random.random(40) < 0.7).astype(float)), weights, FIGURES["contains"])
        covered["contains"] += shares.lower <= 0.7 <= shares.upper  # type: ignore[operator]
        rates = random.beta(7, 3, 40)
        repeated = interval_of(list(random.binomial(3, rates) / 3), [1.0] * 40, FIGURES["contains"])
        covered["repeated"] += repeated.lower <= 0.7 <= repeated.upper  # type: ignore[operator]
    assert covered["trust"] / 600 >= 0.92
    assert covered["contains"] / 600 >= 0.92
    assert covered["repeated"] / 600 >= 0.95, "means over repeats vary less: the interval claims too little"
