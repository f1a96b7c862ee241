"""Reads an upstream's event stream: raw bytes in, whole events out, each with its own bytes so that they can be forwarded."""

from __future__ import annotations

import re

from groundcrew.errors import UpstreamError

_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DONE = b"[DONE]"


class EventSplitter:
    """Splits a byte stream at event boundaries. `event_bytes_max` bounds what may wait for one."""

    __slots__ = ("_buffer", "_event_bytes_max")

    def __init__(self, event_bytes_max: int) -> None:
        self._buffer = b""
        self._event_bytes_max = event_bytes_max

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes, boundaries included. UpstreamError when one grows past its limit."""
        scanned = max(0, len(self._buffer) - 3)
        buffer = self._buffer + data if self._buffer else data
        events: list[bytes] = []
        start = 0
        for match in _BOUNDARY.finditer(buffer, scanned):
            events.append(buffer[start : match.end()])
            start = match.end()
        self._buffer = buffer[start:]
        if len(self._buffer) > self._event_bytes_max or any(len(each) > self._event_bytes_max for each in events):
            raise UpstreamError(f"an event of the stream is larger than {self._event_bytes_max} bytes")
        return events

    def rest(self) -> bytes:
        """What came after the last boundary."""
        return self._buffer


def event_data(raw: bytes) -> bytes | None:
    """The data of one event (lines joined), or None for one without data: a comment, a keep-alive."""
    if raw.startswith(b"data: ") and raw.count(b"\n") <= 2 and b"\r" not in raw:
        return raw[6:].strip()
    lines = [line[5:].removeprefix(b" ") for line in raw.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines).strip() if lines else None


def event_name(raw: bytes) -> str | None:
    """The name of one event, None where it has none."""
    for line in raw.splitlines():
        if line.startswith(b"event:"):
            return line[6:].strip().decode("latin-1") or None
    return None


def is_done(data: bytes) -> bool:
    """Whether this is the dialect's end marker."""
    return data == _DONE
