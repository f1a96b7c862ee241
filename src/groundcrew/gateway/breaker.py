"""Circuit breakers: a target that fails again and again is left alone for a while, so that calls go elsewhere at once.

closed → open after so many failures in a row → half-open once the time is up: one call tries; it closes or opens the circuit
again. State lives in the process, by provider, address and model: a new snapshot does not forget it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, TypeAlias

from groundcrew.domain.provider import BreakerRule

State = Literal["closed", "open", "half_open"]
#: Provider, base URL, model, and whether it is for shadow copies: what those run into is no reason to keep calls away.
BreakerKey: TypeAlias = tuple[str, str | None, str, bool]

#: Breakers that one process keeps; far more than a registry declares. The one that was used least recently goes first.
BREAKERS_MAX = 10_000


class Breaker:
    """The circuit of one target. Not thread-safe: it lives in the gateway's event loop."""

    __slots__ = ("_changed", "_clock", "_failures", "_generation", "_opens_s", "_probing", "_state")

    def __init__(self, clock: Callable[[], float], changed: Callable[[State], None] = lambda _state: None) -> None:
        """`clock` tells seconds that never go back; `changed` hears of every new state."""
        self._clock, self._changed = clock, changed
        self._state: State = "closed"
        self._failures = 0
        self._opens_s = 0.0
        self._probing = False
        #: Counts the states: what a call that began under an earlier one ran into says nothing about this one.
        self._generation = 0

    @property
    def state(self) -> State:
        """The state that the next call meets."""
        if self._state == "open" and self._clock() >= self._opens_s:
            return "half_open"
        return self._state

    def enter(self) -> int | None:
        """A call's ticket, to be given back exactly once; None while the target is left alone."""
        if self._state == "closed":
            return self._generation
        if self._state == "open" and self._clock() >= self._opens_s:
            self._turn("half_open")
        if self._state == "half_open" and not self._probing:
            self._probing = True
            return self._generation
        return None

    def retry_after_s(self) -> float:
        """Seconds until a call may try again; 0 where it may now or the one that tries is under way."""
        return max(0.0, self._opens_s - self._clock()) if self._state == "open" else 0.0

    def succeeded(self, ticket: int) -> None:
        """The target answered."""
        if ticket != self._generation:
            return
        self._failures = 0
        if self._state == "half_open":
            self._turn("closed")

    def failed(self, ticket: int, rule: BreakerRule) -> None:
        """The target failed: `rule` says whether that was once too often."""
        if ticket != self._generation:
            return
        self._failures += 1
        if self._state == "half_open" or self._failures >= rule.failures:
            self._opens_s = self._clock() + rule.open_s
            self._turn("open")

    def abandoned(self, ticket: int) -> None:
        """The call ended without telling anything about the target."""
        if ticket == self._generation:
            self._probing = False

    def _turn(self, state: State) -> None:
        self._state, self._probing, self._failures = state, False, 0
        self._generation += 1
        self._changed(state)


class Breakers:
    """All breakers of one process."""

    def __init__(
        self, clock: Callable[[], float], changed: Callable[[BreakerKey, State], None] = lambda _key, _state: None
    ) -> None:
        self._clock, self._changed = clock, changed
        self._breakers: OrderedDict[BreakerKey, Breaker] = OrderedDict()

    def of(self, key: BreakerKey) -> Breaker:
        """The breaker of this target, closed where it is new."""
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = Breaker(self._clock, lambda state: self._changed(key, state))
            while len(self._breakers) > BREAKERS_MAX:
                self._breakers.popitem(last=False)
        else:
            self._breakers.move_to_end(key)
        return breaker
