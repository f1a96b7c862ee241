"""Streams on their way from a provider to a client: what is read of them, and what of them goes on.

Where both speak the same, the provider's bytes go on as they came; otherwise, and where values are put back in the place of their
tags, each event is translated by way of chat completion chunks. The event that tells the end waits until the call is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.answer import Gathering, Tokens, chunk_object, usage_object
from groundcrew.gateway.asked import Asked, Dialect
from groundcrew.gateway.dialects.registry import EventReader, client_dialect, provider_dialect
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.respond import DONE, event
from groundcrew.gateway.restoring_streams import RestoringChunks
from groundcrew.gateway.sse import event_data, event_name, is_done
from groundcrew.guards.redaction import Pseudonyms

#: One event of a provider: its own bytes, or the name and data of one that is no server-sent event.
Frame = bytes | tuple[str, bytes]


class ChunkWriter(Protocol):
    """Writes a client's stream from chat completion chunks, as `EventWriter` does."""

    def chunk(self, chunk: dict[str, Any]) -> bytes:
        """The events that a chunk stands for."""
        ...

    def end(self, report: dict[str, Any] | None, usage: dict[str, Any] | None) -> bytes:
        """The closing events."""
        ...


class Relay(Protocol):
    """Takes a provider's events and says what goes on."""

    gathering: Gathering

    def take(self, frames: Sequence[Frame]) -> tuple[bytes, bool]:
        """The bytes for the client, and whether the end was told. UpstreamError for what is malformed or an error."""
        ...

    def ended(self) -> bool:
        """Whether the answer is whole although the stream ended without telling so."""
        ...

    def usage(self) -> Tokens | None:
        """The token counts as far as they were told."""
        ...

    def end(self, report: dict[str, Any]) -> bytes:
        """The closing bytes for the client."""
        ...


class _ChatRelay:
    """Chat completions on both sides."""

    def __init__(self, provider: str, flight: Flight, model: str, *, wants_usage: bool) -> None:
        self.gathering = Gathering(provider)
        self._flight, self._model, self._wants_usage = flight, model, wants_usage

    def take(self, frames: Sequence[Frame]) -> tuple[bytes, bool]:
        leaving: list[bytes] = []
        for raw in frames:
            assert isinstance(raw, bytes)
            data = event_data(raw)
            if data is None:
                continue
            if is_done(data):
                return b"".join(leaving), True
            chunk = self.gathering.read(data)
            if chunk.choices or not chunk.has_usage or self._wants_usage:
                leaving.append(raw)
        return b"".join(leaving), False

    def ended(self) -> bool:
        return self.gathering.finish_reason is not None

    def usage(self) -> Tokens | None:
        return self.gathering.usage

    def end(self, report: dict[str, Any]) -> bytes:
        created_s = int(self._flight.received_at.timestamp())
        return event(chunk_object(self._flight.call_id, self._model, created_s, [], groundcrew=report)) + DONE


class _NativeRelay:
    """Another dialect on both sides: its events go on as they came, the last one with the report in it."""

    def __init__(self, provider: str, asked: Asked, model: str) -> None:
        self.gathering = Gathering(provider)
        self._reader = provider_dialect(asked.dialect).EventReader(provider)
        self._provider, self._asked, self._model = provider, asked, model
        self._last: tuple[str | None, bytes] | None = None

    def take(self, frames: Sequence[Frame]) -> tuple[bytes, bool]:
        leaving: list[bytes] = []
        for raw in frames:
            assert isinstance(raw, bytes)
            data = event_data(raw)
            if data is None:
                continue
            name = event_name(raw)
            for chunk in self._reader.read(name, data):
                self.gathering.read(msgspec.json.encode(chunk))
            if self._reader.hides:
                self.gathering.hid_text = True
            if self._reader.done:
                self._last = (name, data)
                return b"".join(leaving), True
            leaving.append(self._own(name, data, raw))
        return b"".join(leaving), False

    def _own(self, name: str | None, data: bytes, raw: bytes) -> bytes:
        """An event that repeats the request: with the client's model and instructions, not with what we sent in their place."""
        if b'"model"' not in data:
            return raw
        value = msgspec.json.decode(data)
        changed = self._put_own(value)
        return event(value, name) if changed else raw

    def _put_own(self, value: Any) -> bool:
        found = value.get("response") or value.get("message") if isinstance(value, dict) else None
        if not isinstance(found, dict):
            return False
        if "model" in found:
            found["model"] = self._model
        if "instructions" in found:
            found["instructions"] = self._asked.request.get("instructions")
        return True

    def ended(self) -> bool:
        return False

    def usage(self) -> Tokens | None:
        return self.gathering.usage or _told(self._reader)

    def end(self, report: dict[str, Any]) -> bytes:
        if self._last is None:
            raise UpstreamError(f"provider {self._provider}: the stream ended in the middle")
        name, data = self._last
        value = msgspec.json.decode(data)
        self._put_own(value)
        value["groundcrew"] = report
        if isinstance(value.get("response"), dict):
            value["response"]["groundcrew"] = report
        return event(value, name)


class _TranslatingRelay:
    """Different dialects: every event is translated. With `pseudonyms`, values leave in the place of their tags."""

    def __init__(self, provider: str, dialect: Dialect, writer: ChunkWriter, pseudonyms: Pseudonyms) -> None:
        self.gathering = Gathering(provider)
        self._reader = None if dialect == "chat" else provider_dialect(dialect).EventReader(provider)
        self._provider, self._writer = provider, writer
        self._restoring = RestoringChunks(pseudonyms) if pseudonyms.restores else None

    def take(self, frames: Sequence[Frame]) -> tuple[bytes, bool]:
        leaving: list[bytes] = []
        for frame in frames:
            name, data = frame if isinstance(frame, tuple) else (event_name(frame), event_data(frame))
            if data is None:
                continue
            if self._reader is None and is_done(data):
                return b"".join(leaving), True
            for chunk, raw in self._chunks(name, data):
                self.gathering.read(raw)
                leaving.append(self._writer.chunk(self._restoring.chunk(chunk) if self._restoring is not None else chunk))
            if self._reader is not None and self._reader.done:
                return b"".join(leaving), True
        return b"".join(leaving), False

    def _chunks(self, name: str | None, data: bytes) -> list[tuple[dict[str, Any], bytes]]:
        if self._reader is not None:
            return [(chunk, msgspec.json.encode(chunk)) for chunk in self._reader.read(name, data)]
        try:
            chunk = msgspec.json.decode(data, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamError(f"provider {self._provider}: its stream holds a malformed event") from None
        return [(chunk, data)]

    def ended(self) -> bool:
        return self.gathering.finish_reason is not None

    def usage(self) -> Tokens | None:
        return self.gathering.usage or _told(self._reader)

    def end(self, report: dict[str, Any]) -> bytes:
        usage = self.gathering.usage
        rest = b"".join(map(self._writer.chunk, self._restoring.rest())) if self._restoring is not None else b""
        return rest + self._writer.end(report, usage_object(usage) if usage is not None else None)


class Reading:
    """Reads a provider's stream of which nothing goes on by itself. Like a `Relay` without what it writes."""

    def __init__(self, provider: str, dialect: Dialect) -> None:
        self.gathering = Gathering(provider)
        self._reader = None if dialect == "chat" else provider_dialect(dialect).EventReader(provider)

    def take(self, frames: Sequence[Frame]) -> bool:
        """Gather what `frames` hold; whether the end was told. UpstreamError for what is malformed or an error."""
        for frame in frames:
            name, data = frame if isinstance(frame, tuple) else (event_name(frame), event_data(frame))
            if data is None:
                continue
            if self._reader is None:
                if is_done(data):
                    return True
                self.gathering.read(data)
                continue
            for chunk in self._reader.read(name, data):
                self.gathering.read(msgspec.json.encode(chunk))
            if self._reader.done:
                return True
        return False

    def ended(self) -> bool:
        """Whether the answer is whole although the stream ended without telling so."""
        return self.gathering.finish_reason is not None

    def usage(self) -> Tokens | None:
        """The token counts as far as they were told."""
        return self.gathering.usage or _told(self._reader)


class _ChatWriter:
    """Chunks as a chat client reads them. Implements `ChunkWriter`."""

    def __init__(self, *, call_id: str, model: str, created_s: int, wants_usage: bool) -> None:
        self._call_id, self._model, self._created_s, self._wants_usage = call_id, model, created_s, wants_usage

    def chunk(self, chunk: dict[str, Any]) -> bytes:
        if not chunk.get("choices") and not self._wants_usage:
            return b""
        own = {"id": "chatcmpl-" + self._call_id, "object": "chat.completion.chunk", "created": self._created_s}
        return event({**chunk, **own, "model": self._model})

    def end(self, report: dict[str, Any] | None, usage: dict[str, Any] | None) -> bytes:
        return event(chunk_object(self._call_id, self._model, self._created_s, [], groundcrew=report)) + DONE


def _told(reader: EventReader | None) -> Tokens | None:
    """Counts that a reader knows before the stream's end, where its dialect tells them earlier."""
    told = getattr(reader, "usage_told", None)
    return msgspec.convert(told, Tokens, strict=False) if told is not None else None


def relay_for(asked: Asked, flight: Flight, dialect: Dialect, model: str) -> Relay:
    """How the stream of a provider that speaks `dialect` goes on to the client. The flight gets the writer, if there is one."""
    provider, names = flight.provider or "", flight.pseudonyms
    if asked.dialect == dialect == "chat" and not names.restores:
        return _ChatRelay(provider, flight, model, wants_usage=asked.wants_usage)
    created_s = int(flight.received_at.timestamp())
    if asked.dialect == "chat":
        chat = _ChatWriter(call_id=flight.call_id, model=model, created_s=created_s, wants_usage=asked.wants_usage)
        return _TranslatingRelay(provider, dialect, chat, names)
    writer = client_dialect(asked.dialect).EventWriter(
        call_id=flight.call_id, model=model, created_s=created_s, request=asked.request
    )
    flight.writer = writer
    if asked.dialect == dialect and not names.restores:
        return _NativeRelay(provider, asked, model)
    return _TranslatingRelay(provider, dialect, writer, names)
