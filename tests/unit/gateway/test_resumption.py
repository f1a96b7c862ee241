"""After a pause of the process nothing leaves it before it knows what changed meanwhile, and what was stopped never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.domain.test_pause import Clocks

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.pause import Pauses
from groundcrew.errors import GroundcrewError
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import TEST_KEY, FakeUpstream, MemoryGateway, Reply, chat, memory_gateway, memory_snapshot

ALL = Scope("all")
HOLD_S_MAX = 0.3


class Paused(msgspec.Struct, kw_only=True):
    """A gateway whose process can be made to stand still."""

    memory: MemoryGateway
    clocks: Clocks
    pauses: Pauses

    def stand_still(self) -> None:
        self.clocks.advance(60)

    def look(self) -> None:
        """What the keeper does: the newest snapshot is enforced, then the pause is over."""
        asked_s = self.pauses.now_s()
        self.pauses.pending()
        self.memory.gateway.enforce_stops()
        self.pauses.settle(asked_s)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(Reply(text="one two three four five six", chunk_delay_s=0.05)) as fake:
        yield fake


@pytest.fixture
async def paused(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Paused]:
    clocks = Clocks()
    pauses = clocks.pauses()
    pauses.beat()
    settings = GatewaySettings(drain_s_max=0.5, resume_s_max=HOLD_S_MAX)
    made = memory_gateway(memory_snapshot(upstream.url), tmp_path, settings=settings, pauses=pauses)
    yield Paused(memory=made, clocks=clocks, pauses=pauses)
    await made.gateway.close()
    made.spool.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(4_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


class Client:
    """Asks once, and keeps what it was sent, piece by piece."""

    def __init__(self, *, stream: bool) -> None:
        self.sent: list[dict[str, Any]] = []
        content = {"messages": [{"role": "user", "content": "hi"}], "stream": stream}
        self._body = [{"type": "http.request", "body": msgspec.json.encode(content), "more_body": False}]

    async def ask(self, memory: MemoryGateway) -> None:
        headers = [(b"authorization", f"Bearer {TEST_KEY}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers, "query_string": b""}
        await memory.gateway(scope, self._receive, self._send)

    @property
    def text(self) -> bytes:
        return b"".join(each.get("body", b"") for each in self.sent)

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            return self._body.pop()
        await asyncio.sleep(3_600)
        return {}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def has(self, text: bytes) -> None:
        await until(lambda: text in self.text)


async def test_a_new_call_waits_for_the_fresh_snapshot_and_is_served_by_it(paused: Paused, upstream: FakeUpstream) -> None:
    paused.stand_still()
    call = asyncio.ensure_future(chat(paused.memory.gateway, TEST_KEY, text="hi"))
    await asyncio.sleep(0.05)
    assert not call.done()
    assert upstream.requests == []
    paused.look()
    assert (await call).status == 200


async def test_a_call_that_was_stopped_during_the_pause_is_refused_by_its_first_byte(
    paused: Paused, upstream: FakeUpstream
) -> None:
    paused.stand_still()
    call = asyncio.ensure_future(chat(paused.memory.gateway, TEST_KEY, text="hi"))
    await asyncio.sleep(0.05)
    paused.memory.snapshots.stop(ALL)
    paused.look()
    response = await call
    assert (response.status, response.json()["error"]["code"]) == (503, "kill_switch")
    assert upstream.requests == []


@pytest.mark.parametrize("stream", [False, True])
async def test_where_nothing_fresh_comes_the_call_is_refused(paused: Paused, upstream: FakeUpstream, stream: bool) -> None:
    """The use case is one that goes on with an old snapshot: an age is known, after a pause nothing is."""
    assert not paused.memory.snapshots.current.use_cases["demo"].fails_closed
    paused.stand_still()
    response = await chat(paused.memory.gateway, TEST_KEY, text="hi", stream=stream)
    assert (response.status, response.json()["error"]["code"]) == (503, "stale_policy")
    assert "60.0 s" in response.json()["error"]["message"] or "61.0 s" in response.json()["error"]["message"]
    assert upstream.requests == []


async def test_a_stream_under_way_sends_nothing_after_the_pause_and_is_cut(paused: Paused) -> None:
    client = Client(stream=True)
    work = asyncio.ensure_future(client.ask(paused.memory))
    await client.has(b"two")
    paused.stand_still()
    pieces = len(client.sent)
    await asyncio.sleep(0.15)
    assert len(client.sent) == pieces, "the provider's data waits, and so does it"
    paused.memory.snapshots.stop(ALL)
    paused.look()
    await work
    after = b"".join(each.get("body", b"") for each in client.sent[pieces:])
    assert b"kill_switch" in after
    assert not any(word in after for word in (b"three", b"four", b"five", b"six"))
    assert paused.memory.gateway.enforcement.cuts() == {"all": 1}
    (call,) = paused.memory.calls()
    assert (call.status, call.details["cut_in_flight"]) == ("cancelled", True)


async def test_a_stream_that_nothing_stopped_goes_on_to_its_end(paused: Paused) -> None:
    client = Client(stream=True)
    work = asyncio.ensure_future(client.ask(paused.memory))
    await client.has(b"two")
    paused.stand_still()
    await asyncio.sleep(0.1)
    paused.look()
    await work
    assert b"six" in client.text
    assert client.text.endswith(b"data: [DONE]\n\n")


async def test_a_whole_answer_that_is_held_and_then_stopped_never_leaves(paused: Paused, upstream: FakeUpstream) -> None:
    upstream.script = Reply(text="one two three", delay_s=0.1)
    client = Client(stream=False)
    work = asyncio.ensure_future(client.ask(paused.memory))
    await until(lambda: bool(upstream.requests))
    paused.stand_still()
    await until(lambda: [each.status for each in paused.memory.calls()] == ["answered"])
    paused.memory.snapshots.stop(ALL)
    paused.look()
    await work
    assert b"three" not in client.text
    assert paused.memory.gateway.enforcement.stopped(ALL)


async def test_calls_are_counted_once_under_each_scope_that_was_not_stopped_before(
    paused: Paused, upstream: FakeUpstream
) -> None:
    upstream.script = Reply(text="one two three four five six", chunk_delay_s=0.2)
    clients = [Client(stream=True) for _ in range(5)]
    works = [asyncio.ensure_future(each.ask(paused.memory)) for each in clients]
    for each in clients:
        await each.has(b"one")
    paused.memory.snapshots.stop(Scope("use-case", "demo"), Scope("unit", "retail"))
    await asyncio.gather(*works)
    for _ in range(3):  # what is refused at the door was not in flight
        assert (await chat(paused.memory.gateway, TEST_KEY, text="hi")).status == 503
    assert paused.memory.gateway.enforcement.cuts() == {"use-case:demo": 5, "unit:retail": 5}
    paused.memory.snapshots.change(stopped=frozenset({Scope("unit", "retail")}))
    assert paused.memory.gateway.enforcement.cuts() == {"unit:retail": 5}


async def test_the_probe_finds_a_call_that_would_pass(paused: Paused, monkeypatch: pytest.MonkeyPatch) -> None:
    enforcement, snapshots = paused.memory.gateway.enforcement, paused.memory.snapshots
    for scope in (ALL, Scope("use-case", "demo"), Scope("unit", "retail"), Scope("key", "key-1"), Scope("provider", "fake")):
        snapshots.change(stopped=frozenset({scope}))
        assert (enforcement.probe(), enforcement.covers(scope)) == (1, 1), scope
    snapshots.change(stopped=frozenset({Scope("use-case", "another")}))
    assert (enforcement.probe(), enforcement.covers(Scope("use-case", "another"))) == (0, 0)
    snapshots.change(stopped=frozenset({ALL}))
    monkeypatch.setattr("groundcrew.gateway.admission.check_stopped", lambda *_: None)
    with pytest.raises(GroundcrewError, match="would still pass although all is stopped"):
        enforcement.probe()
