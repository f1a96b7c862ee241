"""Slows down guessing: failed sign-ins are counted by name with address, and by address, over a sliding window."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from groundcrew.errors import NotAllowed

FAILURES_PER_NAME_MAX = 5
FAILURES_PER_ADDRESS_MAX = 50
WINDOW_S = 15 * 60.0
#: Counters kept; past this the one unused longest goes.
COUNTERS_MAX = 20_000


class TooManyAttempts(NotAllowed):
    """Too many failures; `retry_after_s` says when the next attempt is looked at."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many failed attempts: try again in {math.ceil(retry_after_s / 60)} min")


class Throttle:
    """Failed attempts of the last `WINDOW_S` seconds, in this process."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        per_name_max: int = FAILURES_PER_NAME_MAX,
        per_address_max: int = FAILURES_PER_ADDRESS_MAX,
    ) -> None:
        self._clock = clock
        self._per_name_max, self._per_address_max = per_name_max, per_address_max
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def check(self, name: str, address: str) -> None:
        """Raise TooManyAttempts where the limit is reached; the password is then not even looked at."""
        for counter, limit in self._counters(name, address):
            recent = self._recent(counter)
            if len(recent) >= limit:
                raise TooManyAttempts(max(1, math.ceil(recent[0] + WINDOW_S - self._clock())))

    def failed(self, name: str, address: str) -> None:
        """Count a failure."""
        for counter, limit in self._counters(name, address):
            recent = self._failures.setdefault(counter, deque(maxlen=limit))
            recent.append(self._clock())
            self._failures.move_to_end(counter)
        while len(self._failures) > COUNTERS_MAX:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of this name from this address; the address as a whole keeps its count."""
        self._failures.pop((name.casefold(), address), None)

    def _counters(self, name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        by_address = (("", address), self._per_address_max)
        return (((name.casefold(), address), self._per_name_max), by_address) if name else (by_address,)

    def _recent(self, counter: tuple[str, str]) -> deque[float]:
        recent = self._failures.get(counter, deque())
        while recent and recent[0] <= self._clock() - WINDOW_S:
            recent.popleft()
        if not recent:
            self._failures.pop(counter, None)
        return recent
