"""A chat completion request as an Anthropic Messages request.

System and developer messages are put together at the front, wherever they stand: most models take them nowhere else. A
temperature above 1, which Anthropic does not know, is sent as 1; Claude models from 4.7 on take no sampling members at all, so
these are left out for them. A `reasoning_effort` becomes what the model's generation knows of it. Clients steer more with an
`anthropic` member of the request (`messages_chat_shapes.PASSED_ON`) and with `cache_control` at messages, parts and tools.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from groundcrew.gateway.dialects import messages_chat_shapes as shapes
from groundcrew.gateway.dialects.messages_blocks import Block, arrange, invalid, member, read_layout, tool_id

#: `max_tokens` where the chat request names none: Anthropic demands one, and every model since Claude 3.5 can give as many.
MAX_TOKENS_DEFAULT = 8_192
#: Images that Anthropic takes as data.
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
#: The least thinking budget that Anthropic takes, and what an effort is worth with models that take a budget, in tokens.
BUDGET_MIN = 1_024
BUDGETS = {"low": 1_024, "medium": 4_096, "high": 16_384, "xhigh": 32_768, "max": 32_768}
#: Claude versions: the first that can think, the first with adaptive thinking, the first that refuses sampling members.
_THINKS, _ADAPTS, _UNSAMPLED = (3, 7), (4, 6), (4, 7)

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_DATA_URL = re.compile(r"data:([^;,]+)(?:;[^;,]+)*;base64,", re.IGNORECASE)


def from_chat(chat: dict[str, Any], model: str) -> dict[str, Any]:
    """The body for `model` at a provider of this dialect. RefusedCall invalid_request names the field that it can not take."""
    asked = shapes.read_request(chat)
    system, messages = _conversation(asked.messages)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": asked.max_completion_tokens or asked.max_tokens or MAX_TOKENS_DEFAULT,
        "messages": messages,
    }
    if system:
        body["system"] = system
    if asked.stream:
        body["stream"] = True
    if asked.stop:
        body["stop_sequences"] = _stops(asked.stop)
    user = asked.safety_identifier or asked.user
    if user is not None:
        body["metadata"] = {"user_id": user}
    body |= _tools(asked)
    if isinstance(asked.response_format, shapes.SchemaFormat):
        body["output_config"] = {"format": {"type": "json_schema", "schema": asked.response_format.json_schema.schema}}
    version = _version(model)
    _think(body, asked.reasoning_effort, version)
    body |= asked.anthropic or {}
    _sample(body, asked, version)
    return body


def _version(model: str) -> tuple[int, int] | None:
    """The version of a Claude model, None for others and for names without one."""
    found = _VERSION.search(model)
    return (int(found.group(1)), int(found.group(2) or 0)) if found else None


def _sample(body: dict[str, Any], asked: shapes.ChatRequest, version: tuple[int, int] | None) -> None:
    if version is not None and version >= _UNSAMPLED:
        body.pop("top_k", None)
        return
    if asked.top_p is not None:
        body["top_p"] = asked.top_p
    if member(body.get("thinking"), "type") == "enabled":  # then Anthropic takes no other temperature than 1, and no top_k
        body.pop("top_k", None)
        return
    if asked.temperature is not None:
        body["temperature"] = min(asked.temperature, 1.0)
    if asked.top_k is not None:
        body["top_k"] = asked.top_k


def _think(body: dict[str, Any], effort: str | None, version: tuple[int, int] | None) -> None:
    """What the effort is for this model. Where a tool is forced there is no thinking: Anthropic refuses the two together."""
    if effort is None:
        return
    adapts = version is None or version >= _ADAPTS
    forced = member(body.get("tool_choice"), "type") in ("any", "tool")
    if effort == "none":
        if adapts:
            body["thinking"] = {"type": "disabled"}
        return
    if adapts:
        body["output_config"] = {**body.get("output_config", {}), "effort": "low" if effort == "minimal" else effort}
        if effort != "minimal" and not forced:
            body["thinking"] = {"type": "adaptive"}
        return
    budget = min(BUDGETS.get(effort, 0), body["max_tokens"] // 2)  # it counts towards max_tokens; half is left for the answer
    if version is not None and version >= _THINKS and budget >= BUDGET_MIN and not forced:
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _stops(stop: str | Sequence[str]) -> list[str]:
    stops = [stop] if isinstance(stop, str) else list(stop)
    for index, each in enumerate(stops):
        if not each.strip():
            raise invalid(f"stop[{index}]", "Anthropic takes no stop sequence of white space alone")
    return stops


# --- messages ---


def _conversation(messages: Sequence[shapes.Message]) -> tuple[list[Block], list[dict[str, Any]]]:
    """The system blocks, and the turns: neighbours of one role are one message, empty texts and messages are left out."""
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        if message.role in ("system", "developer"):
            blocks, into = _shown(message, place), system
            if any(block["type"] != "text" for block in blocks):
                raise invalid(f"{place}.content", "a system message holds text only")
            into += blocks
            continue
        if message.role == "tool":
            blocks = [_result(message, place)]
        elif message.role == "assistant":
            blocks = _spoken(message, place)
        else:
            blocks = _shown(message, place)
        if message.cache_control is not None and blocks:
            blocks[-1].setdefault("cache_control", message.cache_control)
        role = "assistant" if message.role == "assistant" else "user"
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    for turn in turns:
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")  # Anthropic takes results first, or not at all
    _trim(turns)
    if not turns:
        raise invalid("messages", "Anthropic needs one with content that is not a system message")
    return system, turns


def _trim(turns: list[dict[str, Any]]) -> None:
    """A last message of the assistant's is where the answer goes on; Anthropic refuses white space at its end."""
    while turns and turns[-1]["role"] == "assistant" and turns[-1]["content"][-1]["type"] == "text":
        last = turns[-1]["content"][-1]
        last["text"] = last["text"].rstrip()
        if last["text"]:
            return
        turns[-1]["content"].pop()
        if not turns[-1]["content"]:
            turns.pop()


def _shown(message: shapes.Message, place: str) -> list[Block]:
    if message.content is None:
        raise invalid(f"{place}.content", "is required")
    if isinstance(message.content, str):
        return [{"type": "text", "text": message.content}] if message.content else []
    blocks = []
    for index, part in enumerate(message.content):
        block = _block(part, f"{place}.content[{index}]")
        if block is None:
            continue
        if not isinstance(part, shapes.RefusalPart) and part.cache_control is not None:
            block["cache_control"] = part.cache_control
        blocks.append(block)
    return blocks


def _block(part: shapes.Part, place: str) -> Block | None:
    if isinstance(part, shapes.TextPart):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, shapes.RefusalPart):
        return {"type": "text", "text": part.refusal} if part.refusal else None
    if isinstance(part, shapes.ImagePart):
        return _image(part.image_url.url, f"{place}.image_url.url")
    return _document(part.file, f"{place}.file")


def _image(url: str, place: str) -> Block:
    if url[:8].lower().startswith(("https://", "http://")):
        return {"type": "image", "source": {"type": "url", "url": url}}
    kind, data = _data(url, place)
    if kind not in IMAGE_TYPES:
        raise invalid(place, f"Anthropic takes images as {', '.join(IMAGE_TYPES)}, not as {kind[:80]!r}")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def _document(file: shapes.FileData, place: str) -> Block:
    if file.file_data is None:
        raise invalid(f"{place}.file_data", "is required: a file's identifier means nothing at this model's provider, Anthropic")
    kind, data = _data(file.file_data, f"{place}.file_data")
    document: Block = {"type": "document"}
    if kind == "application/pdf":
        document["source"] = {"type": "base64", "media_type": kind, "data": data}
    elif kind == "text/plain":
        try:
            text = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, ValueError):
            raise invalid(f"{place}.file_data", "is not base64 of UTF-8 text") from None
        document["source"] = {"type": "text", "media_type": kind, "data": text}
    else:
        raise invalid(f"{place}.file_data", f"Anthropic takes application/pdf and text/plain, not {kind[:80]!r}")
    if file.filename:
        document["title"] = file.filename
    return document


def _data(url: str, place: str) -> tuple[str, str]:
    """Media type and base64 of a data URL."""
    head = _DATA_URL.match(url)
    if head is None:
        raise invalid(place, "use a data URL with base64, or an http(s) URL of an image")
    return head.group(1).lower(), url[head.end() :]


def _spoken(message: shapes.Message, place: str) -> list[Block]:
    """An answer of an earlier turn. Thinking goes along only as the layout tells, with its signature: Anthropic refuses other."""
    parts = [] if message.content is None else _shown(message, place)
    if not parts and message.refusal:
        parts = [{"type": "text", "text": message.refusal}]
    if any(part["type"] != "text" for part in parts):
        raise invalid(f"{place}.content", "an assistant message holds text only")
    calls = [_call(call, f"{place}.tool_calls[{index}]") for index, call in enumerate(message.tool_calls or ())]
    layout = read_layout(message.anthropic)
    if layout:
        text = "".join(part["text"] for part in parts)
        blocks = arrange(layout, text, message.reasoning_content or "", calls)
        if blocks is not None:
            return [block for block in blocks if _is_sendable(block)]
    return [*parts, *(block for _, block in calls)]


def _is_sendable(block: Block) -> bool:
    if block["type"] == "thinking":
        return bool(block["signature"])
    return block["type"] != "text" or bool(block["text"])


def _call(call: shapes.ToolCall, place: str) -> tuple[str, Block]:
    try:
        given = msgspec.json.decode(call.function.arguments) if call.function.arguments.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise invalid(f"{place}.function.arguments", "must be a JSON object")
    return call.id, {"type": "tool_use", "id": tool_id(call.id), "name": call.function.name, "input": given}


def _result(message: shapes.Message, place: str) -> Block:
    if message.tool_call_id is None:
        raise invalid(f"{place}.tool_call_id", "is required")
    block: Block = {"type": "tool_result", "tool_use_id": tool_id(message.tool_call_id)}
    content = message.content if isinstance(message.content, str) else _shown(message, place)
    if content:
        block["content"] = content
    if member(message.anthropic, "is_error") is True:
        block["is_error"] = True
    return block


# --- tools ---


def _tools(asked: shapes.ChatRequest) -> dict[str, Any]:
    tools, choice = list(asked.tools or ()), asked.tool_choice
    if isinstance(choice, shapes.AllowedChoice):
        names = {each.function.name for each in choice.allowed_tools.tools}
        tools = [tool for tool in tools if tool.function.name in names]
    if not tools:
        return {}
    body: dict[str, Any] = {"tools": [_tool(tool) for tool in tools]}
    wanted: dict[str, Any] | None = None
    if isinstance(choice, shapes.FunctionChoice):
        wanted = {"type": "tool", "name": choice.function.name}
    elif choice is not None:
        mode = choice.allowed_tools.mode if isinstance(choice, shapes.AllowedChoice) else choice
        wanted = {"type": "any" if mode == "required" else mode}
    if asked.parallel_tool_calls is False and wanted != {"type": "none"}:
        wanted = {**(wanted or {"type": "auto"}), "disable_parallel_tool_use": True}
    if wanted is not None:
        body["tool_choice"] = wanted
    return body


def _tool(tool: shapes.Tool) -> dict[str, Any]:
    function = tool.function
    schema = {"type": "object", **(function.parameters or {"properties": {}})}
    result: dict[str, Any] = {"name": function.name, "input_schema": schema}
    if function.description is not None:
        result["description"] = function.description
    if function.strict:
        result["strict"] = True
    if tool.cache_control is not None:
        result["cache_control"] = tool.cache_control
    return result
