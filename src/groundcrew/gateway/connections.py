"""The server's HTTP/1.1 protocol with bounds on what a connection may send, and how long it may take, before its request is
known: the parser itself has none, and everything up to there comes from strangers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from groundcrew.gateway.respond import CONNECTION

#: Request line and headers together. The gateway's own limit on headers is smaller and answers in the caller's dialect.
HEAD_BYTES_MAX = 64 * 1024
#: From the connection, or from the first byte of a further request, to the end of its headers.
HEAD_S_MAX = 20.0

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 31\r\nconnection: close\r\n\r\nThe request's head is too large"
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request head is too large or too slow."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._when_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait, and tell whoever serves the request."""
        self._head_is_here()
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
