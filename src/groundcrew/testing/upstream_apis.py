"""How the scripted provider answers in the APIs of OpenAI and Anthropic, and which shape a request's path asks for."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import msgspec

from groundcrew.testing.upstream_clouds import ConverseShape, GeminiEmbeddingsShape, GeminiShape, InvokeShape
from groundcrew.testing.upstream_shapes import EMBEDDING_LENGTH, SIGNATURE, Scripted, Shape, embedding, named_event, read_call


class EmbeddingsShape(Shape):
    """OpenAI embeddings."""

    name = "embeddings"

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """One vector per input, as numbers or as base64 of little-endian 32-bit floats."""
        given: Any = self.body.get("input")
        one = isinstance(given, str) or (bool(given) and isinstance(given[0], int))  # a text, or the token ids of one
        texts = [given] if one else list(given or [])
        length = self.body.get("dimensions") or EMBEDDING_LENGTH
        data = []
        for index, text in enumerate(texts):
            vector: list[float] | str = embedding(str(text), length)
            if self.body.get("encoding_format") == "base64":
                vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        answer: dict[str, Any] = {"object": "list", "data": data, "model": self.model}
        if reply.usage is not None:
            answer["usage"] = {"prompt_tokens": reply.usage[0], "total_tokens": reply.usage[0]}
        return answer


class MessagesShape(Shape):
    """Anthropic Messages."""

    name = "messages"

    def __init__(self, body: dict[str, Any], model: str, *, stream: bool) -> None:
        super().__init__(body, model, stream=stream)
        self._index = -1

    def error(self, status: int, message: str) -> dict[str, Any]:
        """An error's body."""
        kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
        kinds |= {429: "rate_limit_error", 529: "overloaded_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """A whole answer."""
        content: list[dict[str, Any]] = []
        if reply.reasoning:
            content.append({"type": "thinking", "thinking": reply.reasoning, "signature": SIGNATURE})
        if reply.text:
            content.append({"type": "text", "text": reply.text})
        for call in reply.tool_calls:
            identifier, name, arguments = read_call(call)
            content.append({"type": "tool_use", "id": identifier, "name": name, "input": msgspec.json.decode(arguments)})
        return {**self._message(reply), "content": content, "stop_reason": self._reason(reply)}

    def _message(self, reply: Scripted) -> dict[str, Any]:
        message: dict[str, Any] = {"id": "msg_fake", "type": "message", "role": "assistant", "model": self.model, "content": []}
        message |= {"stop_reason": None, "stop_sequence": None}
        if reply.usage is not None:
            message["usage"] = {"input_tokens": reply.usage[0], "output_tokens": 1 if self.stream else reply.usage[1]}
        return message

    def start(self, reply: Scripted) -> Iterable[bytes]:
        """The message without content, its thinking, and the begin of the text."""
        yield named_event({"type": "message_start", "message": self._message(reply)})
        yield named_event({"type": "ping"})
        if reply.reasoning:
            yield self._begin({"type": "thinking", "thinking": "", "signature": ""})
            yield self._add({"type": "thinking_delta", "thinking": reply.reasoning})
            yield self._add({"type": "signature_delta", "signature": SIGNATURE})
            yield self._close()
        if reply.text:
            yield self._begin({"type": "text", "text": ""})

    def _begin(self, block: dict[str, Any]) -> bytes:
        self._index += 1
        return named_event({"type": "content_block_start", "index": self._index, "content_block": block})

    def _add(self, delta: dict[str, Any]) -> bytes:
        return named_event({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _close(self) -> bytes:
        return named_event({"type": "content_block_stop", "index": self._index})

    def piece(self, text: str) -> bytes:
        """One piece of the text."""
        return self._add({"type": "text_delta", "text": text})

    def tools(self, reply: Scripted) -> Iterable[bytes]:
        """The end of the text, and the tool calls with their arguments in two pieces."""
        if reply.text:
            yield self._close()
        for call in reply.tool_calls:
            identifier, name, arguments = read_call(call)
            yield self._begin({"type": "tool_use", "id": identifier, "name": name, "input": {}})
            half = len(arguments) // 2
            for part in (arguments[:half], arguments[half:]):
                yield self._add({"type": "input_json_delta", "partial_json": part})
            yield self._close()

    def end(self, reply: Scripted) -> Iterable[bytes]:
        """Why it stopped, what it used, and the end."""
        last: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": self._reason(reply), "stop_sequence": None}}
        if reply.usage is not None:
            last["usage"] = {"output_tokens": reply.usage[1]}
        yield named_event(last)
        yield named_event({"type": "message_stop"})

    @staticmethod
    def _reason(reply: Scripted) -> str:
        return "tool_use" if reply.tool_calls else "end_turn"


class ResponsesShape(Shape):
    """OpenAI responses."""

    name = "responses"

    def __init__(self, body: dict[str, Any], model: str, *, stream: bool) -> None:
        super().__init__(body, model, stream=stream)
        self._number = -1
        self._text_index = 0

    def plain(self, reply: Scripted) -> dict[str, Any]:
        """A whole answer."""
        response: dict[str, Any] = {**self._response("completed"), "output": self._output(reply)}
        if reply.usage is not None:
            response["usage"] = {
                "input_tokens": reply.usage[0],
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": reply.usage[1],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": sum(reply.usage),
            }
        return response

    def _response(self, status: str) -> dict[str, Any]:
        asked = {name: self.body.get(name) for name in ("instructions", "metadata", "temperature", "top_p")}
        return {
            **asked,
            "id": "resp_fake",
            "object": "response",
            "created_at": 1,
            "status": status,
            "model": self.model,
            "error": None,
            "incomplete_details": None,
            "output": [],
            "usage": None,
            "parallel_tool_calls": True,
            "tool_choice": self.body.get("tool_choice", "auto"),
            "tools": self.body.get("tools", []),
        }

    def _output(self, reply: Scripted) -> list[dict[str, Any]]:
        output: list[dict[str, Any]] = []
        if reply.reasoning:
            summary = [{"type": "summary_text", "text": reply.reasoning}]
            output.append({"id": "rs_fake", "type": "reasoning", "summary": summary})
        if reply.text:
            output.append({**self._message_item("completed"), "content": [self._text_part(reply.text)]})
        for index, call in enumerate(reply.tool_calls):
            identifier, name, arguments = read_call(call)
            item = {"id": f"fc_fake_{index}", "type": "function_call", "status": "completed", "call_id": identifier}
            output.append({**item, "name": name, "arguments": arguments})
        return output

    @staticmethod
    def _message_item(status: str) -> dict[str, Any]:
        return {"id": "msg_fake", "type": "message", "role": "assistant", "status": status, "content": []}

    @staticmethod
    def _text_part(text: str) -> dict[str, Any]:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _event(self, kind: str, **members: Any) -> bytes:
        self._number += 1
        return named_event({"type": f"response.{kind}", "sequence_number": self._number, **members})

    def start(self, reply: Scripted) -> Iterable[bytes]:
        """The response without output, its reasoning, and the begin of the message."""
        yield self._event("created", response=self._response("in_progress"))
        yield self._event("in_progress", response=self._response("in_progress"))
        if reply.reasoning:
            item = self._output(reply)[0]
            place = {"item_id": "rs_fake", "output_index": 0, "summary_index": 0}
            part = {"type": "summary_text", "text": reply.reasoning}
            yield self._event("output_item.added", output_index=0, item={**item, "summary": []})
            yield self._event("reasoning_summary_part.added", **place, part={**part, "text": ""})
            yield self._event("reasoning_summary_text.delta", **place, delta=reply.reasoning)
            yield self._event("reasoning_summary_text.done", **place, text=reply.reasoning)
            yield self._event("reasoning_summary_part.done", **place, part=part)
            yield self._event("output_item.done", output_index=0, item=item)
            self._text_index = 1
        if reply.text:
            yield self._event("output_item.added", output_index=self._text_index, item=self._message_item("in_progress"))
            yield self._event("content_part.added", **self._place(), part=self._text_part(""))

    def _place(self) -> dict[str, Any]:
        return {"item_id": "msg_fake", "output_index": self._text_index, "content_index": 0}

    def piece(self, text: str) -> bytes:
        """One piece of the text."""
        return self._event("output_text.delta", **self._place(), delta=text, logprobs=[])

    def tools(self, reply: Scripted) -> Iterable[bytes]:
        """The end of the message, and the function calls."""
        index = self._text_index
        if reply.text:
            part = self._text_part(reply.text)
            yield self._event("output_text.done", **self._place(), text=reply.text, logprobs=[])
            yield self._event("content_part.done", **self._place(), part=part)
            item = {**self._message_item("completed"), "content": [part]}
            yield self._event("output_item.done", output_index=index, item=item)
            index += 1
        for item in self._output(reply)[index:]:
            empty = {**item, "arguments": "", "status": "in_progress"}
            place = {"item_id": item["id"], "output_index": index}
            yield self._event("output_item.added", output_index=index, item=empty)
            yield self._event("function_call_arguments.delta", **place, delta=item["arguments"])
            yield self._event("function_call_arguments.done", **place, name=item["name"], arguments=item["arguments"])
            yield self._event("output_item.done", output_index=index, item=item)
            index += 1

    def end(self, reply: Scripted) -> Iterable[bytes]:
        """The whole response."""
        yield self._event("completed", response=self.plain(reply))


def shape_of(path: str, body: dict[str, Any]) -> Shape:
    """The shape that a request to `path` is answered in; chat completions for a path that nothing else claims."""
    place = path.partition("?")[0]
    last = place.rpartition("/")[2]
    asks_stream = body.get("stream") is True
    model = str(body.get("model"))
    simple = {"messages": MessagesShape, "responses": ResponsesShape, "embeddings": EmbeddingsShape}
    if last in simple:
        return simple[last](body, model, stream=asks_stream and last != "embeddings")
    named, _, method = last.rpartition(":")
    if method in ("generateContent", "streamGenerateContent"):
        return GeminiShape(body, unquote(named), stream=method == "streamGenerateContent")
    if method in ("embedContent", "batchEmbedContents"):
        return GeminiEmbeddingsShape(body, unquote(named), stream=False)
    if "/model/" in place and last in ("converse", "converse-stream", "invoke"):
        named = unquote(place.split("/")[-2])
        if last == "invoke":
            return InvokeShape(body, named, stream=False)
        return ConverseShape(body, named, stream=last == "converse-stream")
    return Shape(body, model, stream=asks_stream)
