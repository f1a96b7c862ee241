"""Routes end to end: retries, fallback, breakers, canaries and changes of targets, over a provider on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import BreakerRule, Model, Provider, Target
from groundcrew.gateway.retry import Timing
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import (
    TEST_KEY,
    FakeUpstream,
    MemoryGateway,
    ReceivedRequest,
    Reply,
    chat,
    memory_gateway,
    memory_snapshot,
)
from groundcrew.testing.server import Response

QUICK = GatewaySettings(drain_s_max=1.0, chunk_gap_s_max=0.5, retry_base_s=0.001, retry_pause_s_max=0.002)
STREAMS = pytest.mark.parametrize("stream", [False, True])

Script = Callable[[ReceivedRequest], Reply | str]


class Models:
    """A provider that answers by the model that is asked: a text, a reply, or replies in turn, the last one for ever."""

    def __init__(self, **answers: str | Reply | list[str | Reply]) -> None:
        self.answers = {name: list(each) if isinstance(each, list) else [each] for name, each in answers.items()}
        self.asked: list[str] = []

    def __call__(self, request: ReceivedRequest) -> Reply | str:
        model = str(request.body["model"])
        self.asked.append(model)
        answers = self.answers[model]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


def target(model: str, **fields: object) -> Target:
    return Target(**{"provider": "fake", "model": model, "timeout_s": 5.0, **fields})  # type: ignore[arg-type]


@asynccontextmanager
async def serving(upstream: FakeUpstream, folder: Path, *targets: Target, **fields: object) -> AsyncIterator[MemoryGateway]:
    memory = memory_gateway(memory_snapshot(upstream.url, targets=targets), folder, **{"settings": QUICK, **fields})  # type: ignore[arg-type]
    try:
        yield memory
    finally:
        await memory.gateway.close()
        memory.spool.close()


async def ask(memory: MemoryGateway, **fields: object) -> Response:
    return await chat(memory.gateway, TEST_KEY, **{"text": "hi", **fields})  # type: ignore[arg-type]


@STREAMS
@pytest.mark.parametrize("first", [Reply(status=429), Reply(status=500), Reply(fault="reset")])
async def test_a_failure_that_passes_is_tried_again(upstream: FakeUpstream, tmp_path: Path, first: Reply, stream: bool) -> None:
    upstream.script = models = Models(a=[first, "fine"], b="other")
    async with serving(upstream, tmp_path, target("a"), target("b")) as memory:
        assert (await ask(memory, stream=stream)).text() == "fine"
        assert models.asked == ["a", "a"]
        (call,) = memory.calls()
        assert (call.status, call.target_model, len(call.details["upstream_failures"])) == ("answered", "a", 1)
        assert b'groundcrew_retries_total{provider="fake"} 1.0' in memory.gateway.metrics.render()


@STREAMS
async def test_a_target_that_stays_broken_leaves_the_call_to_the_next(
    upstream: FakeUpstream, tmp_path: Path, stream: bool
) -> None:
    upstream.script = models = Models(a=Reply(status=500), b="other")
    async with serving(upstream, tmp_path, target("a", retries=2), target("b")) as memory:
        assert (await ask(memory, stream=stream)).text() == "other"
        assert models.asked == ["a", "a", "a", "b"]
        assert len(memory.calls()[0].details["upstream_failures"]) == 3


@STREAMS
async def test_a_target_that_hangs_is_not_asked_twice(upstream: FakeUpstream, tmp_path: Path, stream: bool) -> None:
    upstream.script = models = Models(a=Reply(fault="hang"), b="other")
    async with serving(upstream, tmp_path, target("a", timeout_s=0.2, retries=3), target("b")) as memory:
        assert (await ask(memory, stream=stream)).text() == "other"
        assert models.asked == ["a", "b"]


async def test_the_first_byte_of_a_stream_has_a_time_of_its_own(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = models = Models(a=Reply(delay_s=3600), b=Reply(text="one two three", chunk_delay_s=0.15))
    targets = (target("a", timeout_s=60.0, first_byte_s=0.2), target("b", first_byte_s=0.2))
    async with serving(upstream, tmp_path, *targets) as memory:
        assert (await ask(memory, stream=True)).text() == "one two three", "only the first event is that urgent"
        assert models.asked == ["a", "b"]


async def test_nothing_else_is_tried_once_text_has_left(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = models = Models(a=Reply(text="one two three four", fault="reset_mid_stream", chunk_delay_s=0.02), b="other")
    async with serving(upstream, tmp_path, target("a", retries=3), target("b")) as memory:
        response = await ask(memory, stream=True)
        assert models.asked == ["a"]
        assert response.events()[-1]["error"]["code"] == "upstream_error"
        assert memory.calls()[0].status == "failed"


async def test_a_wish_to_wait_that_is_too_long_sends_the_call_on(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = models = Models(a=Reply(status=429, headers={"retry-after": "3600"}), b="other")
    async with serving(upstream, tmp_path, target("a", retries=3), target("b")) as memory:
        assert (await ask(memory)).text() == "other"
        assert models.asked == ["a", "b"]


async def test_an_open_breaker_costs_no_time_and_closes_by_itself(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = models = Models(a=Reply(status=503), b="other")
    now = [1_000.0]
    rule = BreakerRule(failures=2, open_s=30.0)
    async with serving(
        upstream, tmp_path, target("a", retries=0, breaker=rule), target("b"), timing=Timing(lambda: now[0])
    ) as memory:
        for _ in range(4):
            assert (await ask(memory)).text() == "other"
        assert models.asked == ["a", "b", "a", "b", "b", "b"]
        assert b'groundcrew_breaker_state{kind="main",model="a",provider="fake"} 2.0' in memory.gateway.metrics.render()
        assert "is left alone for another 30.0 s" in memory.calls()[-1].details["upstream_failures"][0]
        memory.snapshots.change(models={"writer": Model(name="writer", targets=(target("b"), target("a", breaker=rule)))})
        memory.snapshots.change(models={"writer": Model(name="writer", targets=(target("a", breaker=rule), target("b")))})
        assert (await ask(memory)).text() == "other"
        assert models.asked[-1:] == ["b"], "a new snapshot forgets no breaker"
        assert models.asked.count("a") == 2
        now[0] += 31
        models.answers["a"] = ["back"]
        assert (await ask(memory)).text() == "back"
        assert b'groundcrew_breaker_state{kind="main",model="a",provider="fake"} 0.0' in memory.gateway.metrics.render()


@STREAMS
async def test_with_every_target_left_alone_the_call_fails_at_once(upstream: FakeUpstream, tmp_path: Path, stream: bool) -> None:
    upstream.script = models = Models(a=Reply(status=500), b=Reply(status=500))
    rules = [BreakerRule(failures=1, open_s=seconds) for seconds in (30.0, 12.0)]
    targets = [target(name, retries=0, breaker=rule) for name, rule in zip("ab", rules, strict=True)]
    now = 5.0
    async with serving(upstream, tmp_path, *targets, timing=Timing(lambda: now)) as memory:
        first = await ask(memory, stream=stream)
        assert (first.status, "retry-after" in first.headers) == (502, False)
        response = await ask(memory, stream=stream)
        assert (response.status, response.headers["retry-after"]) == (502, "12")
        assert response.json()["error"]["code"] == "upstream_error"
        assert models.asked == ["a", "b"]
        call = memory.calls()[-1]
        assert (call.status, call.error_code, call.cost_usd, call.output_tokens) == ("failed", "upstream_error", 0.0, 0)
        assert len(call.details["upstream_failures"]) == 2


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_the_requests_own_faults_open_no_breaker(upstream: FakeUpstream, tmp_path: Path, status: int) -> None:
    upstream.script = models = Models(a=Reply(status=status))
    async with serving(upstream, tmp_path, target("a", breaker=BreakerRule(failures=1))) as memory:
        for _ in range(3):
            await ask(memory)
        assert models.asked == ["a"] * 3


async def test_weights_split_calls_and_the_rest_is_fallback(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = models = Models(a="a", b="b", c="c", off="off")
    targets = (target("off", weight=0), target("c"), target("a", weight=1), target("b", weight=1))
    async with serving(upstream, tmp_path, *targets) as memory:
        await asyncio.gather(*(ask(memory) for _ in range(60)))
        assert set(models.asked) == {"a", "b"}
        models.answers.update(a=[Reply(status=500)], b=[Reply(status=500)])
        assert (await ask(memory)).text() == "c"


async def test_a_canary_answers_the_same_callers_and_falls_back(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = models = Models(main="main", new="new")
    never = BreakerRule(failures=1_000)
    targets = (target("main", breaker=never), target("new", role="canary", share_percent=50, retries=0, breaker=never))
    async with serving(upstream, tmp_path, *targets) as memory:
        users = [f"user-{number}" for number in range(24)]
        first = [(await ask(memory, user=user)).text() for user in users]
        assert set(first) == {"main", "new"}
        assert [(await ask(memory, user=user, stream=True)).text() for user in users] == first
        units = [{"groundcrew-unit-id": user} for user in users]
        by_unit = [(await ask(memory, headers=each)).text() for each in units]
        assert [(await ask(memory, headers=each)).text() for each in units] == by_unit
        roles = {(call.target_model, call.details.get("role")) for call in memory.calls()}
        assert roles == {("main", None), ("new", "canary")}
        models.answers["new"] = [Reply(status=500)]
        assert {(await ask(memory, user=user)).text() for user in users} == {"main"}
        models.answers.update(main=[Reply(status=500)], new=["new"])
        for user, answered in zip(users, first, strict=True):
            assert (await ask(memory, user=user)).status == (200 if answered == "new" else 502), "a canary is nobody's fallback"


async def test_a_canary_alone_does_not_keep_an_alias_going(upstream: FakeUpstream, tmp_path: Path) -> None:
    providers = tuple(Provider(name=name, api="openai", base_url=upstream.url, data_classes=("pii",)) for name in ("one", "two"))
    targets = (Target(provider="one", model="a"), Target(provider="two", model="b", role="canary", share_percent=100))
    memory = memory_gateway(memory_snapshot("", providers=providers, targets=targets), tmp_path, settings=QUICK)
    assert (await ask(memory)).status == 200
    memory.snapshots.stop(Scope("provider", "one"))
    response = await ask(memory)
    assert (response.status, response.json()["error"]["code"]) == (503, "kill_switch")
    assert "provider:two" not in response.json()["error"]["message"]
    await memory.gateway.close()
    memory.spool.close()


async def test_a_change_of_targets_holds_from_the_next_call_and_cuts_no_stream(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = Models(old=Reply(text="one two three four five", chunk_delay_s=0.06), new="new")
    async with serving(upstream, tmp_path, target("old")) as memory:
        stream = asyncio.ensure_future(ask(memory, stream=True))
        for _ in range(1_000):
            if memory.gateway.inflight() and upstream.requests:
                break
            await asyncio.sleep(0.005)
        memory.snapshots.change(models={"writer": Model(name="writer", targets=(target("new"),))})
        assert (await ask(memory)).text() == "new"
        assert not stream.done()
        assert (await stream).text() == "one two three four five"
        assert {(call.target_model, call.status) for call in memory.calls()} == {("old", "answered"), ("new", "answered")}
