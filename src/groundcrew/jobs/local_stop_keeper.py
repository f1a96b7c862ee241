"""Holds a gateway to the stops that were tripped on its own host: sees the file change within a blink, whether or not there is a
database, enforces it, says so in the file system, and carries it into the registry when that can be told."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping

import msgspec

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.local_stop import EVERYTHING, LocalPoint, LocalStop, LocalStopFile
from groundcrew.domain.snapshot import Snapshot
from groundcrew.errors import GroundcrewError
from groundcrew.jobs.snapshot_keeper import SnapshotKeeper
from groundcrew.services.kill_switches import KillSwitches
from groundcrew.services.local_stops import LocalStops, Stamp, unreadable
from groundcrew.services.processes import process_started

#: How often the file is looked at, and how often what is in it is carried to a registry that could not be told.
LOOK_S, CARRY_S = 0.1, 1.0
#: How long one attempt to tell the registry may take.
CARRY_S_MAX = 20.0
#: The stamp of no file at all: what has it is read anew.
_UNREAD: Stamp = (-1, -1, -1, -1, -1)

logger = logging.getLogger(__name__)


class LocalStopKeeper:
    """The local stops of one gateway. `look` once before serving, then `run`. `covers` counts a scope's keys here."""

    def __init__(
        self,
        local: LocalStops,
        snapshots: SnapshotKeeper,
        kill_switches: KillSwitches,
        *,
        gateway: str,
        covers: Callable[[Scope], int],
    ) -> None:
        self._local, self._snapshots, self._kill_switches = local, snapshots, kill_switches
        self._gateway, self._covers = gateway, covers
        self._started = process_started(os.getpid())
        self._file, self._digest = LocalStopFile(), ""
        self._stamp: Stamp = _UNREAD
        self._said: str | None = None
        self._cut: Mapping[str, int] = {}
        #: The registry's version that knows of a stop, by its id, as the registry itself told this process: a file says anything.
        self._carried: dict[str, int] = {}
        #: Why the file can not be read, while it can not.
        self.problem: str | None = None
        self._carrying = asyncio.Lock()
        snapshots.on_found(self.release)

    @property
    def stops(self) -> tuple[LocalStop, ...]:
        """What the file holds, as far as it can be read."""
        return self._file.stops

    async def look(self) -> None:
        """Read the file if it changed, enforce it, and say so. Raises where something that it stops still runs."""
        self._read()
        scopes = self._file.scopes if self.problem is None else self._file.scopes | {EVERYTHING}
        says = f"{self._digest} {self.problem}"
        if says == self._said:
            return
        self._cut = await self._snapshots.stop_locally(scopes)
        point = LocalPoint(
            point=self._gateway,
            process_id=os.getpid(),
            process_started=self._started,
            digest=self._digest if self.problem is None else "",
            at_s=time.time(),
            cut=dict(self._cut),
            covers={str(scope): self._covers(scope) for scope in scopes},
        )
        try:
            await asyncio.to_thread(self._local.say, point)
        except OSError as error:
            logger.warning("what this gateway enforces of local stops could not be written: %s", error)
        self._said = says

    async def run(self) -> None:
        """Look for ever; ends when cancelled."""
        carrying = asyncio.create_task(self._carry_for_ever())
        try:
            while True:
                try:
                    await self.look()
                except Exception as error:  # looked at again at once: what is not enforced is not said
                    logger.warning("local stops are not enforced yet: %s", unreadable(error))
                await asyncio.sleep(LOOK_S)
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)

    async def carry(self) -> None:
        """Tell the registry of the stops of which it has not told this process yet that it knows them, whatever the file says;
        then take out what was reset. Raises what the database raises."""
        async with self._carrying:
            for stop in self._file.stops:
                if stop.id not in self._carried:
                    version = await self._kill_switches.carry(stop, cut=self._cut.get(str(stop.scope), 0))
                    if stop.carried_version is None:
                        await asyncio.to_thread(self._local.carried, stop.id, version)
                        logger.warning("the local stop of %s by %s is in the registry now", stop.scope, stop.by)
                    self._carried[stop.id] = version
            await self.release(self._snapshots.registry)

    async def release(self, registry: Snapshot) -> None:
        """Take out what two people have reset: the registry had known of it, and stops it no more."""
        gone = [each.id for each in self._file.stops if self._is_known(each, registry) and each.scope not in registry.stopped]
        if gone and self.problem is None:
            # Forgotten first: what was released is no loss when the file is read next.
            self._file = LocalStopFile(stops=tuple(each for each in self._file.stops if each.id not in gone))
            await asyncio.to_thread(self._local.remove, gone)
            self._stamp = _UNREAD
            await self.look()

    def leave(self) -> None:
        """Say that this gateway enforces nothing any more."""
        self._local.leave(self._gateway)

    async def _carry_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(CARRY_S_MAX):
                    await self.carry()
            except Exception as error:
                logger.warning("local stops could not be carried into the registry: %s", type(error).__name__)
            await asyncio.sleep(CARRY_S)

    def _is_known(self, stop: LocalStop, registry: Snapshot) -> bool:
        """Whether `registry` is of a time when it knew of the stop."""
        version = self._carried.get(stop.id)
        return version is not None and version <= registry.version

    def _lost(self, file: LocalStopFile) -> list[LocalStop]:
        """What this process remembers, `file` does not hold as it was, and the registry does not answer for in its place."""
        found = {each.id: msgspec.structs.replace(each, carried_version=None) for each in file.stops}
        registry = self._snapshots.registry
        return [
            each
            for each in self._file.stops
            if not self._is_known(each, registry) and found.get(each.id) != msgspec.structs.replace(each, carried_version=None)
        ]

    def _read(self) -> None:
        """Take over what the file holds now; whatever can not be read is a problem, and stops everything."""
        try:
            stamp = self._local.stamp()
            if stamp == self._stamp and self.problem is None:
                return
            file, digest = self._local.read()
            lost = self._lost(file)
            if lost:
                named = ", ".join(f"{each.scope} by {each.by} ({each.id})" for each in lost)
                logger.error(
                    "local stops were taken from their file, or changed in it, though nobody reset them: %s are back", named
                )
                self._local.keep(lost)
                stamp, (file, digest) = self._local.stamp(), self._local.read()
        except (GroundcrewError, OSError) as error:
            if self.problem is None:
                logger.error("local stops can not be read, so that everything is denied: %s", unreadable(error))
            self.problem = unreadable(error)
            return
        if self.problem is not None:
            logger.warning("local stops can be read again")
        self._stamp, self._file, self._digest, self.problem = stamp, file, digest, None
