"""The sequence that goes on gives what the sequence of all values gives, however they were portioned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.stats.betting_state import betting_state
from groundcrew.stats.confidence_sequences import BETTING_CHUNK, betting_sequence

STARS = st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), max_size=60)


@given(portions=st.lists(STARS, max_size=8))
def test_portions_do_not_matter(portions: list[list[float]]) -> None:
    state = betting_state(minimum=1, maximum=5)
    for portion in portions:
        state = state.extended(portion)
    found, whole = state.interval(), betting_sequence([each for portion in portions for each in portion], minimum=1, maximum=5)
    assert found.n == whole.n
    assert (found.estimate, found.lower, found.upper) == pytest.approx((whole.estimate, whole.lower, whole.upper))


@pytest.mark.parametrize("size", [1, 7, BETTING_CHUNK - 1, BETTING_CHUNK, BETTING_CHUNK + 1])
def test_more_than_a_chunk(size: int) -> None:
    values = ([5.0, 4.0, 5.0, 3.0, 4.0] * 260)[: 2 * BETTING_CHUNK + 77]
    state = betting_state(minimum=1, maximum=5)
    for start in range(0, len(values), size):
        state = state.extended(values[start : start + size])
    whole = betting_sequence(values, minimum=1, maximum=5)
    assert (state.interval().lower, state.interval().upper) == pytest.approx((whole.lower, whole.upper))
    assert state.interval().estimate == pytest.approx(whole.estimate)


def test_a_mean_that_moves_keeps_the_last_interval_that_stood() -> None:
    values = [1.0] * (2 * BETTING_CHUNK) + [5.0] * (2 * BETTING_CHUNK)
    state, whole = betting_state(minimum=1, maximum=5).extended(values), betting_sequence(values, minimum=1, maximum=5)
    assert (state.interval().lower, state.interval().upper) == pytest.approx((whole.lower, whole.upper))


def test_the_reference_value() -> None:
    found = betting_state(minimum=1, maximum=5).extended([5.0, 4.0, 5.0, 3.0, 4.0] * 40).interval()
    assert (found.lower, found.upper) == pytest.approx((4.036, 4.380), abs=1e-3)


def test_nothing_gives_the_whole_range_and_what_is_outside_is_refused() -> None:
    state = betting_state(minimum=1, maximum=5)
    assert (state.interval().estimate, state.interval().lower, state.interval().upper) == (None, 1.0, 5.0)
    with pytest.raises(InputError, match=r"outside 1\.\.5"):
        state.extended([6.0])
    with pytest.raises(InputError, match="below the maximum"):
        betting_state(minimum=1, maximum=1)
