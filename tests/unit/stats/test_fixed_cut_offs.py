"""Why drift is judged by permutation and by no fixed cut-off: the population stability index of windows without any drift."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcrew.stats.drift import Column, detect

BINS, WINDOWS = 10, 4_000
#: What an empty bin counts as, as is usual for the index.
SMALLEST = 1e-3


def stability_index(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Sum over the bins of (q - p) ln(q / p), with p and q the shares of the two windows. 0 where they are alike."""
    p, q = (np.maximum(each / each.sum(), SMALLEST) for each in (first, second))
    return float(((q - p) * np.log(q / p)).sum())


@pytest.mark.parametrize(("n", "expected"), [(100, 0.83), (200, 0.39)])
def test_a_tenth_is_passed_without_drift(n: int, expected: float) -> None:
    chance = np.random.default_rng(20_261_127)
    pairs = chance.multinomial(n, np.full(BINS, 1 / BINS), size=(WINDOWS, 2))
    passed = np.mean([stability_index(first, second) > 0.1 for first, second in pairs])
    assert passed == pytest.approx(expected, abs=0.03)


def test_permutation_keeps_the_rate_where_the_cut_off_does_not() -> None:
    chance, alarms, windows, n = np.random.default_rng(7), 0, 200, 100
    for seed in range(windows):
        first, second = (Column(kind="category", values=[str(each) for each in chance.integers(0, BINS, n)]) for _ in range(2))
        alarms += detect(first, second, alpha=0.01, seed=seed).drifted is True
    assert alarms <= 8, "1 % of 200, and what chance may add to it once in ten thousand times"
