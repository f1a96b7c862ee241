"""Keeps a gateway's snapshot the newest: asks the database for its version, rebuilds on change, acknowledges what is enforced."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from groundcrew.domain.snapshot import Snapshot
from groundcrew.services.snapshots import Snapshots

#: An acknowledgement without a change, so that others see that this gateway lives.
HEARTBEAT_S = 1.0

logger = logging.getLogger(__name__)


class SnapshotKeeper:
    """The gateway's snapshot source. `current` is replaced as a whole, never changed."""

    def __init__(self, snapshots: Snapshots, *, gateway: str, host: str, process_id: int, poll_ms: int) -> None:
        self._snapshots, self._gateway, self._host, self._process_id = snapshots, gateway, host, process_id
        self._poll_s = poll_ms / 1000
        self._wake = asyncio.Event()
        self._confirmed_at = float("-inf")
        self._acknowledged_at = float("-inf")
        self._enforced_version = self._acknowledged_version = 0
        self._enforce: Callable[[], Awaitable[None]] | None = None
        self.current = Snapshot(version=0)
        self.confirmed_version = 0

    def age_s(self) -> float:
        """Seconds since `current` was last known to be the newest."""
        return time.monotonic() - self._confirmed_at

    def on_change(self, enforce: Callable[[], Awaitable[None]]) -> None:
        """Call `enforce` after each new snapshot and before it is acknowledged: it cuts what may no longer run."""
        self._enforce = enforce

    def wake(self) -> None:
        """Look at once: something changed in this process."""
        self._wake.set()

    async def refresh(self) -> None:
        """Ask for the version; load, enforce and acknowledge a new snapshot."""
        asked_at = time.monotonic()
        version = await self._snapshots.version()
        if version != self.current.version:
            self.current = await self._snapshots.build()
        self.confirmed_version = self.current.version
        self._confirmed_at = asked_at
        if self._enforced_version != self.current.version:
            # Tried again at the next refresh if it fails: a version is acknowledged only once it is enforced.
            if self._enforce is not None:
                await self._enforce()
            self._enforced_version = self.current.version
        if self._acknowledged_version != self._enforced_version or asked_at - self._acknowledged_at >= HEARTBEAT_S:
            await self._snapshots.acknowledge(
                gateway=self._gateway, host=self._host, process_id=self._process_id, version=self._enforced_version
            )
            self._acknowledged_version, self._acknowledged_at = self._enforced_version, asked_at

    async def run(self) -> None:
        """Refresh for ever; ends when cancelled. While the database is away the snapshot ages, and closes what must close."""
        while True:
            try:
                await self.refresh()
            except Exception as error:
                logger.warning("the snapshot could not be refreshed (age %.0f s): %s", self.age_s(), type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._poll_s)
            self._wake.clear()

    async def leave(self) -> None:
        """Say that this gateway enforces nothing any more."""
        await self._snapshots.forget(self._gateway)
