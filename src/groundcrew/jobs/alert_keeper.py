"""Looks at alert rules and opens incidents for stops that failed, as long as a server runs. Several of them take turns."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.alerts import LOOK_EVERY_S
from groundcrew.services.bundle import Services

#: Not at once: a start has better things to do.
FIRST_S = 10.0

logger = logging.getLogger(__name__)


class AlertKeeper:
    """Runs `incidents.watch` and `alerts.look` again and again."""

    def __init__(self, services: Services, *, first_s: float = FIRST_S, every_s: float = LOOK_EVERY_S) -> None:
        self._services, self._first_s, self._every_s = services, first_s, every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        await asyncio.sleep(self._first_s)
        while True:
            # One that fails keeps the other from nothing.
            for work in (self._watch, self._look):
                try:
                    await work()
                except Exception as error:
                    logger.warning("alerts could not be looked at, next try in %.0f s: %s", self._every_s, error)
            await asyncio.sleep(self._every_s)

    async def _watch(self) -> None:
        for each in await self._services.incidents.watch():
            logger.error("incident %s of severity %d: %s", each.id, each.severity, each.title)

    async def _look(self) -> None:
        looked = await self._services.alerts.look(every_s=self._every_s)
        for each in looked.raised if looked is not None else ():
            alert = await self._services.alerts.get(each)
            logger.warning("alert %s %s, severity %d: %s", alert.rule, alert.use_case, alert.severity, alert.figure.text)
