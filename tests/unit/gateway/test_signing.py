"""Which answers wait for a person, by every condition, in every dialect, streamed and not; and that a held one's text stays."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.collector import Collector
from tests.unit.gateway.scripted import DIALECTS, ScriptedGateway, ScriptedUpstream, ask, scripted_gateway, text_of

from groundcrew.domain.guard import Finding, GuardRule, Verdict
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.use_case import CacheRule, Grounding, SignOffCondition, SignOffRule
from groundcrew.gateway.signing import Texts, waits_by_chance
from groundcrew.gateway.telemetry import open_tracing
from groundcrew.guards.registry import Context, guard, verdict_of
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    Response,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)

TRUE = "The card costs CHF 20."
FALSE = "The card costs CHF 99."
QUESTION = "What does a replacement card cost?"
EVERYWHERE = pytest.mark.parametrize(("dialect", "stream"), [(each, way) for each in DIALECTS for way in (False, True)])
BOTH = pytest.mark.parametrize("stream", [False, True])
Build = Callable[..., ScriptedGateway]


@guard("spotter", inline=True, settled=len)
def spotter(text: str, context: Context) -> Verdict:
    """Finds the word "zebra", and fails at "broken"."""
    if "broken" in text:
        raise RuntimeError("scripted")
    place = text.find("zebra")
    score = float(context.get("score", 0.9))
    found = [Finding(start=place, end=place + 5, type="ANIMAL", score=score, reason="says zebra")] if place >= 0 else []
    return verdict_of(found, block_at=0.8)


def watching(**fields: Any) -> GuardRule:
    return GuardRule(**({"guard": "spotter", "on": ("output",), "mode": "monitor", "on_failure": "open"} | fields))


def by(**condition: Any) -> SignOffRule:
    return SignOffRule(when="rules", qualification="lead", rules=(SignOffCondition(**condition),))


@pytest.fixture
async def upstream() -> ScriptedUpstream:
    made = ScriptedUpstream()
    made.say(*TRUE.partition(" card "))
    return made


@pytest.fixture
async def build(upstream: ScriptedUpstream) -> AsyncIterator[Build]:
    made: list[ScriptedGateway] = []

    def make(*guards: GuardRule, **fields: Any) -> ScriptedGateway:
        made.append(scripted_gateway(upstream, *guards, **fields))
        return made[-1]

    yield make
    for each in made:
        await each.gateway.close()


def check_held(memory: ScriptedGateway, response: Response, said: str) -> str:
    """A held answer: recorded, with an id for its client and nothing of its text. Why it waits."""
    assert response.status == 202
    for word in said.split():
        assert word.encode() not in response.body or len(word) < 4, word
    assert b"pending_sign_off" in response.body
    call = memory.ended()[-1]
    assert (call.status, call.answer, call.withheld_answer) == ("held", "", said)
    assert call.sign_off_id is not None
    assert call.sign_off_id.encode() in response.body
    for value in response.headers.values():
        assert said not in value
    return str(call.details["held_because"])


def check_left(memory: ScriptedGateway, dialect: str, response: Response, said: str) -> None:
    assert response.status == 200
    assert text_of(dialect, response) == said
    assert (memory.ended()[-1].status, memory.ended()[-1].sign_off_id) == ("answered", None)


@EVERYWHERE
async def test_an_answer_of_low_trust_waits(build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool) -> None:
    memory = build(source=FakeGrounding(TRUE), grounding=Grounding(knowledge="kb", mode="advisory"), sign_off=by(trust_below=0.8))
    check_left(memory, dialect, await ask(memory, dialect, stream=stream, text=QUESTION), TRUE)
    upstream.say(FALSE)
    reason = check_held(memory, await ask(memory, dialect, stream=stream, text=QUESTION), FALSE)
    assert reason == "a lead signs this answer: its trust is below 0.8"


@BOTH
async def test_trust_that_nobody_can_tell_counts_as_low(build: Build, upstream: ScriptedUpstream, stream: bool) -> None:
    broken = FakeGrounding(TRUE)
    broken.fail = True
    without = build(sign_off=by(trust_below=0.1))
    failing = build(source=broken, grounding=Grounding(knowledge="kb", mode="advisory"), sign_off=by(trust_below=0.1))
    for memory in (without, failing):
        response = await ask(memory, "chat", stream=stream, text=QUESTION)
        assert check_held(memory, response, TRUE).endswith("its trust is unknown")


@EVERYWHERE
@pytest.mark.parametrize("fields", [{}, {"mode": "enforce", "action": "redact"}])
async def test_an_answer_in_which_a_guard_found_something_waits(
    build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool, fields: dict[str, Any]
) -> None:
    memory = build(watching(**fields), sign_off=by(guard="spotter"))
    check_left(memory, dialect, await ask(memory, dialect, stream=stream), TRUE)
    upstream.say("Feed the ", "zebra", " thoroughly.")
    left = "Feed the [ANIMAL] thoroughly." if fields else "Feed the zebra thoroughly."
    assert "'spotter' found something" in check_held(memory, await ask(memory, dialect, stream=stream), left)


@BOTH
async def test_a_guard_that_told_nothing_has_cleared_nothing(build: Build, upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.say("It is broken.")
    failing = build(watching(), sign_off=by(guard="spotter"))
    gone = build(sign_off=by(guard="spotter"))
    other_stage = build(watching(stages={}), sign_off=by(guard="elsewhere"))
    for memory in (failing, gone, other_stage):
        response = await ask(memory, "chat", stream=stream)
        assert check_held(memory, response, "It is broken.").endswith("found something is unknown")


@EVERYWHERE
async def test_what_a_guard_finds_in_the_request_counts_too(
    build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool
) -> None:
    memory = build(watching(on=("input",)), sign_off=by(guard="spotter"))
    check_left(memory, dialect, await ask(memory, dialect, stream=stream, text="a horse"), TRUE)
    check_held(memory, await ask(memory, dialect, stream=stream, text="a zebra"), TRUE)


@EVERYWHERE
async def test_calls_of_a_class_or_above_wait(build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool) -> None:
    memory = build(sign_off=by(data_class="pii"))
    for headers, held in (({}, False), ({"groundcrew-data-class": "pii"}, True)):
        response = await ask(memory, dialect, stream=stream, headers=headers)
        if held:
            assert check_held(memory, response, TRUE).endswith("the call holds pii data")
        else:
            check_left(memory, dialect, response, TRUE)


@EVERYWHERE
async def test_an_answer_that_names_a_large_amount_waits(
    build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool
) -> None:
    memory = build(sign_off=by(amount_above=20))
    check_left(memory, dialect, await ask(memory, dialect, stream=stream), TRUE)
    upstream.say("We transfer one thousand", " dollars on Monday.")
    reason = check_held(memory, await ask(memory, dialect, stream=stream), "We transfer one thousand dollars on Monday.")
    assert reason.endswith("it names an amount above 20")


@pytest.mark.parametrize(
    ("text", "tools", "largest"),
    [
        ("Nothing to pay.", "", 0),
        ("You get CHF 1'250.50 back, and EUR 20 later.", "", 1250.5),
        ("Wir überweisen zweitausend Franken.", "", 2000),
        ("Paragraph 4711 of the rules.", "", 0),
        ("Done.", '[{"function": {"name": "pay", "arguments": "{\\"usd\\": 9000}"}}]', 9000),
    ],
)
async def test_amounts_are_read_in_any_currency_and_in_tool_calls(text: str, tools: str, largest: float) -> None:
    assert await Texts(text, tools).largest_amount() == largest
    assert await Texts("word " * 2_000 + text, tools).largest_amount() == largest


@BOTH
async def test_a_share_of_calls_waits_and_a_call_is_always_decided_alike(build: Build, stream: bool) -> None:
    memory = build(sign_off=by(share=0.5))
    for _ in range(24):
        response = await ask(memory, "chat", stream=stream)
        call = memory.ended()[-1]
        assert (response.status == 202) == (call.status == "held") == waits_by_chance("demo", call.id, 0.5)
    assert {each.status for each in memory.ended()} == {"held", "answered"}


@given(call_id=st.text(), share=st.floats(0, 1))
def test_who_waits_by_chance_waits_by_chance_by_any_larger_share(call_id: str, share: float) -> None:
    assert waits_by_chance("demo", call_id, 1.0)
    assert not waits_by_chance("demo", call_id, 0.0)
    if waits_by_chance("demo", call_id, share):
        assert waits_by_chance("demo", call_id, min(1.0, share * 1.5))


async def test_a_stream_waits_whole_only_where_its_answer_decides(build: Build, upstream: ScriptedUpstream) -> None:
    for rule, whole in ((by(share=1e-9), False), (by(data_class="pii"), False), (by(amount_above=20), True)):
        memory = build(sign_off=rule)
        check_left(memory, "chat", await ask(memory, "chat"), TRUE)
        assert (b'"stream":true' not in upstream.requests[-1].body) == whole
    any_of = SignOffRule(when="rules", qualification="lead", rules=(*by(share=1e-9).rules, *by(amount_above=5).rules))
    check_held(memory := build(sign_off=any_of), await ask(memory, "chat"), TRUE)


@EVERYWHERE
async def test_what_a_guard_says_of_a_held_answer_stays_here(
    build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool
) -> None:
    upstream.say("Feed the zebra.")
    memory = build(watching(mode="enforce", action="hold"))
    reason = check_held(memory, await ask(memory, dialect, stream=stream), "Feed the zebra.")
    assert reason == "blocked by the guard 'spotter': says zebra", "whoever signs reads what was found"


@BOTH
async def test_tool_calls_and_reasoning_of_a_held_answer_stay_too(build: Build, upstream: ScriptedUpstream, stream: bool) -> None:
    tool = {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": '{"usd": 9000}'}}
    upstream.say("", tool_calls=(tool,), reasoning="A generous mood.")
    memory = build(sign_off=by(amount_above=100))
    response = await ask(memory, "chat", stream=stream, tools=[{"type": "function", "function": {"name": "pay"}}])
    assert response.status == 202
    for word in (b"9000", b"pay", b"generous"):
        assert word not in response.body


@BOTH
async def test_a_held_answer_is_never_kept_for_the_next_caller(build: Build, upstream: ScriptedUpstream, stream: bool) -> None:
    memory = build(sign_off=by(amount_above=50), cache=CacheRule(ttl_s=3_600))
    upstream.say(FALSE)
    for _ in range(2):
        check_held(memory, await ask(memory, "chat", stream=stream), FALSE)
    assert len(upstream.requests) == 2
    upstream.say(TRUE)
    looked = [(await ask(memory, "chat", stream=stream, text="Again?")).headers["groundcrew-cache"] for _ in range(2)]
    assert looked == ["miss", "hit"], "what no condition holds is kept as ever"
    memory.snapshots.change_use_case("demo", sign_off=by(amount_above=10))
    check_held(memory, await ask(memory, "chat", stream=stream, text="Again?"), TRUE)


@pytest.fixture
def network() -> Iterator[FakeUpstream]:
    with FakeUpstream(lambda asked: "Mine." if asked.body["model"] == "trial" else FALSE) as fake:
        yield fake


@BOTH
async def test_no_trace_log_or_copy_tells_what_is_held(
    network: FakeUpstream, tmp_path: Path, caplog: pytest.LogCaptureFixture, stream: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = Provider(name="fake", api="openai", base_url=network.url, data_classes=("internal",))
    targets = (
        Target(provider="fake", model="main", timeout_s=5.0),
        Target(provider="fake", model="trial", role="shadow", share_percent=100, timeout_s=5.0),
    )
    use_case = memory_use_case(sign_off=by(amount_above=50))
    snapshot = memory_snapshot(network.url, use_case=use_case, providers=(provider,), targets=targets)
    with Collector() as collector:
        tracing = open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, content="spans")
        memory = memory_gateway(snapshot, tmp_path, tracing=tracing)
        response = await chat(memory.gateway, TEST_KEY, text=QUESTION, stream=stream)
        assert await memory.gateway.shadows.drained(5.0)
        await memory.gateway.close()
        told = collector.text()
    calls = memory.calls()
    memory.spool.close()
    assert response.status == 202
    assert QUESTION in told, "content is exported"
    for place in (told, caplog.text, response.body.decode(), *(str(each.body) for each in network.requests)):
        assert "CHF 99" not in place
    (copy,) = [each for each in calls if each.shadow_of is not None]
    assert (copy.sign_off_id, copy.withheld_answer) == (None, "")


@BOTH
async def test_what_can_not_be_recorded_is_not_even_held(build: Build, upstream: ScriptedUpstream, stream: bool) -> None:
    memory = build(sign_off=by(amount_above=50))
    memory.recorder.fails = True
    upstream.say(FALSE)
    response = await ask(memory, "chat", stream=stream)
    assert (response.status, b"CHF 99" in response.body) == (503, False)
