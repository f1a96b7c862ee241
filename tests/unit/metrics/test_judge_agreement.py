"""What a judge's scores are worth: κ and α against worked examples, repeats, and the place that an answer stood in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.metrics.judge_agreement import (
    PAIRS_MIN,
    judge_agreement,
    position_bias,
    preferred,
    quadratic_kappa,
    repeat_variance,
)
from groundcrew.stats.agreement import cohen_kappa

stars = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=60)


def test_kappa_of_two_categories_is_cohens() -> None:
    """κ of [[20, 5], [10, 15]] is .40; with two categories the weights change nothing."""
    pairs = [(0.0, 0.0)] * 20 + [(0.0, 1.0)] * 5 + [(1.0, 0.0)] * 10 + [(1.0, 1.0)] * 15
    assert quadratic_kappa(pairs, (0, 1)) == pytest.approx(0.40)
    assert quadratic_kappa(pairs, (0, 1)) == pytest.approx(cohen_kappa([[20, 5], [10, 15]]))


def test_kappa_by_hand() -> None:
    """Pairs (1,1) (2,3) (3,3): Σ(i−j)² is 1 as observed, and by chance, rows {1,2,3} against columns {1,3,3}, 15/3."""
    assert quadratic_kappa([(1, 1), (2, 3), (3, 3)], (1, 2, 3)) == pytest.approx(1 - 1 / 5)


@given(stars)
def test_kappa_is_symmetric_and_bounded(pairs: list[tuple[int, int]]) -> None:
    one = quadratic_kappa([(float(a), float(b)) for a, b in pairs], (1, 2, 3, 4, 5))
    other = quadratic_kappa([(float(b), float(a)) for a, b in pairs], (1, 2, 3, 4, 5))
    if one is None:
        assert other is None
    else:
        assert one == pytest.approx(other)
        assert -1 - 1e-9 <= one <= 1 + 1e-9


def test_a_far_miss_costs_more_than_a_near_one() -> None:
    base = [(float(each), float(each)) for each in (1, 2, 3, 4, 5)] * 4
    near, far = quadratic_kappa([*base, (4, 5)], (1, 2, 3, 4, 5)), quadratic_kappa([*base, (1, 5)], (1, 2, 3, 4, 5))
    assert near is not None
    assert far is not None
    assert far < near < 1


def test_agreement_has_an_interval_once_there_is_enough() -> None:
    pairs = [(float(1 + each % 5), float(1 + (each + each // 7) % 5)) for each in range(60)]
    found = judge_agreement(pairs)
    assert found.n == 60
    for interval in (found.kappa, found.alpha):
        assert interval.estimate is not None
        assert interval.lower is not None
        assert interval.upper is not None
        assert interval.lower <= interval.estimate <= interval.upper
    assert judge_agreement(pairs) == found, "the draws are from a seed"
    few = judge_agreement(pairs[: PAIRS_MIN - 1])
    assert few.kappa.estimate is not None
    assert few.kappa.lower is None
    assert judge_agreement([]).bias is None
    assert judge_agreement([(5, 4), (4, 4)]).bias == 0.5


def test_a_judge_that_always_says_the_same_agrees_with_nobody() -> None:
    found = judge_agreement([(5.0, float(1 + each % 5)) for each in range(50)])
    assert found.kappa.estimate == pytest.approx(0.0)
    assert found.alpha.estimate is not None
    assert found.alpha.estimate < 0.2


def test_variance_over_repeats() -> None:
    found = repeat_variance([(4, 4, 4), (3, 5), (2,), ()])
    assert (found.n, found.variance, found.same) == (2, 1.0, 0.5)
    assert repeat_variance([(1,)]).variance is None


def test_the_place_decides_nothing() -> None:
    forward = ["first", "first", "second", "neither", "first", None]
    backward = ["second", "first", "second", "neither", "neither", "first"]
    found = position_bias(forward, backward)
    assert (found.pairs, found.consistent, found.first, found.second) == (5, 2, 1, 1)
    assert found.first_share.estimate == pytest.approx(4 / 7)
    assert [preferred(one, other) for one, other in zip(forward, backward, strict=True)] == [
        "first",
        "neither",
        "neither",
        "neither",
        "neither",
        None,
    ]
    assert preferred("second", "first") == "second"


def test_categories_must_rise() -> None:
    with pytest.raises(InputError, match="rising"):
        quadratic_kappa([(1, 1)], (2, 1))
