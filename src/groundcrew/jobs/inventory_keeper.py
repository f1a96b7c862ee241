"""Looks for keys that nobody uses, and for findings that are settled no more, as long as a server runs."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.bundle import Services
from groundcrew.services.inventory import ACTOR

#: Keys move by days; what lapses does so at midnight. Not at once: a start has better things to do.
FIRST_S, EVERY_S, RETRY_S = 120.0, 6 * 3_600.0, 600.0

logger = logging.getLogger(__name__)


class InventoryKeeper:
    """Runs `inventory.watch` and records a scan of the keys again and again. Several servers do no harm: what is known is
    recorded once."""

    def __init__(
        self, services: Services, *, first_s: float = FIRST_S, every_s: float = EVERY_S, retry_s: float = RETRY_S
    ) -> None:
        self._services, self._first_s, self._every_s, self._retry_s = services, first_s, every_s, retry_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again sooner."""
        await asyncio.sleep(self._first_s)
        while True:
            try:
                await self.look()
                wait_s = self._every_s
            except Exception as error:
                logger.warning("the inventory could not be looked at, next try in %.0f s: %s", self._retry_s, error)
                wait_s = self._retry_s
            await asyncio.sleep(wait_s)

    async def look(self) -> None:
        """Look once."""
        for each in await self._services.inventory.watch():
            logger.info("finding %s is open again: %s", each.id, each.reason)
        _, recorded = await self._services.inventory.scan_keys(actor=ACTOR)
        if recorded is not None and recorded.new:
            logger.info("%d new findings about gateway keys", len(recorded.new))
