"""The keeper of meetings outlives what fails and goes on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from tests.unit.services import bank

from groundcrew.jobs.stream_keeper import StreamKeeper


async def test_the_keeper_of_meetings_goes_on_after_a_failure() -> None:
    looks: list[int] = []

    async def keep_scheduled() -> list[Any]:
        looks.append(1)
        if len(looks) == 1:
            raise OSError("the database is away")
        return []

    services: Any = SimpleNamespace(meetings=SimpleNamespace(keep_scheduled=keep_scheduled))
    task = asyncio.create_task(StreamKeeper(services, first_s=0.0, every_s=0.001).run())

    async def twice() -> bool:
        return len(looks) > 1

    await bank.until(twice)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
