"""After a pause of the process nothing leaves it, to a client or to a provider, before it knows what changed meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from groundcrew.domain.pause import Pauses
from groundcrew.errors import RefusedCall
from groundcrew.gateway.inflight import Inflight
from groundcrew.gateway.protocols import Upstream, UpstreamRequest, UpstreamStream
from groundcrew.gateway.respond import Event, HeaderList, Send

#: How often a call that is held looks whether it may go on.
LOOK_S = 0.01


class Writer(Protocol):
    """What writes to a client, where the server shows it."""

    @property
    def waits(self) -> bool:
        """Whether the system has not taken over yet what was written."""
        ...

    async def drained(self) -> None:
        """Wait until the system has taken over all that was written, or the client is gone."""
        ...

    async def send(self, message: Event) -> None:
        """Send an ASGI message."""
        ...

    def write(self, status: int, headers: HeaderList, body: bytes) -> bool:
        """Write a whole answer at once; False, with nothing written, where that can not be done."""
        ...


class Resumption:
    """Holds calls while a pause is pending, at most `hold_s_max`."""

    def __init__(self, pauses: Pauses, hold_s_max: float) -> None:
        self._pauses, self._hold_s_max = pauses, hold_s_max

    def pending(self) -> bool:
        """Whether there is a reason to `wait`."""
        return self._pauses.pending()

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


class GuardedSend:
    """ASGI's `send` for one call: it lets nothing out while a pause is pending, and shows on the call since when its client has
    not taken what was sent. `writer` is what writes to the client, where the server shows it."""

    __slots__ = ("_call", "_resumption", "_send", "_writer")

    def __init__(self, send: Send, call: Inflight, resumption: Resumption, writer: Writer | None) -> None:
        self._send, self._call, self._resumption, self._writer = send, call, resumption, writer

    async def __call__(self, message: Event) -> None:
        """Send `message`."""
        self._call.sending_since_s = time.monotonic()
        if self._writer is not None and self._writer.waits:  # waiting for a slow client comes before the look, not after it
            await self._writer.drained()
        # The head of a whole answer leaves with its body: what holds one must hold both.
        if not message.get("whole") and self._resumption.pending():
            await self._resumption.wait()
        await self._send(message)
        self._call.sending_since_s = None

    async def whole(self, status: int, headers: HeaderList, body: bytes) -> None:
        """Send a whole answer: in one write where nothing stands against it, otherwise as ASGI's messages."""
        self._call.sending_since_s = time.monotonic()
        writer = self._writer
        if writer is not None and self._send == writer.send:
            if writer.waits:
                await writer.drained()
            if self._resumption.pending():
                await self._resumption.wait()
            if writer.write(status, headers, body):
                self._call.sending_since_s = None
                return
        await self({"type": "http.response.start", "status": status, "headers": headers, "whole": True})
        await self({"type": "http.response.body", "body": body})


class HeldUpstream:
    """An upstream that is asked nothing while a pause is pending. Implements `Upstream`."""

    def __init__(self, upstream: Upstream, resumption: Resumption) -> None:
        self._upstream, self._resumption = upstream, resumption

    def complete(self, request: UpstreamRequest) -> Coroutine[Any, Any, bytes]:
        """As the protocol says."""
        return self._held(request) if self._resumption.pending() else self._upstream.complete(request)

    async def _held(self, request: UpstreamRequest) -> bytes:
        await self._resumption.wait()
        return await self._upstream.complete(request)

    async def open_stream(self, request: UpstreamRequest) -> UpstreamStream:
        """As the protocol says."""
        await self._resumption.wait()
        return await self._upstream.open_stream(request)

    async def close(self) -> None:
        """As the protocol says."""
        await self._upstream.close()
