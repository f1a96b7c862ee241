"""Chat completions to and from providers that speak another API: the body that goes out, the answer or stream that comes back.

A provider that speaks chat completions itself gets and gives its bytes untouched.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from groundcrew.domain.provider import Provider
from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects import converse, gemini
from groundcrew.gateway.dialects.stream_events import splitter_for
from groundcrew.gateway.protocols import UpstreamStream
from groundcrew.gateway.respond import DONE, event


class EventReader(Protocol):
    """Reads the events of one stream into chat.completion.chunk dicts."""

    @property
    def done(self) -> bool:
        """Whether the last event was seen."""
        ...

    def read(self, name: str | None, data: bytes) -> list[dict[str, Any]]:
        """The chunks of one event."""
        ...


class Dialect(Protocol):
    """What a module of `dialects` offers for a provider."""

    def from_chat(self, chat: dict[str, Any], model: str) -> dict[str, Any]:
        """The request's body for the provider."""
        ...

    def read_completion(self, body: dict[str, Any], provider: str) -> dict[str, Any]:
        """The provider's answer as a chat completion."""
        ...

    def EventReader(self, provider: str) -> EventReader:
        """A reader for one stream."""
        ...


#: API → its dialect; None for the one that speaks chat completions itself.
DIALECTS: dict[str, Dialect | None] = {"openai": None, "gemini": gemini, "bedrock": converse}


def _dialect(provider: Provider) -> Dialect | None:
    if provider.api not in DIALECTS:
        raise UpstreamError(f"provider {provider.name}: chat completions are not translated for the api {provider.api}")
    return DIALECTS[provider.api]


def request_body(provider: Provider, chat: bytes, model: str) -> bytes:
    """A chat completion request in the provider's API. RefusedCall invalid_request for what has no counterpart there."""
    dialect = _dialect(provider)
    if dialect is None:
        return chat
    return msgspec.json.encode(dialect.from_chat(msgspec.json.decode(chat), model))


def completion_body(provider: Provider, answer: bytes) -> bytes:
    """The provider's answer as the JSON of a chat completion; UpstreamError where it is none."""
    dialect = _dialect(provider)
    if dialect is None:
        return answer
    try:
        body = msgspec.json.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        raise UpstreamError(f"provider {provider.name}: its answer is no JSON") from None
    return msgspec.json.encode(dialect.read_completion(body, provider.name))


def chat_stream(provider: Provider, stream: UpstreamStream, model: str, event_bytes_max: int) -> UpstreamStream:
    """The provider's stream as one of chat completion chunks; `model` stands in those of a provider that names none."""
    dialect = _dialect(provider)
    return stream if dialect is None else _ChatStream(provider, stream, dialect, model, event_bytes_max)


class _ChatStream:
    """Reads events of one API and gives chat completion chunks, with the end marker after the last one.

    A stream that breaks off before it has told why it ended gets no end marker.
    """

    def __init__(self, provider: Provider, stream: UpstreamStream, dialect: Dialect, model: str, event_bytes_max: int) -> None:
        self._provider, self._stream, self._model = provider, stream, model
        self._splitter = splitter_for(provider.api, event_bytes_max, provider.name)
        self._reader = dialect.EventReader(provider.name)
        self._has_reason = self._ended = False

    async def read(self) -> bytes:
        """The chunks that the next bytes complete, b"" at the end."""
        while not self._ended:
            data = await self._stream.read()
            if not data:
                self._ended = True
                if self._splitter.rest().strip():
                    raise UpstreamError(f"provider {self._provider.name}: the stream ended in the middle")
                return DONE if self._has_reason else b""
            found = [chunk for each in self._splitter.feed(data) for chunk in self._reader.read(*each)]
            self._has_reason = self._has_reason or any(
                choice["finish_reason"] is not None for chunk in found for choice in chunk["choices"]
            )
            leaving = b"".join(event({**chunk, "model": chunk["model"] or self._model}) for chunk in found)
            if self._reader.done:
                self._ended = True
                return leaving + DONE
            if leaving:
                return leaving
        return b""

    def close(self) -> None:
        """Drop the connection now."""
        self._stream.close()
