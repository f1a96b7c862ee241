"""What other processes commit is heard at once on PostgreSQL, also after the connection broke, and not before it is committed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from groundcrew.domain.enforcement_point import EnforcementPoint
from groundcrew.store import operations
from groundcrew.store.database import Database

#: Far longer than a word takes, far shorter than a test may.
PATIENCE_S = 30.0


class Heard:
    """A process that listens: how often it was told to look."""

    def __init__(self, database: Database) -> None:
        self.database, self.times = database, 0
        self._event = asyncio.Event()
        database.on_change(self._note)

    def _note(self) -> None:
        self.times += 1
        self._event.set()

    async def more_than(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.times <= times:
                self._event.clear()
                await self._event.wait()


@pytest.fixture
async def databases(postgres_url: str) -> AsyncIterator[tuple[Heard, Database]]:
    """One process that listens, and another one."""
    here, there = await Database.open(postgres_url), await Database.open(postgres_url)
    heard = Heard(here)
    listening = asyncio.create_task(here.listen())
    await heard.more_than(0)  # it looks once as it begins to listen
    yield heard, there
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await here.close()
    await there.close()


async def change(database: Database) -> None:
    async with database.write("user:anna") as writer:
        await writer.touch_snapshot()


@pytest.mark.postgres
async def test_a_change_of_another_process_is_heard_once_it_is_committed(databases: tuple[Heard, Database]) -> None:
    heard, there = databases
    before = heard.times
    with contextlib.suppress(RuntimeError):
        async with there.write("user:anna") as writer:
            await writer.touch_snapshot()
            raise RuntimeError("it does not come to a commit")
    await change(there)
    await heard.more_than(before)
    assert heard.times == before + 1, "what was rolled back says nothing"


@pytest.mark.postgres
async def test_it_listens_again_after_its_connection_was_ended(databases: tuple[Heard, Database]) -> None:
    heard, there = databases
    before = heard.times
    async with there.operate() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        assert (await connection.execute(sa.text(f"{others} AND pid <> pg_backend_pid()"))).all()
    await heard.more_than(before)  # as it begins again, for what nobody heard meanwhile
    before = heard.times
    await change(there)
    await heard.more_than(before)


@pytest.mark.postgres
async def test_who_waits_for_an_acknowledgement_hears_it(databases: tuple[Heard, Database]) -> None:
    heard, there = databases

    async def acknowledge(version: int) -> None:
        point = EnforcementPoint(id="point-1", host="there", process_id=1, snapshot_version=version, seen_at_s=1.0)
        async with there.operate() as connection:
            await operations.acknowledge(connection, point)

    # What was told of the first one has arrived before the second one is waited for.
    first = asyncio.create_task(heard.database.acknowledgement(PATIENCE_S))
    await asyncio.sleep(0)
    await acknowledge(1)
    await first
    waiting = asyncio.create_task(heard.database.acknowledgement(PATIENCE_S))
    await asyncio.sleep(0.2)
    await acknowledge(1)  # a sign of life is no news
    await asyncio.sleep(0.2)
    assert not waiting.done()
    began_s = time.monotonic()
    await acknowledge(2)
    await waiting
    assert time.monotonic() - began_s < PATIENCE_S / 2


async def test_there_is_nothing_to_listen_to_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    database = await Database.open(sqlite_url)
    await database.listen()
    began_s = time.monotonic()
    await database.acknowledgement(0.01)
    assert time.monotonic() - began_s < PATIENCE_S
    await database.close()
