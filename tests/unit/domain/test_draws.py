"""Draws by hash: what was drawn once is drawn for ever, and no draw tells anything of another."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.draws import PLACES, fraction_of, is_drawn, place_of
from groundcrew.domain.exposure import place_of as user_place
from groundcrew.domain.rating_queue import rating_place
from groundcrew.domain.sign_off import sampled
from groundcrew.domain.trust_label import place_of_call
from groundcrew.gateway.signing import waits_by_chance

IDS = [f"call-{number}" for number in range(40)]


def test_what_was_drawn_stays_drawn() -> None:
    """As recorded before these draws were one function: a change would move people, units and samples."""
    assert [number for number, each in enumerate(IDS) if waits_by_chance("bank-email", each, 0.25)] == [
        *(1, 2, 9, 11, 20, 21, 22, 28, 31, 34, 35)
    ]
    assert [number for number, each in enumerate(IDS) if sampled(each, 0.25, "second-review")] == [
        0,
        9,
        15,
        25,
        27,
        30,
        32,
        37,
        38,
    ]
    assert place_of("abc", "holdout", "u-1") == 7935130368751680972
    assert user_place("bank-email", "anna") == 6792240573050990008
    assert rating_place("bank-email", "call-1") == 0.3996203169455217
    assert place_of_call("bank-email", "call-1") == 0.5990951360343378


@given(st.lists(st.text(), min_size=1, max_size=3), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_draws_whatever_a_smaller_one_draws(words: list[str], one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert is_drawn(large, *words) or not is_drawn(small, *words)
    assert is_drawn(1.0, *words)
    assert not is_drawn(0.0, *words)
    assert 0 <= place_of(*words) < PLACES
    assert math.isclose(fraction_of(*words), place_of(*words) / PLACES, abs_tol=1e-15)
