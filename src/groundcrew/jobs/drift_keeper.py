"""Looks at new windows of each use case for drift."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.bundle import Services

#: A turn with texts starts the encoder, half a second of a core: windows take longer to fill than this anyway.
EVERY_S = 180.0
#: Not at once: a start has better things to do.
FIRST_S = 20.0

logger = logging.getLogger(__name__)


class DriftKeeper:
    """Reads the calls that have come and looks at every monitor, again and again. Of several servers on one database one does,
    until it has stopped."""

    def __init__(self, services: Services, *, first_s: float = FIRST_S, every_s: float = EVERY_S) -> None:
        self._drift, self._first_s, self._every_s = services.drift, first_s, every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        try:
            await asyncio.sleep(self._first_s)
            while True:
                try:
                    await self._drift.keep()
                except Exception as error:
                    logger.warning("calls could not be watched for drift, next try in %.0f s: %s", self._every_s, error)
                await asyncio.sleep(self._every_s)
        finally:
            await self._leave()

    async def _leave(self) -> None:
        try:
            await self._drift.leave()
        except Exception as error:  # the database may be gone first: the lease then ends by itself
            logger.info("the right to read calls was not given back: %s", type(error).__name__)
