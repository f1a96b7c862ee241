"""Waiting until every running gateway enforces a change, so that "done" means done everywhere."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import Any

import msgspec

from groundcrew.store import operations
from groundcrew.store.database import Connection, Database

POLL_S = 0.02
#: A gateway on another host that has not been heard of for so long has long refused calls by its snapshot's age.
POINT_LOST_S = 600.0
#: How long an ordinary change waits; a gateway that is slower hears of it by itself.
CHANGE_WAIT_S_MAX = 2.0


class Propagation(msgspec.Struct, frozen=True, kw_only=True):
    """How many gateways run, and which of them have not acknowledged the version yet, each as ``ID (process 7 on HOST)``."""

    gateways: int
    silent: tuple[str, ...]


async def propagate(database: Database, *, deadline_s: float = CHANGE_WAIT_S_MAX) -> Propagation:
    """Wait until every running gateway has acknowledged the registry's present version, at most `deadline_s`."""
    version = await database.version()
    end_s = time.monotonic() + deadline_s
    while True:
        async with database.read() as connection:
            points = await running_gateways(connection)
        silent = tuple(
            f"{point['id']} (process {point['process_id']} on {point['host']})"
            for point in points
            if point["snapshot_version"] < version
        )
        if not silent or time.monotonic() >= end_s:
            return Propagation(gateways=len(points), silent=silent)
        await asyncio.sleep(POLL_S)


async def running_gateways(connection: Connection) -> list[dict[str, Any]]:
    """Gateways that may serve: registered ones, less those whose process on this host is gone or that are long lost."""
    running = []
    for point in await operations.enforcing(connection):
        here = point["host"] == socket.gethostname()
        gone = not _process_lives(point["process_id"]) if here else time.time() - point["seen_at_s"] > POINT_LOST_S
        if not gone:
            running.append(dict(point))
    return running


def _process_lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
