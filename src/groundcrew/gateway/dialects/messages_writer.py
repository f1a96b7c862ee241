"""Chunks of a chat completion, written as an event stream in the Anthropic Messages dialect.

A stream of the dialect has one block open at a time. Chat completions may go on with several tool calls in turn: what belongs to
another block than the open one waits until that one is complete.
"""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.messages_answer import (
    asks_thinking,
    empty_message,
    error_body,
    held_body,
    made_id,
    stop_reason,
)
from groundcrew.gateway.dialects.messages_blocks import Entry, messages_usage, read_layout

#: Code points that may wait for their turn.
WAITING_LENGTH_MAX = 4 * 1024 * 1024
#: Tool calls of one answer.
TOOL_CALLS_MAX = 128

#: The kinds of text in a stream, with the type of their deltas and the member that holds the text.
_DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}

_encode = msgspec.json.encode


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Piece(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Piece] | None = None
    anthropic: dict[str, Any] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None


class _Call:
    """A tool call: its pieces that have not left, and, while its block is open, those that have."""

    __slots__ = ("id", "name", "sent", "waiting")

    def __init__(self) -> None:
        self.id = self.name = ""
        self.waiting: list[str] = []
        self.sent: list[str] | None = None

    def is_complete(self) -> bool:
        """Whether the arguments are a whole JSON object: then nothing can follow."""
        if not self.sent or not self.sent[-1].rstrip().endswith("}"):
            return False
        try:
            return isinstance(msgspec.json.decode("".join(self.sent)), dict)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False


class EventWriter:
    """Writes one stream. Each of its methods returns whole server-sent events, none of them in part."""

    def __init__(self, *, call_id: str, model: str, created_s: int, request: dict[str, Any]) -> None:
        self._call_id, self._model, self._created_s = call_id, model, created_s
        self._shows_thinking = asks_thinking(request)
        self._started = False
        self._index = -1
        #: The open block: "text", "thinking" or the index of a tool call in the chat completion.
        self._open: str | int | None = None
        self._calls: dict[int, _Call] = {}
        self._closed: set[int] = set()
        #: Text that came while a tool call was not complete, by kind, in order.
        self._later: list[tuple[str, str]] = []
        self._waiting_length = 0
        self._refused = False
        self._reason: str | None = None
        self._vendor: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None

    def chunk(self, chunk: dict[str, Any]) -> bytes:
        """The events that a chunk's first choice is. UpstreamError for a chunk that is none, where more has to wait than may, and
        where a tool call goes on after its end."""
        try:
            read = msgspec.convert(chunk, _Chunk)
        except msgspec.ValidationError:
            raise UpstreamError("the stream holds a malformed chunk") from None
        out: list[bytes] = []
        if not self._started:
            out.append(self._start())
        self._usage = read.usage or self._usage
        for choice in read.choices or ():
            if choice.index != 0:
                continue
            self._reason = choice.finish_reason or self._reason
            if choice.delta is not None:
                self._delta(out, choice.delta)
        return b"".join(out)

    def end(self, report: dict[str, Any] | None, usage: dict[str, Any] | None) -> bytes:
        """The closing events. The last one, `message_stop`, carries `report` as its `groundcrew` member. `usage`, in the chat
        dialect's terms, counts before what a chunk told."""
        out: list[bytes] = []
        if not self._started:
            out.append(self._start())
        self._settle(out, at_end=True)
        reason, sequence = stop_reason(self._reason, self._vendor, refused=self._refused, called=bool(self._calls))
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        counts = messages_usage(usage or self._usage)
        out.append(_event("message_delta", {"type": "message_delta", "delta": delta, "usage": counts}))
        out.append(_stop_event(report))
        return b"".join(out)

    def error(self, code: str, message: str, status: int) -> bytes:
        """The event that tells of an error; nothing follows it."""
        return _event("error", error_body(code, message, status))

    def held(self, report: dict[str, Any]) -> bytes:
        """A whole stream for an answer that waits for its sign-off: an event of its own, and a message without content for
        clients that pass over events that they do not know."""
        body = held_body(report, call_id=self._call_id, model=self._model, created_s=self._created_s)
        start = _event("message_start", {"type": "message_start", "message": body})
        return _event("held", {"type": "held", "groundcrew": report}) + start + _stop_event(report)

    def _start(self) -> bytes:
        self._started = True
        return _event("message_start", {"type": "message_start", "message": empty_message(self._call_id, self._model)})

    # --- deltas ---

    def _delta(self, out: list[bytes], delta: _Delta) -> None:
        entries: list[Entry] = []
        if delta.anthropic is not None:
            entries = read_layout(delta.anthropic)
            self._vendor |= {name: value for name, value in delta.anthropic.items() if name != "blocks"}
            self._shows_thinking = self._shows_thinking or any(each.type == "thinking" for each in entries)
        if delta.reasoning_content and self._shows_thinking:
            self._text(out, "thinking", delta.reasoning_content)
        for entry in entries:
            self._sign(out, entry)
        if delta.content:
            self._text(out, "text", delta.content)
        if delta.refusal:
            self._refused = True
            self._text(out, "text", delta.refusal)
        for piece in delta.tool_calls or ():
            self._tool(out, piece)

    def _text(self, out: list[bytes], kind: str, text: str) -> None:
        if self._open != kind:
            self._settle(out)
        if isinstance(self._open, int):
            self._wait(len(text))
            self._later.append((kind, text))
        else:
            self._write_text(out, kind, text)

    def _write_text(self, out: list[bytes], kind: str, text: str) -> None:
        if self._open != kind:
            self._open_text(out, kind)
        delta, name = _DELTAS[kind]
        out.append(_delta_event(self._index, delta, name, text))

    def _open_text(self, out: list[bytes], kind: str) -> None:
        self._close(out)
        block = {"type": "text", "text": ""} if kind == "text" else {"type": "thinking", "thinking": "", "signature": ""}
        self._open_block(out, block)
        self._open = kind

    def _sign(self, out: list[bytes], entry: Entry) -> None:
        """The signature of the thinking block that is at its end, or a block of redacted thinking."""
        if isinstance(self._open, int):
            self._settle(out)
        if isinstance(self._open, int):
            return
        if entry.signature:
            if self._open != "thinking":
                self._open_text(out, "thinking")
            out.append(_delta_event(self._index, "signature_delta", "signature", entry.signature))
            self._close(out)
        elif entry.type == "redacted_thinking":
            self._close(out)
            self._open_block(out, {"type": "redacted_thinking", "data": entry.data})
            self._close(out)

    def _tool(self, out: list[bytes], piece: _Piece) -> None:
        call = self._calls.get(piece.index)
        if call is None:
            if len(self._calls) >= TOOL_CALLS_MAX:
                raise UpstreamError(f"the stream holds more than {TOOL_CALLS_MAX} tool calls")
            call = self._calls[piece.index] = _Call()
        call.id = piece.id or call.id
        arguments = ""
        if piece.function is not None:
            call.name += piece.function.name or ""
            arguments = piece.function.arguments or ""
        if piece.index in self._closed:
            if arguments.strip():
                raise UpstreamError("the stream goes on with a tool call after its end")
            return
        if arguments:
            call.waiting.append(arguments)
        if self._open == piece.index:
            self._flush(out, call)
            return
        self._settle(out)
        if call.waiting:
            self._wait(len(arguments))

    def _wait(self, length: int) -> None:
        self._waiting_length += length
        if self._waiting_length > WAITING_LENGTH_MAX:
            raise UpstreamError(f"more than {WAITING_LENGTH_MAX} characters of the stream wait for a tool call to end")

    # --- blocks ---

    def _settle(self, out: list[bytes], *, at_end: bool = False) -> None:
        """Close the open tool call if it is complete, and write what waited for it: text first, then calls in their order,
        each while the one before it is complete. At the end, everything."""
        while True:
            if isinstance(self._open, int):
                if not at_end and not self._calls[self._open].is_complete():
                    return
                self._close(out)
            later, self._later = self._later, []
            for kind, text in later:
                self._write_text(out, kind, text)
            index = next((each for each, call in self._calls.items() if each not in self._closed and (call.name or at_end)), None)
            if index is None:
                break
            self._close(out)
            call = self._calls[index]
            name = {"id": call.id or made_id(self._call_id, index), "name": call.name}
            self._open_block(out, {"type": "tool_use", **name, "input": {}})
            self._open, call.sent = index, []
            self._flush(out, call)
        self._waiting_length = 0
        if at_end:
            self._close(out)

    def _flush(self, out: list[bytes], call: _Call) -> None:
        for text in call.waiting:
            out.append(_delta_event(self._index, "input_json_delta", "partial_json", text))
            if call.sent is not None:
                call.sent.append(text)
        call.waiting.clear()

    def _open_block(self, out: list[bytes], block: dict[str, Any]) -> None:
        self._index += 1
        self._open = block["type"]
        value = {"type": "content_block_start", "index": self._index, "content_block": block}
        out.append(_event("content_block_start", value))

    def _close(self, out: list[bytes]) -> None:
        if self._open is None:
            return
        if isinstance(self._open, int):
            self._closed.add(self._open)
            self._calls[self._open].sent = None
        self._open = None
        out.append(_event("content_block_stop", {"type": "content_block_stop", "index": self._index}))


def _event(name: str, value: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encode(value) + b"\n\n"


def _delta_event(index: int, kind: str, name: str, text: str) -> bytes:
    """One `content_block_delta`, as most events of a stream are: only its text is encoded."""
    head = f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{name}":'
    return head.encode() + _encode(text) + b"}}\n\n"


def _stop_event(report: dict[str, Any] | None) -> bytes:
    last: dict[str, Any] = {"type": "message_stop"}
    return _event("message_stop", last if report is None else {**last, "groundcrew": report})
