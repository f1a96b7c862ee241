"""The console while it is still being made: what comes for it waits, and calls of the gateway do not."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]

logger = logging.getLogger(__name__)


class Later:
    """An ASGI application that `make` makes beside the event loop, in a second or so. Where that fails, the process is told to
    stop: one without a console has nothing to stop things with."""

    def __init__(self, make: Callable[[], Application]) -> None:
        self._made = asyncio.ensure_future(asyncio.to_thread(make))
        self._made.add_done_callback(_stop_where_it_failed)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI connection, once there is something to serve it with."""
        application = await asyncio.shield(self._made)
        await application(scope, receive, send)

    async def close(self) -> None:
        """Wait until it is made: a thread can not be left behind."""
        await asyncio.gather(self._made, return_exceptions=True)


def _stop_where_it_failed(made: asyncio.Future[Application]) -> None:
    if not made.cancelled() and (error := made.exception()) is not None:
        logger.critical("the console could not be made, so that this process stops", exc_info=error)
        signal.raise_signal(signal.SIGTERM)
