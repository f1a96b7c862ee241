"""Tells open pages of a meeting that something has changed in it. However many are open, the database is asked once each POLL_S
for all of them, so that a change made at any server of the database shows at every one."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services
    from groundcrew.web.live import LiveEvents

#: Together with a page's own delay well under two seconds.
POLL_S = 0.4

logger = logging.getLogger(__name__)


class Pulses:
    """The meetings that pages of one server follow. Use it from the event loop's thread only."""

    def __init__(self, services: Services, live: LiveEvents, *, poll_s: float = POLL_S) -> None:
        self._services, self._live, self._poll_s = services, live, poll_s
        self._followed: Counter[str] = Counter()
        self._seen: dict[str, int] = {}
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def following(self, meeting: str) -> Iterator[None]:
        """Follow a meeting for as long as this lasts."""
        self._followed[meeting] += 1
        # Told once more: it may have changed between the page's own look and now.
        self._seen.pop(meeting, None)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._followed[meeting] -= 1
            if self._followed[meeting] <= 0:
                del self._followed[meeting]
                self._seen.pop(meeting, None)

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        """Look for as long as anybody follows."""
        while self._followed:
            try:
                found = await self._services.meetings.pulses(sorted(self._followed))
            except Exception as error:
                logger.warning("meetings could not be looked at: %s", type(error).__name__)
                found = {}
            for meeting, number in found.items():
                if self._seen.get(meeting) != number and meeting in self._followed:
                    self._seen[meeting] = number
                    self._live.publish({"type": "meeting", "meeting": meeting})
            await asyncio.sleep(self._poll_s)
