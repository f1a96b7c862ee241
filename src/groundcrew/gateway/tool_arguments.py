"""The arguments of tool calls, which are JSON inside a string: as whoever parses them reads them, so guards read the same."""

from __future__ import annotations

import json
import re
from typing import Any

#: Half of a surrogate pair, which no text outside of JSON can hold.
_HALF = re.compile("[\ud800-\udfff]")
#: A string of JSON, or a tag outside of one.
_STRING_OR_TAG = re.compile(r'"(?:[^"\\]|\\.)*"|[-\d.]*(\[[A-Z][^\[\]\s"]{0,79}\])[-\d.]*', re.DOTALL)


def unescaped(call: dict[str, Any]) -> dict[str, Any]:
    """A tool call whose arguments hide no letters behind JSON's escapes."""
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(arguments, str) or "\\" not in arguments:
        return call
    return {**call, "function": {**function, "arguments": as_read(arguments)}}


def as_read(arguments: str) -> str:
    """A tool call's arguments as they were checked: a member that stands in them twice once, letters as they are."""
    twice = False

    def merge(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        merged = dict(pairs)
        twice = twice or len(merged) < len(pairs)
        return merged

    try:
        value = json.loads(arguments, object_pairs_hook=merge)
    except (ValueError, RecursionError):
        return arguments
    if not twice and "\\u" not in arguments and "\\/" not in arguments:
        return arguments
    read = json.dumps(value, ensure_ascii=False)
    return _HALF.sub(lambda match: f"\\u{ord(match.group()):04x}", read)


def still_json(own: str, masked: str) -> str:
    """Masked arguments that parse where those of before did: a tag in the place of a number becomes a string."""
    if masked == own or not _parses(own) or _parses(masked):
        return masked
    return _STRING_OR_TAG.sub(lambda match: f'"{match.group(1)}"' if match.group(1) else match.group(), masked)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_offered(name: str, *lists: Any) -> bool:
    """Whether one of a request's lists of tools, in any dialect, holds a tool of this name."""
    for tools in lists:
        for tool in tools if isinstance(tools, list) else ():
            if not isinstance(tool, dict):
                continue
            own = next((tool[kind] for kind in ("function", "custom") if isinstance(tool.get(kind), dict)), tool)
            if own.get("name") == name:
                return True
    return False


def strings(value: Any) -> list[str]:
    """Every string in a JSON value, the names of members left out."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, dict):
            waiting += reversed(each.values())
        elif isinstance(each, list):
            waiting += reversed(each)
    return found
