"""After a pause of the process nothing leaves it, to a client or to a provider, before it knows what changed meanwhile."""

from __future__ import annotations

import asyncio
from typing import Protocol

from groundcrew.domain.pause import Pauses
from groundcrew.errors import RefusedCall
from groundcrew.gateway.protocols import Upstream, UpstreamRequest, UpstreamStream
from groundcrew.gateway.respond import Event, Send

#: How often a call that is held looks whether it may go on.
LOOK_S = 0.01


class Drains(Protocol):
    """What writes to a client."""

    async def drained(self) -> None:
        """Wait until the system has taken over all that was written, or the client is gone."""
        ...


class Resumption:
    """Holds calls while a pause is pending, at most `hold_s_max`."""

    def __init__(self, pauses: Pauses, hold_s_max: float) -> None:
        self._pauses, self._hold_s_max = pauses, hold_s_max

    async def wait(self) -> None:
        """Return at once where there was no pause; otherwise once a fresh snapshot is enforced. RefusedCall stale_policy where
        that takes too long."""
        if not self._pauses.pending():
            return
        ends_s = asyncio.get_running_loop().time() + self._hold_s_max
        while self._pauses.pending():
            if asyncio.get_running_loop().time() >= ends_s:
                raise RefusedCall(
                    "stale_policy",
                    f"the gateway stood still for {self._pauses.last_s:.1f} s and does not know yet what changed meanwhile",
                )
            await asyncio.sleep(LOOK_S)

    def guarded(self, send: Send, writer: Drains | None = None) -> Send:
        """`send` that lets nothing out while a pause is pending; `writer` tells when the client has taken what it was sent."""

        async def sent(message: Event) -> None:
            if writer is not None:  # waiting for a slow client comes before the look, not after it
                await writer.drained()
            # The head of a whole answer leaves with its body: what holds one must hold both.
            if not message.get("whole"):
                await self.wait()
            await send(message)

        return sent


class HeldUpstream:
    """An upstream that is asked nothing while a pause is pending. Implements `Upstream`."""

    def __init__(self, upstream: Upstream, resumption: Resumption) -> None:
        self._upstream, self._resumption = upstream, resumption

    async def complete(self, request: UpstreamRequest) -> bytes:
        """As the protocol says."""
        await self._resumption.wait()
        return await self._upstream.complete(request)

    async def open_stream(self, request: UpstreamRequest) -> UpstreamStream:
        """As the protocol says."""
        await self._resumption.wait()
        return await self._upstream.open_stream(request)

    async def close(self) -> None:
        """As the protocol says."""
        await self._upstream.close()
