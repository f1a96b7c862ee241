"""The end of a folder that is on record: moved aside before its removal is recorded, and gone for good after it."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from groundcrew.errors import Conflict
from groundcrew.services.retention import standing_holds
from groundcrew.store.database import Connection

ASIDE = ".removed."


async def check_no_hold(connection: Connection) -> None:
    """Conflict while a legal hold stands: which records a file holds of which person can not be told apart."""
    if await standing_holds(connection):
        raise Conflict("a legal hold stands: no data set and no model is removed before it is lifted")


@asynccontextmanager
async def removal(folder: Path) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Put the transaction that records the removal into the block; its last step is to call what is handed over, which puts
    `folder` out of the way. Where the transaction fails, the folder is put back; after the block its bytes are gone, and those of
    a folder that a killed process left aside."""
    aside = folder.with_name(f"{ASIDE}{folder.name}.{secrets.token_hex(4)}")

    async def move() -> None:
        await asyncio.to_thread(_move, folder, aside)

    try:
        yield move
    except BaseException:
        _move(aside, folder)
        raise
    await asyncio.to_thread(_clear, folder)


def _move(folder: Path, target: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        folder.rename(target)


def _clear(folder: Path) -> None:
    if not folder.parent.is_dir():
        return
    for each in folder.parent.glob(f"{ASIDE}{folder.name}.*"):
        shutil.rmtree(each)
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
