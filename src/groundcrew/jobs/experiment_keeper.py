"""Looks at experiments by itself once outcomes or exposures have arrived: soon after a burst, now and then in a steady flow."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from groundcrew.services.experiments import Experiments

POLL_S = 5.0
#: A look waits until nothing more has arrived for so long, but not longer than that since the first of it.
QUIET_S, WAIT_S_MAX = 15.0, 300.0
#: Looks at one experiment are at least so far apart, so that their history stays short enough to be drawn.
APART_S = 60.0

logger = logging.getLogger(__name__)


class _Seen:
    """What is known of one experiment: how far it was looked at, what has arrived since, and when."""

    def __init__(self) -> None:
        self.looked: str | None = None
        self.looked_s = float("-inf")
        self.arrived: str | None = None
        self.first_s = self.last_s = 0.0

    def is_due(self, mark: str, now_s: float) -> bool:
        if mark == self.looked:
            self.arrived = None
            return False
        if self.arrived is None:
            self.first_s = now_s
        if mark != self.arrived:
            self.arrived, self.last_s = mark, now_s
        waited = now_s - self.last_s >= QUIET_S or now_s - self.first_s >= WAIT_S_MAX
        return waited and now_s - self.looked_s >= APART_S


class ExperimentKeeper:
    """Runs `experiments.look` where it is due."""

    def __init__(
        self, experiments: Experiments, *, poll_s: float = POLL_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._experiments, self._poll_s, self._clock_s = experiments, poll_s, clock_s
        self._seen: dict[str, _Seen] = {}

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again after the next wait."""
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self.turn()
            except Exception as error:
                logger.warning("experiments could not be looked at: %s", error)

    async def turn(self) -> int:
        """Look at every experiment that is due; how many were."""
        marks, looked = await self._experiments.open(), 0
        self._seen = {name: self._seen.get(name) or _Seen() for name in marks}
        for name, mark in marks.items():
            seen = self._seen[name]
            if not seen.is_due(mark, self._clock_s()):
                continue
            # Also where it fails: a row that can not be analysed must not be tried in every turn.
            seen.looked, seen.looked_s, seen.arrived = mark, self._clock_s(), None
            try:
                await self._experiments.look(name)
            except Exception as error:
                logger.warning("the experiment of %s could not be looked at: %s", name, error)
            looked += 1
        return looked
