"""A stream of the OpenAI Responses API, read as chat completion chunks: guards and the record read a stream so, whose bytes go on
to the client as they are."""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.responses_answer import (
    ReadItem,
    ReadResponse,
    failed,
    json_text,
    read_item,
    tool_call,
)
from groundcrew.gateway.dialects.responses_shapes import OUTPUT_ITEMS_MAX, Object
from groundcrew.gateway.dialects.responses_texts import hides_text


class _EventError(msgspec.Struct):
    code: str | None = None


class _Event(msgspec.Struct):
    """One event, as far as it is read. Raw members are decoded where they are needed."""

    type: str = ""
    delta: str | None = None
    output_index: int = 0
    item: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()
    code: str | None = None
    error: _EventError | None = None


class _Type(msgspec.Struct):
    type: str = ""


_EVENT = msgspec.json.Decoder(_Event)
_TYPE = msgspec.json.Decoder(_Type)
_OBJECT = msgspec.json.Decoder(dict[str, Any])

#: type of event → the member of a chunk's delta that its `delta` continues.
_TEXT_DELTAS = {
    "response.output_text.delta": "content",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning_content",
    "response.reasoning_summary_text.delta": "reasoning_content",
}
#: type of event → the members of a tool call that its `delta` continues.
_CALL_DELTAS = {
    "response.function_call_arguments.delta": ("function", "arguments"),
    "response.custom_tool_call_input.delta": ("custom", "input"),
}
_ENDINGS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_OTHERS = frozenset({"response.created", "response.output_item.added", "response.output_item.done", "error"})
_READ_TYPES = frozenset({*_TEXT_DELTAS, *_CALL_DELTAS, *_ENDINGS, *_OTHERS})
#: Types of events that tell nothing, or repeat what their deltas told.
_REPEATED = frozenset(
    {
        *("response.in_progress", "response.queued", "response.content_part.added", "response.content_part.done"),
        *("response.output_text.done", "response.refusal.done", "response.reasoning_text.done"),
        *(
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_part.done",
        ),
        *("response.function_call_arguments.done", "response.custom_tool_call_input.done"),
    }
)


class _Read:
    """What the deltas of one output item have told so far, and the item as it was at its end."""

    __slots__ = ("call_index", "done", "texts")

    def __init__(self) -> None:
        #: By member of a chunk's delta; a call's input under "said".
        self.texts: dict[str, list[str]] = {}
        self.call_index: int | None = None
        self.done: ReadItem | None = None


class EventReader:
    """Reads one stream. What its deltas leave out, but an item or the response at its end tells, is read at that place."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self.done = self.hides = False
        self._items: dict[int, _Read] = {}
        self._calls = 0
        self._head: Object = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}

    def read(self, name: str | None, data: bytes) -> list[Object]:
        """The chunks that one event stands for; none for events of unknown types. UpstreamError where the event is malformed, or
        tells that the answer failed."""
        if data == b"[DONE]":
            return []
        event = self._decoded(name, data)
        if event is None:
            return []
        kind = event.type or name or ""
        if (member := _TEXT_DELTAS.get(kind)) is not None:
            if not event.delta:
                return []
            self._item(event.output_index).texts.setdefault(member, []).append(event.delta)
            return [self._chunk({member: event.delta})]
        if (members := _CALL_DELTAS.get(kind)) is not None:
            item = self._item(event.output_index)
            if not event.delta or item.call_index is None:  # one that was never announced is read at its end
                return []
            item.texts.setdefault("said", []).append(event.delta)
            return [self._chunk({"tool_calls": [{"index": item.call_index, members[0]: {members[1]: event.delta}}]})]
        if kind == "response.output_item.added":
            return self._announced(self._item(event.output_index), self._object(event.item))
        if kind == "response.output_item.done":
            return self._completed(self._item(event.output_index), self._object(event.item))
        if kind == "error":
            code = event.error.code if event.error is not None else None
            raise failed(self._provider, code or event.code)
        return self._lifecycle(kind, event)

    def _decoded(self, name: str | None, data: bytes) -> _Event | None:
        """The event; None for one of a type that is not read, whatever else is in it."""
        try:
            event = _EVENT.decode(data)
        except msgspec.ValidationError:
            try:
                kind = _TYPE.decode(data).type or name
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise self._malformed() from None
            if kind and kind not in _READ_TYPES:
                self.hides = self.hides or kind not in _REPEATED
                return None
            raise self._malformed() from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._malformed() from None
        kind = event.type or name
        if not kind:
            raise self._malformed()
        if kind in _READ_TYPES:
            return event
        self.hides = self.hides or kind not in _REPEATED
        return None

    def _malformed(self) -> UpstreamError:
        return UpstreamError(f"provider {self._provider}: its stream holds a malformed event")

    def _object(self, raw: msgspec.Raw) -> Object:
        try:
            return _OBJECT.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._malformed() from None

    def _item(self, index: int) -> _Read:
        item = self._items.get(index)
        if item is None:
            if len(self._items) >= OUTPUT_ITEMS_MAX:
                raise UpstreamError(f"provider {self._provider}: its stream holds more than {OUTPUT_ITEMS_MAX} items")
            item = self._items[index] = _Read()
        return item

    def _chunk(self, delta: Object, finish_reason: str | None = None) -> Object:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    def _announced(self, item: _Read, value: Object) -> list[Object]:
        """The chunk that begins a tool call."""
        if value.get("type") not in ("function_call", "custom_tool_call") or item.call_index is not None:
            return []
        given = read_item(value, self._provider)
        item.call_index = self._calls
        self._calls += 1
        if given.said():
            item.texts["said"] = [given.said()]
        return [self._chunk({"tool_calls": [{"index": item.call_index, **tool_call(given)}]})]

    def _completed(self, item: _Read, value: Object) -> list[Object]:
        """The chunks for what `value`, the item at its end, tells beyond its deltas."""
        given = read_item(value, self._provider)
        earlier, item.done = item.done, given
        if earlier is not None:
            if any(given == each.done for each in self._items.values() if each is not item) or given == earlier:
                return []
            return [self._beside(json_text(value, self._provider))]
        if given.type in ("function_call", "custom_tool_call"):
            return self._completed_call(item, value, given)
        content, refusal, reasoning = given.texts()
        chunks: list[Object] = []
        for member, text in (("content", content), ("refusal", refusal), ("reasoning_content", reasoning)):
            chunks += self._rest(item, member, text, is_loose=value.get("type") == "reasoning")
        return chunks

    def _rest(self, item: _Read, member: str, text: str, *, is_loose: bool) -> list[Object]:
        """What `text` tells beyond its deltas. Reasoning comes in several parts, whose borders deltas do not tell."""
        told = "".join(item.texts.get(member, ()))
        if not text or text == told or (is_loose and text.replace("\n", "") == told.replace("\n", "")):
            return []
        return [self._beside(text) if told else self._chunk({member: text})]

    def _completed_call(self, item: _Read, value: Object, given: ReadItem) -> list[Object]:
        chunks = self._announced(item, value)
        told = "".join(item.texts.get("said", ()))
        if given.said() != told:
            call = tool_call(given)
            kind = "custom" if call["type"] == "custom" else "function"
            member = "input" if kind == "custom" else "arguments"
            if told:
                chunks.append(self._beside(given.said()))
            else:
                chunks.append(self._chunk({"tool_calls": [{"index": item.call_index, kind: {member: given.said()}}]}))
        return chunks

    def _beside(self, text: str) -> Object:
        """Text that stands in the stream twice and differs: guards read it as text beside the answer."""
        return self._chunk({"reasoning_content": "\n" + text})

    def _lifecycle(self, kind: str, event: _Event) -> list[Object]:
        try:
            response = msgspec.json.decode(event.response, type=ReadResponse)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._malformed() from None
        if response.status == "failed" or kind == "response.failed" or response.error is not None:
            raise failed(self._provider, response.error.code if response.error is not None else None)
        self._head |= {"id": response.id, "created": int(response.created_at), "model": response.model}
        if kind == "response.created":
            return []
        if len(response.output) > OUTPUT_ITEMS_MAX:
            raise UpstreamError(f"provider {self._provider}: its stream holds more than {OUTPUT_ITEMS_MAX} items")
        chunks: list[Object] = []
        for index, value in enumerate(response.output):
            chunks += self._completed(self._item(index), value)
        self.done = True
        self.hides = self.hides or hides_text({"input": response.output})
        if kind == "response.incomplete":
            response.status = "incomplete"
        chunks.append(self._chunk({}, response.finish_reason(has_calls=self._calls > 0)))
        usage = response.usage_object()
        if usage is not None:
            chunks.append({**self._head, "choices": [], "usage": usage})
        return chunks
