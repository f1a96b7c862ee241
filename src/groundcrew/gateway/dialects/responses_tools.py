"""How a Responses request is read, with errors that name the member, and its tools as those of a chat completion."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from groundcrew.errors import RefusedCall

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]+)`")

Object = dict[str, Any]
Loaded = TypeVar("Loaded")


class NativeOnly(Exception):
    """A member that only a provider that speaks the Responses API itself can serve."""


class _Tool(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None
    format: Object | None = None


def load(value: Any, shape: type[Loaded], path: str) -> Loaded:
    """`value` as `shape`; RefusedCall names the member below `path` that is not as it must be."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        text = str(error)
        match, missing = _PLACE.search(text), _MISSING.search(text)
        below = match.group(1) if match is not None else ""
        if missing is not None:
            below, text = f"{below}.{missing.group(1)}".lstrip("."), "is required"
        elif match is not None:
            text = text[: match.start()]
        field = path + ("." if path and below and not below.startswith("[") else "") + below
        raise RefusedCall("invalid_request", f"{field or 'the body'}: {text}") from None


def refused(path: str, why: str) -> RefusedCall:
    """The error for a member that is wrong."""
    return RefusedCall("invalid_request", f"{path}: {why}")


def present(members: Object) -> Object:
    """`members` without those that are null."""
    return {name: value for name, value in members.items() if value is not None}


def chat_tool(tool: Object, path: str) -> Object:
    """A function or custom tool as a chat completion's; NativeOnly for tools that a provider hosts."""
    kind = tool.get("type")
    if kind is None:
        raise refused(f"{path}.type", "is required")
    if kind not in ("function", "custom"):
        raise NativeOnly(path)
    if tool.get("defer_loading") or tool.get("async"):
        raise NativeOnly(f"{path}.{'defer_loading' if tool.get('defer_loading') else 'async'}")
    if tool.get("allowed_callers") not in (None, ["direct"]):
        raise NativeOnly(f"{path}.allowed_callers")
    given = load(tool, _Tool, path)
    if kind == "function":
        members = {"name": given.name, "description": given.description, "parameters": given.parameters, "strict": given.strict}
        return {"type": "function", "function": present(members)}
    return {
        "type": "custom",
        "custom": present({"name": given.name, "description": given.description, "format": _grammar(given.format, path)}),
    }


def _grammar(given: Object | None, path: str) -> Object | None:
    """A custom tool's format: the chat completion nests the grammar one level deeper."""
    if given is None or given.get("type") == "text":
        return given
    if given.get("type") != "grammar":
        raise refused(f"{path}.format.type", 'use "text" or "grammar"')
    return {"type": "grammar", "grammar": {"syntax": given.get("syntax"), "definition": given.get("definition")}}


def chat_tool_choice(choice: str | Object) -> str | Object:
    """`tool_choice` as a chat completion's."""
    if isinstance(choice, str):
        if choice not in ("none", "auto", "required"):
            raise refused("tool_choice", 'use "none", "auto", "required" or an object')
        return choice
    kind = choice.get("type")
    if kind in ("function", "custom"):
        return _named(choice, "tool_choice")
    if kind == "allowed_tools":
        tools = choice.get("tools")
        if not isinstance(tools, list) or not all(isinstance(each, dict) for each in tools):
            raise refused("tool_choice.tools", "must be a list of tools")
        named = [_named(each, f"tool_choice.tools[{index}]") for index, each in enumerate(tools)]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.get("mode", "auto"), "tools": named}}
    if not isinstance(kind, str):
        raise refused("tool_choice.type", "is required")
    raise NativeOnly("tool_choice")


def _named(choice: Object, path: str) -> Object:
    kind = choice.get("type")
    if kind not in ("function", "custom"):
        raise NativeOnly(path)
    return {"type": kind, kind: {"name": load(choice, _Tool, path).name}}
