"""Keeps what follows from labels up to date, every hour, for as long as the server runs: alarms, guarantees, calibrations that
grow."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.trust import Trust

EVERY_S = 3_600.0
#: Not at once: a start has better things to do.
FIRST_S = 90.0

logger = logging.getLogger(__name__)


class TrustKeeper:
    """Runs `trust.keep` again and again."""

    def __init__(self, trust: Trust, *, first_s: float = FIRST_S, every_s: float = EVERY_S) -> None:
        self._trust, self._first_s, self._every_s = trust, first_s, every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        await asyncio.sleep(self._first_s)
        while True:
            try:
                await self._trust.keep()
            except Exception as error:
                logger.warning("labels could not be worked through, next try in %.0f s: %s", self._every_s, error)
            await asyncio.sleep(self._every_s)
