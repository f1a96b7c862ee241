"""Chat completions through the whole gateway to providers of other APIs: answers, streams, guards, failures, refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.provider import Provider, Target
from groundcrew.testing import TEST_KEY, FakeUpstream, MemoryGateway, Reply, Response, memory_gateway, memory_snapshot, request

APIS = ["gemini", "bedrock"]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"id": "A-1"}'}}
MODEL = "gemini-2.5-flash"


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream(Reply(text="The fee is three francs.", usage=(21, 9))) as upstream:
        yield upstream


def providers(fake: FakeUpstream, *apis: Any) -> tuple[Provider, ...]:
    base = fake.url.removesuffix("/v1")
    return tuple(
        Provider(
            name=each,
            api=each,
            base_url=fake.url if each == "openai" else base,
            region="eu-central-1" if each == "bedrock" else None,
            api_key="env:PROVIDER_KEY",
            data_classes=("public", "internal", "confidential", "pii"),
        )
        for each in apis
    )


def build(fake: FakeUpstream, folder: Path, *apis: str, guards: tuple[GuardRule, ...] = ()) -> MemoryGateway:
    targets = tuple(Target(provider=each, model=MODEL, timeout_s=5.0) for each in apis)
    return memory_gateway(memory_snapshot("", providers=providers(fake, *apis), targets=targets, guards=guards), folder)


@pytest.fixture
async def memory(fake: FakeUpstream, tmp_path: Path, api: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MemoryGateway]:
    monkeypatch.setenv("PROVIDER_KEY", "the-key")
    made = build(fake, tmp_path, api)
    yield made
    await made.gateway.close()
    made.spool.close()


async def ask(memory: MemoryGateway, **more: Any) -> Response:
    body = {"model": "writer", "messages": [{"role": "user", "content": "What is the fee?"}], **more}
    headers = {"authorization": f"Bearer {TEST_KEY}"}
    return await request(memory.gateway, "/v1/chat/completions", headers=headers, body=msgspec.json.encode(body))


async def test_an_answer(memory: MemoryGateway, fake: FakeUpstream) -> None:
    response = await ask(memory)
    assert response.status == 200
    completion = response.json()
    assert completion["choices"][0]["message"]["content"] == "The fee is three francs."
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["usage"]["prompt_tokens"] == 21
    assert completion["model"] == "writer"
    assert fake.requests[0].last_user_text() == "What is the fee?"
    (call,) = [each for each in memory.calls() if each.status == "answered"]
    assert (call.answer, call.input_tokens, call.output_tokens) == ("The fee is three francs.", 21, 9)


async def test_a_stream(memory: MemoryGateway) -> None:
    response = await ask(memory, stream=True, stream_options={"include_usage": True})
    assert response.text() == "The fee is three francs."
    events = response.events()
    assert events[-1] == "[DONE]"
    assert events[0]["model"] == "writer"
    assert [each["usage"]["total_tokens"] for each in events[:-1] if each.get("usage")] == [30]
    assert [each for each in memory.calls() if each.status == "answered"][-1].output_tokens == 9


async def test_tool_calls_of_both_kinds(memory: MemoryGateway, fake: FakeUpstream) -> None:
    fake.script = Reply(text="", tool_calls=(CALL,), reasoning="Look it up.")
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    whole = (await ask(memory, tools=tools)).json()["choices"][0]
    assert whole["finish_reason"] == "tool_calls"
    assert msgspec.json.decode(whole["message"]["tool_calls"][0]["function"]["arguments"]) == {"id": "A-1"}
    assert whole["message"]["reasoning_content"] == "Look it up."
    streamed = (await ask(memory, tools=tools, stream=True)).events()
    deltas = [choice["delta"] for each in streamed[:-1] for choice in each["choices"]]
    parts = [part for delta in deltas for part in delta.get("tool_calls", [])]
    assert msgspec.json.decode("".join(part["function"].get("arguments", "") for part in parts)) == {"id": "A-1"}


async def test_guards_read_what_comes_back(fake: FakeUpstream, tmp_path: Path, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "the-key")
    guards = (GuardRule(guard="pii", on=("input", "output"), action="redact"),)
    memory = build(fake, tmp_path, api, guards=guards)
    fake.script = Reply(text="Write to maria.keller@bank.example now.", reasoning="maria.keller@bank.example")
    for stream in (False, True):
        messages = [{"role": "user", "content": "I am luca.rossi@bank.example"}]
        response = await ask(memory, stream=stream, messages=messages)
        assert "maria.keller" not in response.body.decode()
        assert "[EMAIL_2]" in response.text(), "another address than the one that the request holds"
        assert "luca.rossi" not in fake.requests[-1].text()
    await memory.gateway.close()
    memory.spool.close()


@pytest.mark.parametrize("fault", ["malformed", "no_end", "reset_mid_stream", "huge"])
async def test_a_stream_that_breaks_ends_as_an_error(memory: MemoryGateway, fake: FakeUpstream, fault: Any) -> None:
    fake.script = Reply(text="one two three four", fault=fault)
    response = await ask(memory, stream=True)
    assert b"[DONE]" not in response.body or b"error" in response.body
    assert memory.calls()[-1].status == "failed"


async def test_what_has_no_counterpart_is_refused_before_it_is_sent(memory: MemoryGateway, fake: FakeUpstream) -> None:
    response = await ask(memory, logit_bias={"1": 5})
    assert response.status == 400
    assert response.json()["error"]["code"] == "invalid_request"
    assert response.json()["error"]["message"].startswith("logit_bias: ")
    assert not fake.requests
    assert memory.calls()[-1].output_tokens == 0


async def test_a_provider_that_fails_gives_way_to_one_of_another_api(
    fake: FakeUpstream, tmp_path: Path, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "the-key")
    memory = build(fake, tmp_path, api, "openai")
    fake.script = lambda asked: Reply(status=429) if "chat" not in asked.path else Reply(text="From elsewhere.")
    for stream in (False, True):
        assert (await ask(memory, stream=stream)).text() == "From elsewhere."
    await memory.gateway.close()
    memory.spool.close()
