"""Shadow copies: recorded and scored, never sent, never in the way, and never outside of budgets, classes and stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from groundcrew.domain.call import Call
from groundcrew.domain.guard import GuardRule
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import BreakerRule, Price, Provider, Target
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.use_case import Budget
from groundcrew.domain.use_case import Grounding as GroundingRule
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    Reply,
    Response,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)

QUICK = GatewaySettings(drain_s_max=1.0, retry_base_s=0.001, retry_pause_s_max=0.002)
STREAMS = pytest.mark.parametrize("stream", [False, True])
SECRET = "What the shadow says."
WAIT_S_MAX = 5.0


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(by_model()) as fake:
        yield fake


def by_model(**answers: Reply | str):  # type: ignore[no-untyped-def]
    known: dict[str, Reply | str] = {"main": "Hello there.", "trial": Reply(text=SECRET, usage=(100, 10)), **answers}
    return lambda request: known[str(request.body["model"])]


def shadow(**fields: object) -> Target:
    defaults = {"provider": "fake", "model": "trial", "role": "shadow", "share_percent": 100, "timeout_s": 5.0}
    return Target(**{**defaults, **fields})  # type: ignore[arg-type]


MAIN = Target(provider="fake", model="main", timeout_s=5.0)


@asynccontextmanager
async def serving(upstream: FakeUpstream, folder: Path, *targets: Target, **fields: object) -> AsyncIterator[MemoryGateway]:
    names = ("use_case", "providers", "guards", "knowledge")
    given = {name: fields.pop(name) for name in names if name in fields}
    snapshot = memory_snapshot(upstream.url, targets=targets, **given)  # type: ignore[arg-type]
    memory = memory_gateway(snapshot, folder, **{"settings": QUICK, **fields})  # type: ignore[arg-type]
    try:
        yield memory
    finally:
        await memory.gateway.close()
        memory.spool.close()


async def ask(memory: MemoryGateway, **fields: object) -> Response:
    return await chat(memory.gateway, TEST_KEY, **{"text": "hi", **fields})  # type: ignore[arg-type]


async def recorded(memory: MemoryGateway) -> tuple[list[Call], list[Call]]:
    """The calls and the shadow copies, once nothing runs any more."""
    assert await memory.gateway.shadows.drained(WAIT_S_MAX)
    calls = memory.calls()
    return [each for each in calls if each.shadow_of is None], [each for each in calls if each.shadow_of is not None]


def count(memory: MemoryGateway, result: str) -> float:
    name, labels = "groundcrew_shadow_calls_total", {"use_case": "demo", "result": result}
    return memory.gateway.metrics.registry.get_sample_value(name, labels) or 0.0


async def started(upstream: FakeUpstream, number: int) -> None:
    for _ in range(1_000):
        if len(upstream.requests) >= number:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"only {len(upstream.requests)} requests arrived")


@STREAMS
async def test_a_copy_is_recorded_beside_its_call_and_never_sent(upstream: FakeUpstream, tmp_path: Path, stream: bool) -> None:
    async with serving(upstream, tmp_path, MAIN, shadow(price=Price(input_usd=1.0, output_usd=10.0))) as memory:
        response = await ask(memory, stream=stream, headers={"groundcrew-case-id": "case-7"}, temperature=0.3, user="u")
        (call,), (copy,) = await recorded(memory)
        assert response.text() == call.answer == "Hello there."
        assert SECRET.encode() not in response.body
        assert (copy.shadow_of, copy.status, copy.answer) == (call.id, "answered", SECRET)
        assert (copy.target_model, copy.case_id, copy.request) == ("trial", "case-7", call.request)
        assert (copy.input_tokens, copy.output_tokens, copy.cost_usd) == (100, 10, pytest.approx(0.0002))
        assert (copy.version_digest, copy.use_case) == (call.version_digest, call.use_case)
        sent, copied = (each.body for each in upstream.requests)
        assert "stream" not in copied
        assert copied["messages"] == sent["messages"]
        assert (copied["temperature"], copied["user"]) == (0.3, "u")
        assert count(memory, "answered") == 1


async def test_a_copy_counts_in_no_metric_of_calls(upstream: FakeUpstream, tmp_path: Path) -> None:
    guards = (GuardRule(guard="pii", on=("input", "output"), mode="monitor"),)
    async with serving(upstream, tmp_path, MAIN, shadow(), guards=guards) as memory:
        await ask(memory)
        _, (copy,) = await recorded(memory)
        read = memory.gateway.metrics.registry.get_sample_value
        assert read("groundcrew_calls_total", {"use_case": "demo", "status": "answered"}) == 1
        assert read("groundcrew_tokens_total", {"use_case": "demo", "direction": "input"}) == 11
        assert read("groundcrew_guard_verdicts_total", {"guard": "pii", "place": "output", "verdict": "pass"}) == 1
        assert [(each.guard, each.place) for each in copy.guards] == [("pii", "output")], "but its own guards are with it"


async def test_the_answer_does_not_wait_for_the_copy(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(trial=Reply(text=SECRET, fault="hang"))
    async with serving(upstream, tmp_path, MAIN, shadow()) as memory:
        assert (await ask(memory)).text() == "Hello there."
        await started(upstream, 2)
        assert memory.gateway.inflight() == 0
        assert len(memory.gateway.shadows.running) == 1
        assert [each.shadow_of for each in memory.calls()] == [None]


async def test_a_copy_has_its_own_deadline(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(trial=Reply(fault="hang"))
    settings = GatewaySettings(drain_s_max=1.0, shadow_s_max=0.1)
    async with serving(upstream, tmp_path, MAIN, shadow(), settings=settings) as memory:
        await ask(memory)
        _, (copy,) = await recorded(memory)
        assert (copy.status, copy.error_code) == ("failed", "upstream_timeout")
        assert count(memory, "failed") == 1


async def test_a_failing_shadow_is_recorded_and_opens_no_breaker_of_calls(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(trial=Reply(status=500))
    aims = (MAIN, shadow(breaker=BreakerRule(failures=1), retries=0))
    async with serving(upstream, tmp_path, *aims) as memory:
        await ask(memory)
        await recorded(memory)
        await ask(memory)
        calls, copies = await recorded(memory)
        assert {each.status for each in calls} == {"answered"}
        assert [(each.status, each.error_code) for each in copies] == [("failed", "upstream_error")] * 2
        assert sum(each.body["model"] == "trial" for each in upstream.requests) == 1, "its breaker is its own"
        metrics = memory.gateway.metrics.render()
        assert b'groundcrew_breaker_state{kind="shadow",model="trial",provider="fake"} 2.0' in metrics


async def test_an_answer_that_fails_is_copied_too(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(main=Reply(status=500))
    async with serving(upstream, tmp_path, MAIN, shadow()) as memory:
        assert (await ask(memory)).status == 502
        (call,), (copy,) = await recorded(memory)
        assert (call.status, copy.status) == ("failed", "answered"), "that the other one would have answered is worth knowing"


async def test_an_answer_that_the_rules_refuse_is_copied_too(upstream: FakeUpstream, tmp_path: Path) -> None:
    knowledge = KnowledgeEntry(name="policies", revision="r1", folder="/nowhere", expires_at_s=4e9)
    use_case = memory_use_case(grounding=GroundingRule(knowledge="policies", mode="required", below="refuse"))
    upstream.script = by_model(main="A card is free.", trial="A card costs 20 francs.")
    given = {"use_case": use_case, "knowledge": (knowledge,), "grounding": FakeGrounding("A card costs 20 francs.")}
    async with serving(upstream, tmp_path, MAIN, shadow(), **given) as memory:
        assert (await ask(memory, text="What does a card cost?")).status == 403
        (call,), (copy,) = await recorded(memory)
        assert (call.status, call.error_code, copy.status) == ("refused", "not_grounded", "answered")
        assert call.withheld_trust is not None
        assert copy.trust is not None
        assert (call.withheld_trust.state, copy.trust.state) == ("unsupported", "supported")


async def test_an_embedded_target_may_be_tried_in_the_shadow(upstream: FakeUpstream, tmp_path: Path) -> None:
    knowledge = KnowledgeEntry(name="policies", revision="r1", folder="/nowhere", expires_at_s=4e9)
    use_case = memory_use_case(grounding=GroundingRule(knowledge="policies", mode="advisory"))
    providers = (
        Provider(name="fake", api="openai", base_url=upstream.url, data_classes=("pii",)),
        Provider(name="quotes", api="extractive", data_classes=("pii",)),
    )
    given = {"use_case": use_case, "knowledge": (knowledge,), "grounding": FakeGrounding("A card costs 20 francs.")}
    async with serving(upstream, tmp_path, MAIN, shadow(provider="quotes"), providers=providers, **given) as memory:
        await ask(memory, text="What does a card cost?")
        _, (copy,) = await recorded(memory)
        assert (copy.provider, copy.answer, copy.cost_usd) == ("quotes", "A card costs 20 francs.", 0.0)


async def test_copies_beyond_the_limit_are_dropped_and_counted(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(trial=Reply(fault="hang"))
    settings = GatewaySettings(drain_s_max=1.0, shadows_max=2)
    async with serving(upstream, tmp_path, MAIN, shadow(), settings=settings) as memory:
        for _ in range(4):
            assert (await ask(memory)).status == 200
        assert (len(memory.gateway.shadows.running), count(memory, "no_room")) == (2, 2)


async def test_a_copy_spends_the_use_cases_budget_or_is_dropped(upstream: FakeUpstream, tmp_path: Path) -> None:
    use_case = memory_use_case(budget=Budget(usd_per_month=0.01))
    free = msgspec.structs.replace(MAIN, price=Price(input_usd=0.0, output_usd=0.0))  # an unknown price is taken for a high one
    aims = (free, shadow(price=Price(input_usd=0.0, output_usd=6.0)))
    async with serving(upstream, tmp_path, *aims, use_case=use_case) as memory:
        now = memory.gateway.clock.now()
        await ask(memory)
        (call,), (copy,) = await recorded(memory)
        used = memory.gateway.ledger.used("demo", now)
        assert used.tokens_today == call.input_tokens + call.output_tokens + copy.input_tokens + copy.output_tokens
        assert used.usd_this_month == copy.cost_usd == pytest.approx(60e-6)
        await ask(memory, max_tokens=2_000)
        calls, copies = await recorded(memory)
        assert (len(calls), len(copies), count(memory, "no_budget")) == (2, 1, 1)


async def test_a_shadow_sees_no_more_than_its_provider_may(upstream: FakeUpstream, tmp_path: Path) -> None:
    providers = (
        Provider(name="fake", api="openai", base_url=upstream.url, data_classes=("pii",)),
        Provider(name="other", api="openai", base_url=upstream.url, data_classes=("internal",)),
    )
    async with serving(upstream, tmp_path, MAIN, shadow(provider="other"), providers=providers) as memory:
        await ask(memory, headers={"groundcrew-data-class": "pii"})
        assert (await recorded(memory))[1] == []
        await ask(memory)
        assert [each.provider for each in (await recorded(memory))[1]] == ["other"]
        memory.snapshots.stop(Scope("provider", "other"))
        assert (await ask(memory)).status == 200
        assert len((await recorded(memory))[1]) == 1


@pytest.mark.parametrize("scope", [Scope("all"), Scope("provider", "fake"), Scope("model", "writer"), Scope("use-case", "demo")])
async def test_a_kill_switch_cuts_a_running_copy(upstream: FakeUpstream, tmp_path: Path, scope: Scope) -> None:
    upstream.script = by_model(trial=Reply(fault="hang"))
    async with serving(upstream, tmp_path, MAIN, shadow()) as memory:
        await ask(memory)
        await started(upstream, 2)
        assert memory.gateway.enforced()
        memory.snapshots.stop(scope)
        assert not memory.gateway.enforced(), "a stop is not confirmed while a copy runs"
        assert not memory.gateway.stopped(scope)
        _, (copy,) = await recorded(memory)
        assert (copy.status, copy.error_code) == ("cancelled", "kill_switch")
        assert memory.gateway.stopped(scope)
        assert count(memory, "cut") == 1
        assert b"groundcrew_cut_calls_total 0.0" in memory.gateway.metrics.render()
        used = memory.gateway.ledger.used("demo", memory.gateway.clock.now())
        assert used.tokens_today == sum(each.input_tokens + each.output_tokens for each in memory.calls())


async def test_a_call_that_was_cut_has_no_copy(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(main=Reply(fault="hang"))
    async with serving(upstream, tmp_path, MAIN, shadow()) as memory:
        leave = asyncio.Event()
        work = asyncio.ensure_future(ask(memory, leave=leave))
        await started(upstream, 1)
        leave.set()
        await work
        assert (await recorded(memory))[1] == []


async def test_copies_end_with_the_gateway(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(trial=Reply(fault="hang"))
    async with serving(upstream, tmp_path, MAIN, shadow()) as memory:
        await ask(memory)
        await started(upstream, 2)
        await memory.gateway.close()
        _, (copy,) = await recorded(memory)
        assert (copy.status, copy.error_code) == ("cancelled", None)
        assert count(memory, "cut") == 1


async def test_a_copy_is_grounded_like_its_call_and_masked_in_its_record(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(main="A card costs 20 francs.", trial="Write to maria.keller@bank.example.")
    knowledge = KnowledgeEntry(name="policies", revision="r1", folder="/nowhere", expires_at_s=4e9)
    use_case = memory_use_case(grounding=GroundingRule(knowledge="policies", mode="advisory", threshold=0.5))
    grounding = FakeGrounding("A card costs 20 francs.")
    async with serving(
        upstream, tmp_path, MAIN, shadow(), use_case=use_case, knowledge=(knowledge,), grounding=grounding
    ) as memory:
        await ask(memory, text="What does a card cost? Call me at jane@mail.example")
        (call,), (copy,) = await recorded(memory)
        assert call.trust is not None
        assert copy.trust is not None
        assert call.sources == copy.sources
        assert (call.trust.state, copy.trust.state) == ("supported", "unsupported")
        assert "maria.keller" not in copy.answer
        assert "jane@" not in copy.request
        assert upstream.requests[0].body["messages"][0]["role"] == upstream.requests[1].body["messages"][0]["role"] == "system"


async def test_what_guards_mask_for_the_call_is_masked_for_the_copy(upstream: FakeUpstream, tmp_path: Path) -> None:
    guards = (GuardRule(guard="pii", on=("input",), mode="enforce", action="redact"),)
    async with serving(upstream, tmp_path, MAIN, shadow(), guards=guards) as memory:
        await ask(memory, text="I am jane@mail.example")
        await recorded(memory)
        assert [each.last_user_text() for each in upstream.requests] == ["I am [EMAIL]"] * 2


async def test_a_copy_that_can_not_be_recorded_harms_nothing(upstream: FakeUpstream, tmp_path: Path) -> None:
    class Forgetful:
        def __init__(self) -> None:
            self.calls: list[Call] = []

        async def opened(self, call: Call) -> None:
            return

        async def record(self, call: Call) -> None:
            if call.shadow_of is not None:
                raise RecorderUnavailable("the disk is full")
            self.calls.append(call)

        def later(self, call: Call) -> None:
            return

        def missed(self, call: Call, *, answered: bool) -> None:
            return

    recorder = Forgetful()
    use_case = memory_use_case(recording="closed")
    async with serving(upstream, tmp_path, MAIN, shadow(), recorder=recorder, use_case=use_case) as memory:
        assert (await ask(memory)).status == 200
        assert await memory.gateway.shadows.drained(WAIT_S_MAX)
        assert (len(recorder.calls), count(memory, "unrecorded")) == (1, 1)
