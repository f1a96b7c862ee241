"""The scripted provider, read by the clients that real providers are read with."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import anthropic
import botocore.config
import botocore.session
import openai
import pytest

from groundcrew.testing import FakeUpstream, Reply
from groundcrew.testing.upstream_shapes import embedding

CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"id": "A-1", "all": true}'}}
REPLY = Reply(text="The fee is CHF 3.", reasoning="They ask for a fee.", tool_calls=(CALL,), usage=(21, 9))
MESSAGES: list[Any] = [{"role": "user", "content": "What is the fee?"}]


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream(REPLY) as upstream:
        yield upstream


# Each client is closed: its sockets would be found much later, in some other test.


@contextlib.contextmanager
def openai_at(fake: FakeUpstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=fake.url, api_key="x", max_retries=0) as client:
        yield client


@contextlib.contextmanager
def anthropic_at(fake: FakeUpstream) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=fake.url.removesuffix("/v1"), api_key="x", max_retries=0) as client:
        yield client


@contextlib.contextmanager
def bedrock(fake: FakeUpstream) -> Iterator[Any]:
    session = botocore.session.Session()
    client = session.create_client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=fake.url.removesuffix("/v1"),
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )
    try:
        yield client
    finally:
        client.close()


def post(fake: FakeUpstream, path: str, body: dict[str, Any]) -> bytes:
    address = fake.url.removesuffix("/v1") + path
    asked = urllib.request.Request(address, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return bytes(answer.read())


def test_chat_stream(fake: FakeUpstream) -> None:
    with (
        openai_at(fake) as client,
        client.chat.completions.stream(model="m", messages=MESSAGES, stream_options={"include_usage": True}) as stream,
    ):
        completion = stream.get_final_completion()
    assert completion.choices[0].message.content == REPLY.text
    assert completion.usage is not None
    assert completion.usage.total_tokens == 30
    assert fake.requests[0].last_user_text() == "What is the fee?"


def test_responses(fake: FakeUpstream) -> None:
    with openai_at(fake) as client:
        plain = client.responses.create(model="m", input="What is the fee?")
        with client.responses.stream(model="m", input="What is the fee?") as stream:
            streamed = stream.get_final_response()
    for each in (plain, streamed):
        assert each.output_text == REPLY.text
        assert [item.type for item in each.output] == ["reasoning", "message", "function_call"]
        assert each.output[2].arguments == CALL["function"]["arguments"]  # type: ignore[union-attr,index]
        assert each.usage is not None
        assert each.usage.input_tokens == 21
    assert fake.requests[0].last_user_text() == "What is the fee?"


def test_embeddings_as_numbers_and_base64(fake: FakeUpstream) -> None:
    with openai_at(fake) as client:
        coded = client.embeddings.create(model="m", input=["a", "b"], dimensions=5)
        plain = client.embeddings.create(model="m", input="a", encoding_format="float", dimensions=5)
    assert [len(each.embedding) for each in coded.data] == [5, 5]
    assert coded.data[0].embedding == pytest.approx(plain.data[0].embedding)
    assert coded.data[0].embedding != coded.data[1].embedding


def test_messages(fake: FakeUpstream) -> None:
    asked: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": MESSAGES}
    with anthropic_at(fake) as client:
        plain = client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            streamed = stream.get_final_message()
    for each in (plain, streamed):
        assert [block.type for block in each.content] == ["thinking", "text", "tool_use"]
        assert each.content[1].text == REPLY.text  # type: ignore[union-attr]
        assert each.content[2].input == {"id": "A-1", "all": True}  # type: ignore[union-attr]
        assert (each.stop_reason, each.usage.input_tokens, each.usage.output_tokens) == ("tool_use", 21, 9)


def test_converse(fake: FakeUpstream) -> None:
    asked: dict[str, Any] = {"modelId": "eu.a.b:0", "messages": [{"role": "user", "content": [{"text": "What is the fee?"}]}]}
    with bedrock(fake) as client:
        plain = client.converse(**asked)
        events = list(client.converse_stream(**asked)["stream"])
    assert [next(iter(block)) for block in plain["output"]["message"]["content"]] == ["reasoningContent", "text", "toolUse"]
    assert plain["usage"]["outputTokens"] == 9
    text = "".join(each["contentBlockDelta"]["delta"].get("text", "") for each in events if "contentBlockDelta" in each)
    assert text == REPLY.text
    assert events[-1]["metadata"]["usage"]["inputTokens"] == 21
    assert fake.requests[0].last_user_text() == "What is the fee?"


def test_gemini(fake: FakeUpstream) -> None:
    asked = {"contents": [{"role": "user", "parts": [{"text": "What is the fee?"}]}]}
    plain = json.loads(post(fake, "/v1beta/models/gemini-x:generateContent", asked))
    assert [part.get("text") for part in plain["candidates"][0]["content"]["parts"]] == [REPLY.reasoning, REPLY.text, None]
    raw = post(fake, "/v1beta/models/gemini-x:streamGenerateContent?alt=sse", asked).decode()
    events = [json.loads(line[6:]) for line in raw.splitlines() if line.startswith("data: ")]
    parts = [part for each in events for part in each["candidates"][0]["content"]["parts"]]
    assert "".join(part.get("text", "") for part in parts if "thought" not in part) == REPLY.text
    assert events[-1]["usageMetadata"]["candidatesTokenCount"] == 9
    assert fake.requests[0].last_user_text() == "What is the fee?"


def test_embeddings_of_the_clouds(fake: FakeUpstream) -> None:
    content = {"parts": [{"text": "a"}]}
    batch = json.loads(post(fake, "/v1beta/models/e:batchEmbedContents", {"requests": [{"content": content}]}))
    titan = json.loads(post(fake, "/model/amazon.titan-embed-text-v2%3A0/invoke", {"inputText": "a"}))
    cohere = json.loads(post(fake, "/model/cohere.embed-v4%3A0/invoke", {"texts": ["a"], "embedding_types": ["float"]}))
    assert batch["embeddings"][0]["values"] == titan["embedding"] == cohere["embeddings"]["float"][0] == embedding("a")


def test_a_shape_can_be_switched_off() -> None:
    with FakeUpstream("Hello.", without=("responses",)) as fake, openai_at(fake) as client:
        with pytest.raises(openai.NotFoundError):
            client.responses.create(model="m", input="x")
        assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "Hello."


def test_errors_have_the_shape_of_the_api() -> None:
    with FakeUpstream(Reply(status=400, error_message="too long")) as fake:
        with anthropic_at(fake) as client, pytest.raises(anthropic.BadRequestError, match="too long"):
            client.messages.create(model="m", max_tokens=1, messages=MESSAGES)
        with bedrock(fake) as cloud, pytest.raises(Exception, match="too long"):
            cloud.converse(modelId="m", messages=[])


def test_a_caller_that_does_not_read_is_cut_off_at_the_end() -> None:
    """A socket that stayed open would be found much later, in some other test."""
    body = json.dumps({"model": "m", "messages": MESSAGES}).encode()
    with contextlib.ExitStack() as stack:
        with FakeUpstream(Reply(text="x" * 20_000_000)) as fake:
            caller = stack.enter_context(socket.create_connection(("127.0.0.1", fake.port), 10))
            caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            assert caller.recv(12) == b"HTTP/1.1 200"
        with contextlib.suppress(ConnectionError):
            while caller.recv(1 << 20):
                pass
