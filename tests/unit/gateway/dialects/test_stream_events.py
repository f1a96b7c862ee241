"""Streams of either framing come out as named events."""

from __future__ import annotations

import pytest

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.stream_events import splitter_for
from groundcrew.testing.upstream_clouds import event_stream_message


def test_server_sent_events() -> None:
    splitter = splitter_for("anthropic", 1_000, "p")
    assert splitter.feed(b': ping\n\nevent: a\ndata: {"x":\ndata: 1}\n\ndata: y\r\n\r\nevent:b\r\ndata: z') == [
        ("a", b'{"x":\n1}'),
        (None, b"y"),
    ]
    assert splitter.rest() == b"event:b\r\ndata: z"
    assert splitter.feed(b"\r\n\r\n") == [("b", b"z")]
    with pytest.raises(UpstreamError):
        splitter.feed(b"x" * 1_001)


def test_framed_events() -> None:
    splitter = splitter_for("bedrock", 1_000, "p")
    raw = event_stream_message({":message-type": "event", ":event-type": "metadata"}, b"{}")
    assert splitter.feed(raw[:20]) == []
    assert splitter.rest() == raw[:20]
    assert splitter.feed(raw[20:]) == [("metadata", b"{}")]


def test_the_embedded_provider_has_no_stream() -> None:
    with pytest.raises(UpstreamError):
        splitter_for("extractive", 1_000, "p")
