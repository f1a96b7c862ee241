"""What is in flight when the rules change, or when its client takes nothing: it ends, and nothing waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.kill_switch import Scope
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import (
    TEST_KEY,
    FakeUpstream,
    MemoryGateway,
    Reply,
    chat,
    memory_gateway,
    memory_snapshot,
)

#: How long a provider says nothing: what ends sooner has not waited for it, on a loaded machine either.
SILENT_S = 20.0
ALL = Scope("all")


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("one two three four five six") as fake:
        yield fake


@pytest.fixture
async def memory(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[MemoryGateway]:
    settings = GatewaySettings(drain_s_max=0.5, send_s_max=0.2)
    made = memory_gateway(memory_snapshot(upstream.url), tmp_path, settings=settings)
    yield made
    await made.gateway.close()
    made.spool.close()


def revoke(memory: MemoryGateway) -> None:
    memory.snapshots.change(keys={})


def suspend(memory: MemoryGateway) -> None:
    memory.snapshots.change_use_case("demo", run_state="suspended")


def reject(memory: MemoryGateway) -> None:
    memory.snapshots.change_use_case("demo", stage="rejected")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("change", "code"), [(revoke, "invalid_key"), (suspend, "use_case_not_running"), (reject, "use_case_not_running")]
)
async def test_a_call_ends_when_it_would_not_be_admitted_any_more(
    memory: MemoryGateway, upstream: FakeUpstream, change: Any, code: str, stream: bool
) -> None:
    upstream.script = Reply(text="one two three four", delay_s=0.0 if stream else SILENT_S, chunk_delay_s=SILENT_S)
    work = asyncio.ensure_future(chat(memory.gateway, TEST_KEY, text="hi", stream=stream))
    async with asyncio.timeout(SILENT_S):
        while not upstream.requests:  # noqa: ASYNC110 - the script runs in a thread of its own
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.15)
    change(memory)
    assert not memory.gateway.enforced()
    changed_s = time.monotonic()
    response = await work
    assert time.monotonic() - changed_s < SILENT_S / 2
    assert memory.gateway.enforced()
    error = response.events()[-1]["error"] if stream else response.json()["error"]
    assert error["code"] == code
    (call,) = memory.calls()
    assert (call.error_code, call.status) == (code, "cancelled" if stream else "refused")


async def test_a_change_of_something_else_ends_nothing(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    upstream.script = Reply(delay_s=0.3)
    work = asyncio.ensure_future(chat(memory.gateway, TEST_KEY, text="hi"))
    await asyncio.sleep(0.1)
    memory.snapshots.change_use_case("demo", title="Another title")
    assert (await work).status == 200


class Unwilling:
    """A client that takes no more than the head of the answer."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.full = asyncio.Event()
        self._body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def ask(self, memory: MemoryGateway, *, stream: bool) -> None:
        content = {"messages": [{"role": "user", "content": "hi"}], "stream": stream}
        self._body[0]["body"] = msgspec.json.encode(content)
        headers = [(b"authorization", f"Bearer {TEST_KEY}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers, "query_string": b""}
        await memory.gateway(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            return self._body.pop()
        await asyncio.sleep(3600)
        return {}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body":
            self.full.set()
            await asyncio.sleep(3600)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_takes_nothing_does_not_hold_up_a_stop(memory: MemoryGateway, stream: bool) -> None:
    client = Unwilling()
    work = asyncio.ensure_future(client.ask(memory, stream=stream))
    await client.full.wait()
    memory.snapshots.stop(ALL)
    memory.gateway.enforce_stops()
    await asyncio.wait_for(work, SILENT_S)
    assert memory.gateway.stopped(ALL)
    (call,) = memory.calls()
    assert (call.status, call.error_code) == (("cancelled", "kill_switch") if stream else ("answered", None))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_takes_nothing_is_given_up(memory: MemoryGateway, stream: bool) -> None:
    client = Unwilling()
    await asyncio.wait_for(client.ask(memory, stream=stream), SILENT_S)
    assert memory.gateway.inflight() == 0
    (call,) = memory.calls()
    assert (call.status, call.details.get("interrupted")) == (("cancelled", "stalled") if stream else ("answered", None))
