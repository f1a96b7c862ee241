"""The official openai package against the gateway with Gemini and Bedrock behind it: a turn with tools, plain and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from groundcrew.domain.provider import Provider, Target
from groundcrew.testing import TEST_KEY, FakeUpstream, ReceivedRequest, Reply, memory_gateway, memory_snapshot, serve
from groundcrew.testing.upstream_shapes import SIGNATURE

CALL = {"id": "call_1", "type": "function", "function": {"name": "fee_of", "arguments": '{"account": "everyday"}'}}
TOOLS: list[Any] = [{"type": "function", "function": {"name": "fee_of", "parameters": {"type": "object"}}}]
MODELS = {"gemini": "gemini-3-pro", "bedrock": "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"}


def script(request: ReceivedRequest) -> Reply:
    """First a thought and a tool call, then, once its result is there, the answer."""
    if "CHF 3" in request.text():
        return Reply(text="It costs CHF 3 a month.")
    return Reply(text="Let me see.", reasoning="A fee: look it up.", tool_calls=(CALL,))


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream(script) as upstream:
        yield upstream


@pytest.fixture(params=sorted(MODELS))
def client(
    request: pytest.FixtureRequest, fake: FakeUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[openai.OpenAI]:
    monkeypatch.setenv("PROVIDER_KEY", "the-key")
    api = request.param
    base = fake.url.removesuffix("/v1")
    provider = Provider(
        name="cloud", api=api, base_url=base, api_key="env:PROVIDER_KEY", data_classes=("public", "internal", "pii")
    )
    target = Target(provider="cloud", model=MODELS[api], timeout_s=5.0)
    made = memory_gateway(memory_snapshot("", providers=(provider,), targets=(target,)), tmp_path)
    with serve(made.gateway) as url, openai.OpenAI(base_url=url + "/v1", api_key=TEST_KEY, max_retries=0) as client:
        yield client
    made.spool.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_with_a_tool_keeps_what_the_provider_wants_back(client: openai.OpenAI, fake: FakeUpstream, stream: bool) -> None:
    messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What does it cost?"}]

    def ask() -> Any:
        asked: dict[str, Any] = {"model": "writer", "messages": messages, "tools": TOOLS}
        if not stream:
            return client.chat.completions.create(**asked).choices[0]
        with client.chat.completions.stream(**asked) as events:
            return events.get_final_completion().choices[0]

    first = ask()
    assert (first.finish_reason, first.message.content) == ("tool_calls", "Let me see.")
    (call,) = first.message.tool_calls
    assert call.function.name == "fee_of"
    said = first.message.model_dump(exclude_none=True, exclude={"parsed"})
    for each in said["tool_calls"]:
        each["function"].pop("parsed_arguments", None)
    messages += [said, {"role": "tool", "tool_call_id": call.id, "content": "CHF 3 a month"}]
    second = ask()
    assert (second.finish_reason, second.message.content) == ("stop", "It costs CHF 3 a month.")
    sent = fake.requests[-1]
    assert SIGNATURE in sent.text()
    if "converse" in sent.path:
        blocks = sent.body["messages"][1]["content"]
        reasoning = {"text": "A fee: look it up.", "signature": SIGNATURE}
        assert blocks[0] == {"reasoningContent": {"reasoningText": reasoning}}
        assert [next(iter(each)) for each in blocks] == ["reasoningContent", "text", "toolUse"]
    else:
        parts = sent.body["contents"][1]["parts"]
        assert parts[1]["thoughtSignature"] == SIGNATURE
        assert parts[1]["functionCall"]["args"] == {"account": "everyday"}


def test_what_a_provider_can_not_take_is_the_clients_error(client: openai.OpenAI, fake: FakeUpstream) -> None:
    with pytest.raises(openai.BadRequestError, match="logit_bias"):
        client.chat.completions.create(model="writer", messages=[{"role": "user", "content": "x"}], logit_bias={"1": 1})
    assert not fake.requests
