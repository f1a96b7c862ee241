"""The standing rehearsal: has the alternates of live use cases rehearsed as often as their models declare, one at a time."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from groundcrew.domain.job import JobView
from groundcrew.domain.model_swap import named
from groundcrew.domain.provider import Model, Target
from groundcrew.domain.stage import EXPOSED_STAGES
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import GroundcrewError
from groundcrew.services.rehearsals import KIND

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

LOOK_S = 3_600.0
#: A start has better things to do.
QUIET_S = 120.0
ACTOR = "system:schedule"
#: Rehearsals of a use case that are looked through for what was asked lately.
JOBS_LOOKED_AT = 50

logger = logging.getLogger(__name__)


class RehearsalKeeper:
    """Submits the rehearsals that are due. Of several servers the first one does; the others find its job."""

    def __init__(self, services: Services, *, look_s: float = LOOK_S, quiet_s: float = QUIET_S) -> None:
        self._services, self._look_s, self._quiet_s = services, look_s, quiet_s

    async def submit_due(self) -> list[str]:
        """Submit what is due, at most one rehearsal for each use case; ``use case: provider/model`` of each."""
        services, submitted = self._services, []
        now = services.database.clock.now()
        models = {each.model.name: each.model for each in await services.models.find()}
        for use_case in await services.use_cases.find():
            model = models.get(use_case.model)
            if model is None or model.swap.rehearse_every_s is None or not _is_live(use_case):
                continue
            target = await self._due(use_case, model, now)
            if target is None or not await services.rehearsals.worth_it(use_case.name):
                continue
            pair = (target.provider, target.model)
            try:
                await services.rehearsals.submit(use_case.name, pair, actor=ACTOR)
            except GroundcrewError as error:
                logger.warning("%s could not be rehearsed for %s: %s", named(pair), use_case.name, error)
                continue
            submitted.append(f"{use_case.name}: {named(pair)}")
        return submitted

    async def _due(self, use_case: UseCase, model: Model, now: datetime) -> Target | None:
        """The alternate that was asked about the longest ago, if that is long enough and nothing is under way. A job counts
        however it ended: what fails is not asked for every hour."""
        assert model.swap.rehearse_every_s is not None
        found = await self._services.jobs.list(kind=KIND, subject=use_case.name, limit=JOBS_LOOKED_AT)
        if any(each.job.state == "queued" for each in found):
            return None
        every = timedelta(seconds=model.swap.rehearse_every_s)
        waiting = [
            (last, index)
            for index, each in enumerate(model.alternates)
            if (last := _last_of(found, each)) is None or now - last >= every
        ]
        if not waiting:
            return None
        _, index = min(waiting, key=lambda each: (each[0] is not None, each[0] or now, each[1]))
        return model.alternates[index]

    async def run(self) -> None:
        """Look for ever; ends when cancelled. What fails is tried again the next time."""
        await asyncio.sleep(self._quiet_s)
        while True:
            try:
                await self.submit_due()
            except Exception as error:
                logger.warning("alternates could not be rehearsed: %s", type(error).__name__)
            await asyncio.sleep(self._look_s)


def _is_live(use_case: UseCase) -> bool:
    return use_case.stage in EXPOSED_STAGES and use_case.run_state == "running"


def _last_of(found: list[JobView], target: Target) -> datetime | None:
    """When the alternate was last asked about."""
    wanted = [target.provider, target.model]
    return max((each.job.asked_at for each in found if each.job.arguments.get("alternate") == wanted), default=None)
