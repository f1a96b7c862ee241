"""A stream of the OpenAI Responses API, written from chat completion chunks.

It holds `response.created` and `response.in_progress`; for every item `response.output_item.added`, its pieces and
`response.output_item.done`; last `response.completed` or `response.incomplete`. Reasoning and text come one after the other;
tool calls stay open to the end, because chunks may bring their pieces in any order. `sequence_number` counts from 0.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.responses_answer import failure
from groundcrew.gateway.dialects.responses_shapes import (
    OUTPUT_ITEMS_MAX,
    ChatUsage,
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

Loaded = TypeVar("Loaded")

#: kind of part → its events, which end in `.delta` and `.done`.
_PART_EVENTS = {
    "output_text": "response.output_text",
    "refusal": "response.refusal",
    "reasoning_text": "response.reasoning_text",
}
#: kind of call → its events, and the member of the last one that holds the whole.
_CALL_EVENTS = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
}


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    anthropic: Object | None = None
    bedrock: Object | None = None
    gemini: Object | None = None


class _ChunkChoice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class _Chunk(msgspec.Struct):
    choices: list[_ChunkChoice] = []
    usage: ChatUsage | None = None
    service_tier: str | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class _Content:
    """The item of reasoning or text that is being written. Its last part may still grow."""

    __slots__ = ("head", "id", "index", "kind", "logprobs", "part", "parts", "pieces")

    def __init__(self, kind: str, index: int, id_: str) -> None:
        self.kind, self.index, self.id = kind, index, id_
        self.parts: list[Object] = []
        self.part: str | None = None
        self.head = b""
        self.pieces: list[str] = []
        self.logprobs: list[Object] = []


class _Call:
    """A tool call that is being written. It is announced once its name is whole: with its first input, or at the end."""

    __slots__ = ("call_id", "extra", "id", "index", "kind", "name", "pieces")

    def __init__(self) -> None:
        self.kind, self.id, self.call_id, self.name = "function_call", "", "", ""
        self.index: int | None = None
        self.extra: Object | None = None
        self.pieces: list[str] = []


class EventWriter:
    """Writes one stream."""

    def __init__(self, *, call_id: str, model: str, created_s: int, request: Object) -> None:
        self._call_id = call_id
        self._response = response_object(call_id=call_id, model=model, created_s=created_s, request=request)
        self._encode = msgspec.json.Encoder().encode
        self._sequence = 0
        self._items: list[Object] = []
        self._content: _Content | None = None
        self._calls: dict[int, _Call] = {}
        self._carried = Carried()
        self._finish_reason: str | None = None
        self._usage: ChatUsage | None = None

    def chunk(self, chunk: Object) -> bytes:
        """The events for one chat completion chunk. Choices after the first have no place here. UpstreamError where `chunk` is
        none."""
        return self._written(_converted(chunk, _Chunk))

    def chunk_json(self, data: bytes) -> bytes:
        """The same for a chunk that is still JSON, which spares making objects of what has no place here."""
        try:
            return self._written(_CHUNK.decode(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamError(f"the stream holds a malformed chunk: {error}") from None

    def _written(self, given: _Chunk) -> bytes:
        self._usage = given.usage or self._usage
        if given.service_tier is not None:
            self._response["service_tier"] = given.service_tier
        out = self._started()
        for choice in given.choices:
            if choice.index != 0:
                continue
            self._finish_reason = choice.finish_reason or self._finish_reason
            if choice.delta is not None:
                self._put(out, choice.delta, choice.logprobs)
        return b"".join(out)

    def end(self, report: Any, usage: Object | None) -> bytes:
        """The closing events; the last one carries `report` in itself and in its response. `usage` as in a chat completion; None
        leaves what a chunk told."""
        status, details = ending(self._finish_reason)
        out = self._started()
        calls = [self._calls[index] for index in sorted(self._calls)]
        for call in calls:
            if call.index is None:
                self._open_call(out, call)
        newest = len(self._items) - 1
        if self._content is not None:
            self._close_content(out, status if self._content.index == newest else "completed")
        for call in sorted(calls, key=lambda each: each.index or 0):
            self._close_call(out, call, status if call.index == newest else "completed")
            self._carried.add_call(call.call_id, call.extra)
        if calls and (packed := self._carried.packed()) is not None:
            item = packed_item(item_id("reasoning", self._call_id, len(self._items)), packed)
            self._close_item(out, self._add_item(out, {**item, "encrypted_content": None, "status": "in_progress"}), item)
        given = self._usage if usage is None else _converted(usage, ChatUsage)
        response = {**self._response, "status": status, "incomplete_details": details, "output": self._items}
        response["usage"] = usage_object(given) if given is not None else None
        self._last(out, "response." + status, response, report)
        return b"".join(out)

    def error(self, code: str, message: str, status: int) -> bytes:
        """The events of a stream that broke. The `error` event carries our `code`, flat as the API documents it and as an object,
        which makes the official SDKs raise it; `response.failed` ends the stream."""
        out = self._started()
        described = {"code": code, "message": message, "param": None}
        self._emit(out, "error", {**described, "error": {**described, "type": failure(message, status)["code"]}})
        response = {**self._response, "status": "failed", "error": failure(message, status), "output": self._finished_items()}
        self._emit(out, "response.failed", {"response": response})
        return b"".join(out)

    def held(self, report: Any) -> bytes:
        """The events where a person must look at the answer first: a response that is queued."""
        out: list[bytes] = []
        response = {**self._response, "status": "queued"}
        if self._sequence == 0:
            self._emit(out, "response.created", {"response": response})
        self._last(out, "response.queued", response, report, name="held")
        return b"".join(out)

    def _started(self) -> list[bytes]:
        out: list[bytes] = []
        if self._sequence == 0:
            self._emit(out, "response.created", {"response": self._response})
            self._emit(out, "response.in_progress", {"response": self._response})
        return out

    def _emit(self, out: list[bytes], type_: str, members: Object, *, name: str | None = None) -> None:
        data = self._encode({"type": type_, "sequence_number": self._sequence, **members})
        self._sequence += 1
        out.append(b"event: %b\ndata: %b\n\n" % ((name or type_).encode(), data))

    def _last(self, out: list[bytes], type_: str, response: Object, report: Any, *, name: str | None = None) -> None:
        told = {} if report is None else {"groundcrew": report}
        self._emit(out, type_, {"response": {**response, **told}, **told}, name=name)

    def _finished_items(self) -> list[Object]:
        return [item for item in self._items if item["status"] != "in_progress"]

    def _put(self, out: list[bytes], delta: _Delta, logprobs: Logprobs | None) -> None:
        self._carried.add(delta)
        if delta.reasoning_content:
            self._put_text(out, "reasoning", "reasoning_text", delta.reasoning_content)
        if delta.content:
            self._put_text(out, "message", "output_text", delta.content, logprobs_of(logprobs))
        if delta.refusal:
            self._put_text(out, "message", "refusal", delta.refusal)
        for piece in delta.tool_calls or ():
            self._put_call(out, piece)
        if delta.function_call is not None:
            self._put_call(out, ToolCall(function=delta.function_call))

    def _add_item(self, out: list[bytes], item: Object) -> int:
        index = len(self._items)
        if index >= OUTPUT_ITEMS_MAX:
            raise UpstreamError(f"the stream holds more than {OUTPUT_ITEMS_MAX} items")
        self._items.append(item)
        self._emit(out, "response.output_item.added", {"output_index": index, "item": item})
        return index

    def _put_text(self, out: list[bytes], kind: str, part: str, text: str, logprobs: list[Object] | None = None) -> None:
        content = self._content
        if content is None or content.kind != kind:
            self._close_content(out, "completed")
            index = len(self._items)
            content = self._content = _Content(kind, index, item_id(kind, self._call_id, index))
            self._add_item(out, content_item(kind, content.id, [], "in_progress"))
        if content.part != part:
            self._close_part(out, content)
            content.part, content.head = part, self._head(content, part)
            place = {"item_id": content.id, "output_index": content.index, "content_index": len(content.parts)}
            self._emit(out, "response.content_part.added", {**place, "part": content_part(part, "")})
        content.pieces.append(text)
        beside = b""
        if part == "output_text":
            beside = b',"logprobs":' + (self._encode(logprobs) if logprobs else b"[]")
            content.logprobs += logprobs or ()
        out.append(b'%b"sequence_number":%d,"delta":%b%b}\n\n' % (content.head, self._sequence, self._encode(text), beside))
        self._sequence += 1

    def _head(self, content: _Content, part: str) -> bytes:
        """What every delta of a part begins with."""
        name = _PART_EVENTS[part] + ".delta"
        place = {"item_id": content.id, "output_index": content.index, "content_index": len(content.parts)}
        return b"event: %b\ndata: %b," % (name.encode(), self._encode({"type": name, **place})[:-1])

    def _close_part(self, out: list[bytes], content: _Content) -> None:
        if content.part is None:
            return
        kind, text = content.part, "".join(content.pieces)
        part = content_part(kind, text, content.logprobs)
        place = {"item_id": content.id, "output_index": content.index, "content_index": len(content.parts)}
        whole: Object = {"refusal" if kind == "refusal" else "text": text}
        if kind == "output_text":
            whole["logprobs"] = content.logprobs
        self._emit(out, _PART_EVENTS[kind] + ".done", {**place, **whole})
        self._emit(out, "response.content_part.done", {**place, "part": part})
        content.parts.append(part)
        content.part, content.pieces, content.logprobs = None, [], []

    def _close_content(self, out: list[bytes], status: str) -> None:
        content = self._content
        if content is None:
            return
        self._close_part(out, content)
        self._close_item(out, content.index, content_item(content.kind, content.id, content.parts, status))
        self._content = None

    def _close_item(self, out: list[bytes], index: int, item: Object) -> None:
        self._items[index] = item
        self._emit(out, "response.output_item.done", {"output_index": index, "item": item})

    def _put_call(self, out: list[bytes], piece: ToolCall) -> None:
        call = self._calls.get(piece.index)
        if call is None:
            if len(self._calls) >= OUTPUT_ITEMS_MAX:
                raise UpstreamError(f"the stream holds more than {OUTPUT_ITEMS_MAX} tool calls")
            call = self._calls[piece.index] = _Call()
        if call.index is None:
            call.call_id = piece.id or call.call_id
            call.name += piece.said()[0]
            if piece.custom is not None:
                call.kind = "custom_tool_call"
        call.extra = piece.extra_content or call.extra
        said = piece.said()[1]
        if not said:
            return
        if call.index is None:
            self._open_call(out, call)
        call.pieces.append(said)
        members = {"item_id": call.id, "output_index": call.index, "delta": said}
        self._emit(out, _CALL_EVENTS[call.kind][0] + ".delta", members)

    def _open_call(self, out: list[bytes], call: _Call) -> None:
        self._close_content(out, "completed")
        index = len(self._items)
        call.id = item_id(call.kind, self._call_id, index)
        call.call_id = call.call_id or f"call_{self._call_id}_{index}"
        call.index = self._add_item(out, call_item(call.kind, call.id, call.call_id, call.name, "", "in_progress"))

    def _close_call(self, out: list[bytes], call: _Call, status: str) -> None:
        said, (events, member) = "".join(call.pieces), _CALL_EVENTS[call.kind]
        self._emit(out, events + ".done", {"item_id": call.id, "output_index": call.index, member: said})
        self._close_item(out, call.index or 0, call_item(call.kind, call.id, call.call_id, call.name, said, status))


def _converted(value: Any, shape: type[Loaded]) -> Loaded:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise UpstreamError(f"the stream holds a malformed chunk: {error}") from None
