"""Looks after stops that are not confirmed: one that had failed is confirmed by itself once the last gateway enforces it, and one
whose tripper died is settled."""

from __future__ import annotations

import asyncio
import logging

from groundcrew.services.kill_switches import KillSwitches

EVERY_S = 0.5
#: A look that failed (the database is away) is tried again with a growing pause, up to this.
PAUSE_S_MAX = 10.0

logger = logging.getLogger(__name__)


class StopKeeper:
    """May run in several processes at once: each change is written only onto what it was decided on."""

    def __init__(self, kill_switches: KillSwitches, *, every_s: float = EVERY_S) -> None:
        self._kill_switches, self._every_s = kill_switches, every_s

    async def run(self) -> None:
        """Look for ever; ends when cancelled."""
        pause_s = self._every_s
        while True:
            try:
                for switch in await self._kill_switches.settle():
                    logger.warning("kill switch %s: %s", switch.scope, switch.state)
                pause_s = self._every_s
            except Exception as error:
                pause_s = min(pause_s * 2, PAUSE_S_MAX)
                logger.warning("stops could not be looked at, next try in %.1f s: %s", pause_s, type(error).__name__)
            await asyncio.sleep(pause_s)
