"""Tests of windows for drift: promises on false alarms, what is seen, and verdicts that are unknown rather than "no drift"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.stats.drift import Column, ColumnDrift, contributions, detect, detect_all, examples, infer_kind
from groundcrew.stats.drift.assignments import Dealer
from groundcrew.stats.drift.scores import Scale
from groundcrew.stats.drift.vectors import VECTOR_ROWS_MAX


def numbers(values: Sequence[Any]) -> Column:
    return Column(kind="number", values=list(values))


def labels(values: Sequence[Any]) -> Column:
    return Column(kind="category", values=list(values))


def vectors(rows: np.ndarray) -> Column:
    return Column(kind="embedding", vectors=rows)


def unit(rng: np.random.Generator, n: int, centre: np.ndarray | None = None, spread: float = 1.0) -> np.ndarray:
    rows = rng.normal(size=(n, 24)) * spread + (0 if centre is None else centre)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def alarms(draw: Any, windows: int) -> int:
    rng = np.random.default_rng(7)
    return sum(detect(*draw(rng), seed=place, permutations=399).drifted is not False for place in range(windows))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: (numbers(rng.lognormal(size=50)), numbers(rng.lognormal(size=70))),
        lambda rng: (numbers(rng.integers(0, 4, 60)), numbers(rng.integers(0, 4, 60))),
        lambda rng: (labels(rng.zipf(1.7, 60).astype(str)), labels(rng.zipf(1.7, 60).astype(str))),
        lambda rng: (vectors(unit(rng, 40)), vectors(unit(rng, 60))),
    ],
)
def test_windows_without_drift_alarm_no_more_than_promised(draw: Any) -> None:
    assert alarms(draw, 150) <= 6  # at 1 %, more than 6 of 150 has a chance of 0.0004


RNG = np.random.default_rng(11)
CENTRES = RNG.normal(size=(6, 24)) * 3
BASE = np.vstack([unit(RNG, 50, centre, 0.6) for centre in CENTRES])
CHANGES = {
    "shifted": (numbers(RNG.normal(size=200)), numbers(RNG.normal(0.5, 1, 200))),
    "wider": (numbers(RNG.normal(size=200)), numbers(RNG.normal(0, 1.7, 200))),
    "one value more often": (numbers(RNG.normal(size=200)), numbers(np.where(RNG.random(200) < 0.4, 0.0, RNG.normal(size=200)))),
    "integers": (numbers(RNG.poisson(3, 200)), numbers(RNG.poisson(4, 200))),
    "values gone": (
        numbers(RNG.normal(size=200)),
        numbers([None if place % 6 == 0 else value for place, value in enumerate(RNG.normal(size=200))]),
    ),
    "shares": (labels(["a", "b"] * 100), labels(["a", "b", "b", "b"] * 50)),
    "new category": (labels(["a", "b", "c", "d"] * 50), labels(["a", "b", "c", "d"] * 46 + ["neu"] * 16)),
    "many new categories": (
        labels(["a", "b", "c", "d"] * 50),
        labels(["a", "b", "c", "d"] * 46 + [f"new-{n}" for n in range(16)]),
    ),
    "foreign vectors": (vectors(BASE[::2]), vectors(np.vstack([BASE[1::2][:130], unit(RNG, 20)]))),
    "new topic": (vectors(BASE[::2]), vectors(np.vstack([BASE[1::2][:130], unit(RNG, 20, RNG.normal(size=24) * 3, 0.6)]))),
    "all moved": (vectors(BASE[::2]), vectors(BASE[1::2] + 0.08 * CENTRES[0] / np.linalg.norm(CENTRES[0]))),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_found_in_both_directions(name: str) -> None:
    for sides in (CHANGES[name], CHANGES[name][::-1]):
        if name in ("new category", "many new categories") and sides is not CHANGES[name]:
            continue  # a category that went is one that became rarer, for which sixteen rows are few
        verdict = detect(*sides)
        assert verdict.drifted is True, verdict
        assert verdict.statistic is not None
        assert verdict.threshold is not None
        assert verdict.statistic > verdict.threshold
        assert verdict.p_value is not None
        assert verdict.p_value <= 0.01
        assert verdict.effect is not None
        assert 0 <= verdict.effect <= 1


def test_the_same_data_give_the_same_verdict() -> None:
    for sides in (CHANGES["shifted"], CHANGES["new topic"]):
        assert detect(*sides) == detect(*sides)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=True), st.integers(-3, 3)), max_size=25),
    st.lists(st.one_of(st.none(), st.floats(allow_nan=True), st.integers(-3, 3)), max_size=25),
)
def test_any_numbers_have_a_consistent_verdict(before: list[float | None], now: list[float | None]) -> None:
    consistent(detect(numbers(before), numbers(now), permutations=199))
    as_labels = [[None if value is None else str(value) for value in side] for side in (before, now)]
    consistent(detect(labels(as_labels[0]), labels(as_labels[1]), permutations=199))


def consistent(verdict: ColumnDrift) -> None:
    if verdict.drifted is None:
        assert verdict.reason
        assert verdict.p_value is None
        return
    assert verdict.p_value is not None
    assert verdict.statistic is not None
    assert verdict.threshold is not None
    assert not math.isnan(verdict.statistic)
    assert 0 < verdict.p_value <= 1
    assert verdict.drifted == (verdict.p_value <= 0.01)
    assert verdict.drifted == (verdict.statistic > verdict.threshold)


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ([], [1.0] * 50, "the reference has no rows"),
        ([1.0] * 50, [], "there are no current rows"),
        ([None] * 50, [math.nan] * 50, "0 values in the reference and 0 now"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], "6 rows give no p-value below 0.1"),
        ([1.0] * 50, [1.0] * 5, "50 values in the reference and 5 now"),
    ],
)
def test_too_little_data_is_unknown_and_says_why(before: list[float | None], now: list[float | None], why: str) -> None:
    verdict = detect(numbers(before), numbers(now))
    assert verdict.drifted is None
    assert why in verdict.reason
    assert detect_all({"a": numbers(before)}, {"a": numbers(now)}).drifted is None


def test_constants_infinities_and_huge_numbers_have_verdicts() -> None:
    same = detect(numbers([3.0] * 40), numbers([3.0] * 40))
    assert (same.drifted, same.p_value, same.effect) == (False, 1.0, 0.0)
    assert detect(numbers([3.0] * 40), numbers([4.0] * 40)).drifted is True
    assert detect(numbers([1.0, 2.0] * 20), numbers([1.0, math.inf] * 20)).drifted is True
    assert detect(numbers([-1.7e308, 1.7e308] * 20), numbers([1.7e308] * 40)).drifted is True
    assert detect(vectors(np.ones((30, 4))), vectors(np.ones((30, 4)))).drifted is False
    assert detect(vectors(np.zeros((30, 4))), vectors(np.ones((30, 4)))).statistic_name == "share of missing values"


def test_equal_rows_tie_whatever_window_they_are_in() -> None:
    kinds = np.random.default_rng(8).normal(size=(5, 12))
    alarms_raised = 0
    for place in range(40):
        rows = kinds[np.random.default_rng(place).integers(0, 5, 100)]  # five messages, again and again
        alarms_raised += detect(vectors(rows[:50]), vectors(rows[50:]), permutations=399, seed=place).drifted is not False
    assert alarms_raised <= 3


def test_days_are_permuted_whole_so_that_days_that_differ_are_no_drift() -> None:
    rng, wrong, right = np.random.default_rng(3), 0, 0
    days = [np.repeat(np.arange(first, last), 10).tolist() for first, last in ((0, 10), (10, 20))]
    for place in range(60):
        sides = [numbers(rng.normal(size=100) + np.repeat(rng.normal(size=10), 10)) for _ in days]
        wrong += detect(*sides, permutations=199, seed=place).drifted is True
        right += (
            detect(*sides, permutations=199, seed=place, blocks_reference=days[0], blocks_current=days[1]).drifted is not False
        )
    assert wrong > 10
    assert right <= 4


def test_few_blocks_are_told_not_guessed() -> None:
    sides = numbers(range(40)), numbers(range(100, 140))
    days = [[place // 10 for place in range(first, first + 40)] for first in (0, 100)]
    result = detect_all({"a": sides[0]}, {"a": sides[1]}, blocks_reference=days[0], blocks_current=days[1])
    assert result.blocks == 8
    assert result.p_value_least == pytest.approx(2 / 70)  # 8 over 4 deals, each with its mirror image
    assert result.drifted is None
    assert result.reason == "8 blocks give no p-value below 0.0286, and 0.01 was asked for"
    allowed = detect(*sides, alpha=0.05, blocks_reference=days[0], blocks_current=days[1])
    assert (allowed.drifted, allowed.p_value) == (True, pytest.approx(2 / 70))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(3, 9), min_size=1, max_size=12), st.integers(0, 99)
)
def test_deals_move_blocks_whole_and_swap_those_of_both_windows(before: list[int], now: list[int], seed: int) -> None:
    dealer = Dealer(len(before), len(now), blocks_reference=before, blocks_current=now, permutations=60, seed=seed)
    deals = np.vstack(list(dealer.batches(dealer.count)) or [np.zeros((0, len(before) + len(now)), dtype=np.bool_)])
    rows, shared = [*before, *now], set(before) & set(now)
    assert len(deals) == dealer.count
    for deal in deals:
        for block in set(rows):
            sides = {(bool(deal[place]), place >= len(before)) for place, each in enumerate(rows) if each == block}
            moved = {dealt != was for dealt, was in sides}
            assert len(moved) == 1  # kept, moved or swapped as a whole
        alone = [block for block in set(rows) if block not in shared]
        current = [block for block in alone if deal[rows.index(block)]]
        assert len(current) == len(set(now) - shared)
    if dealer.exhaustive:
        assert len({deal.tobytes() for deal in deals}) == dealer.count
        assert dealer.observed.tobytes() not in {deal.tobytes() for deal in deals}


def test_many_columns_keep_the_promise_of_the_whole_test_and_find_the_one() -> None:
    rng, raised = np.random.default_rng(5), 0

    def side(shift: float = 0.0) -> dict[str, Column]:
        own = rng.normal(size=(60, 1)) + 0.2 * rng.normal(size=(60, 8))  # eight columns that say nearly the same
        own[:, 3] += shift
        return {f"c{place}": numbers(values) for place, values in enumerate(own.T)}

    for place in range(60):
        raised += detect_all(side(), side(), alpha=0.05, permutations=199, seed=place).drifted is True
    assert raised <= 9
    found = detect_all(side(), side(3.0))
    assert [each.column for each in found.columns if each.drifted] == ["c3"]
    assert found.drifted is True
    assert found.false_alarm_rate == 0.01


def test_correction_costs_little_where_columns_say_the_same() -> None:
    sides = CHANGES["shifted"]
    alone = detect(*sides)
    copies = detect_all({f"c{n}": sides[0] for n in range(40)}, {f"c{n}": sides[1] for n in range(40)})
    assert all(each.p_value == alone.p_value for each in copies.columns)  # Holm's would be 40 times as large


def test_a_mixture_of_verdicts_is_drift_before_unknown_before_none() -> None:
    good, few = numbers(RNG.normal(size=40)), numbers([1.0] * 3 + [None] * 37)
    assert detect_all({"a": good, "b": few}, {"a": good, "b": few}).drifted is None
    moved = numbers([value + 5 for value in good.values])
    assert detect_all({"a": good, "b": few}, {"a": moved, "b": few}).drifted is True
    assert detect_all({"a": good}, {"a": good}).drifted is False


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=300))
def test_scores_rise_with_the_value_and_can_be_turned_back(values: list[float]) -> None:
    scale = Scale(np.array(values))
    ordered = np.sort(np.array(values))
    scores = scale.scores(ordered)
    assert (np.diff(scores) >= 0).all()
    assert scores[0] >= 0
    for place in (0, len(values) // 2, len(values) - 1):
        assert scale.value_at(float(scores[place])) == pytest.approx(ordered[place], abs=1e-3 * (1 + float(np.ptp(ordered))))


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        (({"a": numbers([1])}, {"b": numbers([1])}), "a: is missing in the current window"),
        (({"a": numbers([1])}, {"a": labels(["x"])}), "a: is number in the reference and category now"),
        (
            ({"a": numbers([1]), "b": numbers([1, 2])}, {"a": numbers([1]), "b": numbers([1])}),
            "b: has 2 rows where other columns",
        ),
        (({"a": numbers(["x"] * 20)}, {"a": numbers([1] * 20)}), "a: holds 'x', which is not a number"),
        (({"a": labels([[]] * 20)}, {"a": labels(["x"] * 20)}), "a: holds [], which is not a category"),
        (({"a": Column(kind="text", values=["x"])}, {"a": Column(kind="text", values=["x"])}), "a: has no vectors"),
        (
            ({"a": vectors(np.ones((9, 2)))}, {"a": vectors(np.ones((9, 3)))}),
            "a: has vectors of 2 dimensions in the reference and 3",
        ),
        (({}, {}), "columns: needs 1 to 1000 columns, has 0"),
        (
            ({"a": vectors(np.ones((VECTOR_ROWS_MAX, 1)))}, {"a": vectors(np.ones((1, 1)))}),
            f"a: has {VECTOR_ROWS_MAX + 1} vectors in both windows; sample",
        ),
    ],
)
def test_wrong_columns_are_named(sides: tuple[dict[str, Column], dict[str, Column]], message: str) -> None:
    with pytest.raises(InputError) as caught:
        detect_all(*sides)
    assert message in str(caught.value)


@pytest.mark.parametrize(("field", "value"), [("alpha", 0.0), ("alpha", 1.0), ("permutations", 0), ("permutations", 10**6)])
def test_wrong_settings_are_named(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=field):
        detect(numbers([1]), numbers([1]), **{field: value})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, None, math.nan], "number"),
        ([True, False, None], "category"),
        (["de", "fr", "it", None] * 9, "category"),
        ([f"code_{place % 70}" for place in range(200)], "category"),
        ([f"please tell me why order {place} is late" for place in range(50)], "text"),
        (["I would like to know where my parcel is now", "Thanks a lot for all of your help today"] * 20, "text"),
        ([None, None], "category"),
    ],
)
def test_kinds_are_inferred(values: list[Any], kind: str) -> None:
    assert infer_kind(values[::2], values[1::2]) == kind


def test_values_of_several_kinds_are_refused() -> None:
    with pytest.raises(InputError, match="several kinds"):
        infer_kind([1, 2], ["a"])


def test_what_moved_most_is_named() -> None:
    moved = contributions(*CHANGES["new category"])
    assert (moved[0].what, moved[0].reference, moved[0].current) == ("neu", 0.0, 0.08)
    assert contributions(*CHANGES["values gone"])[0].what == "(missing)"
    shifted = contributions(*CHANGES["shifted"])
    assert all(each.current > each.reference for each in shifted[:3])
    words = contributions(
        Column(kind="text", values=["where is my card"] * 30), Column(kind="text", values=["where is my loan"] * 30), limit=2
    )
    assert {each.what for each in words} == {"card", "loan"}
    assert contributions(vectors(BASE), vectors(BASE)) == ()
    with pytest.raises(InputError, match="kind"):
        contributions(numbers([1]), labels(["x"]))


def test_examples_are_the_rows_that_came_and_went() -> None:
    before, now = (side.vectors for side in CHANGES["new topic"])
    assert before is not None
    assert now is not None
    found = examples(before, now, limit=8)
    assert set(found.after) <= set(range(130, 150))
    assert set(examples(now, before, limit=8).before) <= set(range(130, 150))
    assert examples(np.zeros((3, 2)), np.ones((3, 2))).after == ()
