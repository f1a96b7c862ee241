"""Serving an application over HTTP until the process is told to stop: the socket, the signals, and the order of the end."""

from __future__ import annotations

import contextlib
import gc
import signal
import socket
from typing import TYPE_CHECKING, Any, Protocol

from groundcrew.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from types import FrameType

    import uvicorn

#: How long the server waits for calls in flight when it is told to stop.
SHUTDOWN_S_MAX = 20
BACKLOG_MAX = 2_048
#: Objects that are made, less those that are gone, before the youngest are looked through; then how many such times before older
#: ones are. Calls leave next to no cycles behind.
GC_THRESHOLDS = (50_000, 20, 20)
#: glibc gives every thread a heap of its own, which keeps what was once needed: two for all of them take a tenth less memory, and
#: under the interpreter's lock threads do not get into each other's way. The number is M_ARENA_MAX of mallopt(3).
ARENAS_MAX, _M_ARENA_MAX = 2, -8


class Served(Protocol):
    """An ASGI application that has opened."""

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Serve one ASGI connection."""
        ...

    def greeting(self, url: str) -> list[str]:
        """What to print once it serves at `url`."""
        ...

    def closing(self) -> None:
        """The server begins to end: let go of what would hold it up."""
        ...


def share_heaps() -> None:
    """Let all threads of this process share ARENAS_MAX heaps; before the first of them starts. Nothing happens without glibc."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS_MAX)


async def serve(host: str, port: int, opened: Callable[[], AbstractAsyncContextManager[Served]]) -> None:
    """Listen, open the application, serve until SIGINT or SIGTERM, close it. InputError where nothing can listen there."""
    import uvicorn

    from groundcrew.gateway.connections import BoundedProtocol

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise InputError(f"can not listen on {host}:{port}: {error.strerror}", field="port") from None
        listener.listen(BACKLOG_MAX)
        url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        # From the line on that says where it serves, a signal is a wish to stop.
        async with opened() as app, _stopping_in_order() as stopping:
            for line in app.greeting(url):
                print(line, flush=True)

            class Server(uvicorn.Server):
                """Ends the open live pages first, which would otherwise hold up the end."""

                async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                    app.closing()
                    await super().shutdown(sockets=sockets)

            server = Server(
                uvicorn.Config(
                    app,
                    interface="asgi3",
                    lifespan="off",
                    http=BoundedProtocol,
                    ws="none",
                    access_log=False,
                    log_config=None,  # it logs as the rest of the process does
                    log_level="warning",
                    timeout_graceful_shutdown=SHUTDOWN_S_MAX,
                    server_header=False,
                    proxy_headers=False,
                )
            )
            stopping.ends(server)
            _settle_memory()
            await server.serve(sockets=[listener])


def _settle_memory() -> None:
    """Leave what the start has loaded out of garbage collection: it stays, and looking through it costs calls their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class _Stopping:
    """A wish to stop, which may come before there is a server to end."""

    def __init__(self) -> None:
        self._server: uvicorn.Server | None = None
        self._asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._server is not None:
            self._server.should_exit = True

    def ends(self, server: uvicorn.Server) -> None:
        """Have the wish end `server`, also one of before."""
        self._server = server
        server.should_exit = self._asked


@contextlib.asynccontextmanager
async def _stopping_in_order() -> AsyncIterator[_Stopping]:
    """Have a signal end the server and nothing more.

    The server raises the signal again once it has stopped, which would kill the process before the spool is shipped and
    the gateway is struck off. Afterwards a second signal ends the process as usual.
    """
    stopping = _Stopping()
    before = {each: signal.signal(each, stopping) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
