"""One way to read a provider's stream, whatever its framing: raw bytes in, named events out, for the dialects' event readers."""

from __future__ import annotations

from typing import Protocol

from groundcrew.domain.provider import Api
from groundcrew.errors import UpstreamError
from groundcrew.gateway import sse
from groundcrew.gateway.dialects.event_stream import EventStreamSplitter


class Splitter(Protocol):
    """Splits a byte stream into events."""

    def feed(self, data: bytes) -> list[tuple[str | None, bytes]]:
        """Name and data of the events that `data` completes. UpstreamError for a malformed or too large one."""
        ...

    def rest(self) -> bytes:
        """What came after the last whole event."""
        ...


class NamedEventSplitter:
    """Splits server-sent events; those without data (comments, keep-alives) are left out."""

    __slots__ = ("_splitter",)

    def __init__(self, event_bytes_max: int) -> None:
        self._splitter = sse.EventSplitter(event_bytes_max)

    def feed(self, data: bytes) -> list[tuple[str | None, bytes]]:
        """Name and data of the events that `data` completes."""
        events = ((_name(raw), sse.event_data(raw)) for raw in self._splitter.feed(data))
        return [(name, found) for name, found in events if found is not None]

    def rest(self) -> bytes:
        """What came after the last boundary."""
        return self._splitter.rest()


def _name(raw: bytes) -> str | None:
    """The event's name, the last one where it is told twice."""
    name: str | None = None
    for line in raw.splitlines():
        if line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace")
    return name


class _Framed:
    """AWS's framing behind the same face."""

    __slots__ = ("_splitter",)

    def __init__(self, event_bytes_max: int, provider: str) -> None:
        self._splitter = EventStreamSplitter(event_bytes_max, provider)

    def feed(self, data: bytes) -> list[tuple[str | None, bytes]]:
        return list(self._splitter.feed(data))

    def rest(self) -> bytes:
        return self._splitter.rest()


def splitter_for(api: Api, event_bytes_max: int, provider: str) -> Splitter:
    """The splitter for the streams of `api`. UpstreamError for one that streams nothing over HTTP."""
    if api == "bedrock":
        return _Framed(event_bytes_max, provider)
    if api == "extractive":
        raise UpstreamError(f"provider {provider}: the embedded provider has no stream of its own")
    return NamedEventSplitter(event_bytes_max)
