"""Removes texts that were kept long enough, every few hours, for as long as the server runs."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.retention import Retention

EVERY_S = 6 * 3_600.0
#: Not at once: a start has better things to do.
FIRST_S = 60.0

logger = logging.getLogger(__name__)


class RetentionJob:
    """Runs `retention` again and again."""

    def __init__(self, retention: Retention, *, days_default: int, first_s: float = FIRST_S, every_s: float = EVERY_S) -> None:
        self._retention, self._days_default = retention, days_default
        self._first_s, self._every_s = first_s, every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        await asyncio.sleep(self._first_s)
        while True:
            try:
                for each in await self._retention.run(days_default=self._days_default):
                    logger.info("removed texts older than %d days: %s", each.days, each)
            except Exception as error:
                logger.warning("old texts could not be removed, next try in %.0f s: %s", self._every_s, error)
            await asyncio.sleep(self._every_s)
