"""Reads the framing application/vnd.amazon.eventstream: raw bytes in, whole events out, both checksums of every message verified.

A message is a prelude (total length, length of the headers, CRC-32 of these 8 bytes), headers, a payload and the CRC-32 of all
that stands before it; numbers are big-endian.
"""

from __future__ import annotations

import zlib

from groundcrew.errors import UpstreamError

PRELUDE_BYTES = 12
CRC_BYTES = 4
MESSAGE_BYTES_MIN = PRELUDE_BYTES + CRC_BYTES
HEADERS_MAX = 64
#: Bytes of a header's value by its type, -1 where two bytes before it tell: true, false, byte, short, int, long, bytes, text,
#: timestamp, uuid.
_VALUE_BYTES = (0, 0, 1, 2, 4, 8, -1, -1, 8, 16)
_TEXT = 7

#: The name of an event or an exception, and its payload.
Event = tuple[str, bytes]


class EventStreamSplitter:
    """Splits a byte stream into events. `message_bytes_max` bounds one message, and with it what may wait for its end."""

    __slots__ = ("_buffer", "_message_bytes_max", "_provider")

    def __init__(self, message_bytes_max: int, provider: str) -> None:
        self._buffer = b""
        self._message_bytes_max, self._provider = message_bytes_max, provider

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. UpstreamError for a message that is malformed, too large or reports an error.

        An exception of the service is an event named for it, such as `throttlingException`.
        """
        self._buffer += data
        events: list[Event] = []
        start = 0
        while len(self._buffer) - start >= PRELUDE_BYTES:
            prelude = self._buffer[start : start + PRELUDE_BYTES]
            total, headers = int.from_bytes(prelude[:4]), int.from_bytes(prelude[4:8])
            if zlib.crc32(prelude[:8]) != int.from_bytes(prelude[8:]):
                raise self._broken("the checksum of a message's begin is wrong")
            if total < MESSAGE_BYTES_MIN or headers > total - MESSAGE_BYTES_MIN:
                raise self._broken("a message's lengths make no sense")
            if total > self._message_bytes_max:
                raise self._broken(f"a message is larger than {self._message_bytes_max} bytes")
            if len(self._buffer) - start < total:
                break
            events.append(self._event(self._buffer[start : start + total], headers))
            start += total
        self._buffer = self._buffer[start:]
        return events

    def rest(self) -> bytes:
        """What came after the last whole message."""
        return self._buffer

    def _event(self, message: bytes, headers_bytes: int) -> Event:
        if zlib.crc32(message[:-CRC_BYTES]) != int.from_bytes(message[-CRC_BYTES:]):
            raise self._broken("the checksum of a message is wrong")
        headers = self._headers(message[PRELUDE_BYTES : PRELUDE_BYTES + headers_bytes])
        payload = message[PRELUDE_BYTES + headers_bytes : -CRC_BYTES]
        kind = headers.get(":message-type")
        if kind == "event" and ":event-type" in headers:
            return headers[":event-type"], payload
        if kind == "exception" and ":exception-type" in headers:
            return headers[":exception-type"], payload
        if kind == "error":
            raise UpstreamError(f"provider {self._provider}: its stream reported {headers.get(':error-code', 'an error')[:80]!r}")
        raise self._broken("a message is neither event nor exception nor error")

    def _headers(self, data: bytes) -> dict[str, str]:
        """The headers that are texts; others are checked and left out."""
        found: dict[str, str] = {}
        at = count = 0
        try:
            while at < len(data):
                count += 1
                name_end = at + 1 + data[at]
                name, kind = data[at + 1 : name_end].decode(), data[name_end]
                at = name_end + 1
                length = _VALUE_BYTES[kind]
                if length < 0:
                    length = int.from_bytes(data[at : at + 2])
                    at += 2
                value = data[at : at + length]
                at += length
                if at > len(data) or not name or name in found or count > HEADERS_MAX:
                    raise self._broken("a message's headers are malformed")
                if kind == _TEXT:
                    found[name] = value.decode()
        except (IndexError, UnicodeDecodeError):
            raise self._broken("a message's headers are malformed") from None
        return found

    def _broken(self, why: str) -> UpstreamError:
        return UpstreamError(f"provider {self._provider}: its event stream is broken: {why}")
