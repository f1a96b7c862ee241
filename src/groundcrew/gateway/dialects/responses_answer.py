"""An answer of the OpenAI Responses API: written from a chat completion, and read as one.

Reasoning, text and tool calls are items of their own here and members of one message there. A chat completion has no word for
items that a provider makes by tools of its own: they are read as reasoning text, so that guards and the record see them.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.responses_shapes import (
    OUTPUT_ITEMS_MAX,
    ChatUsage,
    Count,
    Function,
    Logprobs,
    Object,
    ToolCall,
    call_item,
    content_item,
    content_part,
    ending,
    item_id,
    logprobs_of,
    packed_item,
    response_object,
    usage_object,
)
from groundcrew.gateway.dialects.responses_vendor import Carried
from groundcrew.gateway.respond import error_object

_WORD = re.compile(r"[a-z0-9_]{1,64}\Z")
#: An error's code, as `Response.error` knows it, by our HTTP status; others are "server_error".
_ERROR_CODES = {400: "invalid_prompt", 429: "rate_limit_exceeded"}
#: The HTTP status that a provider's code in a failed answer stands for; it decides whether another target is tried.
_STATUS_OF_CODE = {"rate_limit_exceeded": 429, "insufficient_quota": 429, "server_error": 500, "invalid_prompt": 400}


class _UrlCitation(msgspec.Struct):
    url: str
    title: str = ""
    start_index: int = 0
    end_index: int = 0


class _Annotation(msgspec.Struct):
    type: str
    url_citation: _UrlCitation | None = None


class _ContentPart(msgspec.Struct):
    text: str | None = None
    refusal: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_ContentPart] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    annotations: list[_Annotation] | None = None
    anthropic: Object | None = None
    bedrock: Object | None = None
    gemini: Object | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: ChatUsage | None = None
    service_tier: str | None = None


def write_completion(completion: Object, *, call_id: str, model: str, created_s: int, request: Object) -> Object:
    """A chat completion as a Response. The first choice is the answer. UpstreamError where `completion` is none."""
    try:
        given = msgspec.convert(completion, _Completion)
    except msgspec.ValidationError as error:
        raise UpstreamError(f"the answer is no chat completion: {error}") from None
    if not given.choices:
        raise UpstreamError("the answer is a chat completion without a choice")
    choice = given.choices[0]
    response = response_object(call_id=call_id, model=model, created_s=created_s, request=request)
    response["output"] = output = _items(choice, call_id)
    response["status"], response["incomplete_details"] = ending(choice.finish_reason)
    said = [each for each in output if "encrypted_content" not in each]
    if said:
        said[-1]["status"] = response["status"]
    if given.usage is not None:
        response["usage"] = usage_object(given.usage)
    if given.service_tier is not None:
        response["service_tier"] = given.service_tier
    if "groundcrew" in completion:
        response["groundcrew"] = completion["groundcrew"]
    return response


def _items(choice: _Choice, call_id: str) -> list[Object]:
    message, items = choice.message, list[Object]()
    if message.reasoning_content:
        part = content_part("reasoning_text", message.reasoning_content)
        items.append(content_item("reasoning", item_id("reasoning", call_id, 0), [part], "completed"))
    parts = _parts(message, logprobs_of(choice.logprobs))
    if parts:
        items.append(content_item("message", item_id("message", call_id, len(items)), parts, "completed"))
    calls = list(message.tool_calls or ())
    if message.function_call is not None:
        calls.append(ToolCall(function=message.function_call))
    carried = Carried()
    carried.add(message)
    for index, call in enumerate(calls):
        kind = "function_call" if call.custom is None else "custom_tool_call"
        name, said = call.said()
        own_id, given_id = item_id(kind, call_id, len(items)), call.id or f"call_{call_id}_{index}"
        carried.add_call(given_id, call.extra_content)
        items.append(call_item(kind, own_id, given_id, name, said, "completed"))
    if calls and (packed := carried.packed()) is not None:
        items.append(packed_item(item_id("reasoning", call_id, len(items)), packed))
    return items


def _parts(message: _Message, logprobs: list[Object]) -> list[Object]:
    content = [_ContentPart(text=message.content)] if isinstance(message.content, str) else list(message.content or ())
    parts = [content_part("output_text", each.text) for each in content if each.text]
    parts += [content_part("refusal", each.refusal) for each in content if each.refusal]
    if message.refusal:
        parts.append(content_part("refusal", message.refusal))
    if parts and parts[0]["type"] == "output_text":
        parts[0]["logprobs"] = logprobs
        citations = [each.url_citation for each in message.annotations or () if each.url_citation is not None]
        parts[0]["annotations"] = [{"type": "url_citation", **msgspec.structs.asdict(each)} for each in citations]
    return parts


def error_body(code: str, message: str, status: int, extra: Object | None = None) -> Object:
    """An error as this dialect's body: the same object as everywhere in the OpenAI API."""
    return error_object(code, message, extra=extra)


def failure(message: str, status: int) -> Object:
    """The `error` of a Response that failed; `status` is the HTTP status that the error stands for."""
    return {"code": _ERROR_CODES.get(status, "server_error"), "message": message}


def held_body(report: Any, *, call_id: str, model: str, created_s: int) -> Object:
    """What stands in the place of an answer that waits for a person: a Response that is queued."""
    response = response_object(call_id=call_id, model=model, created_s=created_s, request={})
    return {**response, "status": "queued", "groundcrew": report}


# Reading


class _ReadPart(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None


class ReadItem(msgspec.Struct):
    """An item of an answer, of a kind that a chat completion has a word for."""

    type: str
    content: list[_ReadPart] | None = None
    summary: list[_ReadPart] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None

    def texts(self) -> tuple[str, str, str]:
        """The content, the refusal and the reasoning that it holds."""
        parts = self.content or []
        if self.type == "reasoning":
            return "", "", "\n".join([each.text or "" for each in [*(self.summary or ()), *parts]])
        content = "".join([each.text or "" for each in parts if each.type == "output_text"])
        refusal = "".join([each.refusal or "" for each in parts if each.type == "refusal"])
        # A part of a kind that is unknown here: guards read what text it has.
        beside = "\n".join([each.text for each in parts if each.type not in ("output_text", "refusal") and each.text])
        return content, refusal, beside

    def said(self) -> str:
        """The arguments or the input of a call."""
        return (self.input if self.type == "custom_tool_call" else self.arguments) or ""


class _ReadDetails(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class _ReadUsage(msgspec.Struct):
    input_tokens: Count = 0
    output_tokens: Count = 0
    input_tokens_details: _ReadDetails | None = None
    output_tokens_details: _ReadDetails | None = None


class _Reason(msgspec.Struct):
    reason: str | None = None


class _ReadError(msgspec.Struct):
    code: str | None = None


class ReadResponse(msgspec.Struct):
    """A Response, as far as the gateway reads it."""

    output: list[Object] = []
    id: str = ""
    created_at: float = 0
    model: str = ""
    status: str | None = None
    error: _ReadError | None = None
    incomplete_details: _Reason | None = None
    usage: _ReadUsage | None = None

    def usage_object(self) -> Object | None:
        """Its token counts as a chat completion tells them."""
        if self.usage is None:
            return None
        read, written = self.usage.input_tokens_details or _ReadDetails(), self.usage.output_tokens_details or _ReadDetails()
        prompt = {"cached_tokens": read.cached_tokens or 0}
        if read.cache_write_tokens:
            prompt["cache_write_tokens"] = read.cache_write_tokens
        return {
            "prompt_tokens": self.usage.input_tokens,
            "completion_tokens": self.usage.output_tokens,
            "total_tokens": self.usage.input_tokens + self.usage.output_tokens,
            "prompt_tokens_details": prompt,
            "completion_tokens_details": {"reasoning_tokens": written.reasoning_tokens or 0},
        }

    def finish_reason(self, *, has_calls: bool) -> str:
        """Why it ended, as a chat completion tells it. An incomplete one whose reason is unknown was cut short."""
        if self.status == "incomplete":
            reason = self.incomplete_details.reason if self.incomplete_details is not None else None
            return "content_filter" if reason == "content_filter" else "length"
        return "tool_calls" if has_calls else "stop"


#: Kinds of items that a chat completion has a word for.
KNOWN_ITEMS = ("message", "reasoning", "function_call", "custom_tool_call")


def failed(provider: str, code: str | None) -> UpstreamError:
    """The error for an answer that failed with the provider's `code`."""
    word = f" ({code})" if code is not None and _WORD.match(code) else ""
    return UpstreamError(f"provider {provider}: its answer failed{word}", status=_STATUS_OF_CODE.get(code or ""))


def read_item(item: Object, provider: str) -> ReadItem:
    """One item. One of an unknown kind becomes reasoning whose text is its JSON."""
    if item.get("type") not in KNOWN_ITEMS:
        return ReadItem(type="reasoning", content=[_ReadPart(type="unknown", text=json_text(item, provider))])
    try:
        return msgspec.convert(item, ReadItem)
    except msgspec.ValidationError:
        raise UpstreamError(f"provider {provider}: its answer holds a malformed {item['type']}") from None


def json_text(item: Object, provider: str) -> str:
    """An item as JSON."""
    try:
        return msgspec.json.encode(item).decode()
    except RecursionError:
        raise UpstreamError(f"provider {provider}: its answer nests too deep") from None


def read_completion(body: Object, provider: str) -> Object:
    """A Response as a chat completion. UpstreamError where it is none, has failed or is not at its end."""
    try:
        response = msgspec.convert(body, ReadResponse)
    except msgspec.ValidationError as error:
        raise UpstreamError(f"provider {provider}: its answer is no response: {error}") from None
    if response.status == "failed" or response.error is not None:
        raise failed(provider, response.error.code if response.error is not None else None)
    if "output" not in body or response.status not in ("completed", "incomplete"):
        raise UpstreamError(f"provider {provider}: its answer is no response that has come to its end")
    if len(response.output) > OUTPUT_ITEMS_MAX:
        raise UpstreamError(f"provider {provider}: its answer holds more than {OUTPUT_ITEMS_MAX} items")
    message = _read_message([read_item(each, provider) for each in response.output])
    choice = {"index": 0, "message": message, "finish_reason": response.finish_reason(has_calls="tool_calls" in message)}
    usage = response.usage_object()
    return {
        "id": response.id,
        "object": "chat.completion",
        "created": int(response.created_at),
        "model": response.model,
        "choices": [choice],
        **({"usage": usage} if usage is not None else {}),
    }


def _read_message(items: list[ReadItem]) -> Object:
    content = list[str]()
    refusal = list[str]()
    reasoning = list[str]()
    calls = list[Object]()
    for item in items:
        if item.type in ("function_call", "custom_tool_call"):
            calls.append(tool_call(item))
            continue
        said, refused, thought = item.texts()
        content.append(said)
        refusal.append(refused)
        if thought:
            reasoning.append(thought)
    message: Object = {"role": "assistant", "content": "".join(content) or None}
    if any(refusal):
        message["refusal"] = "".join(refusal)
    if reasoning:
        message["reasoning_content"] = "\n".join(reasoning)
    if calls:
        message["tool_calls"] = calls
    return message


def tool_call(item: ReadItem) -> Object:
    """A call as a chat completion's tool call."""
    if item.type == "custom_tool_call":
        return {"id": item.call_id or "", "type": "custom", "custom": {"name": item.name or "", "input": item.said()}}
    return {"id": item.call_id or "", "type": "function", "function": {"name": item.name or "", "arguments": item.said()}}
