"""Quantiles from buckets against those of the values themselves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.stats.buckets import SHARE_BUCKETS, duration_bucket, duration_edges, duration_quantile, share_bucket


@given(st.floats(0.001, 1e7))
def test_a_duration_lies_within_its_bucket(value: float) -> None:
    lower, upper = duration_edges(duration_bucket(value))
    assert lower * (1 - 1e-9) <= value <= upper * (1 + 1e-9)


@given(st.floats(allow_nan=False))
def test_any_number_has_a_bucket(value: float) -> None:
    assert duration_edges(duration_bucket(value))[1] > 0


@given(st.floats(0, 1))
def test_shares_have_buckets_of_equal_width(share: float) -> None:
    assert 0 <= share_bucket(share) < SHARE_BUCKETS
    assert share_bucket(share) / SHARE_BUCKETS <= share <= (share_bucket(share) + 1) / SHARE_BUCKETS + 1e-12


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99]))
def test_the_quantile_is_within_a_bucket_of_the_values_own(values: list[float], share: float) -> None:
    found = duration_quantile(Counter(map(duration_bucket, values)), share)
    own = sorted(values)[max(1, int(np.ceil(share * len(values) - 1e-9))) - 1]
    assert found.n == len(values)
    assert found.estimate == pytest.approx(own, rel=0.06)
    assert found.lower is None or found.lower <= found.estimate
    assert found.upper is None or found.upper >= found.estimate


def test_bounds_cover_the_true_quantile_as_often_as_they_say() -> None:
    random, covered, runs = np.random.default_rng(5), 0, 400
    truth = float(np.exp(6 + 0.5 * 1.2815515655446004))
    for _ in range(runs):
        found = duration_quantile(Counter(map(duration_bucket, random.lognormal(6, 0.5, 300).tolist())), 0.9)
        covered += found.lower is not None and found.upper is not None and found.lower <= truth <= found.upper
    assert covered / runs >= 0.95 - 0.02


def test_nothing_is_unknown_and_a_share_lies_between() -> None:
    found = duration_quantile({}, 0.5)
    assert (found.estimate, found.lower, found.upper, found.n) == (None, None, None, 0)
    with pytest.raises(InputError, match="between 0 and 1"):
        duration_quantile({1: 2}, 1.0)
