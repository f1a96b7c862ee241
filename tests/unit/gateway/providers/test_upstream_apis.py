"""The HTTP client against every API: where it asks, what it accepts, what it makes of errors, and how it signs for AWS."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.config
import botocore.session
import msgspec
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from groundcrew.domain.provider import Provider, Target
from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects import converse, gemini
from groundcrew.gateway.dialects.event_stream import EventStreamSplitter
from groundcrew.gateway.protocols import UpstreamRequest
from groundcrew.gateway.providers import aws
from groundcrew.gateway.providers.embeddings import batches, embeddings_body, read_embeddings
from groundcrew.gateway.providers.failures import error_text
from groundcrew.gateway.sse import EventSplitter, event_data
from groundcrew.gateway.upstream import HttpUpstream, UpstreamRefused
from groundcrew.testing import FakeUpstream, Reply
from groundcrew.testing.upstream_clouds import GeminiShape
from groundcrew.testing.upstream_shapes import embedding

MODEL = "eu.anthropic.claude-v1:0"
CHAT = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream(Reply(text="one two three")) as upstream:
        yield upstream


@pytest.fixture
async def upstream() -> AsyncIterator[HttpUpstream]:
    client = HttpUpstream()
    yield client
    await client.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "the-key-of-the-provider")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def asked(fake: FakeUpstream, api: Any, body: Any, kind: Any = "chat", model: str = MODEL, **fields: Any) -> UpstreamRequest:
    base = fake.url if api == "openai" else fake.url.removesuffix("/v1")
    given = {"name": "p", "api": api, "base_url": base, "api_key": "env:PROVIDER_KEY", **fields}
    target = Target(provider="p", model=model, timeout_s=5.0)
    return UpstreamRequest(provider=Provider(**given), target=target, body=msgspec.json.encode(body), call_id="c-1", kind=kind)


async def read_all(stream: Any) -> bytes:
    data = b""
    while piece := await stream.read():
        data += piece
    stream.close()
    return data


async def test_gemini(fake: FakeUpstream, upstream: HttpUpstream) -> None:
    request = asked(fake, "gemini", gemini.from_chat(CHAT, "gemini-3-pro"), model="gemini-3-pro")
    completion = gemini.read_completion(msgspec.json.decode(await upstream.complete(request)), "p")
    assert completion["choices"][0]["message"]["content"] == "one two three"
    raw = await read_all(await upstream.open_stream(request))
    reader = gemini.EventReader("p")
    chunks = [chunk for event in EventSplitter(10**6).feed(raw) for chunk in reader.read(None, event_data(event) or b"")]
    assert reader.done
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"]) == "one two three"
    assert [each.path for each in fake.requests] == [
        "/models/gemini-3-pro:generateContent",
        "/models/gemini-3-pro:streamGenerateContent?alt=sse",
    ]
    assert fake.requests[0].headers["x-goog-api-key"] == "the-key-of-the-provider"
    assert "authorization" not in fake.requests[0].headers


async def test_bedrock_with_a_key(fake: FakeUpstream, upstream: HttpUpstream) -> None:
    request = asked(fake, "bedrock", converse.from_chat(CHAT, MODEL))
    completion = converse.read_completion(msgspec.json.decode(await upstream.complete(request)), "p")
    assert completion["choices"][0]["message"]["content"] == "one two three"
    raw = await read_all(await upstream.open_stream(request))
    reader = converse.EventReader("p")
    chunks = [chunk for event in EventStreamSplitter(10**6, "p").feed(raw) for chunk in reader.read(*event)]
    assert reader.done
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"]) == "one two three"
    assert [each.path for each in fake.requests] == [
        "/model/eu.anthropic.claude-v1%3A0/converse",
        "/model/eu.anthropic.claude-v1%3A0/converse-stream",
    ]
    assert fake.requests[1].headers["authorization"] == "Bearer the-key-of-the-provider"
    assert fake.requests[1].headers["accept"] == "application/vnd.amazon.eventstream"


async def test_anthropic_and_responses(fake: FakeUpstream, upstream: HttpUpstream) -> None:
    message = msgspec.json.decode(await upstream.complete(asked(fake, "anthropic", {}, "messages")))
    assert message["content"][0]["text"] == "one two three"
    response = msgspec.json.decode(await upstream.complete(asked(fake, "openai", {}, "responses")))
    assert response["output"][0]["content"][0]["text"] == "one two three"
    first, second = fake.requests
    assert (first.path, second.path) == ("/v1/messages", "/v1/responses")
    assert (first.headers["x-api-key"], first.headers["anthropic-version"]) == ("the-key-of-the-provider", "2023-06-01")


async def test_azure(fake: FakeUpstream, upstream: HttpUpstream) -> None:
    request = asked(
        fake,
        "openai",
        CHAT,
        model="gpt-5",
        base_url=fake.url + "/deployments/{model}",
        query={"api-version": "2024-10-21"},
        api_key_header="api-key",
        headers={"x-team": "ops"},
    )
    await upstream.complete(request)
    assert fake.requests[0].path == "/v1/deployments/gpt-5/chat/completions?api-version=2024-10-21"
    assert fake.requests[0].headers["api-key"] == "the-key-of-the-provider"
    assert fake.requests[0].headers["x-team"] == "ops"


@pytest.mark.parametrize(
    ("api", "model", "sizes"),
    [
        ("gemini", "gemini-embedding-001", [3]),
        ("bedrock", "amazon.titan-embed-text-v2:0", [1, 1, 1]),
        ("bedrock", "cohere.embed-v4:0", [3]),
    ],
)
async def test_embeddings(fake: FakeUpstream, upstream: HttpUpstream, api: str, model: str, sizes: list[int]) -> None:
    provider = asked(fake, api, {}, "embeddings", model).provider
    found: list[list[float]] = []
    parts = batches(provider, model, ["a", "b", "c"])
    assert [len(each) for each in parts] == sizes
    for texts in parts:
        body = embeddings_body(provider, texts, model, 4)
        request = msgspec.structs.replace(asked(fake, api, {}, "embeddings", model), body=body)
        vectors, _ = read_embeddings(provider, await upstream.complete(request), len(texts))
        found += vectors
    assert found == [embedding(each, 4) for each in "abc"]


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"embeddings": []}', b'{"embeddings": [{"values": []}]}', b'{"embedding": [1]}'])
def test_what_is_not_one_vector_for_each_text(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        read_embeddings(Provider(name="p", api="gemini"), body, 1)


def test_embeddings_of_an_unknown_model() -> None:
    with pytest.raises(RefusedCall, match="no embedding model"):
        embeddings_body(Provider(name="p", api="bedrock"), ["a"], "meta.llama", None)


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini", "bedrock"])
async def test_a_refusal_tells_what_the_provider_says(upstream: HttpUpstream, api: str) -> None:
    with FakeUpstream(Reply(status=400, error_message="too long")) as fake:
        with pytest.raises(UpstreamRefused) as caught:
            await upstream.complete(asked(fake, api, {}))
        assert (caught.value.status, caught.value.detail) == (400, "too long")


async def test_a_key_that_gemini_does_not_know_is_no_fault_of_the_client(
    upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    error = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": reason}}
    monkeypatch.setattr(GeminiShape, "error", lambda self, status, message: error)
    with FakeUpstream(Reply(status=400)) as fake:
        with pytest.raises(UpstreamRefused) as caught:
            await upstream.complete(asked(fake, "gemini", {}))
        assert (caught.value.status, caught.value.detail) == (401, "")


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini", "bedrock"])
async def test_a_stream_must_have_the_content_type_of_its_api(upstream: HttpUpstream, api: str) -> None:
    with FakeUpstream(Reply(fault="wrong_content_type")) as fake, pytest.raises(UpstreamError, match="content type"):
        await upstream.open_stream(asked(fake, api, {"stream": True}))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error": {"message": "a", "type": "x"}}', "a"),
        (b'{"type": "error", "error": {"type": "invalid_request_error", "message": "b"}}', "b"),
        (b'[{"error": {"code": 400, "message": "c", "status": "INVALID_ARGUMENT"}}]', "c"),
        (b'{"message": "d"}', "d"),
        (b'{"Message": "e"}', "e"),
        (b'{"error": "f"}', "f"),
        (b'{"object": "error", "message": "g", "code": 400}', "g"),
        (b'{"detail": "h"}', "h"),
        (b'{"error": {"message": 7}}', ""),
        (b"[]", ""),
        (b"no JSON", ""),
        (b"[" * 5_000, ""),
    ],
)
def test_error_texts(body: bytes, text: str) -> None:
    assert error_text(body) == text


# --- signing ---

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def sign_again(received: Any, host: str, body: bytes, key: Credentials) -> str:
    """The authorization that botocore gives the request as the server received it, over the headers that were signed."""
    signed = received.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: received.headers[name] for name in signed if name not in ("host", "x-amz-date", "x-amz-security-token")}
    request = AWSRequest(method="POST", url=f"http://{host}{received.path}", data=body, headers=headers)
    botocore.auth.SigV4Auth(key, "bedrock", "eu-central-1").add_auth(request)
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("model", [MODEL, "arn:aws:bedrock:eu-central-1:1:inference-profile/x.y", "a b/ü%41"])
async def test_a_signed_request_is_what_botocore_would_sign(
    fake: FakeUpstream, upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-other")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-session")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW)
    request = asked(fake, "bedrock", converse.from_chat(CHAT, model), model=model, api_key=None, region="eu-central-1")
    await upstream.complete(request)
    await read_all(await upstream.open_stream(request))
    key = Credentials("the-id", "the-other", "the-session")
    for received in fake.requests:
        host = received.headers["host"]
        assert received.headers["authorization"] == sign_again(received, host, request.body, key)
        assert received.headers["x-amz-security-token"] == "the-session"
        assert "the-other" not in str(received.headers)
    # AWS's own client asks for the same path.
    client = botocore.session.Session().create_client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=fake.url.removesuffix("/v1"),
        config=botocore.config.Config(parameter_validation=False),
    )
    with contextlib.closing(client):
        client.converse(modelId=model, messages=[])
    assert fake.requests[-1].path == fake.requests[0].path


async def test_credentials_are_kept_for_a_while(
    fake: FakeUpstream, upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    request = asked(fake, "bedrock", {}, api_key=None, region="eu-central-1")
    await upstream.complete(request)
    found: list[int] = []
    original = aws.AwsSigner._find
    monkeypatch.setattr(aws.AwsSigner, "_find", lambda self: found.append(1) or original(self))
    await upstream.complete(request)
    assert not found
    monkeypatch.setattr(aws, "CREDENTIALS_AGE_S_MAX", 0.0)
    await upstream.complete(request)
    assert found
    assert "Credential=first/" in fake.requests[-1].headers["authorization"]


async def test_credentials_in_a_file_may_change_without_a_restart(
    fake: FakeUpstream, upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(aws, "CREDENTIALS_AGE_S_MAX", 0.0)
    request = asked(fake, "bedrock", {}, api_key=None, region="eu-central-1")
    for name in ("older", "newer"):
        (tmp_path / "credentials").write_text(f"[default]\naws_access_key_id = {name}\naws_secret_access_key = x\n")
        await upstream.complete(request)
        assert f"Credential={name}/" in fake.requests[-1].headers["authorization"]


async def test_no_credentials(fake: FakeUpstream, upstream: HttpUpstream) -> None:
    with pytest.raises(UpstreamError, match="no AWS credentials were found"):
        await upstream.complete(asked(fake, "bedrock", {}, api_key=None, region="eu-central-1"))


async def test_without_botocore_the_extra_is_named(
    fake: FakeUpstream, upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(UpstreamError, match=r"groundcrew\[bedrock\]"):
        await upstream.complete(asked(fake, "bedrock", {}, api_key=None, region="eu-central-1"))


async def test_a_failure_to_find_credentials_tells_no_more_than_its_kind(
    fake: FakeUpstream, upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ValueError("a secret in an error")

    monkeypatch.setattr(aws.AwsSigner, "_find", broken)
    with pytest.raises(UpstreamError) as caught:
        await upstream.complete(asked(fake, "bedrock", {}, api_key=None, region="eu-central-1"))
    assert "ValueError" in str(caught.value)
    assert "a secret" not in str(caught.value)
