"""How the scripted provider answers as Gemini and as Bedrock, embeddings included."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Any

import msgspec

from groundcrew.testing.upstream_shapes import EMBEDDING_LENGTH, SIGNATURE, Scripted, Shape, data_event, embedding, read_call


def event_stream_message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message in the framing application/vnd.amazon.eventstream, with text headers only (type 7)."""
    packed = b"".join(
        struct.pack("!B", len(name.encode())) + name.encode() + b"\x07" + struct.pack("!H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", len(packed) + len(payload) + 16, len(packed))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + packed + payload
    return body + struct.pack("!I", zlib.crc32(body))


class GeminiShape(Shape):
    """Gemini generateContent."""

    name = "gemini"

    def error(self, status: int, message: str) -> dict[str, Any]:
        """An error's body."""
        words = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
        return {"error": {"code": status, "message": message, "status": words.get(status, "INTERNAL")}}

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """A whole answer."""
        parts = [*self._thought(reply), *([{"text": reply.text}] if reply.text else []), *self._calls(reply)]
        return self._answer(parts, "STOP", reply.usage)

    @staticmethod
    def _thought(reply: Scripted) -> list[dict[str, Any]]:
        return [{"text": reply.reasoning, "thought": True}] if reply.reasoning else []

    @staticmethod
    def _calls(reply: Scripted) -> list[dict[str, Any]]:
        parts = []
        for index, call in enumerate(reply.tool_calls):
            _, name, arguments = read_call(call)
            part: dict[str, Any] = {"functionCall": {"name": name, "args": msgspec.json.decode(arguments)}}
            if reply.reasoning and index == 0:
                part["thoughtSignature"] = SIGNATURE
            parts.append(part)
        return parts

    def _answer(
        self, parts: list[dict[str, Any]], reason: str | None = None, usage: tuple[int, int] | None = None
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if reason:
            candidate["finishReason"] = reason
        answer: dict[str, Any] = {"candidates": [candidate], "modelVersion": self.model, "responseId": "fake"}
        if usage is not None:
            counts = {"promptTokenCount": usage[0], "candidatesTokenCount": usage[1], "totalTokenCount": sum(usage)}
            answer["usageMetadata"] = counts
        return answer

    def start(self, reply: Scripted) -> Iterable[bytes]:
        """The thought; the API has no event for the begin."""
        if reply.reasoning:
            yield data_event(self._answer(self._thought(reply)))

    def piece(self, text: str) -> bytes:
        """One piece of the text."""
        return data_event(self._answer([{"text": text}]))

    def tools(self, reply: Scripted) -> Iterable[bytes]:
        """All function calls at once."""
        if reply.tool_calls:
            yield data_event(self._answer(self._calls(reply)))

    def end(self, reply: Scripted) -> Iterable[bytes]:
        """The last answer, with the reason and the counts; the API has no end marker."""
        yield data_event(self._answer([{"text": ""}], "STOP", reply.usage))


class GeminiEmbeddingsShape(GeminiShape):
    """Gemini embedContent and batchEmbedContents."""

    name = "gemini_embeddings"

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """The vectors."""
        asked = self.body.get("requests")
        if asked is None:
            return {"embedding": {"values": self._vector(self.body)}}
        return {"embeddings": [{"values": self._vector(each)} for each in asked]}

    @staticmethod
    def _vector(asked: dict[str, Any]) -> list[float]:
        text = "".join(part.get("text", "") for part in (asked.get("content") or {}).get("parts", []))
        return embedding(text, asked.get("outputDimensionality") or EMBEDDING_LENGTH)


class ConverseShape(Shape):
    """Bedrock Converse and ConverseStream."""

    name = "converse"
    content_type = "application/vnd.amazon.eventstream"
    malformed = b"\x00" * 16
    huge = struct.pack("!II", 64 * 1024 * 1024, 0) + struct.pack("!I", zlib.crc32(struct.pack("!II", 64 * 1024 * 1024, 0)))

    def __init__(self, body: dict[str, Any], model: str, *, stream: bool) -> None:
        super().__init__(body, model, stream=stream)
        self._index = 0

    def error(self, status: int, message: str) -> dict[str, Any]:
        """An error's body."""
        return {"message": message}

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """A whole answer."""
        content: list[dict[str, Any]] = []
        if reply.reasoning:
            content.append({"reasoningContent": {"reasoningText": {"text": reply.reasoning, "signature": SIGNATURE}}})
        if reply.text:
            content.append({"text": reply.text})
        for call in reply.tool_calls:
            identifier, name, arguments = read_call(call)
            content.append({"toolUse": {"toolUseId": identifier, "name": name, "input": msgspec.json.decode(arguments)}})
        answer = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": self._reason(reply)}
        return {**answer, **self._counts(reply)}

    @staticmethod
    def _counts(reply: Scripted) -> dict[str, Any]:
        if reply.usage is None:
            return {}
        counts = {"inputTokens": reply.usage[0], "outputTokens": reply.usage[1], "totalTokens": sum(reply.usage)}
        return {"usage": counts, "metrics": {"latencyMs": 1}}

    @staticmethod
    def _message(kind: str, payload: dict[str, Any]) -> bytes:
        headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
        return event_stream_message(headers, msgspec.json.encode(payload))

    def _delta(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return self._message("contentBlockDelta", {"contentBlockIndex": self._index, "delta": delta})

    def _stop(self) -> bytes:
        self._index += 1
        return self._message("contentBlockStop", {"contentBlockIndex": self._index - 1})

    def start(self, reply: Scripted) -> Iterable[bytes]:
        """The begin and the reasoning; text blocks have no event for their begin."""
        yield self._message("messageStart", {"role": "assistant"})
        if reply.reasoning:
            yield self._delta({"reasoningContent": {"text": reply.reasoning}})
            yield self._delta({"reasoningContent": {"signature": SIGNATURE}})
            yield self._stop()

    def piece(self, text: str) -> bytes:
        """One piece of the text."""
        return self._delta({"text": text})

    def tools(self, reply: Scripted) -> Iterable[bytes]:
        """The end of the text, and the tool calls with their arguments in two pieces."""
        if reply.text:
            yield self._stop()
        for call in reply.tool_calls:
            identifier, name, arguments = read_call(call)
            start = {"toolUse": {"toolUseId": identifier, "name": name}}
            yield self._message("contentBlockStart", {"contentBlockIndex": self._index, "start": start})
            half = len(arguments) // 2
            for part in (arguments[:half], arguments[half:]):
                yield self._delta({"toolUse": {"input": part}})
            yield self._stop()

    def end(self, reply: Scripted) -> Iterable[bytes]:
        """Why it stopped, and the counts after it."""
        yield self._message("messageStop", {"stopReason": self._reason(reply)})
        if reply.usage is not None:
            yield self._message("metadata", self._counts(reply))

    @staticmethod
    def _reason(reply: Scripted) -> str:
        return "tool_use" if reply.tool_calls else "end_turn"


class InvokeShape(ConverseShape):
    """Bedrock InvokeModel for embeddings, in Titan's shape or Cohere's."""

    name = "bedrock_embeddings"

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """The vectors."""
        if "texts" in self.body:
            vectors = [embedding(str(each), self.body.get("output_dimension") or EMBEDDING_LENGTH) for each in self.body["texts"]]
            given = {"embeddings": {"float": vectors}} if "embedding_types" in self.body else {"embeddings": vectors}
            return {"id": "fake", "texts": self.body["texts"], "response_type": "embeddings_floats", **given}
        vector = embedding(str(self.body.get("inputText", "")), self.body.get("dimensions") or EMBEDDING_LENGTH)
        answer: dict[str, Any] = {"embedding": vector}
        return answer if reply.usage is None else {**answer, "inputTextTokenCount": reply.usage[0]}
