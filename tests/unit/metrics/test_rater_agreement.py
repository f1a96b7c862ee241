"""Agreement of raters: weighted κ and ordinal α as their plain formulas have them, with intervals around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.metrics.rater_agreement import rater_agreement, weighted_kappa
from groundcrew.stats.agreement import krippendorff_alpha

RATINGS = st.lists(
    st.tuples(st.integers(0, 9).map(lambda each: f"call-{each}"), st.sampled_from("abc"), st.integers(1, 5)), max_size=40
)


def plain_kappa(table: np.ndarray) -> float:
    """κ with quadratic weights by its definition, one cell at a time."""
    size, total = len(table), table.sum()
    seen = expected = 0.0
    for i in range(size):
        for j in range(size):
            weight = (i - j) ** 2 / (size - 1) ** 2
            seen += weight * table[i, j] / total
            expected += weight * table[i].sum() * table[:, j].sum() / total**2
    return float("nan") if expected == 0 else 1 - seen / expected


def test_weighted_kappa_is_its_definition() -> None:
    chance = np.random.default_rng(1)
    tables = chance.integers(0, 9, (50, 5, 5)).astype(float)
    assert weighted_kappa(tables) == pytest.approx([plain_kappa(each) for each in tables])


def test_two_categories_give_cohens_kappa() -> None:
    assert weighted_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx(0.40)


def test_raters_who_agree_and_raters_who_guess() -> None:
    chance = np.random.default_rng(2)
    stars = chance.integers(1, 6, 300)
    same = [(f"call-{place}", rater, int(each)) for place, each in enumerate(stars) for rater in "ab"]
    found = rater_agreement(same)
    assert found is not None
    assert (found.calls, found.raters, found.kappa.estimate, found.alpha.estimate) == (300, 2, 1.0, 1.0)
    guesses = [(f"call-{place}", rater, int(chance.integers(1, 6))) for place in range(300) for rater in "abc"]
    found = rater_agreement(guesses)
    assert found is not None
    for figure in (found.kappa, found.alpha):
        assert figure.lower is not None
        assert figure.upper is not None
        assert figure.lower < 0 < figure.upper
        assert figure.upper - figure.lower < 0.4
    assert len(found.pairs) == 3


def test_nothing_is_told_of_what_nobody_rated_twice() -> None:
    assert rater_agreement([]) is None
    assert rater_agreement([("a", "x", 3), ("b", "y", 4)]) is None
    assert rater_agreement([("a", "x", 3), ("a", "x", 4)]) is None, "one rater twice is one rater"
    found = rater_agreement([("a", "x", 3), ("a", "y", 3)])
    assert found is not None
    assert (found.kappa.estimate, found.alpha.estimate) == (None, None), "chance alone agrees always"


@settings(max_examples=60)
@given(ratings=RATINGS)
def test_alpha_is_that_of_the_plain_formula_and_the_last_rating_counts(ratings: list[tuple[str, str, int]]) -> None:
    calls: dict[str, dict[str, int]] = {}
    for call, rater, stars in ratings:
        calls.setdefault(call, {})[rater] = stars
    items = [list(each.values()) for each in calls.values()]
    found = rater_agreement(ratings)
    if found is None:
        assert not [each for each in items if len(each) > 1]
        return
    expected = krippendorff_alpha(items, "ordinal")
    assert found.alpha.estimate == (None if expected is None else pytest.approx(expected))
    for figure in (found.kappa, found.alpha):
        if figure.lower is not None and figure.upper is not None:
            assert figure.lower <= figure.upper <= 1 + 1e-12
