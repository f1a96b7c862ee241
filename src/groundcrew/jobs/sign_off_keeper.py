"""Keeps the time of sign-offs for as long as the server runs: they pass on or expire, and owners hear where nobody is there."""

from __future__ import annotations

import asyncio
import logging
import time

from groundcrew.services.bundle import Services

EVERY_S = 5.0
#: Who is there changes by hours.
OWNERS_EVERY_S = 600.0

logger = logging.getLogger(__name__)


class SignOffKeeper:
    """Runs `sign_offs.settle` and `sign_off_queue.tell_owners` again and again. Several may run on one database."""

    def __init__(self, services: Services, *, every_s: float = EVERY_S, owners_every_s: float = OWNERS_EVERY_S) -> None:
        self._services, self._every_s, self._owners_every_s = services, every_s, owners_every_s
        self._told_s = float("-inf")

    async def look(self) -> int:
        """Settle what ran out, all of it; how many that were."""
        settled = 0
        while found := await self._services.sign_offs.settle():
            settled += len(found)
            for each in found:
                logger.info("sign-off %s of %s is %s", each.id, each.use_case, _what(each.state, each.qualification))
        if time.monotonic() - self._told_s >= self._owners_every_s:
            await self._services.sign_off_queue.tell_owners()
            self._told_s = time.monotonic()
        return settled

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        while True:
            try:
                await self.look()
            except Exception as error:
                logger.warning("sign-offs could not be settled, next try in %.0f s: %s", self._every_s, type(error).__name__)
            await asyncio.sleep(self._every_s)


def _what(state: str, qualification: str) -> str:
    return f"with {qualification} now" if state == "pending" else state
