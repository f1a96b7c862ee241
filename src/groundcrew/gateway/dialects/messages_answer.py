"""A whole answer in the Anthropic Messages dialect, read as a chat completion or written from one, and the dialect's errors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects.messages_blocks import (
    BLOCKS_MAX,
    FINISH_REASONS,
    STOP_REASONS,
    VENDOR,
    Block,
    arrange,
    chat_usage,
    member,
    messages_usage,
    read_layout,
)
from groundcrew.gateway.dialects.messages_request import assistant_message

#: HTTP status → `error.type`. Others are "invalid_request_error" below 500 and "api_error" from there on.
_ERROR_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
#: Members that each kind of block must have as strings. Blocks of other kinds are left out of an answer: nothing reads them.
_TEXT_MEMBERS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name"),
}


# --- reading ---


def read_completion(body: dict[str, Any], provider: str) -> dict[str, Any]:
    """A provider's message as a chat completion; UpstreamError where it is none.

    Thinking becomes `reasoning_content`; its signatures, and a `stop_reason` that the chat dialect has no word for, stand in the
    message's `anthropic` member. Citations and blocks of tools that Anthropic runs are left out.
    """
    content = body.get("content")
    if body.get("type") == "error":
        raise UpstreamError(f"provider {provider}: its answer is an error ({error_kind(body.get('error'))})")
    if body.get("type") != "message" or not isinstance(content, list) or len(content) > BLOCKS_MAX:
        raise UpstreamError(f"provider {provider}: its answer is no message")
    try:
        message = assistant_message([block for each in content if (block := _block(each, provider)) is not None])
    except RefusedCall as error:
        raise UpstreamError(f"provider {provider}: {error.message}") from None
    reason = body.get("stop_reason")
    reason = reason if isinstance(reason, str) else "end_turn"
    message.setdefault("refusal", refusal_text(body.get("stop_details")))
    told = untold(reason, body.get("stop_sequence"))
    if told:
        message[VENDOR] = {**message.get(VENDOR, {}), **told}
    identifier, model = body.get("id"), body.get("model")
    completion: dict[str, Any] = {
        "id": identifier if isinstance(identifier, str) else "",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model if isinstance(model, str) else "",
        "choices": [{"index": 0, "message": message, "finish_reason": FINISH_REASONS.get(reason, "stop"), "logprobs": None}],
    }
    usage = chat_usage(body["usage"]) if isinstance(body.get("usage"), dict) else None
    if usage is not None:
        completion["usage"] = usage
    return completion


def _block(value: Any, provider: str) -> Block | None:
    kind = member(value, "type")
    if not isinstance(kind, str):
        raise UpstreamError(f"provider {provider}: its answer holds a malformed block")
    if kind not in _TEXT_MEMBERS:
        return None
    block: Block = {"type": kind}
    for name in _TEXT_MEMBERS[kind]:
        text = value.get(name, "" if name == "signature" else None)
        if not isinstance(text, str):
            raise UpstreamError(f"provider {provider}: its answer holds a malformed {kind} block")
        block[name] = text
    if kind == "tool_use":
        if not isinstance(value.get("input"), dict):
            raise UpstreamError(f"provider {provider}: its answer holds a malformed {kind} block")
        block["input"] = value["input"]
    return block


def error_kind(error: object) -> str:
    """The type of a provider's error object, as far as it is one of the dialect's words."""
    kind = member(error, "type")
    return kind if isinstance(kind, str) and kind.replace("_", "").isalnum() and len(kind) <= 40 else "of no known type"


def refusal_text(details: object) -> str | None:
    """What a provider tells about its refusal, from the answer's `stop_details`."""
    text = member(details, "explanation")
    return text if isinstance(text, str) and text else None


def untold(reason: str, sequence: object) -> dict[str, Any]:
    """What a `finish_reason` does not tell of a `stop_reason`; empty where it tells everything."""
    if STOP_REASONS.get(FINISH_REASONS.get(reason, "")) == reason:
        return {}
    told = {"stop_reason": reason} if reason in FINISH_REASONS else {}
    return {**told, **({"stop_sequence": sequence} if isinstance(sequence, str) else {})}


# --- writing ---


def write_completion(
    completion: dict[str, Any], *, call_id: str, model: str, created_s: int, request: dict[str, Any]
) -> dict[str, Any]:
    """The first choice of a chat completion as a message; a `groundcrew` member goes along.

    Reasoning becomes thinking where the request asks for thinking, or where it came with this dialect's signatures. `created_s`
    has no place in this dialect.
    """
    choices = completion.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    said = member(choice, "message")
    blocks = _content(said if isinstance(said, dict) else {}, call_id, asks_thinking(request))
    refused = bool(member(said, "refusal")) and not member(said, "content")
    message = empty_message(call_id, model)
    message["content"] = blocks
    called = any(block["type"] == "tool_use" for block in blocks)
    reason, sequence = stop_reason(member(choice, "finish_reason"), member(said, VENDOR), refused=refused, called=called)
    message |= {"stop_reason": reason, "stop_sequence": sequence}
    message["usage"] = messages_usage(completion.get("usage"))
    if "groundcrew" in completion:
        message["groundcrew"] = completion["groundcrew"]
    return message


def empty_message(call_id: str, model: str) -> dict[str, Any]:
    """A message without content, as it stands at the start of a stream."""
    return {
        "id": "msg_" + call_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def asks_thinking(request: dict[str, Any]) -> bool:
    """Whether a request asks to be shown thinking."""
    thinking = request.get("thinking")
    return member(thinking, "type") in ("enabled", "adaptive") and member(thinking, "display") != "omitted"


def stop_reason(finish_reason: object, vendor: object, *, refused: bool, called: bool) -> tuple[str, str | None]:
    """`stop_reason` and `stop_sequence` of an answer that may be a refusal, or call tools. What the vendor's member tells counts
    while it fits the finish reason; "stop" is what providers say of calls that were forced."""
    finish = finish_reason if isinstance(finish_reason, str) else "stop"
    reason = member(vendor, "stop_reason")
    if isinstance(reason, str) and FINISH_REASONS.get(reason) == finish:
        sequence = member(vendor, "stop_sequence")
        return reason, sequence if isinstance(sequence, str) else None
    if finish == "stop" and (refused or called):
        return "refusal" if refused else "tool_use", None
    return STOP_REASONS.get(finish, "end_turn"), None


def _content(said: dict[str, Any], call_id: str, wants_thinking: bool) -> list[Block]:
    content, thinking = said.get("content"), said.get("reasoning_content")
    text = content if isinstance(content, str) else "".join(_part_texts(content))
    if not text and isinstance(said.get("refusal"), str):
        text = said["refusal"]
    thinking = thinking if isinstance(thinking, str) else ""
    calls = _calls(said, call_id)
    layout = read_layout(said.get(VENDOR))
    blocks = arrange(layout, text, thinking, calls) if layout else None
    if blocks is not None:
        return blocks
    # Where a layout does not fit, signed thinking lost its signature: Anthropic would refuse it in the next turn.
    shows = bool(thinking) and wants_thinking and not layout
    shown = [{"type": "thinking", "thinking": thinking, "signature": ""}] if shows else []
    spoken = [{"type": "text", "text": text}] if text else []
    return [*shown, *spoken, *(block for _, block in calls)]


def _part_texts(content: object) -> list[str]:
    parts = content if isinstance(content, list) else []
    return [text for part in parts if isinstance(text := member(part, "text"), str)]


def _calls(said: dict[str, Any], call_id: str) -> list[tuple[str, Block]]:
    """The tool calls with their identifiers; one of the chat dialect's older function calls too."""
    given = said.get("tool_calls")
    calls: Sequence[Any] = given if isinstance(given, list) else []
    if not calls and isinstance(said.get("function_call"), dict):
        calls = [{"function": said["function_call"]}]
    result = []
    for index, call in enumerate(calls):
        function = member(call, "function")
        name, arguments = member(function, "name"), member(function, "arguments")
        identifier = member(call, "id")
        identifier = identifier if isinstance(identifier, str) and identifier else made_id(call_id, index)
        block = {"type": "tool_use", "id": identifier, "name": name if isinstance(name, str) else ""}
        result.append((identifier, {**block, "input": tool_input(arguments)}))
    return result


def made_id(call_id: str, index: int) -> str:
    """An identifier for a tool call that came without one."""
    return f"toolu_{call_id}_{index}"


def tool_input(arguments: object) -> dict[str, Any]:
    """A tool call's arguments as the object that this dialect demands. What is no JSON object stands in its member
    `arguments`, so that whoever runs the tool can say what is wrong with it."""
    if not isinstance(arguments, str) or not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = arguments
    return value if isinstance(value, dict) else {"arguments": value}


# --- errors and held answers ---


def error_body(code: str, message: str, status: int, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """The dialect's error: its own type by HTTP status; our `code` and further members stand beside it inside `error`."""
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message, "code": code, **(extra or {})}}


def held_body(report: dict[str, Any], *, call_id: str, model: str, created_s: int) -> dict[str, Any]:
    """An answer that waits for its sign-off: a message without content and without a reason to have stopped."""
    return {**empty_message(call_id, model), "groundcrew": report}
