"""Where a call's time went: parts that never overlap, so that they add up to the whole."""

from __future__ import annotations

import time

import msgspec

from groundcrew.domain.call import LatencyPart


class Parts(msgspec.Struct, eq=False):
    """The parts of one call's time. Times are perf_counter seconds; `book` is called in the order of `end_s`."""

    _started_s: float = msgspec.field(default_factory=time.perf_counter)
    _booked_s: dict[str, float] = {}
    #: What is booked already, as disjoint intervals in order.
    _covered: list[tuple[float, float]] = []

    def book(self, part: LatencyPart, start_s: float, end_s: float) -> None:
        """Book what of the interval is not booked yet: a part inside another one counts once, as itself."""
        covered = self._covered
        if not covered or covered[-1][1] <= start_s:  # as almost always
            covered.append((start_s, end_s))
            self._booked_s[part] = self._booked_s.get(part, 0.0) + end_s - start_s
            return
        free_s, first_s = end_s - start_s, start_s
        while covered and covered[-1][1] > start_s:
            begin_s, stop_s = covered.pop()
            free_s -= stop_s - max(begin_s, start_s)
            first_s = min(first_s, begin_s)
        covered.append((first_s, end_s))
        self._booked_s[part] = self._booked_s.get(part, 0.0) + max(free_s, 0.0)

    def latency_ms(self, now_s: float) -> dict[str, float]:
        """Every booked part, `other` for what is in none, and `total`, their sum: milliseconds, in whole microseconds."""
        total = left = int((now_s - self._started_s) * 1e6)
        found: dict[str, float] = {}
        for part, value_s in self._booked_s.items():
            value = int(value_s * 1e6)  # whole microseconds, cut off
            left -= value
            found[part] = value / 1000
        if left < 0:  # floating point may have booked a microsecond too much
            total, left = total - left, 0
        found["other"] = left / 1000
        found["total"] = total / 1000
        return found
