"""Reopens overlaps whose roadmap item has shipped, and says which capabilities to check again."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.bundle import Services

#: Dates move by days. Not at once: a start has better things to do.
EVERY_S, FIRST_S = 3_600.0, 60.0

logger = logging.getLogger(__name__)


class OverlapKeeper:
    """Notes again and again which overlaps are open again: gates see it by the date alone, people by the record. Several servers
    may do so at once: each looks again within its transaction."""

    def __init__(self, services: Services, *, every_s: float = EVERY_S, first_s: float = FIRST_S) -> None:
        self._services, self._every_s, self._first_s = services, every_s, first_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        await asyncio.sleep(self._first_s)
        while True:
            try:
                await self.look()
            except Exception as error:
                logger.warning("overlaps could not be looked at, next try in %.0f s: %s", self._every_s, error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Reopen what has ended, and log which capabilities are to be checked."""
        for each in await self._services.overlaps.watch():
            logger.warning("overlap %s of %s is open again: %s", each.id, each.use_case, each.reopened)
        stale = [each for each in await self._services.capabilities.find() if each.stale or each.check_shipped]
        if stale:
            logger.info("%d vendor capabilities are to be checked at their source", len(stale))
