"""How figures and intervals are written and drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.gate import CriterionResult
from groundcrew.web.console import words
from groundcrew.web.console.calls import latency_parts
from groundcrew.web.console.scale import WIDTH, bound_of, whisker

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NUMBERS = st.floats(-1e6, 1e6)


def result(**fields: object) -> CriterionResult:
    return CriterionResult(key="k", title="T", status="unknown", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lower bound ≥ 4.0 with n ≥ 200", (4.0, True)),
        ("upper bound ≤ 1% (0 in 299)", (0.01, False)),
        ("lower bound > 0 USD a month", (0.0, True)),
        ("≥ 1,056 units", (1056.0, True)),
        ("supported", None),
        ("", None),
    ],
)
def test_bounds_are_read_from_their_text(text: str, expected: tuple[float, bool] | None) -> None:
    assert bound_of(text) == expected


@given(a=NUMBERS, b=NUMBERS, estimate=st.none() | NUMBERS, bound=st.sampled_from(["", "≥ 4.0", "≤ 1 %"]))
def test_a_drawing_stays_on_its_scale_in_order(a: float, b: float, estimate: float | None, bound: str) -> None:
    drawn = whisker(result(lower=min(a, b), upper=max(a, b), estimate=estimate, bound=bound))
    assert drawn is not None
    places = [drawn.lower, drawn.upper, drawn.estimate, drawn.bound, drawn.zero]
    assert all(0 <= place <= WIDTH for place in places if place is not None)
    assert drawn.lower is not None
    assert drawn.upper is not None
    assert drawn.lower <= drawn.upper
    assert (drawn.bound is None) == (bound == "")


def test_an_open_end_reaches_the_edge_and_says_so() -> None:
    drawn = whisker(result(upper=0.0798, estimate=0.0, bound="upper bound ≤ 1%"))
    assert drawn is not None
    assert drawn.lower == 0.0
    assert "unbounded" in drawn.label
    assert whisker(result(estimate=3.0)) is None


def test_ages() -> None:
    for delta, text in (
        (timedelta(seconds=20), "now"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(hours=30), "30 h"),
        (timedelta(days=26), "26 d"),
    ):
        assert words.age(NOW - delta, NOW) == text
        assert words.age(NOW + delta, NOW) == text
    assert words.age(None, NOW) == "unknown"


def test_figures() -> None:
    assert [words.figure(value) for value in (1200, 0.02, 4.2657, None, float("nan"), -204.41)] == [
        "1,200",
        "0.020",
        "4.27",
        "–",
        "–",
        "-204",
    ]
    assert [words.percent(value) for value in (0.5, 0.994, 0.002, 1.0, None)] == ["50 %", "99.4 %", "0.2 %", "100 %", "–"]
    assert [words.milliseconds(value) for value in (0.21, 38.0, 1240.0, None)] == ["0.2 ms", "38 ms", "1.24 s", "–"]
    assert [words.usd(value) for value in (0.00038, 12.5, 0.0, None)] == ["$0.0004", "$12.50", "$0.00", "unknown"]


def test_commands_are_code_and_everything_is_escaped() -> None:
    assert words.commands("run `groundcrew gate <x>` & wait") == "run <code>groundcrew gate &lt;x&gt;</code> &amp; wait"
    assert words.commands("an odd ` one") == "an odd  one"


def test_latency_parts_come_in_the_order_of_a_call() -> None:
    parts = latency_parts({"total": 100.0, "upstream": 60.0, "admission": 1.0, "trust": 30.0, "odd": 2.0})
    assert [part.name for part in parts] == ["admission", "upstream", "trust", "odd", "other"]
    assert sum(part.width for part in parts) == pytest.approx(100, abs=0.1)
    assert latency_parts({}) == ()
