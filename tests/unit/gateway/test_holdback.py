"""Streams through the hold-back window: when text leaves, what ends them, what is recorded, and which answers wait."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.unit.gateway.scripted import (
    APIS,
    DIALECTS,
    ScriptedGateway,
    ScriptedUpstream,
    ask,
    error_of,
    every,
    scripted_gateway,
    text_of,
)

from groundcrew.domain.guard import Finding, GuardRule, Verdict
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Target
from groundcrew.domain.use_case import CacheRule, Grounding, SignOffRule
from groundcrew.guards.registry import Context, guard, verdict_of
from groundcrew.testing import FakeGrounding, Response

OPEN, CLOSE, LOUD = "\ue000", "\ue001", "\ue010"
MARK = f"{OPEN}{LOUD}hidden{CLOSE}"
CLEAN = ["It is so. ", "We see it every day. ", "Nothing is wrong with it. ", "Ask us again. "] * 8
MASK = GuardRule(guard="planted_a", on=("output",), action="redact")
REFUSE = GuardRule(guard="planted_a", on=("output",), action="refuse")
CALL = {"id": "call_1", "type": "function", "function": {"name": "pay", "arguments": '{"usd": 9000}'}}
Build = Callable[..., ScriptedGateway]


@pytest.fixture
async def upstream() -> ScriptedUpstream:
    made = ScriptedUpstream()
    made.say(*CLEAN)
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


@guard("shaky", inline=True, settled=len)
def shaky(text: str, context: Context) -> Verdict:
    """Finds nothing, and fails for the lengths that the rule says."""
    if context["fails_from"] <= len(text) < context["fails_until"]:
        raise RuntimeError("scripted")
    return Verdict(verdict="pass")


@guard("wavering", inline=True, settled=len)
def wavering(text: str, context: Context) -> Verdict:
    """Breaks its promise: what it takes for settled becomes a finding once the text is long."""
    findings = [Finding(start=0, end=2, type="LATE", score=0.9)] if len(text) > 500 else []
    return verdict_of(findings, block_at=0.8)


@guard("slow", settled=len)
def slow(text: str, context: Context) -> Verdict:
    """Needs a thread."""
    return Verdict(verdict="pass")


async def begun(
    memory: ScriptedGateway, upstream: ScriptedUpstream, dialect: str = "chat", **more: Any
) -> asyncio.Task[Response]:
    """A call whose upstream waits."""
    task = asyncio.create_task(ask(memory, dialect, **more))
    async with asyncio.timeout(20):
        await upstream.is_waiting.wait()
    return task


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("api", APIS)
async def test_a_clean_answer_leaves_before_its_upstream_has_ended(
    build: Build, upstream: ScriptedUpstream, dialect: str, api: str
) -> None:
    memory = build(MASK, api=api)
    upstream.say(*CLEAN, waits_before=25)
    task = await begun(memory, upstream, dialect)
    assert [call.status for call in memory.recorder.calls] == ["opened"], "it is durable that a stream has begun"
    assert not upstream.ended
    upstream.go_on.set()
    response = await task
    assert text_of(dialect, response) == "".join(CLEAN)
    assert response.headers["groundcrew-scan"] == "partial", "at the first byte, the end was not scanned yet"
    assert len([piece for piece in response.sent if piece]) > 5
    (call,) = memory.ended()
    assert (call.status, call.answer, call.scan) == ("answered", "".join(CLEAN), "scanned")
    (result,) = call.guards
    assert (result.guard, result.place, result.verdict) == ("planted_a", "output", "pass")


async def test_the_report_at_the_end_tells_the_whole_scan(build: Build, upstream: ScriptedUpstream) -> None:
    response = await ask(build(MASK), "chat", stream_options={"include_usage": True})
    *_, counted, report, done = response.events()
    assert done == "[DONE]"
    assert counted["usage"]["total_tokens"] == 18
    assert (report["groundcrew"]["scan"], report["groundcrew"]["status"]) == ("scanned", "answered")
    reasons = [choice["finish_reason"] for each in response.events()[:-3] for choice in each["choices"]]
    assert reasons[-1] == "stop"
    assert not any(reasons[:-1])


async def test_a_short_answer_has_the_headers_of_a_whole_one(build: Build, upstream: ScriptedUpstream) -> None:
    upstream.say("Yes. ", "It is.")
    memory = build(MASK)
    response = await ask(memory, "chat")
    assert (response.headers["groundcrew-scan"], response.text()) == ("scanned", "Yes. It is.")
    assert [call.status for call in memory.recorder.calls] == ["answered"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_is_refused_cuts_the_upstream_and_ends_the_stream(
    build: Build, upstream: ScriptedUpstream, dialect: str
) -> None:
    memory = build(REFUSE)
    upstream.say(*CLEAN, MARK, " and on. ", *CLEAN, *CLEAN, "never read", usage=None)
    response = await ask(memory, dialect)
    assert error_of(dialect, response) == "guard_blocked"
    left = text_of(dialect, response)
    assert left
    assert "".join(CLEAN).startswith(left)
    assert not upstream.ended
    assert upstream.closed
    assert b"hidden" not in response.body
    (call,) = memory.ended()
    assert (call.status, call.error_code, call.answer) == ("refused", "guard_blocked", left)
    assert call.withheld_answer.startswith("".join(CLEAN) + MARK)
    assert "never read" not in call.withheld_answer
    assert call.output_tokens > len("".join(CLEAN)) // 3, "what was generated is paid for"
    assert call.guards[-1].verdict == "block"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_is_refused_before_anything_left_is_a_plain_error(
    build: Build, upstream: ScriptedUpstream, dialect: str
) -> None:
    memory = build(REFUSE)
    upstream.say(MARK, ". ", *CLEAN, *CLEAN)
    response = await ask(memory, dialect)
    assert (response.status, error_of(dialect, response)) == (403, "guard_blocked")
    assert not upstream.ended
    (call,) = memory.ended()
    assert (call.status, call.answer, call.scan) == ("refused", "", "scanned")


@pytest.mark.parametrize("stream", [False, True])
async def test_several_rules_together(build: Build, upstream: ScriptedUpstream, stream: bool) -> None:
    """A span of one rule that reaches into another's is masked as one, and named after the surer one."""
    upstream.say(*CLEAN, f"a {OPEN}x\ue002{LOUD}y{CLOSE}z\ue003 b. ", *CLEAN, cut=every(5))
    memory = build(MASK, GuardRule(guard="planted_b", on=("output",), action="redact"))
    response = await ask(memory, "chat", stream=stream)
    assert response.text() == "".join(CLEAN) + "a [PLANTED_B] b. " + "".join(CLEAN)


@pytest.mark.parametrize("rule", ["hold", "fallback", "replace", "no settled", "signed", "required"])
async def test_other_answers_wait_until_they_are_whole(build: Build, upstream: ScriptedUpstream, rule: str) -> None:
    fields: dict[str, Any] = {}
    guards = [GuardRule(guard="planted_a", on=("output",), action=rule)] if rule in ("hold", "fallback", "replace") else []  # type: ignore[arg-type]
    if rule == "no settled":
        guards = [MASK, GuardRule(guard="prompt_injection", on=("output",), action="refuse")]
    elif rule == "signed":
        fields["sign_off"] = SignOffRule(when="always", qualification="agent")
    elif rule == "required":
        fields["grounding"] = Grounding(knowledge="kb", below="refuse")
        upstream.say("It is really so.")
    memory = build(*guards, source=FakeGrounding("It is really so."), **fields)
    response = await ask(memory, "chat", text="Is it really so?")
    assert response.status == (202 if rule == "signed" else 200)
    assert b'"stream":true' not in upstream.requests[0].body.replace(b" ", b"")


async def test_where_nothing_is_enforced_bytes_pass_as_they_come(build: Build, upstream: ScriptedUpstream) -> None:
    memory = build(GuardRule(guard="planted_a", on=("output",), mode="monitor"))
    upstream.say("a ", "b", waits_before=2)
    task = await begun(memory, upstream)
    assert [call.status for call in memory.recorder.calls] == ["opened"]
    upstream.go_on.set()
    assert (await task).text() == "a b"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("api", APIS)
async def test_tool_calls_and_reasoning_wait_for_the_end(
    build: Build, upstream: ScriptedUpstream, dialect: str, api: str
) -> None:
    memory = build(MASK, api=api)
    call = {**CALL, "function": {"name": "pay", "arguments": '{"to": "' + MARK + '"}'}}
    upstream.say(*CLEAN, tool_calls=(call,), reasoning="my secret thought")
    tool = {"name": "pay", "input_schema": {"type": "object"}}
    tools = {"chat": {"type": "function", "function": {"name": "pay"}}, "messages": tool}
    tools["responses"] = {"type": "function", "name": "pay", "parameters": {"type": "object"}}
    response = await ask(memory, dialect, tools=[tools[dialect]])
    assert error_of(dialect, response) is None, response.body
    assert text_of(dialect, response) == "".join(CLEAN)
    assert b"secret thought" not in response.body
    assert b"hidden" not in response.body
    assert b"[PLANTED_A]" in response.body
    (recorded,) = memory.ended()
    assert "[PLANTED_A]" in recorded.answer


async def test_a_finding_beside_the_text_ends_the_stream_at_its_end(build: Build, upstream: ScriptedUpstream) -> None:
    memory = build(REFUSE)
    upstream.say(*CLEAN, reasoning=MARK)
    response = await ask(memory, "chat")
    assert error_of("chat", response) == "guard_blocked"
    (call,) = memory.ended()
    assert (call.status, call.answer, call.withheld_answer) == ("refused", text_of("chat", response), "")


@pytest.mark.parametrize("on_failure", ["closed", "open"])
async def test_a_scan_that_fails_on_the_way_does_what_its_rule_declares(
    build: Build, upstream: ScriptedUpstream, on_failure: str
) -> None:
    settings = {"fails_from": 300, "fails_until": 500}
    rule = GuardRule(guard="shaky", on=("output",), action="refuse", on_failure=on_failure, settings=settings)  # type: ignore[arg-type]
    memory = build(rule)
    response = await ask(memory, "chat")
    (call,) = memory.ended()
    assert call.guards[0].verdict == "failed"
    if on_failure == "closed":
        assert error_of("chat", response) == "guard_blocked"
        assert 0 < len(text_of("chat", response)) < 300
        assert not upstream.ended
        return
    assert text_of("chat", response) == "".join(CLEAN)
    assert (call.status, call.scan) == ("answered", "partial")
    assert response.events()[-2]["groundcrew"]["scan"] == "partial"


async def test_a_rule_that_always_fails_open_does_not_hold_a_stream_up(build: Build, upstream: ScriptedUpstream) -> None:
    rule = GuardRule(
        guard="shaky", on=("output",), action="redact", on_failure="open", settings={"fails_from": 0, "fails_until": 9_999}
    )
    memory = build(rule, REFUSE)
    response = await ask(memory, "chat")
    assert text_of("chat", response) == "".join(CLEAN)
    assert memory.ended()[0].scan == "partial"


async def test_a_guard_that_breaks_its_promise_ends_the_stream(build: Build, upstream: ScriptedUpstream) -> None:
    memory = build(GuardRule(guard="wavering", on=("output",), action="redact"))
    response = await ask(memory, "chat")
    assert error_of("chat", response) == "guard_blocked"
    assert memory.ended()[0].status == "refused"


async def test_a_guard_that_needs_a_thread_works_in_the_window(build: Build, upstream: ScriptedUpstream) -> None:
    memory = build(GuardRule(guard="slow", on=("output",), action="refuse"))
    assert text_of("chat", await ask(memory, "chat")) == "".join(CLEAN)
    assert memory.recorder.calls[0].status == "opened"


async def test_nothing_leaves_while_the_beginning_can_not_be_recorded(build: Build, upstream: ScriptedUpstream) -> None:
    memory = build(REFUSE, recording="closed")
    memory.recorder.fails = True
    response = await ask(memory, "chat")
    assert (response.status, error_of("chat", response)) == (503, "recorder_unavailable")
    assert b"It is so" not in response.body


@pytest.mark.parametrize("left", [False, True])
async def test_the_kill_switch_is_looked_at_with_every_chunk(build: Build, upstream: ScriptedUpstream, left: bool) -> None:
    memory = build(REFUSE)
    deltas = [*CLEAN, "after the stop"] if left else [OPEN, *CLEAN[:5], "after the stop"]
    upstream.say(*deltas, waits_before=25 if left else 6)
    task = await begun(memory, upstream)
    memory.snapshots.stop(Scope("use-case", "demo"))
    upstream.go_on.set()
    response = await task
    assert error_of("chat", response) == "kill_switch"
    assert response.status == (200 if left else 503)
    assert upstream.closed
    assert b"after the stop" not in response.body
    (call,) = memory.ended()
    assert call.error_code == "kill_switch"
    assert call.answer == text_of("chat", response)


async def test_a_client_that_leaves_stops_the_upstream(build: Build, upstream: ScriptedUpstream) -> None:
    memory, leave = build(REFUSE), asyncio.Event()
    upstream.say(*CLEAN, OPEN, *CLEAN, waits_before=45)
    task = await begun(memory, upstream, leave=leave)
    leave.set()
    response = await task
    assert upstream.closed
    assert not upstream.ended
    (call,) = memory.ended()
    assert (call.status, call.details["interrupted"]) == ("cancelled", "disconnected")
    assert call.answer == text_of("chat", response)
    assert OPEN not in call.answer
    assert call.output_tokens


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_upstream_that_breaks_ends_the_stream_with_what_left(
    build: Build, upstream: ScriptedUpstream, dialect: str
) -> None:
    memory = build(REFUSE)
    upstream.say(*CLEAN, breaks_after=20)
    response = await ask(memory, dialect)
    assert error_of(dialect, response) == "upstream_error"
    left = text_of(dialect, response)
    assert left
    assert "".join(CLEAN).startswith(left)
    (call,) = memory.ended()
    assert (call.status, call.answer) == ("failed", left)


async def test_a_stream_that_breaks_before_anything_left_is_answered_by_another_try(
    build: Build, upstream: ScriptedUpstream
) -> None:
    targets = tuple(Target(provider="fake", model=name, timeout_s=5.0) for name in ("first", "second"))
    memory = build(REFUSE, targets=targets)
    upstream.say("It is so.", breaks_after=1)
    response = await ask(memory, "chat")
    assert (response.status, response.text()) == (200, "It is so.")
    assert [each.target.model for each in upstream.requests] == ["first", "second"]
    (call,) = memory.ended()
    assert (call.status, call.answer, call.target_model) == ("answered", "It is so.", "second")
    assert call.details["upstream_failures"] == ["first: the scripted stream broke off"]
    memory = build(REFUSE)
    assert error_of("chat", await ask(memory, "chat")) == "upstream_error", "there is no other target"


async def test_a_stream_that_never_ends_is_bounded(build: Build, upstream: ScriptedUpstream) -> None:
    """The text after a mark that stays open waits; the looks at it become fewer, and the client that leaves ends it all."""
    memory, leave = build(REFUSE), asyncio.Event()
    upstream.say(*CLEAN)
    endless = itertools.cycle(upstream.scripted.deltas)
    upstream.say(*(next(endless) for _ in range(12_000)), OPEN, waits_before=12_000)
    task = await begun(memory, upstream, leave=leave)
    leave.set()
    response = await task
    left = len(text_of("chat", response))
    whole = sum(map(len, upstream.scripted.deltas[:11_990]))
    assert left >= whole * 7 // 8 - 1_000, "at most an eighth of the answer is held back"


@pytest.mark.parametrize("clean", [True, False])
async def test_the_cache_keeps_what_left_unchanged(build: Build, upstream: ScriptedUpstream, clean: bool) -> None:
    memory = build(MASK, cache=CacheRule(ttl_s=60))
    upstream.say(*CLEAN, *([] if clean else [MARK]))
    first = await ask(memory, "chat")
    again = await ask(memory, "chat")
    assert text_of("chat", first) == text_of("chat", again)
    assert again.headers["groundcrew-cache"] == ("hit" if clean else "miss")
    assert len(upstream.requests) == (1 if clean else 2)
    assert [call.answer for call in memory.ended()] == [text_of("chat", first)] * 2


async def test_shadow_copies_are_sent_after_a_checked_stream(build: Build, upstream: ScriptedUpstream) -> None:
    targets = (
        Target(provider="fake", model="first", timeout_s=5.0),
        Target(provider="fake", model="second", timeout_s=5.0, role="shadow", share_percent=100),
    )
    memory = build(MASK, targets=targets)
    upstream.say(*CLEAN, MARK)
    response = await ask(memory, "chat")
    assert await memory.gateway.shadows.drained(5.0)
    answered, copy = sorted(memory.ended(), key=lambda call: call.shadow_of or "")
    assert answered.answer == text_of("chat", response)
    assert copy.shadow_of == answered.id


async def test_where_answers_are_checked_only_one_is_asked_for(build: Build, upstream: ScriptedUpstream) -> None:
    response = await ask(build(MASK), "chat", n=2)
    assert (response.status, response.json()["error"]["param"]) == (400, "n")


@pytest.mark.parametrize("deltas", [["Yes. "], [MARK], CLEAN, [*CLEAN, MARK]])
@pytest.mark.parametrize("action", ["redact", "refuse"])
async def test_tokens_that_nobody_tells_are_estimated_from_all_that_was_generated(
    build: Build, upstream: ScriptedUpstream, deltas: list[str], action: Any
) -> None:
    memory = build(GuardRule(guard="planted_a", on=("output",), action=action))
    upstream.say(*deltas, usage=None)
    await ask(memory, "chat")
    (call,) = memory.ended()
    assert call.output_tokens == -(-len("".join(deltas).encode()) // 3)


#: What each look of the guards below has read, in code points.
READ: list[int] = []


@guard("counting", inline=True, settled=len)
def counting(text: str, context: Context) -> Verdict:
    """Counts what it reads."""
    READ.append(len(text))
    return Verdict(verdict="pass")


@guard("unsettled", inline=True, settled=lambda text: 0)
def unsettled(text: str, context: Context) -> Verdict:
    """Never settles anything, and finds one thing."""
    READ.append(len(text))
    place = text.find(MARK)
    found = [Finding(start=place, end=place + len(MARK), type="MARK", score=0.9)] if place >= 0 else []
    return verdict_of(found, block_at=0.8)


@pytest.mark.parametrize("sentence", ["It is so, and we see it. ", "it is so and on and on "])
async def test_all_looks_together_read_a_multiple_of_the_answer(build: Build, upstream: ScriptedUpstream, sentence: str) -> None:
    memory = build(GuardRule(guard="counting", on=("output",), action="redact"))
    READ.clear()
    upstream.say(*[sentence] * 4_000)
    response = await ask(memory, "chat")
    assert response.text() == sentence * 4_000
    assert sum(READ) < 20 * len(sentence) * 4_000
    assert len(READ) < 150


async def test_a_guard_that_settles_nothing_makes_a_stream_wait(build: Build, upstream: ScriptedUpstream) -> None:
    memory = build(GuardRule(guard="unsettled", on=("output",), action="redact"))
    READ.clear()
    upstream.say(*CLEAN * 40, MARK, *CLEAN * 40)
    response = await ask(memory, "chat")
    assert response.text() == "".join(CLEAN * 40) + "[MARK]" + "".join(CLEAN * 40)
    assert response.headers["groundcrew-scan"] == "scanned"
    assert [call.status for call in memory.recorder.calls] == ["answered"], "nothing left before the end"
    assert len("".join(CLEAN * 80)) > max(READ[:-1]) > 20_000, "once too much waits, nobody looks before the end"


# --- sentence by sentence ---

GOOD = ["The card costs CHF 20. ", "It comes within five days. ", "You can pick it up at a branch. "]
BAD = "It is free for everybody. "
QUESTION = "What does the replacement card cost?"


def by_sentence(below: str = "fallback") -> Grounding:
    return Grounding(knowledge="kb", below=below, release="sentence")  # type: ignore[arg-type]


@pytest.fixture
def grounded(build: Build) -> Build:
    def make(*guards: GuardRule, below: str = "fallback", **fields: Any) -> ScriptedGateway:
        passages = FakeGrounding("About the card: " + "".join(GOOD))
        return build(*guards, source=passages, grounding=by_sentence(below), **fields)

    return make


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_supported_sentences_leave_one_by_one(grounded: Build, upstream: ScriptedUpstream, dialect: str) -> None:
    memory = grounded()
    upstream.say(*GOOD, *GOOD, *GOOD, waits_before=7)
    task = await begun(memory, upstream, dialect, text=QUESTION)
    assert [call.status for call in memory.recorder.calls] == ["opened"]
    upstream.go_on.set()
    response = await task
    assert text_of(dialect, response) == "".join(GOOD) * 3
    assert response.headers["groundcrew-scan"] == "not_scanned"
    (call,) = memory.ended()
    assert call.trust is not None
    assert (call.status, call.trust.trust, len(call.trust.claims)) == ("answered", 1.0, 9)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("below", ["fallback", "hold", "refuse"])
async def test_the_first_unsupported_sentence_ends_the_stream(
    grounded: Build, upstream: ScriptedUpstream, dialect: str, below: str
) -> None:
    memory = grounded(below=below)
    upstream.say(*GOOD, BAD, *GOOD, *GOOD)
    response = await ask(memory, dialect, text=QUESTION)
    assert error_of(dialect, response) == "not_grounded"
    left = text_of(dialect, response)
    assert "".join(GOOD).startswith(left)
    assert left.startswith(GOOD[0].strip())
    assert b"free for everybody" not in response.body
    assert not upstream.ended
    (call,) = memory.ended()
    assert (call.status, call.error_code, call.answer) == ("refused", "not_grounded", left)
    assert BAD.strip() in call.withheld_answer
    assert call.trust is not None
    assert call.withheld_trust is not None
    assert (call.trust.state, call.withheld_trust.state) == ("supported", "unsupported")
    assert all(claim.end <= len(left) for claim in call.trust.claims)


@pytest.mark.parametrize(("below", "status"), [("fallback", 200), ("hold", 202), ("refuse", 403), ("flag", 200)])
async def test_an_unsupported_first_sentence_does_what_is_declared(
    grounded: Build, upstream: ScriptedUpstream, below: str, status: int
) -> None:
    memory = grounded(below=below)
    upstream.say(BAD, *GOOD, *GOOD)
    response = await ask(memory, "chat", text=QUESTION)
    assert response.status == status
    assert (b"free for everybody" in response.body) == (below == "flag")
    (call,) = memory.ended()
    assert call.status == {"fallback": "fallback", "hold": "held", "refuse": "refused", "flag": "answered"}[below]
    assert (call.answer if below == "flag" else call.withheld_answer) == BAD + "".join(GOOD) * 2


async def test_text_leaves_when_guards_and_grounding_let_it(grounded: Build, upstream: ScriptedUpstream) -> None:
    memory = grounded(REFUSE)
    upstream.say(*GOOD, OPEN, *GOOD, CLOSE, ". ", *GOOD)
    response = await ask(memory, "chat", text=QUESTION)
    assert error_of("chat", response) == "not_grounded", "the mark is in no passage"
    assert "".join(GOOD).startswith(text_of("chat", response))


async def test_a_whole_release_waits_though_the_mode_is_the_same(build: Build, upstream: ScriptedUpstream) -> None:
    memory = build(source=FakeGrounding("About the card: " + "".join(GOOD)), grounding=Grounding(knowledge="kb"))
    upstream.say(*GOOD, BAD)
    response = await ask(memory, "chat", text=QUESTION)
    assert response.text() == "About the card: " + "".join(GOOD), "the approved passage in its place"


async def test_a_beginning_that_the_request_gives_makes_the_answer_whole(grounded: Build, upstream: ScriptedUpstream) -> None:
    memory = grounded()
    upstream.say(*GOOD)
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "It is not true that "}]
    await ask(memory, "chat", messages=messages)
    assert b'"stream":true' not in upstream.requests[0].body.replace(b" ", b"")
