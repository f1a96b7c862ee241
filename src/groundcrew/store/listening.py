"""PostgreSQL's LISTEN: one connection of a process that hears of commits at once. It only ever hurries what polls anyway: a
pooler in transaction mode swallows it, a broken connection misses some, and nothing may depend on it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

#: Channels: a commit that gateways must know; a gateway that enforces another version than before.
SNAPSHOT, ACKNOWLEDGED = "groundcrew_snapshot", "groundcrew_acknowledged"
#: How often a connection that says nothing is asked whether it lives, and how long it may take to say so.
CHECK_EVERY_S, CHECK_S_MAX = 5.0, 5.0
#: Pause before it is opened again, doubled with every failure up to the maximum.
RETRY_S, RETRY_S_MAX = 0.1, 5.0

logger = logging.getLogger(__name__)


class Listening:
    """Calls `heard` (channel to what to do) for every notification, and `opened` whenever it has just begun to listen."""

    def __init__(self, engine: AsyncEngine, heard: Mapping[str, Callable[[], None]], opened: Callable[[], None]) -> None:
        self._engine, self._heard, self._opened = engine, dict(heard), opened
        #: Whether there is a connection that listens, as far as is known.
        self.hears = False

    async def run(self) -> None:
        """Listen for ever; ends when cancelled. Opens the connection again whenever it breaks."""
        engine = create_async_engine(self._engine.url, poolclass=sa.pool.NullPool, connect_args=_arguments(self._engine))
        pause_s = RETRY_S
        while True:
            try:
                async with engine.connect() as connection:
                    driver = (await connection.get_raw_connection()).driver_connection
                    await self._listen(driver)
                    pause_s = RETRY_S
                    self.hears = True
                    self._opened()  # what came before nobody heard
                    await self._until_broken(driver)
            except Exception as error:
                logger.warning("no word of changes from the database, next try in %.1f s: %s", pause_s, type(error).__name__)
            finally:
                self.hears = False
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_S_MAX)

    async def _listen(self, driver: Any) -> None:
        for channel, act in self._heard.items():
            await driver.add_listener(channel, lambda *_, act=act: act())

    @staticmethod
    async def _until_broken(driver: Any) -> None:
        ended = asyncio.Event()
        driver.add_termination_listener(lambda *_: ended.set())
        try:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_EVERY_S):
                        await ended.wait()
                if not ended.is_set():
                    await driver.execute("SELECT 1", timeout=CHECK_S_MAX)
            raise ConnectionResetError("the connection has ended")
        finally:
            driver.terminate()  # what still listens is for no pool


def _arguments(engine: AsyncEngine) -> dict[str, Any]:
    """How `engine` connects, as it was told when it was made."""
    found: dict[str, Any] = engine.get_execution_options().get("groundcrew_connect_args", {})
    return dict(found)
