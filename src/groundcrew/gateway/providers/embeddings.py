"""Embeddings from providers whose API is not OpenAI's: how many texts go into one request, its body, and what comes back."""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.domain.provider import Provider
from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects import converse, gemini
from groundcrew.gateway.providers.endpoints import is_vertex

#: Texts in one batchEmbedContents. Vertex AI takes one in a predict for its Gemini models, and more only for older ones.
GEMINI_TEXTS_MAX = 100


def batches(provider: Provider, model: str, texts: list[str]) -> list[list[str]]:
    """`texts` in order, in as few requests as the provider allows."""
    if provider.api == "gemini":
        size = 1 if is_vertex(provider) and "gemini" in model else GEMINI_TEXTS_MAX
    else:
        size = converse.texts_max(model)
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def embeddings_body(provider: Provider, texts: list[str], model: str, dimensions: int | None) -> bytes:
    """The body for one batch. RefusedCall for a model that is not known to give embeddings, UpstreamError for an API without."""
    body: dict[str, Any]
    if provider.api == "gemini":
        body = gemini.embeddings_body(texts, model, dimensions, on_vertex=is_vertex(provider))
    elif provider.api == "bedrock":
        body = converse.embeddings_body(texts, model, dimensions)
    else:
        raise UpstreamError(f"provider {provider.name}: the api {provider.api} has no embeddings in a shape of its own")
    return msgspec.json.encode(body)


def read_embeddings(provider: Provider, body: bytes, expected: int) -> tuple[list[list[float]], int | None]:
    """The vectors of one batch of `expected` texts, in their order, and the input's tokens where they are told.

    UpstreamError for anything that is not `expected` vectors of one length.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamError(f"provider {provider.name}: its answer is no JSON") from None
    read = gemini.read_embeddings if provider.api == "gemini" else converse.read_embeddings
    vectors, tokens = read(value, provider.name)
    if len(vectors) != expected or len({len(each) for each in vectors}) > 1 or not all(vectors):
        raise UpstreamError(f"provider {provider.name}: its answer does not hold one vector for each of {expected} texts")
    return vectors, tokens
