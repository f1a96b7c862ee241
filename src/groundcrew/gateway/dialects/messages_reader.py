"""An event stream of a provider in the Anthropic Messages dialect, read as chunks of a chat completion."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.messages_answer import error_kind, refusal_text, untold
from groundcrew.gateway.dialects.messages_blocks import BLOCKS_MAX, FINISH_REASONS, VENDOR, chat_usage

#: Code points of one block's signature.
SIGNATURE_LENGTH_MAX = 1024 * 1024

_KNOWN = frozenset(
    {
        *("message_start", "message_delta", "message_stop", "error"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
    }
)


#: What each kind of block is told in.
_PAIRS = frozenset({("text_delta", "text"), ("input_json_delta", "tool_use"), ("thinking_delta", "thinking")})


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None


class _Block(msgspec.Struct):
    type: str
    id: str = ""
    name: str = ""
    input: dict[str, Any] | None = None
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = -1
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class _Kind(msgspec.Struct):
    type: str = ""


_EVENT = msgspec.json.Decoder(_Event)
_KIND = msgspec.json.Decoder(_Kind)


class _Open:
    """The block that is being read: its place in the stream, how much text it has so far, and the tool call that it is."""

    __slots__ = ("call", "head", "index", "length", "signature")

    def __init__(self, index: int, head: _Block, call: int | None) -> None:
        self.index, self.head, self.call = index, head, call
        self.length, self.signature = 0, head.signature


class EventReader:
    """Reads one stream. `done` tells that its last event was seen; what comes after that is left unread."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._head: dict[str, Any] = {"id": "", "object": "chat.completion.chunk", "created": int(time.time()), "model": ""}
        self._open: _Open | None = None
        self._seen = self._calls = 0
        #: The layout so far, which clients are told from the first block on that the chat dialect has no place for.
        self._layout: list[dict[str, Any]] = []
        self._tells_layout = False
        self._usage: dict[str, Any] = {}
        #: The final counts, which are told before the stream's end: they count even if the client does not wait for it.
        self.usage_told: dict[str, Any] | None = None
        self._reason: str | None = None
        self._sequence: str | None = None
        self._refusal: str | None = None
        #: Whether anything came that no chunk tells, such as citations, signatures and what tools of the provider's own found.
        self.hides = False
        self.done = False

    def read(self, name: str | None, data: bytes) -> list[dict[str, Any]]:
        """The chunks that one event is. UpstreamError for one that is malformed or that reports an error; events of types that
        are not known are none."""
        if self.done or name == "ping":
            return []
        event = self._decode(data)
        if event is None:
            return []
        kind = event.type
        if kind == "content_block_delta" and event.delta is not None:
            return self._delta(event.index, event.delta)
        if kind == "content_block_start" and event.content_block is not None:
            return self._start(event.index, event.content_block)
        if kind == "content_block_stop":
            return self._stop(event.index)
        if kind == "message_start" and event.message is not None:
            self._head |= {"id": event.message.id, "model": event.message.model}
            self._usage |= event.message.usage or {}
            return [self._chunk({"role": "assistant", "content": ""})]
        if kind == "message_delta":
            self._end_told(event)
            return []
        if kind == "message_stop":
            return self._finish()
        if kind == "error":
            raise UpstreamError(f"provider {self._provider}: its stream reports an error ({error_kind(event.error)})")
        raise self._malformed()

    def _decode(self, data: bytes) -> _Event | None:
        try:
            event = _EVENT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # An event of a type that came later than this code may have members of other shapes.
            try:
                kind = _KIND.decode(data).type
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                kind = ""
            if not kind or kind in _KNOWN:
                raise self._malformed() from None
            self.hides = True
            return None
        if event.type not in _KNOWN:
            self.hides = True
            return None
        return event

    def _malformed(self) -> UpstreamError:
        return UpstreamError(f"provider {self._provider}: its stream holds a malformed event")

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    def _start(self, index: int, block: _Block) -> list[dict[str, Any]]:
        self._seen += 1
        if self._open is not None or self._seen > BLOCKS_MAX:
            raise self._malformed()
        call = None
        if block.type == "tool_use":
            call = self._calls
            self._calls += 1
        self._open = opened = _Open(index, block, call)
        if block.type == "tool_use":
            function = {"name": block.name, "arguments": ""}
            return [self._chunk({"tool_calls": [{"index": call, "id": block.id, "type": "function", "function": function}]})]
        if block.type == "text":
            opened.length = len(block.text)
            return [self._chunk({"content": block.text})] if block.text else []
        if block.type == "thinking":
            opened.length = len(block.thinking)
            delta = self._told([{"type": "thinking", "index": len(self._layout)}])
            return [self._chunk({**delta, "reasoning_content": block.thinking} if block.thinking else delta)]
        self.hides = True
        return []

    def _delta(self, index: int, delta: _Delta) -> list[dict[str, Any]]:
        block = self._open
        if block is None or block.index != index:
            raise self._malformed()
        kind, expected = delta.type, block.head.type
        if kind == "text_delta" and delta.text and expected == "text":
            block.length += len(delta.text)
            return [self._chunk({"content": delta.text})]
        if kind == "input_json_delta" and delta.partial_json and block.call is not None:
            block.length += len(delta.partial_json)
            return [self._arguments(block.call, delta.partial_json)]
        if kind == "thinking_delta" and delta.thinking and expected == "thinking":
            block.length += len(delta.thinking)
            return [self._chunk({"reasoning_content": delta.thinking})]
        if kind == "signature_delta" and delta.signature and expected == "thinking":
            block.signature += delta.signature
            if len(block.signature) > SIGNATURE_LENGTH_MAX:
                raise self._malformed()
        if (kind, expected) not in _PAIRS:
            self.hides = True
        return []

    def _arguments(self, call: int, text: str) -> dict[str, Any]:
        return self._chunk({"tool_calls": [{"index": call, "function": {"arguments": text}}]})

    def _stop(self, index: int) -> list[dict[str, Any]]:
        block, self._open = self._open, None
        if block is None or block.index != index:
            raise self._malformed()
        kind, place = block.head.type, len(self._layout)
        chunks = []
        if kind == "tool_use":
            if block.call is not None and not block.length:  # the chat dialect's arguments are JSON, also where there are none
                chunks.append(self._arguments(block.call, msgspec.json.encode(block.head.input or {}).decode()))
            told: dict[str, Any] = {"id": block.head.id}
        elif kind == "text":
            told = {"length": block.length}
        elif kind == "thinking":
            told = {"length": block.length, "signature": block.signature}
        elif kind == "redacted_thinking":
            told = {"data": block.head.data}
        else:
            return []
        entry = {"type": kind, "index": place, **told}
        self._layout.append(entry)
        if kind == "thinking":
            chunks.append(self._chunk({VENDOR: {"blocks": [{"index": place, **told}]}}))
        elif self._tells_layout or kind == "redacted_thinking" or (kind == "text" and place):
            chunks.append(self._chunk(self._told([entry])))
        return chunks

    def _told(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """A delta with entries of the layout; before the first one those of the blocks that came earlier."""
        if not self._tells_layout:
            self._tells_layout = True
            entries = [*self._layout[: entries[0]["index"]], *entries]
        return {VENDOR: {"blocks": entries}}

    def _end_told(self, event: _Event) -> None:
        if event.delta is not None:
            self._reason = event.delta.stop_reason or self._reason
            self._sequence = event.delta.stop_sequence or self._sequence
            self._refusal = refusal_text(event.delta.stop_details) or self._refusal
        # Counts are cumulative: what a later event tells replaces what an earlier one told.
        self._usage |= {name: value for name, value in (event.usage or {}).items() if value is not None}
        self.usage_told = chat_usage(self._usage) if event.usage else self.usage_told

    def _finish(self) -> list[dict[str, Any]]:
        if self._open is not None:
            raise self._malformed()
        self.done = True
        reason = self._reason or "end_turn"
        told = untold(reason, self._sequence)
        delta: dict[str, Any] = {VENDOR: told} if told else {}
        if self._refusal is not None:
            delta["refusal"] = self._refusal
        chunks = [self._chunk(delta, FINISH_REASONS.get(reason, "stop"))]
        usage = chat_usage(self._usage)
        if usage is not None:
            chunks.append({**self._head, "choices": [], "usage": usage})
        return chunks
