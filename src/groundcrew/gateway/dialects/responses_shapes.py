"""The shapes of a Response that is written: its members, items and parts, and what it is written from."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from groundcrew.gateway.answer import TOKENS_MAX

Object = dict[str, Any]
Count = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]

#: Items of one answer.
OUTPUT_ITEMS_MAX = 512
#: Members of a request that its answer repeats, and what stands there where the request says nothing.
_REPEATED: Object = {
    **dict.fromkeys(("instructions", "max_output_tokens", "max_tool_calls", "temperature", "top_p", "service_tier")),
    **dict.fromkeys(("previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_retention")),
    **dict.fromkeys(("safety_identifier", "user")),
    "metadata": {},
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "top_logprobs": 0,
}


class _TopLogprob(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Logprob(_TopLogprob):
    top_logprobs: list[_TopLogprob] = []


class Logprobs(msgspec.Struct):
    """A choice's `logprobs` in a chat completion, or in a chunk of one."""

    content: list[_Logprob] | None = None


class Function(msgspec.Struct):
    """A function call, whole or a piece of one."""

    name: str | None = None
    arguments: str | None = None


class Custom(msgspec.Struct):
    """A custom tool's call, whole or a piece of one."""

    name: str | None = None
    input: str | None = None


class ToolCall(msgspec.Struct):
    """A tool call of a chat completion, or the part of one in a chunk. `index` is a chunk's."""

    index: int = 0
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Object | None = None

    def said(self) -> tuple[str, str]:
        """Its name and its input."""
        if self.custom is not None:
            return self.custom.name or "", self.custom.input or ""
        function = self.function or Function()
        return function.name or "", function.arguments or ""


class _PromptDetails(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: Count | None = None


class ChatUsage(msgspec.Struct):
    """Token counts of a chat completion."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


def response_object(*, call_id: str, model: str, created_s: int, request: Object) -> Object:
    """A Response without output, in progress, that repeats what `request` asked for."""
    text = request.get("text")
    reasoning = request.get("reasoning")
    repeated = {name: given if (given := request.get(name)) is not None else value for name, value in _REPEATED.items()}
    tools = request.get("tools")
    return {
        "id": "resp_" + call_id,
        "object": "response",
        "created_at": created_s,
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        **repeated,
        "reasoning": {"effort": None, "summary": None, **(reasoning if isinstance(reasoning, dict) else {})},
        "store": False,
        "text": {"format": {"type": "text"}, **_present(text)},
        "tools": [_repeated_tool(each) for each in tools] if isinstance(tools, list) else [],
        "truncation": "disabled",
        "usage": None,
    }


def _present(members: Any) -> Object:
    return {name: value for name, value in members.items() if value is not None} if isinstance(members, dict) else {}


def _repeated_tool(tool: Any) -> Any:
    if isinstance(tool, dict) and tool.get("type") == "function":
        return {"description": None, "parameters": None, "strict": None, **tool}
    return tool


def content_item(kind: str, item_id: str, content: list[Object], status: str) -> Object:
    """An item that holds parts: the assistant's "message", or its "reasoning"."""
    if kind == "reasoning":
        return {"id": item_id, "type": "reasoning", "summary": [], "content": content, "status": status}
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def call_item(kind: str, item_id: str, call_id: str, name: str, said: str, status: str) -> Object:
    """A "function_call" with its arguments, or a "custom_tool_call" with its input."""
    if kind == "custom_tool_call":
        return {"id": item_id, "type": kind, "call_id": call_id, "name": name, "input": said, "status": status}
    return {"id": item_id, "type": kind, "call_id": call_id, "name": name, "arguments": said, "status": status}


def content_part(kind: str, text: str, logprobs: list[Object] | None = None) -> Object:
    """A part of kind "output_text", "refusal" or "reasoning_text"."""
    if kind == "output_text":
        return {"type": kind, "text": text, "annotations": [], "logprobs": logprobs or []}
    return {"type": kind, "refusal" if kind == "refusal" else "text": text}


#: kind of item → the prefix of its id.
ID_PREFIX = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}


def item_id(kind: str, call_id: str, index: int) -> str:
    """The id of the item at `index` of the answer to call `call_id`."""
    return f"{ID_PREFIX[kind]}_{call_id}_{index}"


def logprobs_of(given: Logprobs | None) -> list[Object]:
    """A chat completion's logprobs as those of a part."""
    if given is None or not given.content:
        return []
    return [{**_logprob(each), "top_logprobs": [_logprob(top) for top in each.top_logprobs]} for each in given.content]


def _logprob(each: _TopLogprob) -> Object:
    return {"token": each.token, "logprob": each.logprob, "bytes": each.bytes or []}


def usage_object(usage: ChatUsage) -> Object:
    """Token counts as a Response tells them."""
    prompt = usage.prompt_tokens_details or _PromptDetails()
    completion = usage.completion_tokens_details or _CompletionDetails()
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": prompt.cached_tokens or 0,
            "cache_write_tokens": prompt.cache_write_tokens or 0,
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": completion.reasoning_tokens or 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def ending(finish_reason: str | None) -> tuple[str, Object | None]:
    """`status` and `incomplete_details` for a chat completion's finish reason."""
    if finish_reason == "length":
        return "incomplete", {"reason": "max_output_tokens"}
    if finish_reason == "content_filter":
        return "incomplete", {"reason": "content_filter"}
    return "completed", None


def packed_item(id_: str, packed: str) -> Object:
    """The last item of an answer with tool calls: what the provider wants back with their results."""
    return {"id": id_, "type": "reasoning", "summary": [], "encrypted_content": packed, "status": "completed"}
