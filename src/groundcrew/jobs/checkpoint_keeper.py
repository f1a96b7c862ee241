"""Signs the head of the audit chain: where several servers run, whichever holds the key; a second one finds it done."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.bundle import Services

EVERY_S = 60.0
#: Not at once: a start has better things to do.
FIRST_S = 20.0

logger = logging.getLogger(__name__)


class CheckpointKeeper:
    """Looks every minute whether a checkpoint is due."""

    def __init__(self, services: Services, *, first_s: float = FIRST_S, every_s: float = EVERY_S) -> None:
        self._services, self._first_s, self._every_s = services, first_s, every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time, and told each time."""
        await asyncio.sleep(self._first_s)
        while True:
            try:
                for each in await self._services.checkpoints.sign():
                    logger.info("signed the audit log up to entry %d", each.sequence)
            except Exception as error:
                logger.error("the audit log was not signed, next try in %.0f s: %s", self._every_s, error)
            await asyncio.sleep(self._every_s)
