"""What the scripted provider's answers are made of, and OpenAI chat completions as the first shape.

A `Shape` turns one scripted reply into a plain answer, an error, or the pieces of a stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

#: What stands where a provider would put the signature of its thinking.
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBmYWtl"
EMBEDDING_LENGTH = 8


class Scripted(Protocol):
    """What of a scripted reply the shapes read."""

    @property
    def text(self) -> str:
        """The answer."""
        ...

    @property
    def reasoning(self) -> str:
        """What it thought before; "" for none."""
        ...

    @property
    def usage(self) -> tuple[int, int] | None:
        """Tokens in and out, None where they are left out."""
        ...

    @property
    def tool_calls(self) -> tuple[dict[str, Any], ...]:
        """Tool calls in the shape of a chat completion."""
        ...


def embedding(text: str, length: int = EMBEDDING_LENGTH) -> list[float]:
    """The vector that the fake gives `text`: the same text always has the same one. Values from -1 to 1."""
    count = max(1, length)
    digest = hashlib.shake_128(text.encode()).digest(count)
    return [byte / 127.5 - 1 for byte in digest]


def data_event(value: object) -> bytes:
    """A server-sent event without a name."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def named_event(value: dict[str, Any]) -> bytes:
    """A server-sent event named for its type."""
    return f"event: {value['type']}\n".encode() + data_event(value)


def read_call(call: dict[str, Any]) -> tuple[str, str, str]:
    """Identifier, name and arguments of a tool call."""
    function = call.get("function") or {}
    return str(call.get("id") or "call_fake"), str(function.get("name") or ""), str(function.get("arguments") or "{}")


class Shape:
    """OpenAI chat completions, and what the other shapes change of them. `body` is the request, `model` what it asked for."""

    name = "chat"
    content_type = "text/event-stream"
    #: What breaks a stream of this kind, and one event that is far too large.
    malformed = b"data: {this is no JSON\n\n"
    huge = b"data: " + b"x" * (4 * 1024 * 1024)

    def __init__(self, body: dict[str, Any], model: str, *, stream: bool) -> None:
        self.body, self.model, self.stream = body, model, stream

    def error(self, status: int, message: str) -> dict[str, Any]:
        """An error's body."""
        return {"error": {"message": message, "type": "scripted", "param": None, "code": None}}

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """A whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        if reply.tool_calls:
            message["tool_calls"] = reply.tool_calls
        choice = {"index": 0, "message": message, "finish_reason": self._reason(reply)}
        answer = {**self._head("chat.completion"), "choices": [choice]}
        if reply.usage is not None:
            answer["usage"] = self._usage(reply.usage)
        return answer

    def start(self, reply: Scripted) -> Iterable[bytes]:
        """What stands before the text of a stream, reasoning included."""
        yield self._delta({"role": "assistant", "content": ""})
        if reply.reasoning:
            yield self._delta({"reasoning_content": reply.reasoning})

    def piece(self, text: str) -> bytes:
        """One piece of the text."""
        return self._delta({"content": text})

    def tools(self, reply: Scripted) -> Iterable[bytes]:
        """The tool calls, after the text."""
        for index, call in enumerate(reply.tool_calls):
            yield self._delta({"tool_calls": [{"index": index, **call}]})

    def end(self, reply: Scripted) -> Iterable[bytes]:
        """What ends a stream."""
        yield self._delta({}, self._reason(reply))
        if reply.usage is not None and (self.body.get("stream_options") or {}).get("include_usage"):
            yield data_event({**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage(reply.usage)})
        yield b"data: [DONE]\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-fake", "object": kind, "created": 1, "model": self.model}

    def _delta(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return data_event({**self._head("chat.completion.chunk"), "choices": [choice]})

    @staticmethod
    def _reason(reply: Scripted) -> str:
        return "tool_calls" if reply.tool_calls else "stop"

    @staticmethod
    def _usage(usage: tuple[int, int]) -> dict[str, int]:
        return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def texts_of(content: Any) -> list[str]:
    """The texts of a message's content, whichever API wrote it: a string, or parts that have a `text`."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
