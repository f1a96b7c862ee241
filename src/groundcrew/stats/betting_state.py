"""The betting confidence sequence as a state that goes on: what a hundred thousand earlier values said is kept, so that one more
costs what one value costs. Gives what `confidence_sequences.betting_sequence` gives of all values at once."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.errors import InputError
from groundcrew.stats.confidence_sequences import (
    BETTING_CHUNK,
    BETTING_GRID_STEPS,
    BETTING_N_MAX,
    BETTING_STAKE_MAX,
)
from groundcrew.stats.intervals import Interval, check_confidence
from groundcrew.stats.moments import Values, finite_array

Array = NDArray[np.float64]


class _Race(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate means that no bettor has rejected, the logarithms of what was won against each both ways, the bounds when it
    last stood, and whether it goes on."""

    means: Array
    gain_up: Array
    gain_down: Array
    last: tuple[float, float] = (0.0, 1.0)
    standing: bool = True


class BettingState(msgspec.Struct, frozen=True, kw_only=True):
    """Values within `minimum`..`maximum` seen so far. Immutable: `extended` gives the state after more of them.

    Values are worked through by whole chunks of BETTING_CHUNK, so that it does not matter in which portions they came; those of
    the chunk that is not full yet wait in `waiting` (scaled to 0..1).
    """

    minimum: float
    maximum: float
    confidence: float
    n: int = 0
    #: Over all values of full chunks, scaled to 0..1: their sum, the sum of squared deviations, and how many they are.
    total: float = 0.0
    deviations: float = 0.0
    done: int = 0
    waiting: tuple[float, ...] = ()
    race: _Race | None = None

    def extended(self, values: Values) -> BettingState:
        """The state after `values`, in the order they arrived. InputError for one outside the range, or for too many."""
        array = finite_array(values)
        if array.size and not (self.minimum <= float(array.min()) and float(array.max()) <= self.maximum):
            raise InputError(f"holds a value outside {self.minimum:g}..{self.maximum:g}", field="values")
        if self.n + array.size > BETTING_N_MAX:
            raise InputError(f"holds more than {BETTING_N_MAX} values", field="values")
        scaled = (array - self.minimum) / (self.maximum - self.minimum)
        open_values = np.concatenate([np.asarray(self.waiting, dtype=np.float64), scaled])
        state = msgspec.structs.replace(self, n=self.n + int(array.size))
        whole = open_values.size - open_values.size % BETTING_CHUNK
        for start in range(0, whole, BETTING_CHUNK):
            state = state._with_chunk(open_values[start : start + BETTING_CHUNK])
        return msgspec.structs.replace(state, waiting=tuple(open_values[whole:].tolist()))

    def interval(self) -> Interval:
        """The sequence's interval now; the whole range where there are no values."""
        state = self._with_chunk(np.asarray(self.waiting)) if self.waiting else self
        low, high = state.race.last if state.race is not None else (0.0, 1.0)
        step = 1 / BETTING_GRID_STEPS if self.n else 0.0
        low, high = max(0.0, low - step), min(1.0, high + step)
        scale = self.maximum - self.minimum
        total = self.total + sum(self.waiting)
        return Interval(
            estimate=self.minimum + scale * total / self.n if self.n else None,
            lower=self.minimum + scale * low,
            upper=self.minimum + scale * high,
            n=self.n,
            method="betting-cs",
            confidence=self.confidence,
        )

    def _with_chunk(self, x: Array) -> BettingState:
        stakes, total, deviations = self._stakes(x)
        race = self.race or _start()
        if race.standing:
            race = _bet(race, x, stakes, math.log(2 / (1 - self.confidence)))
        done = self.done + int(x.size)
        return msgspec.structs.replace(self, total=total, deviations=deviations, done=done, race=race)

    def _stakes(self, x: Array) -> tuple[Array, float, float]:
        """λ_t of these values, from the values before each only, and the sums after them (as in betting_sequence)."""
        t = np.arange(self.done + 1, self.done + x.size + 1, dtype=np.float64)
        totals = self.total + np.cumsum(x)
        mean = (0.5 + totals) / (t + 1)
        deviations = self.deviations + np.cumsum((x - mean) ** 2)
        variance = (0.25 + deviations) / (t + 1)
        before = np.concatenate([[(0.25 + self.deviations) / (self.done + 1)], variance[:-1]])
        stakes: Array = np.sqrt(2 * math.log(2 / (1 - self.confidence)) / (before * t * np.log1p(t)))
        return stakes, float(totals[-1]), float(deviations[-1])


def betting_state(confidence: float = 0.95, minimum: float = 0.0, maximum: float = 1.0) -> BettingState:
    """The state before the first value. InputError unless `minimum` lies below `maximum`."""
    check_confidence(confidence)
    if not minimum < maximum:
        raise InputError("must lie below the maximum", field="minimum")
    return BettingState(minimum=minimum, maximum=maximum, confidence=confidence)


def _start() -> _Race:
    means = np.arange(BETTING_GRID_STEPS + 1) / BETTING_GRID_STEPS
    return _Race(means=means, gain_up=np.zeros_like(means), gain_down=np.zeros_like(means))


def _bet(race: _Race, x: Array, stakes: Array, limit: float) -> _Race:
    means = race.means
    with np.errstate(divide="ignore"):
        cap_up, cap_down = BETTING_STAKE_MAX / means, BETTING_STAKE_MAX / (1 - means)
    bet, surprise = stakes[:, None], x[:, None] - means
    up = race.gain_up + np.cumsum(np.log1p(np.minimum(bet, cap_up) * surprise), axis=0)
    down = race.gain_down + np.cumsum(np.log1p(-np.minimum(bet, cap_down) * surprise), axis=0)
    kept = (np.maximum(up, down) < limit).all(axis=0)
    if not kept.any():  # the mean lies between two grid points, or it moved: the last interval that stood is kept
        return msgspec.structs.replace(race, standing=False)
    means = means[kept]
    return _Race(
        means=means, gain_up=up[-1, kept], gain_down=down[-1, kept], last=(float(means[0]), float(means[-1])), standing=True
    )
