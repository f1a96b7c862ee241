"""Works on durable jobs while the server runs, a few at a time; `groundcrew jobs work` is the same in a process of its own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from groundcrew.services.job_runner import Kind, kinds, run
from groundcrew.services.jobs import LEASE_S

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

POLL_S = 1.0
#: A look for jobs that failed (the database is away) is tried again with a growing pause, up to this.
PAUSE_S_MAX = 30.0

logger = logging.getLogger(__name__)


class JobWorker:
    """Takes jobs of `registry` (all kinds, unless given) and does `slots` of them at once."""

    def __init__(
        self,
        services: Services,
        *,
        slots: int = 1,
        lease_s: float = LEASE_S,
        poll_s: float = POLL_S,
        registry: dict[str, Kind] | None = None,
    ) -> None:
        self._services, self._slots, self._lease_s, self._poll_s = services, slots, lease_s, poll_s
        self._registry = kinds() if registry is None else registry

    async def run(self) -> None:
        """Work for ever; ends when cancelled, and lets go of what it works on."""
        await asyncio.gather(*(self._work() for _ in range(self._slots)))

    async def drain(self) -> int:
        """Do the jobs that wait now, one after the other; how many."""
        done = 0
        while await self.work_once():
            done += 1
        return done

    async def work_once(self) -> bool:
        """Do one job, if one waits."""
        names = list(self._registry)
        if not names or not await self._services.jobs.waiting(names):
            return False
        task = await self._services.jobs.claim(names, lease_s=self._lease_s)
        if task is None:
            return False
        await run(self._services, task, lease_s=self._lease_s, registry=self._registry)
        return True

    async def _work(self) -> None:
        pause_s = self._poll_s
        while True:
            try:
                pause_s = 0.0 if await self.work_once() else self._poll_s
            except Exception as error:
                pause_s = min(max(pause_s, self._poll_s) * 2, PAUSE_S_MAX)
                logger.warning("jobs could not be looked for, next try in %.1f s: %s", pause_s, type(error).__name__)
            await asyncio.sleep(pause_s)
