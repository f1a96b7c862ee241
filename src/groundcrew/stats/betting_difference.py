"""The difference of two randomised arms with values in 0..1, by betting: valid at any n, at every look, for any distribution.

Each value is weighted by the inverse of the declared chance of its arm (Horvitz & Thompson 1952), which makes one sequence
of bounded numbers whose mean is the difference; bets on it are those of Waudby-Smith & Ramdas 2024 (section 5 there treats
randomised trials). What is known before a value arrives is taken out of it first, so that little is lost to the weighting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.confidence_sequences import BETTING_STAKE_MAX

#: Values after these are left out: the sequence stays valid, and by then a central limit theorem serves better.
BETTING_DIFFERENCE_N_MAX = 100_000
#: Bisections of the range −1..1 for each bound: to 1.5e-5.
BISECTIONS = 17


class Bets(NamedTuple):
    """What a bettor holds, along the last axis in the order of arrival: the weighted values, the lowest and the highest
    that each could have been, and the stakes; all but the values are fixed before the value arrives."""

    outcome: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    stakes: NDArray[np.float64]


def difference_bets(values: NDArray[np.float64], treated: NDArray[np.bool_], split: float, alpha: float) -> Bets:
    """The bets of one-sided level `alpha` for values in 0..1 of units that met the treatment with chance `split`."""
    t = np.arange(1, values.shape[-1] + 1, dtype=np.float64)
    expected = _before(np.cumsum(values, axis=-1), 0.5, t)
    rest = values - expected
    outcome = np.where(treated, rest / split, -rest / (1 - split))
    centre = (np.cumsum(outcome, axis=-1)) / t
    spread = _before(np.cumsum((outcome - centre) ** 2, axis=-1), 0.25 / (split * (1 - split)), t)
    return Bets(
        outcome=outcome,
        lowest=-np.maximum(expected / split, (1 - expected) / (1 - split)),
        highest=np.maximum((1 - expected) / split, expected / (1 - split)),
        stakes=np.sqrt(2 * math.log(1 / alpha) / (spread * t * np.log1p(t))),
    )


def wealth_above(bets: Bets, difference: float) -> NDArray[np.float64]:
    """Logarithm of the capital, after each value, of who bets that the true difference is larger than `difference`."""
    cap = BETTING_STAKE_MAX / np.maximum(difference - bets.lowest, 1e-12)
    return np.cumsum(np.log1p(np.minimum(bets.stakes, cap) * (bets.outcome - difference)), axis=-1)


def wealth_below(bets: Bets, difference: float) -> NDArray[np.float64]:
    """The same for who bets that the true difference is smaller."""
    cap = BETTING_STAKE_MAX / np.maximum(bets.highest - difference, 1e-12)
    return np.cumsum(np.log1p(-np.minimum(bets.stakes, cap) * (bets.outcome - difference)), axis=-1)


def betting_difference(
    values: NDArray[np.float64], treated: NDArray[np.bool_], split: float, alpha: float
) -> tuple[float, float]:
    """Lower and upper bound of treatment − control, within −1..1, each of which ever errs with probability `alpha`.

    `values` in 0..1 in the order of arrival; every unit was assigned by itself, to the treatment with chance `split`. The
    capital against a difference falls as that difference rises (and the other way round), so each bound is a bisection
    for the last one at which the capital ever reached 1/α. Raises InputError for values outside 0..1.
    """
    if not 0 < split < 1:
        raise InputError(f"must lie between 0 and 1, is {split:g}", field="split")
    if values.size and not (float(values.min()) >= 0 and float(values.max()) <= 1):
        raise InputError("holds a value outside 0..1", field="values")
    values, treated = values[:BETTING_DIFFERENCE_N_MAX], treated[:BETTING_DIFFERENCE_N_MAX]
    if not values.size:
        return -1.0, 1.0
    bets = difference_bets(values, treated, split, alpha)
    limit = math.log(1 / alpha)
    return (
        _last_refuted(lambda at: float(wealth_above(bets, at).max()) >= limit, -1.0, 1.0),
        _last_refuted(lambda at: float(wealth_below(bets, at).max()) >= limit, 1.0, -1.0),
    )


def _last_refuted(refuted: Callable[[float], bool], start: float, end: float) -> float:
    """The point nearest to `end` that is still refuted, where all points from `start` up to some point are."""
    if not refuted(start):
        return start
    for _ in range(BISECTIONS):
        middle = (start + end) / 2
        if refuted(middle):
            start = middle
        else:
            end = middle
    return start


def _before(sums: NDArray[np.float64], prior: float, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of what came before each entry together with one imagined value `prior`."""
    shifted = np.concatenate([np.zeros_like(sums[..., :1]), sums[..., :-1]], axis=-1)
    return (prior + shifted) / t
