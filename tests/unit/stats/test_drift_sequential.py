"""The watch for slow drift: how often it alarms without a change, how soon with one, and that its state goes on anywhere."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.stats.drift import ChangeState, Column, nearness, watch


def numbers(values: Any) -> Column:
    return Column(kind="number", values=list(values))


def test_alarms_without_a_change_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(1)
    raised = 0
    for place in range(80):
        state = watch(numbers(rng.lognormal(size=100)), false_alarm_every=3_000, seed=place)
        raised += state.extended(rng.lognormal(size=300)).alarm_at is not None
    assert raised <= 16  # at most 300 of 3,000, one in ten: 8 are expected at most, more than 16 has a chance of 0.002


@pytest.mark.parametrize(
    ("before", "after", "rows_max"),
    [
        (lambda rng, n: rng.normal(size=n), lambda rng, n: rng.normal(1.0, 1, n), 200),
        (lambda rng, n: rng.normal(size=n), lambda rng, n: rng.normal(0, 2.5, n), 400),
        (lambda rng, n: rng.normal(size=n), lambda rng, n: np.where(rng.random(n) < 0.15, 6.0, rng.normal(size=n)), 600),
        (lambda rng, n: np.full(n, 3.0), lambda rng, n: np.full(n, 4.0), 100),
        (lambda rng, n: rng.normal(size=n), lambda rng, n: np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)), 300),
    ],
)
def test_changes_of_numbers_are_seen_soon(before: Any, after: Any, rows_max: int) -> None:
    rng = np.random.default_rng(2)
    state = watch(numbers(before(rng, 300))).extended(before(rng, 200))
    assert state.alarm_at is None
    state = state.extended(after(rng, rows_max))
    assert state.alarm_at is not None
    assert 200 < state.alarm_at <= 200 + rows_max
    assert state.evidence >= state.false_alarm_every
    assert state.extended([99.0]) == state  # an alarm stays


def test_changes_of_categories_are_seen_new_ones_too() -> None:
    rng = np.random.default_rng(3)
    reference = Column(kind="category", values=rng.choice(["a", "b", "c"], 300, p=[0.6, 0.3, 0.1]).tolist())
    for shares in ([0.3, 0.3, 0.1, 0.3], [0.2, 0.7, 0.1, 0.0]):
        state = watch(reference).extended(rng.choice(["a", "b", "c", "new"], 500, p=shares).tolist())
        assert state.alarm_at is not None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), max_size=40), st.integers(0, 40), st.integers(0, 9))
def test_the_state_goes_on_in_portions_and_after_storage(values: list[float | None], cut: int, seed: int) -> None:
    start = watch(numbers(np.linspace(-3, 3, 80)), false_alarm_every=100, seed=seed)
    at_once = start.extended(values)
    half = msgspec.json.decode(msgspec.json.encode(start.extended(values[:cut])), type=ChangeState)
    assert half.extended(values[cut:]) == at_once


def test_the_state_stays_small() -> None:
    state = watch(numbers(np.random.default_rng(4).normal(size=5_000))).extended(range(500))
    assert len(msgspec.json.encode(state)) < 3_000


def test_nearness_is_small_for_what_was_never_seen() -> None:
    anchors = np.eye(6)[:3]
    assert nearness(anchors, np.eye(6)[[0, 5]]).tolist() == pytest.approx([1 / 3, 0.0])
    with pytest.raises(InputError, match="anchors"):
        nearness(np.zeros((0, 6)), anchors)


@pytest.mark.parametrize(
    ("reference", "settings_", "message"),
    [
        (numbers([1.0] * 39 + [None] * 50), {}, "reference: has 39 values; a watch needs 40"),
        (numbers(range(50)), {"false_alarm_every": 9}, "false_alarm_every: must lie in 10..1000000000, is 9"),
        (Column(kind="embedding", vectors=np.ones((50, 2))), {}, "kind: only numbers and categories"),
    ],
)
def test_what_can_not_be_watched_is_told(reference: Column, settings_: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        watch(reference, **settings_)
    assert message in str(caught.value)


def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="not a number"):
        watch(numbers(range(50))).extended(["x"])
