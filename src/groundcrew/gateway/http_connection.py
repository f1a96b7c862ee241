"""One HTTP/1.1 connection to a provider: what is sent, and the answer as it is parsed (RFC 9112), every size and wait bounded."""

from __future__ import annotations

import asyncio
from typing import Protocol

import httptools

from groundcrew.gateway.http_origins import Origin

#: Bytes and lines of an answer's head.
HEAD_BYTES_MAX = 64 * 1024
HEAD_LINES_MAX = 256
#: Bytes of a body that wait to be read before the connection is told to stop sending.
BUFFER_BYTES_MAX = 256 * 1024
#: How long, and for how many bytes, a connection is waited for whose answer is told to be over but is not quite.
LINGER_S_MAX = 1.0
LINGER_BYTES_MAX = 16 * 1024


class HttpFailure(Exception):
    """A call that got no whole answer. The text says why and holds nothing that was sent."""


class NoConnection(HttpFailure):
    """No connection could be made: nothing of the call has left."""


class TimedOut(HttpFailure):
    """The deadline passed."""


class TooLarge(HttpFailure):
    """The answer is larger than allowed."""


class BrokenOff(HttpFailure):
    """The connection ended, or what came is no HTTP. `unseen` where a reused connection ended without a byte of answer, which is
    what happens when the other side had closed it while it was idle."""

    unseen = False


class Pool(Protocol):
    """Whoever made a connection, and may want it back."""

    def knows(self, connection: Connection) -> bool:
        """Whether it is one of the open ones."""

    def keep(self, connection: Connection) -> None:
        """Take a connection back that can serve another call."""

    def gone(self, connection: Connection) -> None:
        """Forget a connection that is closed."""


class Connection(asyncio.Protocol):
    """One connection, and the answer that is being read from it."""

    def __init__(self, pool: Pool, origin: Origin) -> None:
        self._pool, self.origin = pool, origin
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self.closed = False
        self.reused = False
        self.idle_since_s = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    def _begin(self) -> None:
        """Get ready for the next answer."""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self._head_bytes = self._head_lines = 0
        self._parts: list[bytes] = []
        self._waiting_bytes = self._size = 0
        self._head_done = self._complete = self._interim = self._paused = self._seen = False
        self._whole = self._busy = self._keep_alive = self._lingers = False
        self._failure: HttpFailure | None = None
        self._limit = 0
        self._deadline_s = 0.0

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: the end of a body without a length, or the end of the call."""
        self.closed = True
        self._pool.gone(self)
        if not self._busy or self._complete or self._lingers:
            self._stop_timer()
            return
        if self._head_done and exc is None and b"content-length" not in self.headers and b"transfer-encoding" not in self.headers:
            self._complete = True
            self._wake()
            return
        failure = BrokenOff("the connection ended" if exc is None else f"the connection broke ({type(exc).__name__})")
        failure.unseen = self.reused and not self._seen
        self._fail(failure)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if not self._busy or self._complete:  # nobody asked for it
            self.abort()
            return
        self._seen = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(BrokenOff("the answer changes the protocol"))
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, HttpFailure) else BrokenOff("what came is no HTTP answer"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        self._head_bytes += len(name) + len(value)
        self._head_lines += 1
        if self._head_bytes > HEAD_BYTES_MAX or self._head_lines > HEAD_LINES_MAX:
            raise TooLarge("the head of the answer is too large")
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is here. Interim answers (1xx) are passed over."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._interim = True
            self.headers = {}
            return
        self._head_done = True
        if not self._whole:
            self._wake()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._size += len(data)
        if self._size > self._limit:
            raise TooLarge(f"the answer is larger than {self._limit} bytes")
        if self._lingers:
            self._waiting_bytes += len(data)
            if self._waiting_bytes > LINGER_BYTES_MAX:
                raise TooLarge("more came after the end of the answer")
            return
        self._parts.append(data)
        if not self._whole:
            self._waiting_bytes += len(data)
            if self._waiting_bytes > BUFFER_BYTES_MAX and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
            self._wake()

    def on_message_complete(self) -> None:
        """The answer is complete."""
        if self._interim:
            self._interim = False
            return
        self._complete = True
        self._keep_alive = self._parser.should_keep_alive()
        if self._lingers:
            self._loop.call_soon(self.done)
        self._wake()

    # What a call does.

    def send(self, head: bytes, body: bytes, *, deadline_s: float, limit: int, whole: bool) -> None:
        """Send one request. `whole`: nobody is woken before the answer is complete. BrokenOff where the connection has ended
        already: nothing was sent."""
        assert self._transport is not None
        if self.closed:
            failure = BrokenOff("the connection ended")
            failure.unseen = self.reused
            raise failure
        self._busy, self._limit, self._whole = True, limit, whole
        self._expire_at(deadline_s)
        self._transport.write(head + body)

    async def head(self) -> None:
        """Wait for the answer's head."""
        while not self._head_done and self._failure is None:
            await self._wait()
        if not self._head_done and self._failure is not None:
            raise self._failure

    async def everything(self) -> bytes:
        """Wait for the whole answer."""
        self._whole = True
        if self._paused and self._transport is not None and not self.closed:
            self._paused = False
            self._transport.resume_reading()
        while not self._complete and self._failure is None:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.body()

    def body(self) -> bytes:
        """The body of an answer that was waited for as a whole; raises what went wrong."""
        if self._failure is not None:
            raise self._failure
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    async def some(self, deadline_s: float) -> bytes:
        """What has come since the last time, b"" at the end; waits until `deadline_s` (the loop's time) for it."""
        if not self._parts and not self._complete and self._failure is None:
            self._expire_at(deadline_s)
            while not self._parts and not self._complete and self._failure is None:
                await self._wait()
        if self._parts:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = []
            self._waiting_bytes = 0
            if self._paused and self._transport is not None and not self.closed:
                self._paused = False
                self._transport.resume_reading()
            return data
        if self._failure is not None:
            raise self._failure
        return b""

    def done(self) -> None:
        """The call is over: the connection is kept if it can serve another one."""
        reusable = self._complete and self._keep_alive and not self.closed and self._failure is None and not self._paused
        reusable = reusable and self._pool.knows(self)
        if reusable and self._transport is not None and not self._transport.get_write_buffer_size():
            self._begin()
            self._pool.keep(self)
        else:
            self.abort()

    def finish(self) -> None:
        """The call has all that it needs. The connection is kept once the rest of the answer, next to nothing, is here."""
        if self._complete or self.closed or self._failure is not None:
            self.done()
            return
        self._lingers = True
        self._parts, self._waiting_bytes = [], 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        self._stop_timer()
        self._expire_at(self._loop.time() + LINGER_S_MAX)

    def abort(self) -> None:
        """Drop the connection now."""
        self._stop_timer()
        if self._transport is not None and not self.closed:
            self._transport.abort()
        self._pool.gone(self)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: HttpFailure) -> None:
        if self._failure is None:
            self._failure = failure
        self._wake()
        if self._transport is not None and not self.closed:
            self._transport.abort()

    # One timer per connection, kept from call to call: where the deadline has moved on, the timer finds out when it fires.

    def _expire_at(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        if self._timer is None or self._timer_s > deadline_s:
            self._stop_timer()
            self._set_timer()

    def _set_timer(self) -> None:
        self._timer, self._timer_s = self._loop.call_at(self._deadline_s, self._tick), self._deadline_s

    def _tick(self) -> None:
        self._timer = None
        if self._lingers:
            self.abort()
            return
        if self._waiter is None or self._complete:  # nobody waits: whoever reads next sets a deadline
            return
        if self._loop.time() >= self._deadline_s - 0.001:
            self._fail(TimedOut("the time is up"))
        else:
            self._set_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
