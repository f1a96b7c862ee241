"""Keeps gateway keys within the boxes of explorations for as long as the server runs: what is used up calls no more."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.backlog import Backlog

EVERY_S = 30.0

logger = logging.getLogger(__name__)


class BacklogKeeper:
    """Runs `backlog.keep` again and again."""

    def __init__(self, backlog: Backlog, *, every_s: float = EVERY_S) -> None:
        self._backlog, self._every_s = backlog, every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                for each in await self._backlog.keep():
                    logger.info("the box of exploration %s is used up: its key has expired", each.id)
            except Exception as error:
                logger.warning("boxes could not be looked at, next try in %.0f s: %s", self._every_s, error)
