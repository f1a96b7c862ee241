"""`kill -9` in the middle of the load, then a restart: what any client received stands in the records, and they verify.

GROUNDCREW_KILL_ROUNDS sets how often (3 by default).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.integration.server import groundcrew, running
from tests.load.clients import Load, declare

from groundcrew.services.bundle import open_services
from groundcrew.testing import FakeUpstream, Reply

#: Read on import: the settings of a developer's environment are taken away from each test.
ROUNDS = int(os.environ.get("GROUNDCREW_KILL_ROUNDS", "3"))
ANSWERS_BEFORE_THE_KILL = (40, 240)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    numbers = iter(range(10_000_000))
    with FakeUpstream(lambda request: Reply(text=f"answer number {next(numbers)} to {request.last_user_text()}")) as fake:
        yield fake


async def test_every_answer_that_a_client_received_is_in_the_records(upstream: FakeUpstream, tmp_path: Path) -> None:
    data = tmp_path / "data"
    secret = await asyncio.to_thread(declare, upstream.url, data)
    random, received = Random(9), dict[str, str]()
    for number in range(ROUNDS):
        with running(data) as server:
            # The restart after the last round ships what the killed process left in the spool.
            await asyncio.to_thread(server.wait_until_shipped)
            assert await missing(data, received) == {}, f"after round {number}"
            load = Load(server.url, secret, 1_000_000, enough_at=random.randint(*ANSWERS_BEFORE_THE_KILL))
            asking = asyncio.ensure_future(load.run())
            await asyncio.wait({asking, asyncio.ensure_future(load.enough.wait())}, return_when=asyncio.FIRST_COMPLETED)
            assert not asking.done(), load.received.errors[:3]
            await asyncio.sleep(random.random() * 0.05)
            await asyncio.to_thread(server.kill)
            found = await asking
        assert (found.errors, found.broken > 0) == ([], True)
        assert not received.keys() & found.answers.keys()
        received |= found.answers
    with running(data) as server:
        await asyncio.to_thread(server.wait_until_shipped)
    assert await missing(data, received) == {}
    verified = groundcrew("audit", "verify", "--data", data)
    assert (verified.status, verified.err) == (0, ""), verified.out
    print(f"{ROUNDS} rounds, {len(received)} answers received, all of them recorded")


async def missing(data: Path, received: dict[str, str]) -> dict[str, str]:
    """Which of the received answers do not stand in the records as they were received."""
    services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
    try:
        recorded: dict[str, str] = {}
        before: str | None = None
        while page := await services.calls.latest(before=before, limit=1_000):
            recorded |= {call.id: call.answer for call in page}
            before = page[-1].id
        return {identifier: text for identifier, text in received.items() if recorded.get(identifier) != text}
    finally:
        await services.database.close()
