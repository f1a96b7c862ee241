"""Where answers are checked before they leave, nothing of the upstream's leaves but what was checked, wherever it stands in the
upstream's answer; where nothing is checked, all of it leaves and all of it is recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.guard import Finding, GuardRule, Verdict
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import Grounding
from groundcrew.gateway.answer import read_completion
from groundcrew.gateway.protocols import Source
from groundcrew.guards.registry import Context, guard, verdict_of
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

PASSAGE = "The replacement card costs CHF 20."
INVENTED = "The replacement card costs CHF 99."
QUESTION = "What does a replacement card cost?"
TOOLS = [{"type": "function", "function": {"name": "reply"}}]
KNOWLEDGE = KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9)
Build = Callable[..., MemoryGateway]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(PASSAGE) as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> Iterator[Build]:
    made: list[MemoryGateway] = []

    def make(*, guards: tuple[GuardRule, ...] = (), source: FakeGrounding | None = None, **fields: Any) -> MemoryGateway:
        snapshot = memory_snapshot(upstream.url, use_case=memory_use_case(**fields), guards=guards, knowledge=(KNOWLEDGE,))
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=source or FakeGrounding(PASSAGE))
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


def required(below: str = "fallback") -> Grounding:
    return Grounding(knowledge="kb", mode="required", threshold=0.7, below=below)  # type: ignore[arg-type]


def answer(**message: Any) -> dict[str, Any]:
    body = {"role": "assistant", "content": PASSAGE, **message}
    return {"choices": [{"index": 0, "message": body, "finish_reason": "stop"}]}


def calling(arguments: str) -> list[dict[str, Any]]:
    return [{"id": "c1", "type": "function", "function": {"name": "reply", "arguments": arguments}}]


ELSEWHERE = {
    "reasoning": answer(reasoning_content=INVENTED, reasoning=INVENTED),
    "reasoning beside nothing": answer(content="", reasoning_content=INVENTED),
    "refusal": answer(content=None, refusal=INVENTED),
    "refusal beside the answer": answer(refusal=INVENTED),
    "audio": answer(audio={"transcript": INVENTED}),
    "a part of another type": answer(content=[{"type": "text", "text": PASSAGE}, {"type": "thinking", "thinking": INVENTED}]),
    "a second choice": {"choices": [*answer()["choices"], *answer(content=INVENTED)["choices"]]},
    "log probabilities": {"choices": [{**answer()["choices"][0], "logprobs": {"content": [{"token": INVENTED}]}}]},
    "finish reason": {"choices": [{**answer()["choices"][0], "finish_reason": INVENTED}]},
    "role": answer(role=INVENTED),
    "top level": {**answer(), "output_text": INVENTED, "id": INVENTED, "object": INVENTED, "system_fingerprint": INVENTED},
    "usage": {**answer(), "usage": {"prompt_tokens": 1, "completion_tokens": 2, "note": INVENTED}},
    "a tool call": answer(content=None, tool_calls=calling(f'{{"text": "{INVENTED}"}}')),
    "a tool call that is no JSON": answer(content=None, tool_calls=calling(INVENTED)),
    "a tool call beside the answer": answer(tool_calls=calling(f'{{"deep": [{{"text": "{INVENTED}"}}]}}')),
    "a tool call's own members": answer(tool_calls=[{**calling("{}")[0], "thought": INVENTED}]),
    "a function call": answer(content=None, function_call={"name": "reply", "arguments": f'{{"text": "{INVENTED}"}}'}),
}


def told(response: Response) -> str:
    return response.body.decode() + str(response.headers)


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize("below", ["fallback", "hold", "refuse"])
async def test_an_invented_fee_leaves_from_no_place_of_an_answer(
    build: Build, upstream: FakeUpstream, place: str, below: str
) -> None:
    upstream.script = Reply(extra=ELSEWHERE[place])
    memory = build(grounding=required(below))
    for stream in (False, True):
        response = await chat(memory.gateway, TEST_KEY, text=QUESTION, tools=TOOLS, stream=stream)
        assert response.status in (200, 202, 403)
        assert "CHF 99" not in told(response)


@pytest.mark.parametrize("place", ["audio", "reasoning", "top level", "log probabilities", "a second choice"])
async def test_what_an_output_guard_did_not_read_does_not_leave(build: Build, upstream: FakeUpstream, place: str) -> None:
    upstream.script = Reply(extra=ELSEWHERE[place])
    memory = build(guards=(GuardRule(guard="pii", on=("output",), action="redact"),))
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION)
    assert response.text() == PASSAGE
    assert "CHF 99" not in told(response)


@guard("tearing", inline=True)
def _tearing(text: str, context: Context) -> Verdict:
    """Finds half of a string in JSON: what is left without it can not be read."""
    if not text.startswith("[{"):
        return Verdict(verdict="pass")
    return verdict_of([Finding(start=1, end=6, type="TORN", score=1.0)], block_at=2.0)


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_that_can_not_be_masked_are_withheld_in_the_record_too(
    build: Build, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = Reply(text=PASSAGE, tool_calls=tuple(calling("{}")))
    memory = build(guards=(GuardRule(guard="tearing", on=("output",), action="redact"),))
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION, tools=TOOLS, stream=stream)
    assert "guard_blocked" in told(response)
    (call,) = memory.calls()
    assert call.status == "refused"
    assert "TORN" not in call.answer
    assert "TORN" in call.withheld_answer


@guard("greedy", inline=True)
def _greedy(text: str, context: Context) -> Verdict:
    """Takes words of the API, an id and a number for somebody's."""
    found = [
        Finding(start=match.start(), end=match.end(), type="NUMBER", score=1.0)
        for match in re.finditer("arguments|function|call_1|4471902|Rome|look", text)
    ]
    return verdict_of(found, block_at=2.0)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_masked_tool_call_can_still_be_made(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    tools = [*TOOLS, {"type": "function", "function": {"name": "look_up"}}]
    given = '{"plan": 4471902, "city": "Rome", "days": [1, 2]}'
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": given}}
    upstream.script = Reply(text="", tool_calls=(call,))
    memory = build(guards=(GuardRule(guard="greedy", on=("output",), action="redact"),))
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION, tools=tools, stream=stream)
    if stream:
        calls = [c for e in response.events()[:-1] for choice in e["choices"] for c in choice["delta"].get("tool_calls", ())]
    else:
        calls = response.json()["choices"][0]["message"]["tool_calls"]
    (got,) = calls
    assert (got["id"], got["type"], got["function"]["name"]) == ("call_1", "function", "look_up")
    arguments = json.loads(got["function"]["arguments"])
    assert arguments["days"] == [1, 2]
    assert {arguments["plan"][:7], arguments["city"][:7]} == {"[NUMBER"}


async def test_a_tool_that_nobody_offered_is_not_called(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = Reply(text="", tool_calls=tuple(calling("{}")))
    memory = build(grounding=required("refuse"))
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION)
    assert (response.status, response.json()["error"]["code"]) == (403, "not_grounded")
    (call,) = memory.calls()
    assert "reply" in call.withheld_answer


@pytest.mark.parametrize("stream", [False, True])
async def test_supported_text_in_a_tool_call_leaves(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    upstream.script = Reply(text="", tool_calls=tuple(calling(f'{{"text": "{PASSAGE}"}}')))
    memory = build(grounding=required())
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION, tools=TOOLS, stream=stream)
    assert PASSAGE in told(response)
    assert '"finish_reason":"tool_calls"' in told(response)


async def test_an_older_function_call_keeps_its_shape(build: Build, upstream: FakeUpstream) -> None:
    asked = {"name": "reply", "arguments": '{"card": 1}'}
    upstream.script = Reply(extra=answer(content=None, function_call=asked))
    memory = build(grounding=required())
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION, functions=[{"name": "reply"}])
    assert response.json()["choices"][0]["message"]["function_call"] == asked


async def test_a_beginning_that_the_request_gives_counts_as_part_of_the_answer(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = Reply(text="CHF 20.")
    memory = build(grounding=required("refuse"), source=Fragments(PASSAGE))
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "It is not true that the card costs "}]
    response = await chat(memory.gateway, TEST_KEY, messages=history)
    assert response.status == 403
    assert "beginning" in response.json()["error"]["message"]


class Fragments(FakeGrounding):
    """Takes a fragment for supported, and no whole sentence."""

    async def score(self, answer: str, sources: Sequence[Source], question: str) -> TrustReport:
        if answer.startswith("It is not true"):
            return TrustReport(trust=0.01, state="unsupported")
        return TrustReport(trust=0.99, state="supported")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_why_an_answer_ended_is_told_though_it_was_checked(build: Build, upstream: FakeUpstream, reason: str) -> None:
    upstream.script = Reply(extra={"choices": [{**answer()["choices"][0], "finish_reason": reason}]})
    memory = build(grounding=required())
    assert (await chat(memory.gateway, TEST_KEY, text=QUESTION)).json()["choices"][0]["finish_reason"] == reason
    events = (await chat(memory.gateway, TEST_KEY, text=QUESTION, stream=True)).events()
    assert reason in [choice["finish_reason"] for each in events[:-1] for choice in each["choices"]]


async def test_a_refusal_by_the_upstream_is_told_as_one(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = Reply(extra=answer(content=None, refusal="Hello, I can not help with that"))
    memory = build(grounding=required())
    message = (await chat(memory.gateway, TEST_KEY, text=QUESTION)).json()["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "Hello, I can not help with that")


@pytest.mark.parametrize("stream", [False, True])
async def test_every_choice_that_leaves_is_recorded(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    upstream.script = Reply(text="one", extra={"choices": [*answer(content="one")["choices"], *answer(content="two")["choices"]]})
    memory = build()
    response = await chat(memory.gateway, TEST_KEY, text="hi", n=2, stream=stream)
    (call,) = memory.calls()
    assert response.status == 200
    assert call.answer == ("one" if stream else "one\n\ntwo")


async def test_an_upstreams_refusal_is_recorded(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = Reply(extra=answer(content=None, refusal="I may not say that."))
    memory = build()
    await chat(memory.gateway, TEST_KEY, text="hi")
    assert memory.calls()[0].answer == "I may not say that."


@pytest.mark.parametrize("count", [-5, 10**30, "many", None, 1.5])
async def test_token_counts_that_make_no_sense_are_unknown(build: Build, upstream: FakeUpstream, count: Any) -> None:
    upstream.script = Reply(usage=None, extra={**answer(), "usage": {"prompt_tokens": count, "completion_tokens": 3}})
    memory = build()
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == 200
    (call,) = memory.calls()
    assert call.details["usage"] == "estimated"
    assert 0 < memory.gateway.ledger.used("demo", memory.gateway.clock.now()).tokens_today < 1_000


def test_raw_members_may_hold_anything() -> None:
    body = msgspec.json.encode({**answer(content=None), "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    generated = read_completion(body, "fake")
    assert generated.usage is not None
    assert (generated.usage.prompt_tokens, generated.text) == (1, "")
