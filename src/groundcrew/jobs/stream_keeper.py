"""Keeps the next meetings of the Stream's cadence scheduled, as long as a server runs. Several of them may, on one database."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.bundle import Services

#: Not at once: a start has better things to do.
FIRST_S, EVERY_S = 15.0, 300.0

logger = logging.getLogger(__name__)


class StreamKeeper:
    """Runs `meetings.keep_scheduled` again and again."""

    def __init__(self, services: Services, *, first_s: float = FIRST_S, every_s: float = EVERY_S) -> None:
        self._services, self._first_s, self._every_s = services, first_s, every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        await asyncio.sleep(self._first_s)
        while True:
            try:
                for each in await self._services.meetings.keep_scheduled():
                    logger.info("the Stream meets on %s", each.starts_at.isoformat())
            except Exception as error:
                logger.warning("meetings could not be scheduled, next try in %.0f s: %s", self._every_s, error)
            await asyncio.sleep(self._every_s)
