"""The texts of a Responses request that guards read and mask, and whether it holds anything else.

Tool arguments are JSON inside a string: each string, number and name in them is a text of its own, so that an escape hides
nothing and a mask never breaks the JSON. Where that can not be done (no JSON, or too much of it), the string itself is the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

Visit = Callable[[str, str], str]
Object = dict[str, Any]

#: Texts that one call's arguments are taken apart into, and those of a whole request together; how deep they may nest.
ARGUMENT_TEXTS_MAX = 1_000
REQUEST_ARGUMENT_TEXTS_MAX = 10_000
ARGUMENT_DEPTH_MAX = 64

_ROLES = frozenset({"user", "assistant", "system", "developer"})
#: An identifier or an enumerated word; anything longer or with other characters could be text.
_WORD = re.compile(r"[A-Za-z0-9_.:/-]{0,128}\Z")
#: A run of digits that could be somebody's number; not in identifiers as providers make them.
_LONG_NUMBER = re.compile(r"[0-9]{7}")
_MADE_ID = re.compile(r"(?:call|fc|ctc|msg|rs|resp|item)_[A-Za-z0-9_-]{16,120}\Z")
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
#: Members whose values are settings. They hold no text as long as every string in them is a word.
_SETTINGS = frozenset(
    {
        *("model", "stream", "stream_options", "store", "service_tier", "parallel_tool_calls", "background", "include"),
        *("max_output_tokens", "max_tool_calls", "temperature", "top_p", "top_logprobs", "truncation", "reasoning"),
        *("tool_choice", "prompt_cache_retention", "prompt_cache_options", "text"),
    }
)
#: kind of item → the members that are visited; those in `_ITEM_WORDS` hold a word.
_ITEM_TEXTS = {
    "message": frozenset({"content"}),
    "reasoning": frozenset({"summary", "content"}),
    "function_call": frozenset({"arguments"}),
    "custom_tool_call": frozenset({"input"}),
    "function_call_output": frozenset({"output"}),
    "custom_tool_call_output": frozenset({"output"}),
}
_ITEM_WORDS = frozenset({"type", "role", "id", "call_id", "name", "status", "phase"})
#: kind of part → the member that is its text.
_PART_TEXT = {
    **dict.fromkeys(("input_text", "output_text", "summary_text", "reasoning_text"), "text"),
    "refusal": "refusal",
}
_PART_SETTINGS = frozenset({"type", "annotations", "logprobs", "prompt_cache_breakpoint"})


def visit_texts(request: Object, visit: Visit) -> None:
    """Put `visit(role, text)` in the place of every text, in order. What is malformed is passed over; `hides_text` tells."""
    if isinstance(request.get("instructions"), str):
        request["instructions"] = visit("system", request["instructions"])
    given = request.get("input")
    if isinstance(given, str):
        request["input"] = visit("user", given)
    elif isinstance(given, list):
        arguments = Arguments()
        for item in given:
            if isinstance(item, dict):
                _visit_item(item, visit, arguments)


def hides_text(request: Object) -> bool:
    """Whether anything in `request` is not visited: images, files, tools, encrypted reasoning, state that the provider keeps,
    members and items that are unknown here. True in doubt."""
    for name, value in request.items():
        if value is None or (name == "instructions" and isinstance(value, str)):
            continue
        if (
            name == "model" and isinstance(value, str) and _WORD.match(value)
        ):  # its name may hold a date; the target's replaces it
            continue
        if name == "input":
            if _input_hides(value):
                return True
        elif name == "tools" and value == []:
            continue
        elif name not in _SETTINGS or not _is_setting(value):
            return True
    return False


def _visit_item(item: Object, visit: Visit, arguments: Arguments) -> None:
    kind = _kind(item)
    if kind == "message":
        role = item.get("role")
        _visit_content(item, "content", role if isinstance(role, str) and role in _ROLES else "user", visit)
    elif kind == "reasoning":
        _visit_content(item, "summary", "assistant", visit)
        _visit_content(item, "content", "assistant", visit)
    elif kind in ("function_call_output", "custom_tool_call_output"):
        _visit_content(item, "output", "tool", visit)
    elif kind == "custom_tool_call" and isinstance(item.get("input"), str):
        item["input"] = visit("tool", item["input"])
    elif kind == "function_call" and isinstance(item.get("arguments"), str):
        item["arguments"] = arguments.visit(item["arguments"], visit)


def _kind(item: Object) -> Any:
    """A message may leave its type out."""
    return "message" if item.get("type") is None else item["type"]


def _visit_content(item: Object, name: str, role: str, visit: Visit) -> None:
    content = item.get(name)
    if isinstance(content, str):
        item[name] = visit(role, content)
    elif isinstance(content, list):
        for part in content:
            member = _text_member(part)
            if member is not None:
                part[member] = visit(role, part[member])


def _text_member(part: Any) -> str | None:
    """The name of the member of `part` that is its text, None where it has none."""
    kind = part.get("type") if isinstance(part, dict) else None
    member = _PART_TEXT.get(kind) if isinstance(kind, str) else None
    return member if member is not None and isinstance(part.get(member), str) else None


def _input_hides(given: Any) -> bool:
    if isinstance(given, str):
        return False
    if not isinstance(given, list):
        return True
    arguments = Arguments()
    return any(not isinstance(item, dict) or _item_hides(item, arguments) for item in given)


def _item_hides(item: Object, arguments: Arguments) -> bool:
    kind = _kind(item)
    visited = _ITEM_TEXTS.get(kind) if isinstance(kind, str) else None
    if visited is None or (kind == "message" and not (isinstance(item.get("role"), str) and item["role"] in _ROLES)):
        return True
    for name, value in item.items():
        if value is None:
            continue
        if name in visited:
            if isinstance(value, str):
                if name == "arguments" and arguments.take_apart(value) is None:
                    return True
            elif not isinstance(value, list) or any(_part_hides(part) for part in value):
                return True
        elif name not in _ITEM_WORDS or not isinstance(value, str) or not _is_word(value):
            return True
    return False


def _part_hides(part: Any) -> bool:
    member = _text_member(part)
    if member is None:
        return True
    return any(
        name not in _PART_SETTINGS or not _is_setting(value)
        for name, value in part.items()
        if name != member and value is not None
    )


def _is_word(text: str) -> bool:
    """Whether `text` is an identifier or an enumerated word, and no number of anybody's."""
    if not _WORD.match(text):
        return False
    return _LONG_NUMBER.search(text) is None or _MADE_ID.match(text) is not None


def _is_setting(value: Any) -> bool:
    """Whether `value` holds nothing but numbers and words. An iterative walk: it may nest as deep as JSON could be read."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            if not _is_word(each):
                return False
        elif isinstance(each, dict):
            if "schema" in each or not all(_is_word(name) for name in each):
                return False
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return True


class Arguments:
    """Takes the arguments of a request's function calls apart, as long as there are not too many texts in them."""

    def __init__(self) -> None:
        self._left = REQUEST_ARGUMENT_TEXTS_MAX

    def take_apart(self, text: str) -> list[Any] | None:
        """A list of the one JSON value that `text` is; None where it is none or holds too much."""
        value = _decoded(text)
        if value is None:
            return None
        found = _texts_within(value, min(self._left, ARGUMENT_TEXTS_MAX))
        if found is None:
            return None
        self._left -= found
        return [value]

    def visit(self, text: str, visit: Visit) -> str:
        """`text` with every text in it replaced by what `visit` returns; unchanged to the byte where nothing is. A member that
        stands in an object twice is sent once, as it was read."""
        taken = self.take_apart(text)
        if taken is not None:
            value = taken[0]
            replaced = _replaced(value, visit)
            is_same = replaced == value and _STRING.sub("", text).count(":") == _members_within(value)
            return text if is_same else json.dumps(replaced, ensure_ascii=False, separators=(",", ":"))
        masked = visit("tool", text)
        if masked == text or _decoded(masked) is not None:
            return masked
        # Providers take nothing but JSON.
        return json.dumps({"masked": masked}, ensure_ascii=False, separators=(",", ":"))


def _decoded(text: str) -> Any:
    """The JSON value that `text` is. None where it is none, or null, in which there is nothing to read."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None


def _texts_within(value: Any, most: int) -> int | None:
    """How many texts `value` may hold; None where they are more than `most` or nest deeper than ARGUMENT_DEPTH_MAX."""
    found, depth, level = 0, 0, [value]
    while level:
        found += len(level) + sum(len(each) for each in level if isinstance(each, dict))
        if found > most or depth > ARGUMENT_DEPTH_MAX:
            return None
        level, depth = _below(level), depth + 1
    return found


def _members_within(value: Any) -> int:
    found, level = 0, [value]
    while level:
        found += sum(len(each) for each in level if isinstance(each, dict))
        level = _below(level)
    return found


def _below(level: list[Any]) -> list[Any]:
    """What the objects and arrays in `level` hold."""
    below: list[Any] = []
    for each in level:
        if isinstance(each, dict):
            below += each.values()
        elif isinstance(each, list):
            below += each
    return below


def _replaced(value: Any, visit: Visit) -> Any:
    if isinstance(value, str):
        return visit("tool", value)
    if isinstance(value, dict):
        replaced: Object = {}
        for name, each in value.items():
            key = visit("tool", name)
            while key in replaced:
                key += "'"
            replaced[key] = _replaced(each, visit)
        return replaced
    if isinstance(value, list):
        return [_replaced(each, visit) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    text = str(value)
    masked = visit("tool", text)
    return value if masked == text else masked
