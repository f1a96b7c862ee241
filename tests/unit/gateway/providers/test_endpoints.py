"""Where each API is asked, and with which headers."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.provider import Provider
from groundcrew.errors import UpstreamError
from groundcrew.gateway.providers.endpoints import AWS_EVENT_STREAM, EVENT_STREAM, Endpoint, endpoint


def at(model: str = "m", kind: Any = "chat", *, stream: bool = False, secret: str | None = "k", **fields: Any) -> Endpoint:
    return endpoint(Provider(**{"name": "p", "api": "openai", **fields}), model, kind, stream=stream, secret=secret)


OPENAI = {"api": "openai", "base_url": "https://api.openai.com/v1/"}
AZURE = {
    "base_url": "https://x.openai.azure.com/openai/deployments/{model}",
    "query": {"api-version": "2024-10-21"},
    "api_key_header": "api-key",
}
VERTEX = {
    "api": "gemini",
    "base_url": "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google",
    "api_key_header": "Authorization",
}
BEDROCK = {"api": "bedrock", "region": "eu-central-1"}
GOOGLE = "https://generativelanguage.googleapis.com/v1beta/models/"
BEDROCK_URL = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/eu.a.b-v1%3A0/"


@pytest.mark.parametrize(
    ("fields", "model", "kind", "stream", "url"),
    [
        (OPENAI, "m", "chat", False, "https://api.openai.com/v1/chat/completions"),
        (OPENAI, "m", "responses", True, "https://api.openai.com/v1/responses"),
        (OPENAI, "m", "embeddings", False, "https://api.openai.com/v1/embeddings"),
        (AZURE, "gpt 5", "chat", True, "https://x.openai.azure.com/openai/deployments/gpt%205/chat/completions?api-version=2024-10-21"),
        ({"api": "anthropic"}, "claude", "messages", True, "https://api.anthropic.com/v1/messages"),
        ({"api": "anthropic", "base_url": "https://a.example/v1/"}, "c", "chat", False, "https://a.example/v1/messages"),
        ({"api": "anthropic", "base_url": "https://a.example/x"}, "c", "responses", False, "https://a.example/x/v1/messages"),
        ({"api": "gemini"}, "gemini-3-pro", "chat", False, GOOGLE + "gemini-3-pro:generateContent"),
        ({"api": "gemini"}, "models/g", "messages", True, GOOGLE + "g:streamGenerateContent?alt=sse"),
        ({"api": "gemini"}, "e", "embeddings", False, GOOGLE + "e:batchEmbedContents"),
        (VERTEX, "e", "embeddings", False, f"{VERTEX['base_url']}/models/e:predict"),
        (BEDROCK, "eu.a.b-v1:0", "chat", False, BEDROCK_URL + "converse"),
        (BEDROCK, "eu.a.b-v1:0", "chat", True, BEDROCK_URL + "converse-stream"),
        (BEDROCK, "eu.a.b-v1:0", "embeddings", False, BEDROCK_URL + "invoke"),
        ({"api": "bedrock", "base_url": "https://vpce.example"}, "m", "chat", False, "https://vpce.example/model/m/converse"),
        ({"api": "bedrock", "region": "cn-north-1"}, "m", "chat", False,
         "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/m/converse"),
    ],
)  # fmt: skip
def test_the_address(fields: dict[str, Any], model: str, kind: str, stream: bool, url: str) -> None:
    assert at(model, kind, stream=stream, **fields).url == url


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        (OPENAI, {"authorization": "Bearer k"}),
        (AZURE, {"api-key": "k"}),
        ({"api": "anthropic"}, {"x-api-key": "k", "anthropic-version": "2023-06-01"}),
        (
            {
                "api": "anthropic",
                "headers": {"Anthropic-Version": "2027-01-01", "anthropic-beta": "x"},
                "api_key_header": "authorization",
            },
            {"authorization": "Bearer k", "anthropic-version": "2027-01-01", "anthropic-beta": "x"},
        ),
        ({"api": "gemini"}, {"x-goog-api-key": "k"}),
        (VERTEX, {"authorization": "Bearer k"}),
        (BEDROCK, {"authorization": "Bearer k"}),
    ],
)
def test_the_headers(fields: dict[str, Any], headers: dict[str, str]) -> None:
    assert at(**fields).headers == headers


def test_no_key_no_header_and_bedrock_is_signed() -> None:
    assert at(secret=None, **OPENAI).headers == {}
    assert not at(secret=None, **OPENAI).signs
    assert at(secret=None, **BEDROCK).signs
    assert not at(**BEDROCK).signs


def test_the_content_type_of_an_answer() -> None:
    assert at(stream=True, **BEDROCK).content_type == AWS_EVENT_STREAM
    assert at(stream=True, **OPENAI).content_type == at(stream=True, api="gemini").content_type == EVENT_STREAM
    assert at(**BEDROCK).content_type == "application/json"


def test_what_the_api_wants_in_the_query_wins() -> None:
    assert at(stream=True, api="gemini", query={"alt": "json", "x": "a&b"}).url.endswith("?alt=sse&x=a%26b")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [(OPENAI, "messages"), ({"api": "anthropic"}, "embeddings"), ({"api": "extractive", "base_url": "http://x"}, "chat")],
)
def test_what_an_api_does_not_have(fields: dict[str, Any], kind: str) -> None:
    with pytest.raises(UpstreamError, match="has no"):
        at(kind=kind, **fields)


def test_an_address_is_needed() -> None:
    with pytest.raises(UpstreamError, match="declares no base_url"):
        at(api="openai")
    with pytest.raises(UpstreamError, match="declares no base_url"):
        at(api="bedrock")


@pytest.mark.parametrize("model", ["", ".", "..", "a\nb", "a\x00", "\ud800", "x" * 3_000])
def test_what_is_no_name_of_a_model(model: str) -> None:
    for fields in (BEDROCK, AZURE, {"api": "gemini"}, OPENAI):
        with pytest.raises(UpstreamError, match="no model's name"):
            at(model, **fields)


@given(st.text(max_size=30), st.sampled_from([BEDROCK, AZURE, {"api": "gemini"}, VERTEX, {"api": "anthropic"}]), st.booleans())
def test_a_model_can_change_neither_host_nor_place(model: str, fields: dict[str, Any], stream: bool) -> None:
    try:
        url = at(model, stream=stream, **fields).url
    except UpstreamError:
        return
    usual = urlsplit(at("m", stream=stream, **fields).url)
    found = urlsplit(url)
    assert (found.scheme, found.netloc, found.query, found.fragment) == (usual.scheme, usual.netloc, usual.query, "")
    segments, expected = found.path.split("/"), usual.path.split("/")
    assert len(segments) == len(expected)
    changed = [(each, was) for each, was in zip(segments, expected, strict=True) if each != was]
    assert len(changed) <= 1
    assert all(unquote(each.partition(":")[0]) == model.removeprefix("models/") for each, _ in changed)
    assert ".." not in segments
    # What is sent is what was built.
    assert str(yarl.URL(url, encoded=True)) == url
