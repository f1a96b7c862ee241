"""AWS's event stream framing, held against botocore's own reader."""

from __future__ import annotations

import contextlib
import itertools
import struct
import zlib
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.event_stream import EventStreamSplitter
from groundcrew.testing.upstream_clouds import event_stream_message

LIMIT = 100_000
NAMES = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8)
#: A header's type and value, as the framing writes it.
VALUES = st.one_of(
    st.sampled_from([b"\x00", b"\x01"]),
    st.integers(0, 255).map(lambda value: b"\x02" + struct.pack("!B", value)),
    st.integers(-(2**15), 2**15 - 1).map(lambda value: b"\x03" + struct.pack("!h", value)),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: b"\x04" + struct.pack("!i", value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: b"\x05" + struct.pack("!q", value)),
    st.binary(min_size=1, max_size=9).map(lambda value: b"\x06" + struct.pack("!H", len(value)) + value),
    st.text(min_size=1, max_size=9).map(lambda value: b"\x07" + struct.pack("!H", len(value.encode())) + value.encode()),
    st.integers(0, 2**40).map(lambda value: b"\x08" + struct.pack("!q", value)),
    st.binary(min_size=16, max_size=16).map(lambda value: b"\x09" + value),
)


def framed(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack("!I", zlib.crc32(body))


def text(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()


def event(kind: str, payload: bytes, more: dict[str, bytes] | None = None) -> bytes:
    others = b"".join(bytes([len(name)]) + name.encode() + value for name, value in (more or {}).items())
    return framed(text(":message-type", "event") + others + text(":event-type", kind), payload)


def read(raw: bytes, cuts: list[int] | None = None) -> list[tuple[str, bytes]]:
    splitter = EventStreamSplitter(LIMIT, "b")
    places = [0, *sorted(cut % (len(raw) + 1) for cut in cuts or []), len(raw)]
    found = [each for start, end in itertools.pairwise(places) for each in splitter.feed(raw[start:end])]
    assert splitter.rest() == b""
    return found


def as_botocore_reads(raw: bytes) -> list[tuple[str, bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    return [(each.headers[":event-type"], each.payload) for each in buffer]


MESSAGES = st.lists(st.tuples(NAMES, st.binary(max_size=40), st.dictionaries(NAMES, VALUES, max_size=4)), max_size=4)


@given(MESSAGES, st.lists(st.integers(0, 10_000), max_size=6))
def test_any_stream_cut_anywhere_reads_as_botocore_reads_it(messages: list[Any], cuts: list[int]) -> None:
    raw = b"".join(event(*each) for each in messages)
    assert read(raw, cuts) == as_botocore_reads(raw) == [(kind, payload) for kind, payload, _ in messages]


@given(st.binary(max_size=30), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_never_passes(payload: bytes, place: int, change: int) -> None:
    raw = bytearray(event("metadata", payload))
    raw[place % len(raw)] ^= change
    splitter = EventStreamSplitter(LIMIT, "b")
    with pytest.raises(UpstreamError):
        splitter.feed(bytes(raw))


@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_an_upstream_error(data: bytes) -> None:
    with contextlib.suppress(UpstreamError):
        EventStreamSplitter(LIMIT, "b").feed(data)


@given(st.binary(max_size=60))
def test_any_headers_are_read_or_refused(headers: bytes) -> None:
    with contextlib.suppress(UpstreamError):
        EventStreamSplitter(LIMIT, "b").feed(framed(headers, b"{}"))


def test_an_exception_is_an_event_of_its_name() -> None:
    raw = event_stream_message({":message-type": "exception", ":exception-type": "throttlingException"}, b"{}")
    assert read(raw) == [("throttlingException", b"{}")]


def test_an_error_is_raised() -> None:
    raw = event_stream_message({":message-type": "error", ":error-code": "InternalError", ":error-message": "x"}, b"")
    with pytest.raises(UpstreamError, match="InternalError"):
        read(raw)


def test_a_message_that_is_too_large_is_refused_before_it_is_there() -> None:
    whole = event("metadata", b"x" * 200)
    with pytest.raises(UpstreamError, match="larger than 100 bytes"):
        EventStreamSplitter(100, "b").feed(whole[:12])


@pytest.mark.parametrize(
    "headers",
    [
        b"\x01a\x0a",  # no such type
        b"\x05a",  # the name ends after the headers
        b"\x01a\x07\x00\x09x",  # the value ends after the headers
        text("a", "1") + text("a", "2"),  # twice
        b"\x01\xff\x00",  # no UTF-8
        b"\x00\x00",  # no name
    ],
)
def test_malformed_headers(headers: bytes) -> None:
    with pytest.raises(UpstreamError, match="headers are malformed"):
        read(framed(headers, b""))


def test_lengths_that_make_no_sense() -> None:
    for total, headers in ((15, 0), (20, 5)):
        prelude = struct.pack("!II", total, headers)
        with pytest.raises(UpstreamError, match="lengths"):
            read(prelude + struct.pack("!I", zlib.crc32(prelude)) + b"x" * 20)
