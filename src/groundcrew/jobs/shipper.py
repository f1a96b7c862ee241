"""Ships calls from the local spool to the database, in order, in batches, exactly once by call id.

A crash between the database's commit and the spool's mark ships the batch again, and the database keeps each id once.
The database may be away for hours: the loop retries with a growing pause, and calls go on into the spool.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from groundcrew.domain.call import CallHead, RecordingGap
from groundcrew.services.calls import Calls

RETRY_PAUSE_S_MAX = 30.0
FLUSH_BATCHES_MAX = 100
#: A transaction costs some milliseconds whatever it holds. When the last one held this many calls, the next comes this many
#: times later than usual, and holds more.
LOAD_CALLS_MIN, LOAD_PAUSES = 20, 5

#: Calls in the first batch of a backlog; while batches come full, each holds twice as many as the one before, up to the setting.
#: A batch waits some ten times for a turn of the event loop whatever it holds, and under load turns are slow.
FIRST_BATCH = 500

logger = logging.getLogger(__name__)


class SpoolReader(Protocol):
    """What the shipper needs of a spool."""

    def read_records(self, limit: int) -> Sequence[tuple[int, bytes]]:
        """The oldest records that may be shipped, as (sequence, canonical JSON)."""
        ...

    def mark_shipped(self, up_to_sequence: int) -> int:
        """Forget the records that `read_records` gave, up to this one."""
        ...

    def has_gaps(self) -> bool:
        """Whether calls went on without a record, as far as that is durable and not shipped. Never blocks."""
        ...

    def read_gaps(self) -> Sequence[tuple[int, RecordingGap]]:
        """Counts of calls that went on without a record, as (sequence, gap)."""
        ...

    def forget_gaps(self, up_to_sequence: int) -> None:
        """Forget the gaps that `read_gaps` gave, up to this one."""
        ...


class Shipper:
    """Moves calls from `spool` into the database."""

    def __init__(
        self,
        spool: SpoolReader,
        calls: Calls,
        *,
        gateway: str,
        every_ms: int,
        batch_max: int,
        shipped: Callable[[Sequence[CallHead]], None] = lambda _calls: None,
    ) -> None:
        self._spool, self._calls, self._gateway = spool, calls, gateway
        self._every_s, self._batch_max, self._shipped = every_ms / 1000, batch_max, shipped
        self._turn = asyncio.Lock()
        self._shipped_last = 0
        self._batch = min(FIRST_BATCH, batch_max)

    async def flush(self) -> None:
        """Ship what the spool holds now, FLUSH_BATCHES_MAX batches at most; raises what the database raises."""
        for _ in range(FLUSH_BATCHES_MAX):
            if not await self._ship_batch():
                return

    async def drain(self) -> None:
        """Ship everything, however much: for the start, before a gateway adds more. Raises what the database raises."""
        while await self._ship_batch():
            pass

    async def run(self) -> None:
        """Ship for ever; ends when cancelled."""
        pause_s = self._every_s
        while True:
            try:
                more = await self._ship_batch()
                pause_s = 0.0 if more else self._every_s * (LOAD_PAUSES if self._shipped_last >= LOAD_CALLS_MIN else 1)
            except Exception as error:
                # Whatever the database says, the calls stay in the spool and are tried again.
                pause_s = min(max(pause_s, self._every_s) * 2, RETRY_PAUSE_S_MAX)
                logger.warning("calls could not be shipped, next try in %.1f s: %s", pause_s, type(error).__name__)
            await asyncio.sleep(pause_s)

    async def _ship_batch(self) -> bool:
        """Ship one batch; whether another full one may wait."""
        async with self._turn:
            if self._spool.has_gaps():
                gaps = await asyncio.to_thread(self._spool.read_gaps)
                await self._calls.ship_gaps([gap for _, gap in gaps], gateway=self._gateway)
                await asyncio.to_thread(self._spool.forget_gaps, gaps[-1][0])
            size = self._batch
            batch = await asyncio.to_thread(self._spool.read_records, size)
            self._shipped_last = len(batch)
            is_full = len(batch) >= size
            self._batch = min(size * 2 if is_full else FIRST_BATCH, self._batch_max)
            if not batch:
                return False
            calls = await self._calls.ship_records([record for _, record in batch], gateway=self._gateway)
            await asyncio.to_thread(self._spool.mark_shipped, batch[-1][0])
            self._shipped(calls)
            return is_full
