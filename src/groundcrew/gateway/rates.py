"""Rate limits by the generic cell rate algorithm in its virtual scheduling form (ITU-T I.371; ATM Forum Traffic Management 4.0,
section 4.4.2).

A meter is one number, the theoretical arrival time: until when what was admitted is paid for. Each unit moves it on by the
emission interval 60 / limit, and what would move it more than a minute past now has to wait. That is a bucket of one minute's
worth which fills evenly: in any window of w seconds at most limit × (1 + w / 60) units are admitted.
"""

from __future__ import annotations

from bisect import bisect_right

#: The bucket's size in seconds of the limit.
BURST_S = 60.0
#: How far past now a meter may lie: tokens beyond their estimate, or a clock that was set back, lock nobody out for longer.
DEBT_S_MAX = 600.0
#: Low points that a meter remembers; where there are more, two become one that gives back less.
LOWS_MAX = 1_024


def admitted_at(arrival_s: float, now_s: float, cost_s: float) -> float:
    """The meter after admitting what costs `cost_s` (units × emission interval) at `now_s`."""
    if arrival_s > now_s + DEBT_S_MAX:
        arrival_s = now_s + DEBT_S_MAX
    return (arrival_s if arrival_s > now_s else now_s) + cost_s


def wait_s(after_s: float, now_s: float, cost_s: float) -> float:
    """How long what would move the meter to `after_s` has to wait; 0 or less: it may come in now.

    What costs more than a whole bucket comes in when the bucket is full.
    """
    return after_s - now_s - (BURST_S if cost_s < BURST_S else cost_s)


def remaining(arrival_s: float, now_s: float, emission_s: float) -> int:
    """Units that would be admitted now."""
    used_s = arrival_s - now_s if arrival_s > now_s else 0.0
    return max(0, int((BURST_S - used_s) / emission_s + 1e-9))


class Backlogs:
    """How much lay before each unit of work when it came in, as far as that bounds what may be given back.

    Time that has passed has refilled the bucket already, so that work which turns out smaller moves what came in after it
    forward by no more than the least wait in between. `admit` numbers work in the order in which it comes in.
    """

    __slots__ = ("_admitted", "_lows", "_numbers")

    def __init__(self) -> None:
        self._admitted = 0
        #: Numbers and backlogs in seconds of the later minima: both rise.
        self._numbers: list[int] = []
        self._lows: list[float] = []

    def admit(self, arrival_s: float, now_s: float) -> int:
        """Note work that comes in at `now_s` with the meter at `arrival_s`; its number."""
        backlog_s = arrival_s - now_s if arrival_s > now_s else 0.0
        numbers, lows = self._numbers, self._lows
        while lows and lows[-1] >= backlog_s:
            lows.pop()
            numbers.pop()
        if len(lows) >= LOWS_MAX:
            backlog_s = lows.pop()
            numbers.pop()
        self._admitted += 1
        numbers.append(self._admitted)
        lows.append(backlog_s)
        return self._admitted

    def give_back(self, number: int, surplus_s: float) -> float:
        """By how many seconds, 0..`surplus_s`, the meter moves back when the work `number` was this much smaller."""
        first = bisect_right(self._numbers, number)
        lows = self._lows
        if first == len(lows):
            return surplus_s
        moved_s = min(surplus_s, lows[first])
        for index in range(first, len(lows)):
            lows[index] -= moved_s
        return moved_s
