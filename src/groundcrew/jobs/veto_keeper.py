"""Looks again at what lifts vetoes, and passes those that nobody reviewed to the deputy."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.bundle import Services

LOOK_S = 120.0
#: A start has better things to do.
QUIET_S = 20.0

logger = logging.getLogger(__name__)


class VetoKeeper:
    """Looks every `look_s` seconds, at first after `quiet_s`. Any number of servers may: each looks again in the transaction that
    writes, and finds what another has done."""

    def __init__(self, services: Services, *, look_s: float = LOOK_S, quiet_s: float = QUIET_S) -> None:
        self._services, self._look_s, self._quiet_s = services, look_s, quiet_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time; until then a veto holds as it did."""
        await asyncio.sleep(self._quiet_s)
        while True:
            try:
                await self._services.vetoes.keep()
            except Exception as error:
                logger.warning("vetoes could not be looked at: %s", type(error).__name__)
            await asyncio.sleep(self._look_s)
