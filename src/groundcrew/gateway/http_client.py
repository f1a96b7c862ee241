"""An HTTP/1.1 client for calls to providers: pooled connections, one wake-up per answer, every size and wait bounded.

A general client spends more on one call than everything else that the gateway does for it (`bench/gateway` shows it), so this one
does only what providers need: POST with a body, an answer with a length, in chunks or until the connection closes (RFC 9112).
Bodies are asked for uncompressed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable

import httptools

from groundcrew.gateway.http_origins import Origin, split_url

#: Bytes and lines of an answer's head.
HEAD_BYTES_MAX = 64 * 1024
HEAD_LINES_MAX = 256
#: Bytes of a body that wait to be read before the connection is told to stop sending.
BUFFER_BYTES_MAX = 256 * 1024
#: How long, and for how many bytes, a connection is waited for whose answer is told to be over but is not quite.
LINGER_S_MAX = 1.0
LINGER_BYTES_MAX = 16 * 1024
#: How long a connection without a call is kept.
IDLE_S_MAX = 30.0


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


class Connection(asyncio.Protocol):
    """One connection, and the answer that is being read from it."""

    def __init__(self, client: HttpClient, origin: Origin) -> None:
        self._client, self.origin = client, origin
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
        self._client.gone(self)
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
            await self._wait()
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
        reusable = reusable and self._client.knows(self)
        if reusable and self._transport is not None and not self._transport.get_write_buffer_size():
            self._begin()
            self._client.keep(self)
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
        self._client.gone(self)

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


class HttpClient:
    """A pool of connections. Use it in one event loop; `close` it in the same one."""

    def __init__(self, *, connections_max: int, connect_s_max: float) -> None:
        self._connections_max, self._connect_s_max = connections_max, connect_s_max
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._tls: ssl.SSLContext | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        """Connections that are open or being made."""
        return len(self._open) + self._connecting

    @property
    def idle(self) -> int:
        """Connections that are open and serve no call."""
        return sum(map(len, self._idle.values()))

    async def post(
        self,
        url: str,
        headers: bytes,
        body: bytes,
        *,
        deadline_s: float,
        limit: int,
        whole: bool,
        fresh: bool = False,
        address: str = "",
        late: Callable[[], Awaitable[tuple[bytes, bytes]]] | None = None,
    ) -> Connection:
        """Send `body` to `url` and wait for the answer's head (`whole`: for all of it). `headers` are lines that end in CRLF,
        without Host and Content-Length. `deadline_s` is in the loop's time, `limit` in bytes of the body. `address`: see Origin.
        `late` gives headers and body in the place of these two once there is a connection, right before they are written: what
        must not leave any more is then decided as late as it can be. What it raises goes on to the caller, and nothing is sent.

        The caller must call `done` or `abort` on what it gets. HttpFailure when there is no answer; ValueError for a bad URL.
        """
        origin, target, host = split_url(url)
        if address:
            origin = origin._replace(address=address)
        connection = await self._connection(origin, deadline_s, fresh=fresh)
        try:
            if late is not None:
                headers, body = await late()
            head = f"POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n".encode() + headers + b"\r\n"
            connection.send(head, body, deadline_s=deadline_s, limit=limit, whole=whole)
            await (connection.everything() if whole else connection.head())
        except BrokenOff as failure:
            connection.abort()
            if failure.unseen and not fresh:
                return await self.post(
                    url,
                    headers,
                    body,
                    deadline_s=deadline_s,
                    limit=limit,
                    whole=whole,
                    fresh=True,
                    address=address,
                    late=late,
                )
            raise
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _connection(self, origin: Origin, deadline_s: float, *, fresh: bool) -> Connection:
        while True:
            if not fresh and (kept := self._kept(origin)) is not None:
                return kept
            if len(self) < self._connections_max:
                break
            await self._room(deadline_s)
        loop = asyncio.get_running_loop()
        self._connecting += 1
        try:
            wait_s = min(self._connect_s_max, max(0.0, deadline_s - loop.time()))
            async with asyncio.timeout(wait_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, origin),
                    origin.address or origin.host,
                    origin.port,
                    ssl=self._tls_context() if origin.tls else None,
                    server_hostname=origin.host if origin.tls else None,
                )
        except TimeoutError:
            raise TimedOut("no connection in time") from None
        except (OSError, ValueError) as error:
            raise NoConnection(type(error).__name__) from None
        finally:
            self._connecting -= 1
            self._let_one_in()
        self._open.add(connection)
        if self._closed:
            connection.abort()
            raise NoConnection("the client is closed")
        return connection

    def _kept(self, origin: Origin) -> Connection | None:
        """An idle connection to there, the one that was used last."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.closed and time.monotonic() - connection.idle_since_s < IDLE_S_MAX:
                connection.reused = True
                return connection
            connection.abort()
        return None

    async def _room(self, deadline_s: float) -> None:
        """Wait until a connection is free or may be made: an idle one to somewhere else gives way."""
        other = next((kept for kept in self._idle.values() if kept), None)
        if other is not None:
            other.pop(0).abort()
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(max(0.0, deadline_s - loop.time())):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():  # woken, but gone: the next one's turn
                self._let_one_in()
            if isinstance(error, TimeoutError):
                raise TimedOut("no connection was free in time") from None
            raise
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiter)

    def _let_one_in(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def knows(self, connection: Connection) -> bool:
        """Whether it is one of the open ones."""
        return connection in self._open

    def keep(self, connection: Connection) -> None:
        """Take a connection back that can serve another call."""
        if self._closed:
            connection.abort()
            return
        connection.idle_since_s = time.monotonic()
        self._idle.setdefault(connection.origin, []).append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(IDLE_S_MAX, self._sweep)
        if self._waiting:
            self._let_one_in()

    def gone(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        kept = self._idle.get(connection.origin)
        if kept is not None and connection in kept:
            kept.remove(connection)
        if connection in self._open:
            self._open.discard(connection)
            self._let_one_in()

    def _sweep(self) -> None:
        """Close what has been idle for too long."""
        self._sweeper = None
        before_s = time.monotonic() - IDLE_S_MAX
        for origin, kept in list(self._idle.items()):
            for connection in [each for each in kept if each.idle_since_s <= before_s]:
                connection.abort()
            if not self._idle.get(origin):
                self._idle.pop(origin, None)
        if self._idle:
            self._sweeper = asyncio.get_running_loop().call_later(IDLE_S_MAX / 2, self._sweep)

    async def close(self) -> None:
        """Close every connection; calls under way end with BrokenOff."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)
