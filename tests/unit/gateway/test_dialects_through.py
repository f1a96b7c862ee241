"""What the dialects beside the chat completion must not let slip: texts, counts, the house's own words, what is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.provider import Provider
from groundcrew.testing import (
    TEST_KEY,
    FakeUpstream,
    MemoryGateway,
    Reply,
    Response,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
    request,
)

HEADERS = {"authorization": f"Bearer {TEST_KEY}"}
SECRETS = GuardRule(guard="secrets", on=("input",), action="refuse")
PII = GuardRule(guard="pii", on=("input",), action="redact")
CALL = {"id": "call_1", "type": "function", "function": {"name": "pay", "arguments": '{"usd": 9000}'}}
Build = Callable[..., MemoryGateway]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("fine") as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Build]:
    made: list[MemoryGateway] = []

    def make(*guards: GuardRule, api: Any = "openai", **fields: Any) -> MemoryGateway:
        provider = Provider(name="fake", api=api, base_url=upstream.url, data_classes=("public", "internal", "pii"))
        snapshot = memory_snapshot(upstream.url, providers=(provider,), use_case=memory_use_case(**fields), guards=guards)
        memory = memory_gateway(snapshot, tmp_path / str(len(made)))
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


async def send(memory: MemoryGateway, path: str, body: bytes | dict[str, Any], leave: asyncio.Event | None = None) -> Response:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return await request(memory.gateway, path, headers=HEADERS, body=raw, leave=leave)


def answered(memory: MemoryGateway) -> Any:
    return next(each for each in memory.calls() if each.finished_at is not None)


@pytest.mark.parametrize("without", [(), ("responses",)])
async def test_what_stands_twice_is_sent_once_as_it_was_read(
    build: Build, upstream: FakeUpstream, without: tuple[str, ...]
) -> None:
    upstream.without = without
    arguments = r"{\"to\": \"jane.doe@example.com\", \"to\": \"nobody\"}"
    body = (
        '{"input": [{"role": "user", "content": "go"}, {"type": "function_call", "call_id": "c", "name": "mail", '
        f'"arguments": "{arguments}"}}, {{"type": "function_call_output", "call_id": "c", "output": "done"}}]}}'
    )
    response = await send(build(SECRETS), "/v1/responses", body.encode())
    assert response.status == 200, response.body
    assert "jane.doe" not in upstream.requests[-1].text()


@pytest.mark.parametrize("word", ["mrn: 12345678", "phone: 555 1234 77", "ssn: 123456789"])
async def test_a_word_that_looks_like_a_role_is_masked_with_what_it_names(build: Build, word: str) -> None:
    memory = build()
    body = {"messages": [{"role": "user", "content": f"Patient file\n\n{word}"}]}
    phi = word.startswith("mrn")  # for which this use case is not declared
    assert (await send(memory, "/v1/chat/completions", body)).status == (403 if phi else 200)
    (call,) = memory.calls()
    assert not any(character.isdigit() for character in call.request), call.request


@pytest.mark.parametrize("checked", [False, True])
async def test_tool_calls_beside_a_text_are_recorded(build: Build, upstream: FakeUpstream, checked: bool) -> None:
    upstream.script = Reply(text="I send it.", tool_calls=(CALL,))
    rules = (GuardRule(guard="secrets", on=("output",), action="refuse"),) if checked else ()
    memory = build(*rules, api="anthropic")
    tool = {"name": "pay", "input_schema": {"type": "object"}}
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": "pay"}], "tools": [tool]}
    assert (await send(memory, "/v1/messages", body)).status == 200
    assert "I send it." in answered(memory).answer
    assert "9000" in answered(memory).answer


async def test_an_answer_that_can_not_be_said_in_the_clients_dialect_is_a_failure(build: Build, upstream: FakeUpstream) -> None:
    upstream.without = ("responses",)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"not": "a text"}}}
    choices = [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [call]}}]
    upstream.script = Reply(extra={"choices": choices})
    memory = build()
    response = await send(memory, "/v1/responses", {"input": "hi"})
    assert (response.status, response.json()["error"]["code"]) == (502, "upstream_error")
    assert [(each.status, each.error_code) for each in memory.calls()] == [("failed", "upstream_error")]


async def test_a_missing_thing_is_not_a_missing_endpoint(build: Build, upstream: FakeUpstream) -> None:
    memory = build()
    upstream.script = lambda asked: Reply(status=404) if "gone" in asked.text() else Reply(text="fine")
    lost = await send(memory, "/v1/responses", {"input": "hi", "previous_response_id": "gone"})
    assert lost.status == 502
    assert (await send(memory, "/v1/responses", {"input": "hi", "previous_response_id": "here"})).status == 200
    assert upstream.requests[-1].path.endswith("/responses")


@pytest.mark.parametrize("stream", [False, True])
async def test_the_houses_own_words_are_not_repeated_to_the_client(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    upstream.script = lambda asked: Reply(text="fine", extra={"instructions": asked.body.get("instructions")})
    memory = build(prompt="SECRET HOUSE PROMPT")
    response = await send(memory, "/v1/responses", {"input": "hi", "instructions": "Be brief.", "stream": stream})
    assert response.status == 200
    assert "SECRET HOUSE PROMPT" in upstream.requests[-1].text()
    assert b"SECRET HOUSE PROMPT" not in response.body
    assert b"fake-model-1" not in response.body


async def test_embeddings_of_a_stopped_model_are_refused_and_others_go_on(build: Build, upstream: FakeUpstream) -> None:
    from groundcrew.domain.kill_switch import Scope

    memory = build()
    memory.snapshots.stop(Scope("model", "writer"))
    response = await send(memory, "/v1/embeddings", {"input": "hi"})
    assert (response.status, response.json()["error"]["code"]) == (503, "kill_switch")
    assert not upstream.requests
