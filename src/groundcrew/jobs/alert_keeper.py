"""Looks at alert rules, says how this server's gateway does, and opens incidents for stops that failed, while the server runs.

Several servers of one database take turns: each says its own health, and one of them looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable

from groundcrew.domain.identifiers import new_id
from groundcrew.services import gateway_health
from groundcrew.services.alerts import LOOK_EVERY_S
from groundcrew.services.bundle import Services
from groundcrew.services.gateway_health import GatewayHealth

#: Not at once: a start has better things to do.
FIRST_S = 10.0

logger = logging.getLogger(__name__)


class AlertKeeper:
    """Runs `alerts.look` and `incidents.watch` again and again. `health` tells how this server's gateway does, None where it has
    none."""

    def __init__(
        self,
        services: Services,
        health: Callable[[], Awaitable[GatewayHealth]] | None = None,
        *,
        first_s: float = FIRST_S,
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._services, self._health = services, health
        self._first_s, self._every_s = first_s, every_s
        self._server = new_id()

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        try:
            await asyncio.sleep(self._first_s)
            while True:
                for work in (self._say, self._watch, self._look):
                    try:
                        await work()
                    except Exception as error:
                        logger.warning("alerts: %s failed, next try in %.0f s: %s", work.__name__, self._every_s, error)
                await asyncio.sleep(self._every_s)
        finally:
            if self._health is not None:
                with contextlib.suppress(Exception):
                    await gateway_health.forget(self._services.database, self._server)

    async def _say(self) -> None:
        if self._health is not None:
            await gateway_health.say(self._services.database, self._server, os.getpid(), await self._health())

    async def _watch(self) -> None:
        for each in await self._services.incidents.watch():
            logger.error("incident %s of severity %d: %s", each.id, each.severity, each.title)

    async def _look(self) -> None:
        looked = await self._services.alerts.look(every_s=self._every_s)
        if looked is None:
            return
        for each in looked.raised:
            alert = await self._services.alerts.get(each)
            logger.warning("alert %s %s, severity %d: %s", alert.rule, alert.use_case, alert.severity, alert.figure.text)
