"""Where a value stands in a JSON text: for findings that mark what is wrong rather than everything."""

from __future__ import annotations

import json
import re
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def place_of(text: str, path: Path) -> tuple[int, int] | None:
    """Start and end (code points) of the value at `path` in the JSON `text`; None where there is none. Linear in the text for
    each step of the path."""
    try:
        start = _skip(text, 0)
        for step in path:
            start = _step(text, start, step)
        return start, _DECODER.raw_decode(text, start)[1]
    except (ValueError, LookupError, RecursionError):
        return None


def _step(text: str, start: int, step: str | int) -> int:
    """Where the member or item `step` of the object or list at `start` begins; LookupError where there is none."""
    if text[start] != ("{" if isinstance(step, str) else "["):
        raise LookupError
    index, place = 0, _skip(text, start + 1)
    while text[place] not in "}]":
        found: object = index
        if isinstance(step, str):
            found, place = _DECODER.raw_decode(text, place)
            place = _skip(text, _skip(text, place) + 1)  # past the colon
        if found == step:
            return place
        place = _skip(text, _DECODER.raw_decode(text, place)[1])
        place = _skip(text, place + 1) if text[place] == "," else place
        index += 1
    raise LookupError


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match is not None else place
