"""What the parts of the Anthropic Messages dialect share: typed conversion, the words of both sides, usage, and the layout of an
answer's blocks, which keeps signed thinking alive on its way through a chat completion.

The dialect is the one of `POST /v1/messages`, version 2023-06-01, as the official SDK 2.14 types it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from groundcrew.errors import RefusedCall

#: The member of a request, a message or a delta that carries what only this dialect knows. It is for providers of this dialect
#: alone: `without_vendor_members` takes it away for all others.
VENDOR = "anthropic"
#: Token counts beyond this are nonsense.
TOKENS_MAX = 1_000_000_000
#: Blocks of one answer.
BLOCKS_MAX = 1_024

#: `stop_reason` → `finish_reason`. What is not named here is "stop".
FINISH_REASONS: dict[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
#: `finish_reason` → `stop_reason`. What is not named here is "end_turn".
STOP_REASONS: dict[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}

Block = dict[str, Any]
Shape = TypeVar("Shape")

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")


def typed(value: object, shape: type[Shape], at: str = "") -> Shape:
    """`value`, which stands `at` that place, as `shape`; RefusedCall invalid_request names the place of what does not fit."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        place, reason = _place_and_reason(str(error))
        raise invalid(at + place if place.startswith("[") else f"{at}.{place}".strip("."), reason) from None


def invalid(place: str, reason: str) -> RefusedCall:
    """The refusal of a request for what stands at `place`."""
    return RefusedCall("invalid_request", f"{place or 'the body'}: {reason}")


def _place_and_reason(text: str) -> tuple[str, str]:
    match = _PLACE.search(text)
    place, reason = (match.group(1), text[: match.start()]) if match else ("", text)
    missing = _MISSING.fullmatch(reason)
    if missing:
        return f"{place}.{missing.group(1)}".lstrip("."), "is required"
    if reason.startswith("Invalid value") and place.endswith(".type"):
        return place, f"{reason.removeprefix('Invalid value ')} has no counterpart at the provider of this model"
    return place, reason[:1].lower() + reason[1:]


#: Members of a request or a message that a provider of chat completions does not know: what other vendors want back.
_NOT_FOR_CHAT = frozenset({"anthropic", "bedrock", "gemini", "reasoning_content"})


def without_vendor_members(chat: dict[str, Any]) -> dict[str, Any]:
    """A chat completion request as a provider of chat completions takes it: without the members that only other dialects read
    and without the reasoning of earlier answers. `chat` itself is left as it is."""
    messages = [{name: value for name, value in each.items() if name not in _NOT_FOR_CHAT} for each in chat["messages"]]
    for message in messages:
        if isinstance(calls := message.get("tool_calls"), list):
            message["tool_calls"] = [_without_extra(each) for each in calls]
    return {**{name: value for name, value in chat.items() if name not in _NOT_FOR_CHAT}, "messages": messages}


def _without_extra(call: Any) -> Any:
    return {name: value for name, value in call.items() if name != "extra_content"} if isinstance(call, dict) else call


def tool_id(given: str) -> str:
    """An identifier of a tool call with only what this dialect allows in one."""
    return _NOT_IN_ID.sub("_", given)


# --- usage ---


def count(value: object) -> int | None:
    """A token count, None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= TOKENS_MAX else None


def member(value: object, name: str) -> Any:
    """`value[name]`, None where there is none."""
    return value.get(name) if isinstance(value, dict) else None


def chat_usage(usage: Mapping[str, Any]) -> dict[str, Any] | None:
    """This dialect's usage as the chat dialect counts it: a prompt's tokens include those read from and written to a cache.

    None, which is unknown, where a count that must be there is missing or makes no sense.
    """
    fresh, output = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if fresh is None or output is None:
        return None
    read = count(usage.get("cache_read_input_tokens")) or 0
    written = count(usage.get("cache_creation_input_tokens")) or 0
    prompt = fresh + read + written
    result: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
    result["prompt_tokens_details"] = {"cached_tokens": read, "cache_write_tokens": written}
    thought = count(member(usage.get("output_tokens_details"), "thinking_tokens"))
    if thought is not None:
        result["completion_tokens_details"] = {"reasoning_tokens": thought}
    return result


def messages_usage(usage: object) -> dict[str, Any]:
    """The chat dialect's usage as this dialect counts it; zeros where it is unknown."""
    details = member(usage, "prompt_tokens_details")
    prompt = count(member(usage, "prompt_tokens")) or 0
    read = min(prompt, count(member(details, "cached_tokens")) or 0)
    written = min(prompt - read, count(member(details, "cache_write_tokens")) or 0)
    result: dict[str, Any] = {
        "input_tokens": prompt - read - written,
        "output_tokens": count(member(usage, "completion_tokens")) or 0,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }
    thought = count(member(member(usage, "completion_tokens_details"), "reasoning_tokens"))
    if thought is not None:
        result["output_tokens_details"] = {"thinking_tokens": thought}
    return result


# --- layout ---


class Entry(msgspec.Struct):
    """One block in the layout of an answer. Texts stand in the message itself; here is only how long they are, in code points,
    so that no copy of a text escapes a check of the message. `index` counts from 0: SDKs merge a stream's entries by it, of which
    a block of thinking has two, its `type` at its start and the rest at its end."""

    index: int
    type: str = ""
    length: int = 0
    signature: str = ""
    data: str = ""
    id: str = ""


def layout_of(blocks: Sequence[Block]) -> list[dict[str, Any]] | None:
    """The layout of an assistant message's text, thinking and tool_use blocks; None where one text, then tool calls, is all."""
    kinds = [block["type"] for block in blocks]
    tools = len(kinds) - kinds.count("tool_use")
    if kinds[:tools] in ([], ["text"]) and all(kind == "tool_use" for kind in kinds[tools:]):
        return None
    return [{"index": index, **entry_of(block)} for index, block in enumerate(blocks)]


def entry_of(block: Block) -> dict[str, Any]:
    """What the layout tells of one block, its place left out."""
    kind = block["type"]
    if kind == "text":
        return {"type": kind, "length": len(block["text"])}
    if kind == "thinking":
        return {"type": kind, "length": len(block["thinking"]), "signature": block["signature"]}
    if kind == "redacted_thinking":
        return {"type": kind, "data": block["data"]}
    return {"type": kind, "id": block["id"]}


def read_layout(vendor: object) -> list[Entry]:
    """The layout that a message or a delta carries; empty where there is none that makes sense."""
    try:
        return msgspec.convert(member(vendor, "blocks") or [], list[Entry])
    except msgspec.ValidationError:
        return []


def arrange(layout: Sequence[Entry], text: str, thinking: str, tools: Sequence[tuple[str, Block]]) -> list[Block] | None:
    """The blocks of an answer in their order; None where the layout does not fit the texts and the tool calls any more, as
    after a guard has masked some: then signatures would not be true."""
    blocks: list[Block] = []
    spoken = thought = 0
    waiting = dict(tools)
    for entry in layout:
        if entry.length < 0:
            return None
        if entry.type == "text":
            blocks.append({"type": "text", "text": text[spoken : spoken + entry.length]})
            spoken += entry.length
        elif entry.type == "thinking":
            part = thinking[thought : thought + entry.length]
            blocks.append({"type": "thinking", "thinking": part, "signature": entry.signature})
            thought += entry.length
        elif entry.type == "redacted_thinking":
            blocks.append({"type": "redacted_thinking", "data": entry.data})
        elif entry.type == "tool_use" and entry.id in waiting:
            blocks.append(waiting.pop(entry.id))
        else:
            return None
    fits = spoken == len(text) and thought == len(thinking) and not waiting
    return blocks if fits and len(dict(tools)) == len(tools) else None
