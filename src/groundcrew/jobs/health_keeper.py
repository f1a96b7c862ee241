"""Says how the gateway of this process does, so that alert rules know of it whichever server looks at them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable

from groundcrew.domain.identifiers import new_id
from groundcrew.services import gateway_health
from groundcrew.services.gateway_health import GatewayHealth
from groundcrew.store.database import Database

#: How often it is said: more often than rules are looked at.
EVERY_S = 10.0

logger = logging.getLogger(__name__)


class HealthKeeper:
    """Writes what `health` tells, again and again."""

    def __init__(self, database: Database, health: Callable[[], Awaitable[GatewayHealth]], *, every_s: float = EVERY_S) -> None:
        self._database, self._health, self._every_s = database, health, every_s
        self._server = new_id()

    async def run(self) -> None:
        """Run for ever; ends when cancelled, and is heard of no more. What fails is tried again the next time."""
        try:
            while True:
                try:
                    await gateway_health.say(self._database, self._server, os.getpid(), await self._health())
                except Exception as error:
                    logger.warning("the gateway's health could not be told, next try in %.0f s: %s", self._every_s, error)
                await asyncio.sleep(self._every_s)
        finally:
            with contextlib.suppress(Exception):
                await gateway_health.forget(self._database, self._server)
