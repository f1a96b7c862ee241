"""Waiting until every running gateway enforces a change, so that "done" means done everywhere."""

from __future__ import annotations

import time

import msgspec

from groundcrew.domain.enforcement_point import EnforcementPoint
from groundcrew.services.processes import ended
from groundcrew.store import operations
from groundcrew.store.database import Connection, Database

#: How often the gateways' acknowledgements are looked at where none is heard of by itself.
POLL_S = 0.02
#: How long an ordinary change waits; a gateway that is slower hears of it by itself.
CHANGE_WAIT_S_MAX = 2.0


class Propagation(msgspec.Struct, frozen=True, kw_only=True):
    """How many gateways run, and which of them have not acknowledged the version yet, each as ``ID (process 7 on HOST)``.
    `points` are those that have; `refusing` are those that are not heard of but said that they refuse everything by now."""

    gateways: int
    silent: tuple[str, ...]
    silent_points: tuple[str, ...] = ()
    points: tuple[EnforcementPoint, ...] = ()
    refusing: tuple[str, ...] = ()


async def propagate(database: Database, *, deadline_s: float = CHANGE_WAIT_S_MAX, version: int | None = None) -> Propagation:
    """Wait until every running gateway has acknowledged `version` (the registry's present one unless given), at most
    `deadline_s`."""
    if version is None:
        version = await database.version()
    end_s = time.monotonic() + deadline_s
    while True:
        async with database.read() as connection:
            running = await running_gateways(connection)
        points, refusing = [each for each in running if not each.refuses], [each for each in running if each.refuses]
        silent = [point for point in points if point.snapshot_version < version]
        if not silent or time.monotonic() >= end_s:
            return Propagation(
                gateways=len(points),
                silent=tuple(map(str, silent)),
                silent_points=tuple(point.id for point in silent),
                points=tuple(point for point in points if point.snapshot_version >= version),
                refusing=tuple(map(str, refusing)),
            )
        await database.acknowledgement(POLL_S)


async def running_gateways(connection: Connection) -> list[EnforcementPoint]:
    """Gateways that may serve: registered ones, less those whose process is known to have ended. Silence alone drops none: one
    that is cut off may go on with what it knows."""
    return [point for point in await operations.enforcing(connection) if not is_gone(point)]


def is_gone(point: EnforcementPoint) -> bool:
    """Whether its process is known to have ended. What runs on another machine, or in another container, is never known to."""
    return ended(on=point.machine, process_id=point.process_id, started=point.process_started)
