"""The gateway is killed under load, again and again: every answer that a client received must be in the records afterwards."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from groundcrew.domain.call import Call
from groundcrew.domain.use_case import Budget
from groundcrew.gateway.spool import Spool
from groundcrew.testing import TEST_KEY, FakeUpstream, Reply, memory_gateway, memory_snapshot, memory_use_case, serve

RUNS = 4
CLIENTS = 16
SERVER = """
import asyncio, socket, sys
from pathlib import Path
import uvicorn
from groundcrew.domain.use_case import Budget
from groundcrew.testing import memory_gateway, memory_snapshot, memory_use_case

use_case = memory_use_case(budget=Budget(tokens_per_day=1_000_000_000))
memory = memory_gateway(memory_snapshot(sys.argv[1], use_case=use_case), Path(sys.argv[2]))
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(memory.gateway, log_level="error", ws="none")).run(sockets=[listener])
"""


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    number = iter(range(10_000_000))
    with FakeUpstream(lambda request: Reply(text=f"answer number {next(number)} of this run")) as fake:
        yield fake


async def _ask(session: aiohttp.ClientSession, url: str, *, stream: bool) -> tuple[str, str] | None:
    """One call: (call id, text) of a complete answer, None for one that broke off."""
    body = {"messages": [{"role": "user", "content": "hello"}], "stream": stream}
    async with session.post(url, json=body, headers={"authorization": f"Bearer {TEST_KEY}"}) as response:
        content = await response.read()
        identifier = response.headers["groundcrew-call-id"]
        assert response.status == 200, content
    if not stream:
        return identifier, msgspec.json.decode(content)["choices"][0]["message"]["content"]
    if b"data: [DONE]" not in content:
        return None
    events = [msgspec.json.decode(line[6:]) for line in content.split(b"\n") if line.startswith(b"data: {")]
    return identifier, "".join(choice["delta"].get("content") or "" for each in events for choice in each["choices"])


class Load:
    """Asks from several connections until each has made its calls or the server is gone; `enough` is set on the way."""

    def __init__(self, url: str, *, calls: int, enough_at: int) -> None:
        self._url, self._calls, self._enough_at = url, calls, enough_at
        self.received: dict[str, str] = {}
        self.broken = 0
        self.enough = asyncio.Event()

    async def run(self, clients: int) -> None:
        await asyncio.gather(*(self._client(number) for number in range(clients)))

    async def _client(self, number: int) -> None:
        async with aiohttp.ClientSession() as session:
            for each in range(self._calls):
                try:
                    answer = await _ask(session, self._url, stream=(number + each) % 2 == 0)
                except (aiohttp.ClientError, OSError):
                    self.broken += 1
                    return
                if answer is not None:
                    self.received[answer[0]] = answer[1]
                if len(self.received) >= self._enough_at:
                    self.enough.set()


async def test_what_a_client_received_is_recorded_though_the_gateway_was_killed(upstream: FakeUpstream, tmp_path: Path) -> None:
    received: dict[str, str] = {}
    records: dict[str, Call] = {}
    for _ in range(RUNS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVER, upstream.url, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        load = Load(f"http://127.0.0.1:{port}/v1/chat/completions", calls=1_000_000, enough_at=100)
        running = asyncio.ensure_future(load.run(CLIENTS))
        await load.enough.wait()
        process.send_signal(signal.SIGKILL)
        await running
        await process.wait()
        assert load.broken == CLIENTS
        received |= load.received
        spool = Spool.open(tmp_path / "spool.db")
        while batch := spool.read_batch(1_000):
            for _sequence, _kind, call in batch:
                assert call.id not in records, "a record is shipped once"
                records[call.id] = call
            spool.mark_shipped(batch[-1][0])
        spool.close()
    assert len(received) >= 100 * RUNS
    assert {identifier: records[identifier].answer for identifier in received} == received
    assert {call.status for call in records.values()} <= {"answered", "opened", "cancelled"}


async def test_many_clients_at_once_meet_no_error(upstream: FakeUpstream, tmp_path: Path) -> None:
    use_case = memory_use_case(budget=Budget(tokens_per_day=1_000_000_000))
    memory = memory_gateway(memory_snapshot(upstream.url, use_case=use_case), tmp_path)
    with serve(memory.gateway) as url:
        load = Load(url + "/v1/chat/completions", calls=40, enough_at=1)
        await load.run(32)
    received = load.received
    assert load.broken == 0
    records = {call.id: call for call in memory.calls()}
    memory.spool.close()
    assert len(received) == 32 * 40
    assert {identifier: records[identifier].answer for identifier in received} == received
    used = memory.gateway.ledger.used("demo", memory.gateway.clock.now()).tokens_today
    assert used == sum(call.input_tokens + call.output_tokens for call in records.values()) == 18 * 32 * 40
