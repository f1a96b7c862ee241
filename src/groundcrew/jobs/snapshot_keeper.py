"""Keeps a gateway's snapshot the newest: asks the database for its version, rebuilds on change, acknowledges what is enforced.

Stops that were tripped on the gateway's own host count like the registry's. A pause of the process ends here: only what was asked
for after it was noticed is fresh.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from groundcrew.domain.enforcement_point import PointKind
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.pause import BEAT_S, Pauses, running_s
from groundcrew.domain.snapshot import Snapshot
from groundcrew.services.snapshots import Snapshots

#: An acknowledgement without a change, so that others see that this gateway lives.
HEARTBEAT_S = 1.0
#: How long one refresh may take, whatever the database does with it; and one after a pause, where calls wait for it.
REFRESH_S_MAX, REFRESH_AFTER_PAUSE_S_MAX = 20.0, 2.0
#: For how long refreshes after a pause must fail before the database counts as away: then the snapshot's age, the pause
#: included, decides as ever. Shorter than calls are held after a pause.
AWAY_AFTER_S = 6.0
#: How often it is said that refreshes fail.
TOLD_AGAIN_S = 10.0
#: What an acknowledgement may be late by, before others count on what it says.
SLACK_S = 60.0

#: Cuts what may no longer run, and gives the calls cut by scope, as text. Raises where something still runs.
Enforce = Callable[[], Awaitable[Mapping[str, int]]]

logger = logging.getLogger(__name__)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """That a gateway refuses every call once its snapshot is older than `age_s`, and that no call takes longer than
    `call_s_max`. Pauses of that age together may come on top of it before what is in flight is cut too."""

    age_s: float
    call_s_max: float

    @property
    def after_s(self) -> float:
        """Seconds without the database after which nothing is answered any more."""
        return 2 * self.age_s + self.call_s_max + SLACK_S


class SnapshotKeeper:
    """The gateway's snapshot source. `current` is replaced as a whole, never changed. `refusal` is None where some calls go on
    however old the snapshot is."""

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        gateway: str,
        host: str,
        process_id: int,
        poll_ms: int,
        kind: PointKind = "gateway",
        pauses: Pauses | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        self._refusal = refusal
        self._snapshots, self._gateway, self._host, self._process_id = snapshots, gateway, host, process_id
        self._kind, self._poll_s, self._started_at_s = kind, poll_ms / 1000, time.time()
        self.pauses = pauses or Pauses()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._confirmed_at = self._acknowledged_at = float("-inf")
        self._enforced_version = self._acknowledged_version = 0
        self._enforced_at_s = 0.0
        self._cut: Mapping[str, int] = {}
        self._enforce: Enforce | None = None
        self._found: Callable[[Snapshot], Awaitable[None]] | None = None
        self._registry = Snapshot(version=0)
        self._local: frozenset[Scope] = frozenset()
        self.current = self._registry
        self.confirmed_version = 0

    def age_s(self) -> float:
        """Seconds since `current` was last known to be the newest. Where others count on this gateway's refusing once it is not
        heard of, also since it could last say so."""
        known_at = self._confirmed_at
        if self._refusal is not None:
            known_at = min(known_at, self._acknowledged_at + HEARTBEAT_S)
        return running_s() - known_at

    @property
    def registry(self) -> Snapshot:
        """What the registry says, without the stops of this host."""
        return self._registry

    def on_change(self, enforce: Enforce) -> None:
        """Call `enforce` after each new snapshot and before it is acknowledged: it cuts what may no longer run."""
        self._enforce = enforce

    def on_found(self, found: Callable[[Snapshot], Awaitable[None]]) -> None:
        """Call `found` with each new state of the registry before it counts."""
        self._found = found

    def wake(self) -> None:
        """Look at once: something changed."""
        self._wake.set()

    async def stop_locally(self, scopes: frozenset[Scope]) -> Mapping[str, int]:
        """Let `scopes` be stopped whatever the registry says, in the place of those of before; the calls cut by scope. Raises
        where something of them still runs."""
        self._put(self._registry, scopes)
        return await self._enforced()

    async def refresh(self) -> None:
        """Ask for the version; load, enforce and acknowledge a new snapshot."""
        asked_at = running_s()
        if await self._snapshots.version() != self._registry.version:
            stopped = await self._snapshots.stopped()
            if not stopped <= self._registry.stopped:
                # Stops come first: what they end is being cut while the rest is read.
                self._put(msgspec.structs.replace(self._registry, stopped=self._registry.stopped | stopped), self._local)
            registry = await self._snapshots.build()
            if self._found is not None:
                await self._found(registry)
            self._put(registry, self._local)
        self.confirmed_version = self._registry.version
        self._confirmed_at = asked_at
        if self._enforced_version != self._registry.version:
            version = self._registry.version
            # Tried again at the next refresh if it fails: a version is acknowledged only once it is enforced.
            await self._enforced()
            self._enforced_version, self._enforced_at_s = version, time.time()
        self.pauses.settle(asked_at)
        if self._acknowledged_version != self._enforced_version or asked_at - self._acknowledged_at >= HEARTBEAT_S:
            version = self._enforced_version
            await self._snapshots.acknowledge(
                gateway=self._gateway,
                host=self._host,
                process_id=self._process_id,
                version=version,
                kind=self._kind,
                cut=self._cut,
                started_at_s=self._started_at_s,
                enforced_at_s=self._enforced_at_s,
                pauses=self.pauses,
                refuses_after_s=self._refusal.after_s if self._refusal is not None else None,
            )
            self._acknowledged_version, self._acknowledged_at = version, asked_at

    async def run(self) -> None:
        """Refresh for ever; ends when cancelled. While the database is away the snapshot ages, and closes what must close."""
        beating = asyncio.create_task(self._beat())
        failing_since: tuple[int, float] | None = None
        told_s = -math.inf
        try:
            while True:
                paused = self.pauses.pending()
                try:
                    async with asyncio.timeout(REFRESH_AFTER_PAUSE_S_MAX if paused else REFRESH_S_MAX):
                        await self.refresh()
                    if told_s > -math.inf:
                        logger.warning("the snapshot is refreshed again")
                    failing_since, told_s = None, -math.inf
                except Exception as error:
                    if running_s() - told_s >= TOLD_AGAIN_S:  # it is tried several times a second, for as long as it takes
                        told_s = running_s()
                        logger.warning("the snapshot could not be refreshed (age %.0f s): %s", self.age_s(), type(error).__name__)
                    failing_since = self._failed_after_pause(failing_since) if paused else None
                if not self.pauses.pending():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), self._poll_s)
                elif failing_since is not None:
                    await asyncio.sleep(self._poll_s)
                self._wake.clear()
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def leave(self) -> None:
        """Say that this gateway enforces nothing any more."""
        await self._snapshots.forget(self._gateway)

    def _failed_after_pause(self, since: tuple[int, float] | None) -> tuple[int, float] | None:
        """Give up on a fresh snapshot after AWAY_AFTER_S: which pause it is about and since when refreshes fail, None once given
        up. The pause is part of the snapshot's age from then on, whatever clock it showed on."""
        if since is None or since[0] != self.pauses.count:
            since = self.pauses.count, running_s()
            # Of each pause by itself: what a clock that stood still with the process does not tell is not forgotten.
            self._confirmed_at = min(self._confirmed_at, running_s() - self.pauses.last_s)
        if running_s() - since[1] < AWAY_AFTER_S:
            return since
        if self._refusal is not None and self.age_s() > self._refusal.age_s:
            # Others count on it that nothing leaves: what is held stays so, until it is cut or the database is back.
            return since
        logger.warning("after a pause of %.1f s the database is away: the snapshot's age decides", self.pauses.last_s)
        self.pauses.settle(self.pauses.now_s())
        return None

    async def _beat(self) -> None:
        """Notice pauses also while nothing is about to leave."""
        while True:
            self.pauses.beat()
            if self.pauses.pending():
                self.wake()
            await asyncio.sleep(BEAT_S)

    def _put(self, registry: Snapshot, local: frozenset[Scope]) -> None:
        self._registry, self._local = registry, local
        stopped = registry.stopped | local
        self.current = registry if stopped == registry.stopped else msgspec.structs.replace(registry, stopped=stopped)

    async def _enforced(self) -> Mapping[str, int]:
        async with self._turn:
            if self._enforce is not None:
                self._cut = await self._enforce() or {}
            return self._cut
