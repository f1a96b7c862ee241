"""Noticing that a process stood still: stopped by a signal, a paused machine, a long garbage collection, a starved loop. What it
knew before may be wrong since, so that whoever is about to let something leave asks here first."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

#: How often a running process says that it runs, and the longest silence that is no pause.
BEAT_S = 0.1
PAUSE_S_MAX = 1.0


_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)
#: Seconds on a clock that goes on while the machine sleeps, where there is one; only differences mean something.
running_s: Callable[[], float] = partial(time.clock_gettime, _CLOCK) if _CLOCK is not None else time.monotonic


class Pauses:
    """The pauses of one process.

    A pause is a silence of more than `pause_s_max` seconds on the machine's clocks: the running one, and the wall's, which is
    set forward after a virtual machine was paused together with its running clock. It is pending from the moment somebody
    notices it until what was asked for after that moment is known.
    """

    def __init__(
        self,
        *,
        pause_s_max: float = PAUSE_S_MAX,
        running: Callable[[], float] = running_s,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._pause_s_max, self._running, self._wall = pause_s_max, running, wall
        self._beat_s: tuple[float, float] | None = None
        self._noticed_s: float | None = None
        #: Pauses so far, how long the last one was, and when it ended (Unix time).
        self.count, self.last_s = 0, 0.0
        self.ended_at_s: float | None = None

    def beat(self) -> None:
        """The process runs. The first beat starts the watch; without one nothing is ever a pause."""
        self._look()
        self._beat_s = self._running(), self._wall()

    def pending(self) -> bool:
        """Whether a pause was noticed, now or before, and is not settled yet. Costs two looks at the clock."""
        beat_s = self._beat_s
        if beat_s is not None:
            silent_s, most_s = self._running() - beat_s[0], self._pause_s_max
            if silent_s > most_s or self._wall() - beat_s[1] > most_s:
                self._look()
        return self._noticed_s is not None

    def settle(self, asked_s: float) -> None:
        """What was asked for at `asked_s` (see `now_s`) is known: a pause that was noticed before is over."""
        if self._noticed_s is not None and self._noticed_s <= asked_s:
            self._noticed_s = None

    def now_s(self) -> float:
        """The running clock, for `settle`."""
        return self._running()

    def _look(self) -> None:
        if self._beat_s is None:
            return
        now_s, wall_s = self._running(), self._wall()
        silent_s = max(now_s - self._beat_s[0], wall_s - self._beat_s[1])
        if silent_s > self._pause_s_max:
            self._noticed_s, self._beat_s = now_s, (now_s, wall_s)
            self.count, self.last_s, self.ended_at_s = self.count + 1, silent_s, wall_s
