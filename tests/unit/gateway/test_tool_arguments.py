"""Arguments of tool calls as whoever parses them reads them."""

from __future__ import annotations

import json

import pytest

from groundcrew.gateway.tool_arguments import as_read


@pytest.mark.parametrize(
    ("arguments", "read"),
    [
        (r'{"to": "J\u00fcrg"}', '{"to": "Jürg"}'),
        (r'{"to": "J\u00fcrg \ud800"}', r'{"to": "Jürg \ud800"}'),
        (r'{"\udc00": "\ud83d\ude00 \u4f60"}', r'{"\udc00": "😀 你"}'),
        (r'{"to": "a\\u00fcb\u0022"}', r'{"to": "a\\u00fcb\""}'),
        ('{"a": 1, "a": 2}', '{"a": 2}'),
    ],
)
def test_no_letter_hides_behind_an_escape(arguments: str, read: str) -> None:
    """Half of a pair stays one, and does not keep the others hidden."""
    assert as_read(arguments) == read
    assert json.loads(read) == json.loads(arguments)
    read.encode()
