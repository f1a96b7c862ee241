"""The recorder over the spool: makes a call, which `masking` has masked, durable before it returns."""

from __future__ import annotations

from groundcrew.domain.call import Call
from groundcrew.gateway.spool import Spool


class SpoolRecorder:
    """Records calls in a `Spool`. Whoever opened the spool closes it."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def opened(self, call: Call) -> None:
        """Record that a stream is about to send its first byte; RecorderUnavailable when that can not be made durable."""
        await self._spool.record(call, "opened")

    async def record(self, call: Call) -> None:
        """Record a call's end; RecorderUnavailable when that can not be made durable."""
        await self._spool.record(call)

    def later(self, call: Call) -> None:
        """Record the end of a stream as soon as the spool can be written again."""
        self._spool.later(call)

    def missed(self, call: Call, *, answered: bool) -> None:
        """Count a call that has no record; the count itself is recorded as soon as the spool can be written again."""
        self._spool.missed(call.use_case, call.key_id, answered=answered)
