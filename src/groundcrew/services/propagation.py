"""Waiting until every running gateway enforces a change, so that "done" means done everywhere."""

from __future__ import annotations

import os
import socket
import time

import msgspec

from groundcrew.domain.enforcement_point import EnforcementPoint
from groundcrew.store import operations
from groundcrew.store.database import Connection, Database

#: How often the gateways' acknowledgements are looked at where none is heard of by itself.
POLL_S = 0.02
#: A gateway on another host that has not been heard of for so long has long refused calls by its snapshot's age.
POINT_LOST_S = 600.0
#: How long an ordinary change waits; a gateway that is slower hears of it by itself.
CHANGE_WAIT_S_MAX = 2.0


class Propagation(msgspec.Struct, frozen=True, kw_only=True):
    """How many gateways run, and which of them have not acknowledged the version yet, each as ``ID (process 7 on HOST)``.
    `points` are those that have."""

    gateways: int
    silent: tuple[str, ...]
    silent_points: tuple[str, ...] = ()
    points: tuple[EnforcementPoint, ...] = ()


async def propagate(database: Database, *, deadline_s: float = CHANGE_WAIT_S_MAX, version: int | None = None) -> Propagation:
    """Wait until every running gateway has acknowledged `version` (the registry's present one unless given), at most
    `deadline_s`."""
    if version is None:
        version = await database.version()
    end_s = time.monotonic() + deadline_s
    while True:
        async with database.read() as connection:
            points = await running_gateways(connection)
        silent = [point for point in points if point.snapshot_version < version]
        if not silent or time.monotonic() >= end_s:
            return Propagation(
                gateways=len(points),
                silent=tuple(map(str, silent)),
                silent_points=tuple(point.id for point in silent),
                points=tuple(point for point in points if point.snapshot_version >= version),
            )
        await database.acknowledgement(POLL_S)


async def running_gateways(connection: Connection) -> list[EnforcementPoint]:
    """Gateways that may serve: registered ones, less those whose process on this host is gone or that are long lost."""
    return [point for point in await operations.enforcing(connection) if not is_gone(point) and not _is_lost(point)]


def is_gone(point: EnforcementPoint) -> bool:
    """Whether its process is known to have ended. What runs on another host is never known to."""
    return point.host == socket.gethostname() and not process_lives(point.process_id)


def _is_lost(point: EnforcementPoint) -> bool:
    return point.host != socket.gethostname() and time.time() - point.seen_at_s > POINT_LOST_S


def process_lives(process_id: int) -> bool:
    """Whether a process of this host runs, or stands still."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
