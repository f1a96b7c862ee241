"""Keeps stages honest for as long as the server runs: ramps step back when a guardrail falls, certifications lapse in time."""

from __future__ import annotations

import asyncio
import logging
import time

from groundcrew.services.certifications import Certifications
from groundcrew.services.ramps import Ramps

#: Guardrails are looked at often, since exposure must fall at once; certifications move by days.
RAMP_EVERY_S, CERTIFICATION_EVERY_S = 15.0, 3_600.0
#: Not at once: a start has better things to do.
FIRST_S = 30.0

logger = logging.getLogger(__name__)


class StageKeeper:
    """Runs `ramps.watch` and `certifications.keep` again and again."""

    def __init__(
        self,
        ramps: Ramps,
        certifications: Certifications,
        *,
        first_s: float = FIRST_S,
        ramp_every_s: float = RAMP_EVERY_S,
        certification_every_s: float = CERTIFICATION_EVERY_S,
    ) -> None:
        self._ramps, self._certifications = ramps, certifications
        self._first_s, self._ramp_every_s, self._certification_every_s = first_s, ramp_every_s, certification_every_s

    async def run(self) -> None:
        """Run for ever; ends when cancelled. What fails is tried again the next time."""
        await asyncio.sleep(self._first_s)
        looked_s: float | None = None
        while True:
            try:
                for use_case in await self._ramps.watch():
                    ramp = use_case.ramp
                    logger.warning("%s stepped back to %g %%", use_case.name, ramp.percent if ramp else 0.0)
                if looked_s is None or time.monotonic() - looked_s >= self._certification_every_s:
                    for each in await self._certifications.keep():
                        logger.info("certification of %s in %s: %s", each.use_case, each.stage, each.state)
                    looked_s = time.monotonic()
            except Exception as error:
                logger.warning("stages could not be looked at, next try in %.0f s: %s", self._ramp_every_s, error)
            await asyncio.sleep(self._ramp_every_s)
