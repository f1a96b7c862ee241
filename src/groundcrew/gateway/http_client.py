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

from groundcrew.gateway.http_connection import BrokenOff, Connection, NoConnection, TimedOut
from groundcrew.gateway.http_origins import Origin, split_url

#: How long a connection without a call is kept.
IDLE_S_MAX = 30.0


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
        connection = None if fresh else self._kept(origin)
        if connection is None:
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
