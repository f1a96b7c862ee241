"""Has each knowledge base looked through: once a day, and soon after a revision was approved."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from groundcrew.services import job_files
from groundcrew.services.knowledge_quality import KIND

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

EVERY = timedelta(days=1)
LOOK_S = 3_600.0
#: An approval is seldom the last thing that somebody does, and a start has better things to do.
QUIET_S = 60.0
ACTOR = "system:schedule"

logger = logging.getLogger(__name__)


class QualitySchedule:
    """Submits the runs that are due. Of several servers the first one does; the others find its job."""

    def __init__(self, services: Services, *, look_s: float = LOOK_S, quiet_s: float = QUIET_S) -> None:
        self._services, self._look_s, self._quiet_s = services, look_s, quiet_s
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look soon: something changed in this process."""
        self._wake.set()

    async def submit_due(self) -> list[str]:
        """Submit the runs that are due; the bases that they are about."""
        services, submitted = self._services, []
        now = services.database.clock.now()
        for base in await services.knowledge.bases():
            approved = [each for each in await services.knowledge.revisions(base.name) if each.state == "approved"]
            if not approved:
                continue
            newest = await services.jobs.list(kind=KIND, subject=base.name, limit=1)
            asked = newest[0].job if newest else None
            if asked is None or asked.arguments.get("revision") != approved[-1].id or now - asked.asked_at >= EVERY:
                await services.quality.submit(base.name, actor=ACTOR)
                submitted.append(base.name)
        return submitted

    async def sweep(self) -> None:
        """Remove old files of jobs. They hold texts of whatever use case: while any legal hold stands, all of them stay."""
        if not await self._services.legal_holds.stands():
            await asyncio.to_thread(job_files.sweep, self._services.jobs.folder)

    async def run(self) -> None:
        """Look for ever; ends when cancelled. What fails is tried again the next time."""
        while True:
            await asyncio.sleep(self._quiet_s)
            self._wake.clear()
            try:
                await self.submit_due()
                await self.sweep()
            except Exception as error:
                logger.warning("knowledge bases could not be looked through: %s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._look_s)
