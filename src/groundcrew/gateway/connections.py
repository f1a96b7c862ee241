"""The server's HTTP/1.1 protocol with bounds on what a connection may send, and how long it may take, before its request is
known: the parser itself has none, and everything up to there comes from strangers. Whole answers leave it in one write."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from groundcrew.gateway.respond import CONNECTION, WRITER, Event, HeaderList

#: Request line and headers together. The gateway's own limit on headers is smaller and answers in the caller's dialect.
HEAD_BYTES_MAX = 64 * 1024
#: From the connection, or from the first byte of a further request, to the end of its headers.
HEAD_S_MAX = 20.0

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 31\r\nconnection: close\r\n\r\nThe request's head is too large"
)
#: What no value of a header may hold.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class OneWrite:
    """ASGI's `send` for one request: a whole answer of known length goes out in one write, built in one go. Everything else,
    streams and whatever is not as usual, goes through the server's own `send`."""

    __slots__ = ("_cycle", "_protocol", "_start")

    def __init__(self, protocol: HttpToolsProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol, self._cycle = protocol, cycle
        #: The head of an answer, until its body comes.
        self._start: Event | None = None

    def arrived(self) -> bytes | None:
        """The request's body, once, where all of it is here already; None where it has to be received."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue or cycle.flow.read_paused:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        return body

    @property
    def waits(self) -> bool:
        """Whether the system has not taken over yet what was written."""
        return self._cycle.flow.write_paused

    async def drained(self) -> None:
        """Wait until the system has taken over all that was written, or the client is gone."""
        while self._cycle.flow.write_paused and not self._cycle.disconnected:
            await self._cycle.flow.drain()

    async def send(self, message: Event) -> None:
        """Send `message`; the head of a whole answer waits for the body, which its sender has at hand."""
        start, self._start = self._start, None
        if start is not None:
            if message.get("more_body") or not self.write(start["status"], start["headers"], message["body"]):
                await self._cycle.send(start)  # type: ignore[arg-type]
                await self._cycle.send(message)  # type: ignore[arg-type]
        elif message.get("whole"):
            self._start = message
        else:
            await self._cycle.send(message)  # type: ignore[arg-type]

    def write(self, status: int, headers: HeaderList, body: bytes) -> bool:
        """Write head and body and end the answer; False, with nothing written, where that takes more than a write."""
        cycle = self._cycle
        usual = cycle.keep_alive and not cycle.response_started and cycle.scope["method"] == "POST"
        if not usual or cycle.disconnected or cycle.flow.write_paused or cycle.access_log:
            return False
        headers = [*cycle.default_headers, *headers]
        if _CONTROL.search(b"".join([value for _, value in headers])):
            return False
        lines = [b"%b: %b\r\n" % each for each in headers]
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self._protocol.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        cycle.message_event.set()
        cycle.on_response()
        return True


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request head is too large or too slow."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._when_lost: Callable[[], None] | None = None
        #: Since when (the loop's time) the connection serves no request, and what ends one that does so for long: one timer, kept
        #: from request to request, which finds out when it fires.
        self._idle_since_s: float | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        # What is written goes to the system at once: nothing waits in this process that a pause could make stale.
        transport.set_write_buffer_limits(high=0)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait, and tell whoever serves the request."""
        self._head_is_here()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        super().connection_lost(exc)
        if self._when_lost is not None:
            self._when_lost()

    def when_lost(self, call: Callable[[], None] | None) -> None:
        """Have `call` called when the client goes away; one at a time, as there is one request at a time."""
        self._when_lost = call
        if call is not None and self.transport.is_closing():
            call()

    def data_received(self, data: bytes) -> None:
        """Parse `data`; too much of it without an end of the headers closes the connection."""
        self._idle_since_s = None
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._deadline is None and not self.transport.is_closing():
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its headers are here."""
        self._in_head = False
        self._head_is_here()
        self.scope[CONNECTION] = self  # type: ignore[literal-required]
        super().on_headers_complete()
        self.scope[WRITER] = OneWrite(self, self.cycle)  # type: ignore[literal-required]

    def on_response_complete(self) -> None:
        """An answer is out: on with what the client has sent meanwhile, or wait for more."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since_s = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._end_idle)

    def _end_idle(self) -> None:
        self._idle = None
        if self._idle_since_s is None or self.transport.is_closing():
            return
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._idle = self.loop.call_later(left_s, self._end_idle)
        else:
            self.transport.close()

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_S_MAX, self._give_up)

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
