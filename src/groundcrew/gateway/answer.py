"""A generated answer in the OpenAI dialect: read from an upstream's JSON or stream, and written back with what must change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.respond import event
from groundcrew.gateway.wire import raw_json

#: Code points of an answer in one event, where the gateway itself writes the stream.
EVENT_TEXT_LENGTH = 400
_PIECE = re.compile(rf"(?s).{{1,{EVENT_TEXT_LENGTH}}}?(?:(?<=[.?!])\s|\n|\Z)|.{{1,{EVENT_TEXT_LENGTH}}}")


class Tokens(msgspec.Struct):
    """Token counts as an upstream tells them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: Tokens | None = None


class _ToolFunction(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolDelta(msgspec.Struct):
    index: int = 0
    id: str | None = None
    type: str | None = None
    function: _ToolFunction | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolDelta] | None = None


class _ChunkChoice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct):
    """One event of an upstream's stream, as far as the gateway reads it."""

    choices: list[_ChunkChoice] = []
    usage: Tokens | None = None
    error: msgspec.Raw | None = None


_COMPLETION = msgspec.json.Decoder(_Completion)
_CHUNK = msgspec.json.Decoder(Chunk)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
TOOL_CALLS_MAX = 128


class Generated:
    """What an upstream generated. `body` is its whole JSON for a plain answer, None for one gathered from a stream."""

    def __init__(self) -> None:
        self.body: dict[str, msgspec.Raw] | None = None
        self.choices = 1
        self.text = ""
        #: Text beside the answer proper (refusal, reasoning): scanned by guards, not by the trust score.
        self.side_text = ""
        self.tool_calls: list[dict[str, Any]] = []
        self.finish_reason: str | None = None
        self.usage: Tokens | None = None

    def scan_text(self) -> str:
        """Everything a person or a tool could act on, for the guards; begins with the answer's text."""
        return "\n".join(each for each in (self.text, self.side_text, self.tool_text()) if each)

    def tool_text(self) -> str:
        """The tool calls as text, for the record."""
        return msgspec.json.encode(self.tool_calls).decode() if self.tool_calls else ""


def read_completion(body: bytes, provider: str) -> Generated:
    """Read a plain answer; UpstreamError when it is not one."""
    try:
        completion = _COMPLETION.decode(body)
        fields = _FIELDS.decode(body)
        str(body, "utf-8")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"provider {provider}: its answer is no chat completion ({type(error).__name__})") from None
    if not completion.choices:
        raise UpstreamError(f"provider {provider}: its answer has no choices")
    generated = Generated()
    generated.body, generated.choices = fields, len(completion.choices)
    message = completion.choices[0].message
    content = message.content
    generated.text = content if isinstance(content, str) else "".join(part.text or "" for part in content or ())
    generated.side_text = "\n".join(each for each in (message.refusal, message.reasoning_content) if each)
    try:
        generated.tool_calls = [msgspec.json.decode(each, type=dict) for each in message.tool_calls or ()]
        if message.function_call is not None:
            generated.tool_calls.append({"function": msgspec.json.decode(message.function_call)})
    except msgspec.DecodeError:
        raise UpstreamError(f"provider {provider}: its tool calls are malformed") from None
    generated.finish_reason = completion.choices[0].finish_reason
    generated.usage = completion.usage
    return generated


class Gathering:
    """Gathers an answer from a stream's chunks; the first choice counts."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._text: list[str] = []
        self._side: list[str] = []
        self._tools: dict[int, dict[str, Any]] = {}
        self.finish_reason: str | None = None
        self.usage: Tokens | None = None

    def read(self, data: bytes) -> Chunk:
        """Read one event's data; UpstreamError when it is malformed or reports an error."""
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise UpstreamError(f"provider {self._provider}: its stream holds a malformed event") from None
        if chunk.error is not None:
            raise UpstreamError(f"provider {self._provider}: its stream reports an error")
        if chunk.usage is not None:
            self.usage = chunk.usage
        for choice in chunk.choices:
            if choice.index != 0:
                continue
            self.finish_reason = choice.finish_reason or self.finish_reason
            if choice.delta is not None:
                self._add(choice.delta)
        return chunk

    def _add(self, delta: _Delta) -> None:
        if delta.content:
            self._text.append(delta.content)
        for each in (delta.refusal, delta.reasoning_content):
            if each:
                self._side.append(each)
        for part in delta.tool_calls or ():
            if part.index not in self._tools and len(self._tools) >= TOOL_CALLS_MAX:
                raise UpstreamError(f"provider {self._provider}: its stream holds more than {TOOL_CALLS_MAX} tool calls")
            call = self._tools.setdefault(part.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
            call["id"] = part.id or call["id"]
            call["type"] = part.type or call["type"]
            if part.function is not None:
                call["function"]["name"] += part.function.name or ""
                call["function"]["arguments"] += part.function.arguments or ""

    def text(self) -> str:
        """The answer's text so far."""
        return "".join(self._text)

    def generated(self) -> Generated:
        """What was gathered."""
        result = Generated()
        result.text, result.side_text = self.text(), "".join(self._side)
        result.tool_calls = [self._tools[index] for index in sorted(self._tools)]
        result.finish_reason, result.usage = self.finish_reason, self.usage
        return result


def completion_body(
    generated: Generated | None,
    *,
    call_id: str,
    model: str,
    created_s: int,
    text: str,
    tool_calls: Sequence[dict[str, Any]],
    usage: Tokens,
    report: dict[str, Any],
) -> bytes:
    """The JSON that a client gets: the upstream's own where `generated` is given, else a completion built around `text`."""
    fields: dict[str, msgspec.Raw] = {}
    if generated is not None and generated.body is not None:
        fields = dict(generated.body)
    else:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if tool_calls:
            message["tool_calls"] = tool_calls
        reason = "tool_calls" if tool_calls else "stop"
        fields["id"] = raw_json("chatcmpl-" + call_id)
        fields["object"] = raw_json("chat.completion")
        fields["created"] = raw_json(created_s)
        fields["choices"] = raw_json([{"index": 0, "message": message, "finish_reason": reason}])
    if "usage" not in fields:
        fields["usage"] = raw_json(usage_object(usage))
    fields["model"] = raw_json(model)
    fields["groundcrew"] = raw_json(report)
    return msgspec.json.encode(fields)


def usage_object(usage: Tokens) -> dict[str, int]:
    """Token counts as the dialect writes them."""
    total = usage.prompt_tokens + usage.completion_tokens
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "total_tokens": total}


def chunk_object(call_id: str, model: str, created_s: int, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A chat.completion.chunk."""
    return {
        "id": "chatcmpl-" + call_id,
        "object": "chat.completion.chunk",
        "created": created_s,
        "model": model,
        "choices": choices,
        **more,
    }


def answer_events(text: str, tool_calls: Sequence[dict[str, Any]], *, call_id: str, model: str, created_s: int) -> list[bytes]:
    """A checked answer as the events of a stream, sentence by sentence where it can be."""
    events: list[bytes] = []

    def add(delta: dict[str, Any], reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        events.append(event(chunk_object(call_id, model, created_s, [choice])))

    add({"role": "assistant", "content": ""})
    for piece in _pieces(text):
        add({"content": piece})
    if tool_calls:
        add({"tool_calls": [{"index": index, **each} for index, each in enumerate(tool_calls)]})
    add({}, "tool_calls" if tool_calls else "stop")
    return events


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(text)
