"""Bedrock's Converse and ConverseStream in the shapes of a chat completion, and embeddings by InvokeModel.

Reference: AWS's service model bedrock-runtime, 2023-09-30. Where an answer holds signed reasoning, the message's `anthropic`
member keeps the order of its blocks and their signatures, in the layout that the Messages dialect has for it: no text is
repeated there.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any

import msgspec

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.dialects.converse_request import VENDOR, from_chat

__all__ = ["EventReader", "embeddings_body", "from_chat", "read_completion", "read_embeddings", "texts_max"]

#: `stopReason` → `finish_reason`. Failures are errors; any other word is an answer that was not let through whole.
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
FAILURES = frozenset({"malformed_model_output", "malformed_tool_use"})
#: Exceptions in a stream → the HTTP status that the same one has outside of it.
EXCEPTION_STATUS = {
    "throttlingException": 429,
    "modelNotReadyException": 429,
    "validationException": 400,
    "modelStreamErrorException": 424,
    "modelErrorException": 424,
    "modelTimeoutException": 408,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
}
TOKENS_MAX = 1_000_000_000
BLOCKS_MAX = 1_024
TOOL_CALLS_MAX = 128
#: Texts that one InvokeModel takes.
COHERE_TEXTS_MAX = 96

Count = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]


class _Usage(msgspec.Struct):
    inputTokens: Count
    outputTokens: Count
    cacheReadInputTokens: Count | None = None
    cacheWriteInputTokens: Count | None = None


class _ReasoningText(msgspec.Struct):
    text: str = ""
    signature: str | None = None


class _Reasoning(msgspec.Struct):
    reasoningText: _ReasoningText | None = None
    redactedContent: str | None = None


class _ToolUse(msgspec.Struct):
    toolUseId: str
    name: str
    input: Any = None


class _CitedText(msgspec.Struct):
    text: str | None = None


class _Cited(msgspec.Struct):
    content: list[_CitedText] | None = None


class _Message(msgspec.Struct):
    content: list[dict[str, Any]] | None = None


class _Output(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    output: _Output
    stopReason: str
    usage: Any = None


def _convert(raw: object, shape: type[Any], provider: str) -> Any:
    try:
        return msgspec.convert(raw, shape)
    except (msgspec.ValidationError, RecursionError):
        raise UpstreamError(f"provider {provider}: its answer has not the shape of Converse") from None


def _usage(raw: object) -> dict[str, Any] | None:
    """Token counts in the chat dialect: a prompt's tokens include those read from and written to a cache, which Converse counts
    apart. None where they are unknown."""
    try:
        usage = msgspec.convert(raw, _Usage)
    except msgspec.ValidationError:
        return None
    read, written = usage.cacheReadInputTokens or 0, usage.cacheWriteInputTokens or 0
    prompt = usage.inputTokens + read + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.outputTokens,
        "total_tokens": prompt + usage.outputTokens,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
    }


def _finish_reason(reason: str, provider: str) -> str:
    if reason in FAILURES:
        raise UpstreamError(f"provider {provider}: the generation failed ({reason})")
    return FINISH_REASONS.get(reason, "content_filter")


def _strange(names: set[str], provider: str) -> UpstreamError:
    return UpstreamError(f"provider {provider}: its answer holds {', '.join(sorted(names))[:80]!r}, which was not asked for")


class _Gathered:
    """The blocks of one answer in the members of a chat message."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.tool_calls: list[dict[str, Any]] = []
        self.layout: list[dict[str, Any]] = []

    def add(self, block: dict[str, Any]) -> None:
        """Read one block."""
        given = {name: value for name, value in block.items() if value is not None}
        if len(given) != 1:
            raise _strange(set(given) or {"an empty block"}, self._provider)
        ((name, value),) = given.items()
        if name == "text" and isinstance(value, str):
            self._say(value)
        elif name == "citationsContent":
            cited: _Cited = _convert(value, _Cited, self._provider)
            self._say("".join(each.text or "" for each in cited.content or ()))
        elif name == "reasoningContent":
            self._reason(_convert(value, _Reasoning, self._provider))
        elif name == "toolUse":
            use: _ToolUse = _convert(value, _ToolUse, self._provider)
            arguments = msgspec.json.encode({} if use.input is None else use.input).decode()
            function = {"name": use.name, "arguments": arguments}
            self.tool_calls.append({"id": use.toolUseId, "type": "function", "function": function})
            self._note({"type": "tool_use", "id": use.toolUseId})
        else:
            raise _strange({name}, self._provider)

    def _say(self, text: str) -> None:
        self.text.append(text)
        self._note({"type": "text", "length": len(text)})

    def _reason(self, reasoning: _Reasoning) -> None:
        if reasoning.reasoningText is not None:
            text = reasoning.reasoningText.text
            self.reasoning.append(text)
            self._note({"type": "thinking", "length": len(text), "signature": reasoning.reasoningText.signature or ""})
        elif reasoning.redactedContent is not None:
            self._note({"type": "redacted_thinking", "data": reasoning.redactedContent})

    def _note(self, entry: dict[str, Any]) -> None:
        self.layout.append({"index": len(self.layout), **entry})

    def message(self) -> dict[str, Any]:
        """The chat message."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.text) if self.text else None}
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)
        if self.tool_calls:
            message["tool_calls"] = self.tool_calls
        if any("thinking" in entry["type"] for entry in self.layout):
            message[VENDOR] = {"blocks": self.layout}
        return message


def read_completion(body: dict[str, Any], provider: str) -> dict[str, Any]:
    """A Converse answer as a chat completion; UpstreamError where it is none or the generation failed."""
    answer: _Answer = _convert(body, _Answer, provider)
    blocks = answer.output.message.content or []
    if len(blocks) > BLOCKS_MAX:
        raise UpstreamError(f"provider {provider}: its answer holds more than {BLOCKS_MAX} blocks")
    gathered = _Gathered(provider)
    for block in blocks:
        gathered.add(block)
    choice = {"index": 0, "message": gathered.message(), "finish_reason": _finish_reason(answer.stopReason, provider)}
    completion: dict[str, Any] = {**_head("chat.completion"), "choices": [choice]}
    if (usage := _usage(answer.usage)) is not None:
        completion["usage"] = usage
    return completion


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-" + secrets.token_hex(12), "object": kind, "created": int(time.time()), "model": ""}


# --- stream ---


class _ToolUseStart(msgspec.Struct):
    toolUseId: str
    name: str


class _Start(msgspec.Struct):
    toolUse: _ToolUseStart | None = None
    toolResult: Any = None
    image: Any = None


class _ToolUseDelta(msgspec.Struct):
    input: str = ""


class _ReasoningDelta(msgspec.Struct):
    text: str | None = None
    redactedContent: str | None = None
    signature: str | None = None


class _Delta(msgspec.Struct):
    text: str | None = None
    toolUse: _ToolUseDelta | None = None
    reasoningContent: _ReasoningDelta | None = None
    citation: Any = None
    toolResult: Any = None
    image: Any = None


Index = Annotated[int, msgspec.Meta(ge=0, lt=BLOCKS_MAX)]


class _BlockStart(msgspec.Struct):
    contentBlockIndex: Index
    start: _Start = msgspec.field(default_factory=_Start)


class _BlockDelta(msgspec.Struct):
    contentBlockIndex: Index
    delta: _Delta


class _BlockStop(msgspec.Struct):
    contentBlockIndex: Index


class _Stop(msgspec.Struct):
    stopReason: str


class _Metadata(msgspec.Struct):
    usage: Any = None


class EventReader:
    """Reads the events of ConverseStream, as `event_stream.EventStreamSplitter` gives them, into chat.completion.chunk dicts.

    `done` is true after the metadata event with the counts, the last one. A stream that ends after its messageStop, where a chunk
    has told the finish reason, is whole as well; only its counts are unknown.
    """

    #: Its events never go on to a client as they are.
    hides = False

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._head = _head("chat.completion.chunk")
        #: The layout's entries by block, and how many of them have been handed on.
        self._blocks: dict[int, dict[str, Any]] = {}
        self._finished: list[dict[str, Any]] = []
        self._handed_on = 0
        self._tools: dict[int, int] = {}
        self._began = self._stopped = False
        self.done = False

    def read(self, name: str | None, data: bytes) -> list[dict[str, Any]]:
        """The chunks of one event; UpstreamError for a malformed one, for an exception and for a failed generation."""
        if name is not None and name.endswith("Exception"):
            raise UpstreamError(
                f"provider {self._provider}: its stream reported {name[:80]!r}", status=EXCEPTION_STATUS.get(name)
            )
        readers = {
            "messageStart": self._message_start,
            "contentBlockStart": self._block_start,
            "contentBlockDelta": self._block_delta,
            "contentBlockStop": self._block_stop,
            "messageStop": self._message_stop,
            "metadata": self._metadata,
        }
        if name not in readers:
            # A kind of event that did not exist when this was written: nothing of it leaves.
            return []
        try:
            raw = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamError(f"provider {self._provider}: its stream holds a malformed event") from None
        return readers[name](raw)

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    def _message_start(self, raw: object) -> list[dict[str, Any]]:
        if self._began:
            return []
        self._began = True
        return [self._chunk({"role": "assistant", "content": ""})]

    def _block_start(self, raw: object) -> list[dict[str, Any]]:
        event: _BlockStart = _convert(raw, _BlockStart, self._provider)
        if event.start.toolResult is not None or event.start.image is not None:
            raise _strange({"a block that is no text"}, self._provider)
        if event.start.toolUse is None:
            return []
        if len(self._tools) >= TOOL_CALLS_MAX:
            raise UpstreamError(f"provider {self._provider}: its stream holds more than {TOOL_CALLS_MAX} tool calls")
        if event.contentBlockIndex in self._tools:
            raise UpstreamError(f"provider {self._provider}: its stream begins a block twice")
        index = self._tools[event.contentBlockIndex] = len(self._tools)
        use = event.start.toolUse
        self._blocks[event.contentBlockIndex] = {"type": "tool_use", "id": use.toolUseId}
        function = {"name": use.name, "arguments": ""}
        call = {"index": index, "id": use.toolUseId, "type": "function", "function": function}
        return [self._chunk({"tool_calls": [call]})]

    def _block_delta(self, raw: object) -> list[dict[str, Any]]:
        event: _BlockDelta = _convert(raw, _BlockDelta, self._provider)
        delta, at = event.delta, event.contentBlockIndex
        if delta.toolResult is not None or delta.image is not None:
            raise _strange({"a block that is no text"}, self._provider)
        chunks: list[dict[str, Any]] = []
        if delta.text:
            entry = self._entry(at, "text", {"length": 0})
            entry["length"] += len(delta.text)
            chunks.append(self._chunk({"content": delta.text}))
        if delta.toolUse is not None:
            if at not in self._tools:
                raise UpstreamError(f"provider {self._provider}: its stream adds to a tool call that did not begin")
            part = {"index": self._tools[at], "function": {"arguments": delta.toolUse.input}}
            chunks.append(self._chunk({"tool_calls": [part]}))
        if delta.reasoningContent is not None:
            chunks += self._reason(at, delta.reasoningContent)
        return chunks

    def _reason(self, at: int, reasoning: _ReasoningDelta) -> list[dict[str, Any]]:
        if reasoning.redactedContent:
            entry = self._entry(at, "redacted_thinking", {"data": ""})
            entry["data"] += reasoning.redactedContent
            return []
        entry = self._entry(at, "thinking", {"length": 0, "signature": ""})
        entry["signature"] += reasoning.signature or ""
        if not reasoning.text:
            return []
        entry["length"] += len(reasoning.text)
        return [self._chunk({"reasoning_content": reasoning.text})]

    def _entry(self, at: int, kind: str, empty: dict[str, Any]) -> dict[str, Any]:
        entry = self._blocks.setdefault(at, {"type": kind, **empty})
        if entry["type"] != kind:
            raise UpstreamError(f"provider {self._provider}: its stream changes the kind of a block")
        return entry

    def _block_stop(self, raw: object) -> list[dict[str, Any]]:
        event: _BlockStop = _convert(raw, _BlockStop, self._provider)
        entry = self._blocks.pop(event.contentBlockIndex, None)
        if entry is None:
            return []
        if len(self._finished) >= BLOCKS_MAX:
            raise UpstreamError(f"provider {self._provider}: its stream holds more than {BLOCKS_MAX} blocks")
        self._finished.append({"index": len(self._finished), **entry})
        if not any("thinking" in each["type"] for each in self._finished):
            return []
        entries = self._finished[self._handed_on :]
        self._handed_on = len(self._finished)
        return [self._chunk({VENDOR: {"blocks": entries}})]

    def _message_stop(self, raw: object) -> list[dict[str, Any]]:
        event: _Stop = _convert(raw, _Stop, self._provider)
        self._stopped = True
        return [self._chunk({}, _finish_reason(event.stopReason, self._provider))]

    def _metadata(self, raw: object) -> list[dict[str, Any]]:
        event: _Metadata = _convert(raw, _Metadata, self._provider)
        if not self._stopped:
            raise UpstreamError(f"provider {self._provider}: its stream ends without a reason")
        self.done = True
        usage = _usage(event.usage)
        return [] if usage is None else [{**self._head, "choices": [], "usage": usage}]


# --- embeddings ---


class _Embeddings(msgspec.Struct):
    embedding: list[float] | None = None
    embeddings: list[list[float]] | dict[str, list[list[float]]] | None = None
    inputTextTokenCount: Count | None = None


def texts_max(model: str) -> int:
    """Texts that one request to this embedding model takes."""
    return COHERE_TEXTS_MAX if "cohere." in model else 1


def embeddings_body(texts: list[str], model: str, dimensions: int | None) -> dict[str, Any]:
    """The body of InvokeModel for an embedding model of Cohere or Amazon (Titan), at most `texts_max(model)` texts.

    Texts count as documents to be searched, which Cohere wants to be told.
    """
    if "cohere." in model:
        body: dict[str, Any] = {"texts": texts, "input_type": "search_document", "embedding_types": ["float"]}
        return body if dimensions is None else {**body, "output_dimension": dimensions}
    if "titan-embed" not in model:
        raise RefusedCall(
            "invalid_request", f"model: {model!r} is no embedding model of Titan or Cohere, which this gateway knows"
        )
    (text,) = texts
    return {"inputText": text} if dimensions is None else {"inputText": text, "dimensions": dimensions}


def read_embeddings(body: object, provider: str) -> tuple[list[list[float]], int | None]:
    """The vectors in the order of the texts, and the input's tokens where they are told."""
    try:
        answer = msgspec.convert(body, _Embeddings)
    except (msgspec.ValidationError, RecursionError):
        raise UpstreamError(f"provider {provider}: its answer holds no embeddings") from None
    vectors = answer.embeddings.get("float") if isinstance(answer.embeddings, dict) else answer.embeddings
    if vectors is None and answer.embedding is not None:
        vectors = [answer.embedding]
    if vectors is None:
        raise UpstreamError(f"provider {provider}: its answer holds no embeddings")
    return vectors, answer.inputTextTokenCount
