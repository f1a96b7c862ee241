"""Trials: a model is asked on purpose by the way of every call, it is recorded and paid for, and nobody is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.assignment import ExperimentEntry
from groundcrew.domain.call import Call
from groundcrew.domain.guard import GuardRule
from groundcrew.domain.hypothesis import Arms, Variant
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import BreakerRule, Model, Price, Provider, Target
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.trial import TrialAnswer, TrialRequest
from groundcrew.domain.use_case import Budget, CacheRule, Exposure, SignOffRule, SpendLimits
from groundcrew.domain.use_case import Grounding as GroundingRule
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway.recorder import SpoolRecorder
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    Reply,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)

QUICK = GatewaySettings(drain_s_max=1.0, retry_base_s=0.001, retry_pause_s_max=0.002)
PRICE = Price(input_usd=1.0, output_usd=10.0)
MAIN = Target(provider="fake", model="main", timeout_s=5.0, price=PRICE)
KNOWLEDGE = KnowledgeEntry(name="policies", revision="r1", folder="/nowhere", expires_at_s=4e9)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(by_model()) as fake:
        yield fake


def by_model(**answers: Reply | str) -> Any:
    known: dict[str, Reply | str] = {"main": Reply(text="Hello there.", usage=(100, 10)), "other": "From the other.", **answers}
    return lambda request: known[str(request.body["model"])]


@asynccontextmanager
async def serving(upstream: FakeUpstream, folder: Path, *targets: Target, **fields: Any) -> AsyncIterator[MemoryGateway]:
    names = ("use_case", "providers", "guards", "knowledge")
    given = {name: fields.pop(name) for name in names if name in fields}
    snapshot = memory_snapshot(upstream.url, targets=targets or (MAIN,), **given)
    memory = memory_gateway(snapshot, folder, **{"settings": QUICK, **fields})
    try:
        yield memory
    finally:
        await memory.gateway.close()
        memory.spool.close()


async def ask(memory: MemoryGateway, text: str = "hi", **fields: Any) -> TrialAnswer:
    given = {"trial": "t1", "use_case": "demo", "purpose": "evaluation", "messages": ({"role": "user", "content": text},)}
    return await memory.gateway.trials.ask(TrialRequest(**{**given, **fields}))


async def started(upstream: FakeUpstream, number: int) -> None:
    for _ in range(1_000):
        if len(upstream.requests) >= number:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"only {len(upstream.requests)} requests arrived")


def tokens(memory: MemoryGateway) -> int:
    return memory.gateway.ledger.used("demo", memory.gateway.clock.now()).tokens_today


async def test_a_trial_is_answered_recorded_and_paid_for(upstream: FakeUpstream, tmp_path: Path) -> None:
    async with serving(upstream, tmp_path) as memory:
        answer = await ask(memory, parameters={"temperature": 0.2, "stream": True, "n": 3}, case_id="case-7")
        (call,) = memory.calls()
        assert (answer.status, answer.text, answer.generated, answer.error_code) == ("answered", "Hello there.", "", None)
        assert (answer.provider, answer.target_model) == ("fake", "main")
        assert (answer.input_tokens, answer.output_tokens, answer.cost_usd) == (100, 10, pytest.approx(0.0002))
        assert answer.latency_ms > 0
        assert (call.id, call.trial, call.key_id, call.case_id) == (answer.call_id, "t1", "", "case-7")
        assert call.version_digest == "d" * 64
        assert tokens(memory) == 110
        sent = upstream.requests[0].body
        assert sent["temperature"] == 0.2
        assert not {"n", "user"} & sent.keys()
        assert not sent.get("stream")


async def test_a_trial_counts_in_no_metric_of_calls(upstream: FakeUpstream, tmp_path: Path) -> None:
    async with serving(upstream, tmp_path) as memory:
        await ask(memory)
        read = memory.gateway.metrics.registry.get_sample_value
        assert not read("groundcrew_calls_total", {"use_case": "demo", "status": "answered"})
        assert not read("groundcrew_tokens_total", {"use_case": "demo", "direction": "input"})


async def test_nobody_on_a_connection_can_come_from_within(upstream: FakeUpstream, tmp_path: Path) -> None:
    async with serving(upstream, tmp_path) as memory:
        for key in ("", "demo", "Inside(use_case='demo')"):
            assert (await chat(memory.gateway, key, text="hi")).status == 401
        assert memory.calls() == []


async def test_another_alias_a_pinned_target_and_one_that_no_alias_holds(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(new="From the new one.")
    turned_off = Target(provider="fake", model="other", weight=0)
    async with serving(upstream, tmp_path, MAIN, turned_off) as memory:
        models = memory.snapshots.current.models
        memory.snapshots.change(models={**models, "second": Model(name="second", targets=(turned_off, MAIN))})
        assert (await ask(memory, model="second")).text == "Hello there."
        assert (await ask(memory, target=("fake", "other"))).text == "From the other."
        assert (await ask(memory, target=("fake", "new"))).text == "From the new one."
        assert (await ask(memory)).text == "Hello there."
        digests = [call.version_digest for call in memory.calls()]
        assert len(set(digests)) == 4, "what another model says is never taken for what the version says"
        assert digests[-1] == "d" * 64
        assert [call.model for call in memory.calls()] == ["second", "writer", "writer", "writer"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"use_case": "nobody"}, "use_case_not_running"),
        ({"model": "unknown"}, "model_not_allowed"),
        ({"target": ("unknown", "m")}, "model_not_allowed"),
        ({"data_class": "phi"}, "data_class_not_allowed"),
    ],
)
async def test_what_can_not_be_asked_is_an_answer(
    upstream: FakeUpstream, tmp_path: Path, fields: dict[str, Any], code: str
) -> None:
    async with serving(upstream, tmp_path) as memory:
        answer = await ask(memory, **fields)
        assert (answer.status, answer.error_code) == ("refused", code)
        assert answer.error
        assert not upstream.requests


async def test_an_alternate_is_asked_as_it_is_declared(upstream: FakeUpstream, tmp_path: Path) -> None:
    async with serving(upstream, tmp_path) as memory:
        dear = Target(provider="fake", model="other", price=Price(input_usd=7.0, output_usd=7.0), timeout_s=3.0)
        models = memory.snapshots.current.models
        memory.snapshots.change(models={"writer": msgspec.structs.replace(models["writer"], alternates=(dear,))})
        upstream.script = by_model(other=Reply(text="From the other.", usage=(100, 100)))
        assert (await ask(memory, target=("fake", "other"))).cost_usd == pytest.approx(200 * 7.0 / 1e6)
        assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
        assert upstream.requests[-1].body["model"] == "main", "and answers nobody"


@pytest.mark.parametrize("human_only", [False, True])
async def test_a_trial_is_in_no_arm_of_a_running_experiment(upstream: FakeUpstream, tmp_path: Path, human_only: bool) -> None:
    async with serving(upstream, tmp_path, use_case=memory_use_case(prompt="Be kind.")) as memory:
        control = Variant(human_only=True) if human_only else Variant(model="second", prompt="Be brief.")
        arms = Arms(control="plain", treatment="brief", variants={"control": control})
        experiment = ExperimentEntry(digest="e" * 64, arms=arms, stopped=False, design="randomized")
        snapshot = memory.snapshots.current
        entry = msgspec.structs.replace(snapshot.use_cases["demo"], experiment=experiment)
        second = Model(name="second", targets=(Target(provider="fake", model="other"),))
        memory.snapshots.change(use_cases={"demo": entry}, models={**snapshot.models, "second": second})
        answers = [await ask(memory), await ask(memory, target=("fake", "other")), await ask(memory, model="second")]
        assert [each.text for each in answers] == ["Hello there.", "From the other.", "From the other."]
        sent = [str(each.body["messages"]) for each in upstream.requests]
        assert all("Be kind." in each and "Be brief." not in each for each in sent), "it asks what it names"
        for call in memory.calls():
            assert (call.experiment, call.arm, call.trial) == (None, None, "t1"), "nobody was exposed"
            assert "experiment" not in call.details


async def test_a_provider_that_may_not_see_the_class_is_never_asked(upstream: FakeUpstream, tmp_path: Path) -> None:
    narrow = Provider(name="narrow", api="openai", base_url=upstream.url, data_classes=("public",))
    wide = Provider(name="fake", api="openai", base_url=upstream.url, data_classes=("public", "internal", "pii"))
    async with serving(upstream, tmp_path, providers=(wide, narrow)) as memory:
        answer = await ask(memory, target=("narrow", "main"))
        assert (answer.status, answer.error_code) == ("refused", "data_class_not_allowed")
        assert not upstream.requests


async def test_a_trial_may_have_another_prompt(upstream: FakeUpstream, tmp_path: Path) -> None:
    async with serving(upstream, tmp_path, use_case=memory_use_case(prompt="Be brief.")) as memory:
        await ask(memory)
        await ask(memory, prompt="Be long.")
        sent = [str(each.body["messages"]) for each in upstream.requests]
        assert "Be brief." in sent[0]
        assert "Be long." in sent[1]
        assert "Be brief." not in sent[1]
        assert len({call.version_digest for call in memory.calls()}) == 2


async def test_a_would_be_hold_opens_no_sign_off(upstream: FakeUpstream, tmp_path: Path) -> None:
    use_case = memory_use_case(sign_off=SignOffRule(when="always", qualification="agent"))
    async with serving(upstream, tmp_path, use_case=use_case) as memory:
        answer = await ask(memory)
        assert (answer.status, answer.text, answer.generated) == ("held", "", "Hello there.")
        assert memory.calls()[0].sign_off_id is None


@pytest.mark.parametrize("signed", [False, True])
async def test_trust_and_fallback_are_as_for_a_call(upstream: FakeUpstream, tmp_path: Path, signed: bool) -> None:
    use_case = memory_use_case(grounding=GroundingRule(knowledge="policies", mode="required", threshold=0.5, below="fallback"))
    upstream.script = by_model(main="A card costs 90 francs.", other="A card costs 20 francs.")
    if signed:
        use_case = msgspec.structs.replace(use_case, sign_off=SignOffRule(when="always", qualification="agent"))
    given = {"use_case": use_case, "knowledge": (KNOWLEDGE,), "grounding": FakeGrounding("A card costs 20 francs.")}
    async with serving(upstream, tmp_path, **given) as memory:
        bad = await ask(memory, "What does a card cost?")
        good = await ask(memory, "What does a card cost?", target=("fake", "other"))
        assert (bad.status, bad.generated) == ("fallback", "A card costs 90 francs.")
        assert bad.trust is not None
        assert bad.trust.state == "unsupported", "the trust is that of what the model wrote"
        assert (good.status, good.text or good.generated) == ("held" if signed else "answered", "A card costs 20 francs.")
        assert good.trust is not None
        assert good.trust.state == "supported"
        assert good.sources


async def test_a_plain_question_goes_to_the_model_alone(upstream: FakeUpstream, tmp_path: Path) -> None:
    use_case = memory_use_case(
        prompt="Be brief.",
        grounding=GroundingRule(knowledge="policies", mode="required", below="refuse"),
        sign_off=SignOffRule(when="always", qualification="agent"),
    )
    guards = (
        GuardRule(guard="pii", on=("input", "output"), mode="enforce", action="redact", settings={"detect": "patterns"}),
        GuardRule(guard="topic", on=("input",), mode="enforce", action="refuse", settings={"denied": ["cards"]}),
    )
    given = {"use_case": use_case, "guards": guards, "knowledge": (KNOWLEDGE,), "grounding": FakeGrounding("Nothing.")}
    async with serving(upstream, tmp_path, **given) as memory:
        answer = await ask(memory, "Is this right? Mail anna.meier@example.com about cards.", plain=True, purpose="judge")
        assert (answer.status, answer.text, answer.trust, answer.sources) == ("answered", "Hello there.", None, ())
        messages = upstream.requests[0].body["messages"]
        assert [each["role"] for each in messages] == ["user"]
        assert "anna.meier" not in str(messages), "what keeps data in stays"
        assert [each.guard for each in memory.calls()[0].guards] == ["pii"]


async def test_what_is_recorded_and_returned_is_masked(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(main="Write to anna.meier@example.com.")
    async with serving(upstream, tmp_path) as memory:
        answer = await ask(memory, "I am bob.keller@example.com")
        (call,) = memory.calls()
        assert "anna.meier" not in answer.text
        assert answer.text == call.answer
        assert "bob.keller" not in call.request


async def test_exposure_cache_and_shadows_are_for_people(upstream: FakeUpstream, tmp_path: Path) -> None:
    use_case = memory_use_case(exposure=Exposure(ceiling_percent=0.0), cache=CacheRule(ttl_s=600))
    shadow = Target(provider="fake", model="other", role="shadow", share_percent=100)
    async with serving(upstream, tmp_path, MAIN, shadow, use_case=use_case) as memory:
        for _ in range(2):
            assert (await ask(memory)).status == "answered"
        assert [each.body["model"] for each in upstream.requests] == ["main", "main"]
        assert memory.gateway.cache.bytes == 0
        assert {call.cached_from for call in memory.calls()} == {None}


async def test_budgets_of_the_use_case_hold_and_those_of_people_do_not(upstream: FakeUpstream, tmp_path: Path) -> None:
    limits = Budget(tokens_per_day=3_000, per_user=SpendLimits(tokens_per_day=1), per_key=SpendLimits(tokens_per_day=1))
    async with serving(upstream, tmp_path, use_case=memory_use_case(budget=limits)) as memory:
        first = await ask(memory)
        assert first.status == "answered"
        upstream.script = by_model(main=Reply(text="Much.", usage=(2_500, 10)))
        assert (await ask(memory)).status == "answered"
        refused = await ask(memory)
        assert (refused.status, refused.error_code) == ("refused", "budget_exceeded")
        assert len(upstream.requests) == 2
        assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 429, "calls and trials share one budget"


@pytest.mark.parametrize("scope", [Scope("all"), Scope("use-case", "demo"), Scope("provider", "fake"), Scope("model", "writer")])
async def test_a_kill_switch_cuts_trials_in_flight(upstream: FakeUpstream, tmp_path: Path, scope: Scope) -> None:
    upstream.script = by_model(main=Reply(fault="hang"))
    async with serving(upstream, tmp_path) as memory:
        asking = asyncio.create_task(ask(memory))
        await started(upstream, 1)
        memory.snapshots.stop(scope)
        answer = await asyncio.wait_for(asking, 20.0)
        assert (answer.status, answer.error_code) == ("refused", "kill_switch")
        assert memory.gateway.stopped(scope)
        assert memory.gateway.enforced()
        assert (await ask(memory)).error_code == "kill_switch"
        assert [(call.status, call.trial) for call in memory.calls()] == [("refused", "t1")] * 2


async def test_a_suspended_use_case_is_not_tried(upstream: FakeUpstream, tmp_path: Path) -> None:
    async with serving(upstream, tmp_path, use_case=memory_use_case(run_state="suspended")) as memory:
        assert (await ask(memory)).error_code == "use_case_not_running"
        assert not upstream.requests


async def test_a_failure_is_an_answer_and_opens_no_breaker_of_calls(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(main=Reply(status=500))
    aim = msgspec.structs.replace(MAIN, retries=0, breaker=BreakerRule(failures=1))
    async with serving(upstream, tmp_path, aim) as memory:
        answer = await ask(memory)
        assert (answer.status, answer.error_code) == ("failed", "upstream_error")
        upstream.script = by_model()
        assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200


async def test_whoever_asks_may_give_up(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(main=Reply(fault="hang"))
    async with serving(upstream, tmp_path) as memory:
        asking = asyncio.create_task(ask(memory))
        await started(upstream, 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert [(call.status, call.trial) for call in memory.calls()] == [("cancelled", "t1")]
        assert len(memory.gateway.trials.running) == 0


async def test_closing_ends_trials_with_a_record(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = by_model(main=Reply(fault="hang"))
    async with serving(upstream, tmp_path) as memory:
        asking = asyncio.create_task(ask(memory))
        await started(upstream, 1)
        await memory.gateway.trials.close()
        answer = await asking
        assert (answer.status, answer.error_code) == ("cancelled", "kill_switch")
        assert (await ask(memory)).error_code == "kill_switch"


class _Away(SpoolRecorder):
    async def record(self, call: Call) -> None:
        raise RecorderUnavailable("the disk is full")


async def test_a_trial_without_a_record_has_no_answer(upstream: FakeUpstream, tmp_path: Path) -> None:
    """Also where calls would go on unrecorded: what is not recorded counts as no spending."""
    async with serving(upstream, tmp_path, use_case=memory_use_case(recording="shed")) as memory:
        memory.gateway.trials._recorder._recorder = _Away(memory.spool)  # type: ignore[assignment]
        answer = await ask(memory)
        assert (answer.status, answer.error_code, answer.text) == ("failed", "recorder_unavailable", "")
        assert tokens(memory) == 110, "the ledger has it all the same"


async def test_trials_have_a_limit(upstream: FakeUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundcrew.gateway.trials.TRIALS_MAX", 1)
    upstream.script = by_model(main=Reply(fault="hang"))
    async with serving(upstream, tmp_path) as memory:
        asking = asyncio.create_task(ask(memory))
        await started(upstream, 1)
        assert (await ask(memory)).error_code == "rate_limited"
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
