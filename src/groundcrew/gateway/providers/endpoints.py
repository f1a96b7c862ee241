"""Where a provider is asked, and with which headers: one address per API, kind of call and model.

A model's name comes from a declaration, never from a client; even so it is one quoted segment of the path, which can change
neither the host nor the place.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote, urlencode

import msgspec

from groundcrew.domain.provider import MODEL_PLACE, Provider
from groundcrew.errors import UpstreamError

Kind = Literal["chat", "responses", "embeddings", "messages"]

EVENT_STREAM = "text/event-stream"
AWS_EVENT_STREAM = "application/vnd.amazon.eventstream"

#: Where a provider is that declares no `base_url`.
BASE_URLS = {"anthropic": "https://api.anthropic.com", "gemini": "https://generativelanguage.googleapis.com/v1beta"}
#: The header that carries the key, where a provider declares none.
KEY_HEADERS = {"openai": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key", "bedrock": "authorization"}
ANTHROPIC_VERSION = "2023-06-01"
_OPENAI_PATHS = {"chat": "/chat/completions", "responses": "/responses", "embeddings": "/embeddings"}
_MODEL_LENGTH_MAX = 2_048


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An address, quoted as it must be sent, and the headers that go there, in lower case. `signs` tells that the request must be
    signed for AWS besides; `content_type` is what a good answer has."""

    url: str
    headers: dict[str, str]
    content_type: str = "application/json"
    signs: bool = False


def endpoint(provider: Provider, model: str, kind: Kind, *, stream: bool, secret: str | None) -> Endpoint:
    """Where `provider` is asked for `model`. UpstreamError where its API has no such kind of call, or the name is no name."""
    if stream and kind == "embeddings":
        raise UpstreamError(f"provider {provider.name}: embeddings are not streamed")
    base, path, query = _place(provider, _segment(model, provider), kind, stream=stream)
    query = {**provider.query, **query}
    url = base + path + ("?" + urlencode(query, quote_via=quote) if query else "")
    headers = {name.lower(): value for name, value in provider.headers.items()}
    if provider.api == "anthropic":
        headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
    if secret is not None:
        header = (provider.api_key_header or KEY_HEADERS[provider.api]).lower()
        headers[header] = f"Bearer {secret}" if header == "authorization" else secret
    content_type = "application/json"
    if stream:
        content_type = AWS_EVENT_STREAM if provider.api == "bedrock" else EVENT_STREAM
    signs = provider.api == "bedrock" and secret is None
    return Endpoint(url=url, headers=headers, content_type=content_type, signs=signs)


def _segment(model: str, provider: Provider) -> str:
    """`model` as one segment of a path."""
    if not model or len(model) > _MODEL_LENGTH_MAX or not model.isprintable() or model in (".", ".."):
        raise UpstreamError(f"provider {provider.name}: {model[:80]!r} is no model's name")
    return quote(model, safe="")


def _place(provider: Provider, model: str, kind: Kind, *, stream: bool) -> tuple[str, str, dict[str, str]]:
    """Base, path and what the API itself wants in the query."""
    base = _base(provider).replace(MODEL_PLACE, model)
    if provider.api == "openai":
        if kind not in _OPENAI_PATHS:
            raise _unspoken(provider, kind)
        return base, _OPENAI_PATHS[kind], {}
    if provider.api == "anthropic":
        if kind == "embeddings":
            raise _unspoken(provider, kind)
        return base.removesuffix("/v1"), "/v1/messages", {}
    if provider.api == "gemini":
        path = "/models/" + model.removeprefix("models%2F")
        if kind == "embeddings":
            return base, path + (":predict" if is_vertex(provider) else ":batchEmbedContents"), {}
        return (base, path + ":streamGenerateContent", {"alt": "sse"}) if stream else (base, path + ":generateContent", {})
    if provider.api == "bedrock":
        call = "invoke" if kind == "embeddings" else "converse-stream" if stream else "converse"
        return base, f"/model/{model}/{call}", {}
    raise _unspoken(provider, kind)


def _unspoken(provider: Provider, kind: Kind) -> UpstreamError:
    return UpstreamError(f"provider {provider.name}: the api {provider.api} has no {kind} that this gateway could ask for")


def _base(provider: Provider) -> str:
    if provider.base_url:
        return provider.base_url.rstrip("/")
    if provider.api == "bedrock" and provider.region:
        return bedrock_url(provider.region)
    if provider.api in BASE_URLS:
        return BASE_URLS[provider.api]
    raise UpstreamError(f"provider {provider.name}: it declares no base_url")


def bedrock_url(region: str) -> str:
    """Where Bedrock is in `region`."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{suffix}"


def is_vertex(provider: Provider) -> bool:
    """Whether a provider with Gemini's API is Vertex AI, by its base URL: its embeddings are another call."""
    return provider.api == "gemini" and "/publishers/" in (provider.base_url or "")
