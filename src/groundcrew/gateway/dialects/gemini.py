"""Gemini's generateContent and streamGenerateContent (server-sent events) in the shapes of a chat completion.

Reference: ai.google.dev/api/generate-content, v1beta. The stream has no end marker: it ends with the event that tells why.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any

import msgspec

from groundcrew.errors import UpstreamError
from groundcrew.gateway.dialects.gemini_request import MADE_ID, from_chat

__all__ = ["EventReader", "embeddings_body", "from_chat", "read_completion", "read_embeddings"]

#: `finishReason` → `finish_reason`. Failures are errors; any other word is an answer that was not let through whole.
FINISH_REASONS = {"STOP": "stop", "MAX_TOKENS": "length"}
FAILURES = frozenset(
    {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"}
)
#: Members of a part that stand beside its content.
_BESIDE = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution"})
#: Token counts beyond this are nonsense.
TOKENS_MAX = 1_000_000_000
CANDIDATES_MAX = 128
TOOL_CALLS_MAX = 128


class _FunctionCall(msgspec.Struct):
    name: str
    id: str | None = None
    args: dict[str, Any] | None = None


class _Part(msgspec.Struct):
    text: str | None = None
    thought: bool | None = None
    thoughtSignature: str | None = None
    functionCall: _FunctionCall | None = None


class _Content(msgspec.Struct):
    parts: list[dict[str, Any]] | None = None


class _Logprob(msgspec.Struct):
    token: str = ""
    logProbability: float | None = None


class _TopLogprobs(msgspec.Struct):
    candidates: list[_Logprob] | None = None


class _Logprobs(msgspec.Struct):
    chosenCandidates: list[_Logprob] | None = None
    topCandidates: list[_TopLogprobs] | None = None


class _Candidate(msgspec.Struct):
    content: _Content | None = None
    finishReason: str | None = None
    index: Annotated[int, msgspec.Meta(ge=0, lt=CANDIDATES_MAX)] | None = None
    logprobsResult: _Logprobs | None = None


class _Feedback(msgspec.Struct):
    blockReason: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    code: int | None = None


class _Answer(msgspec.Struct):
    candidates: list[_Candidate] | None = None
    promptFeedback: _Feedback | None = None
    usageMetadata: Any = None
    modelVersion: str | None = None
    responseId: str | None = None
    error: _Error | None = None


Count = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]


class _Usage(msgspec.Struct):
    promptTokenCount: Count | None = None
    candidatesTokenCount: Count | None = None
    thoughtsTokenCount: Count | None = None
    toolUsePromptTokenCount: Count | None = None
    cachedContentTokenCount: Count | None = None


def _usage(raw: object) -> dict[str, Any] | None:
    """Token counts in the chat dialect: thoughts count as output, a tool's own prompt as input. None where they are unknown."""
    try:
        usage = msgspec.convert(raw, _Usage)
    except msgspec.ValidationError:
        return None
    if usage.promptTokenCount is None:
        return None
    prompt = usage.promptTokenCount + (usage.toolUsePromptTokenCount or 0)
    thoughts = usage.thoughtsTokenCount or 0
    output = (usage.candidatesTokenCount or 0) + thoughts
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": usage.cachedContentTokenCount or 0},
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }


class _Gathered:
    """What the parts of one candidate say, in the members of a chat message."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.tool_calls: list[dict[str, Any]] = []
        self.signature = ""

    def message(self) -> dict[str, Any]:
        """The members that are there."""
        found: dict[str, Any] = {}
        if self.text:
            found["content"] = "".join(self.text)
        if self.reasoning:
            found["reasoning_content"] = "".join(self.reasoning)
        if self.tool_calls:
            found["tool_calls"] = self.tool_calls
        if self.signature:
            found["gemini"] = {"thought_signature": self.signature}
        return found


def _gather(content: _Content | None, provider: str) -> _Gathered:
    gathered = _Gathered()
    for raw in (content.parts if content is not None else None) or ():
        strange = raw.keys() - _BESIDE - {"text", "functionCall"}
        if any(raw[name] is not None for name in strange):
            raise UpstreamError(
                f"provider {provider}: its answer holds {', '.join(sorted(strange))[:80]}, which was not asked for"
            )
        part = _convert(raw, _Part, provider)
        if part.functionCall is not None:
            gathered.tool_calls.append(_tool_call(part.functionCall, part.thoughtSignature))
            if len(gathered.tool_calls) > TOOL_CALLS_MAX:
                raise UpstreamError(f"provider {provider}: its answer holds more than {TOOL_CALLS_MAX} tool calls")
            continue
        if part.text:
            (gathered.reasoning if part.thought else gathered.text).append(part.text)
        if part.thoughtSignature:
            gathered.signature = part.thoughtSignature
    return gathered


def _tool_call(function: _FunctionCall, signature: str | None) -> dict[str, Any]:
    call: dict[str, Any] = {
        "id": function.id or MADE_ID + secrets.token_hex(12),
        "type": "function",
        "function": {"name": function.name, "arguments": msgspec.json.encode(function.args or {}).decode()},
    }
    if signature:
        call["extra_content"] = {"google": {"thought_signature": signature}}
    return call


def _convert(raw: object, shape: type[Any], provider: str) -> Any:
    try:
        return msgspec.convert(raw, shape)
    except (msgspec.ValidationError, RecursionError):
        raise UpstreamError(f"provider {provider}: its answer has not the shape of generateContent") from None


def _finish_reason(reason: str, provider: str, *, calls_tools: bool) -> str:
    if reason in FAILURES:
        raise UpstreamError(f"provider {provider}: the generation failed ({reason})")
    mapped = FINISH_REASONS.get(reason, "content_filter")
    return "tool_calls" if mapped == "stop" and calls_tools else mapped


def _logprobs(result: _Logprobs | None) -> dict[str, Any] | None:
    if result is None or result.chosenCandidates is None:
        return None
    tops = result.topCandidates or []
    content = []
    for index, chosen in enumerate(result.chosenCandidates):
        others = (tops[index].candidates if index < len(tops) else None) or []
        content.append({**_logprob(chosen), "top_logprobs": [_logprob(each) for each in others]})
    return {"content": content, "refusal": None}


def _logprob(entry: _Logprob) -> dict[str, Any]:
    logprob = -9999.0 if entry.logProbability is None else entry.logProbability
    return {"token": entry.token, "logprob": logprob, "bytes": list(entry.token.encode())}


def _refuse_error(answer: _Answer, provider: str) -> None:
    if answer.error is not None:
        raise UpstreamError(f"provider {provider}: reported an error", status=answer.error.code)


def read_completion(body: dict[str, Any], provider: str) -> dict[str, Any]:
    """A generateContent answer as a chat completion; UpstreamError where it is none or the generation failed.

    A prompt that was blocked is an empty answer that a content filter ended.
    """
    answer: _Answer = _convert(body, _Answer, provider)
    _refuse_error(answer, provider)
    choices: list[dict[str, Any]] = []
    for at, candidate in enumerate(answer.candidates or ()):
        gathered = _gather(candidate.content, provider)
        if candidate.finishReason is None:
            raise UpstreamError(f"provider {provider}: its answer does not tell why it ended")
        reason = _finish_reason(candidate.finishReason, provider, calls_tools=bool(gathered.tool_calls))
        message = {"role": "assistant", "content": None, **gathered.message()}
        choice = {"index": at if candidate.index is None else candidate.index, "message": message, "finish_reason": reason}
        if (logprobs := _logprobs(candidate.logprobsResult)) is not None:
            choice["logprobs"] = logprobs
        choices.append(choice)
    if not choices:
        if answer.promptFeedback is None or not answer.promptFeedback.blockReason:
            raise UpstreamError(f"provider {provider}: its answer has no candidates")
        message = {"role": "assistant", "content": ""}
        choices.append({"index": 0, "message": message, "finish_reason": "content_filter"})
    completion = {**_head(answer, "chat.completion"), "choices": choices}
    if (usage := _usage(answer.usageMetadata)) is not None:
        completion["usage"] = usage
    return completion


def _head(answer: _Answer, kind: str) -> dict[str, Any]:
    identifier = "chatcmpl-" + (answer.responseId or secrets.token_hex(12))
    return {"id": identifier, "object": kind, "created": int(time.time()), "model": answer.modelVersion or ""}


class EventReader:
    """Reads the events of streamGenerateContent?alt=sse into chat.completion.chunk dicts.

    `done` is true once every candidate that was seen has told why it ended. Counts are told in every event; the last ones are
    handed on as a chunk of their own, after the end.
    """

    #: Its events never go on to a client as they are.
    hides = False

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._head: dict[str, Any] | None = None
        self._open: set[int] = set()
        self._ended: set[int] = set()
        self._tools: dict[int, int] = {}
        self._signatures: dict[int, Any] = {}
        self._usage: dict[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the stream has told its end."""
        return bool(self._ended) and not self._open

    def read(self, name: str | None, data: bytes) -> list[dict[str, Any]]:
        """The chunks of one event; UpstreamError for a malformed one, for an error and for a failed generation."""
        try:
            raw = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamError(f"provider {self._provider}: its stream holds a malformed event") from None
        answer: _Answer = _convert(raw, _Answer, self._provider)
        _refuse_error(answer, self._provider)
        if self._head is None:
            self._head = _head(answer, "chat.completion.chunk")
        told = _usage(answer.usageMetadata)
        self._usage = told or self._usage
        was_done = self.done
        chunks: list[dict[str, Any]] = []
        for at, candidate in enumerate(answer.candidates or ()):
            chunks += self._candidate(at if candidate.index is None else candidate.index, candidate)
        if not answer.candidates and not self._ended and answer.promptFeedback and answer.promptFeedback.blockReason:
            chunks += self._candidate(0, _Candidate(finishReason=answer.promptFeedback.blockReason))
        if self.done and self._usage is not None and (not was_done or told is not None):
            chunks.append({**self._head, "choices": [], "usage": self._usage})
        return chunks

    def _candidate(self, index: int, candidate: _Candidate) -> list[dict[str, Any]]:
        assert self._head is not None
        gathered = _gather(candidate.content, self._provider)
        known = index in self._open or index in self._ended
        self._open.add(index)
        self._ended.discard(index)
        delta = gathered.message()
        # Told once, at the end: clients put together what comes in pieces.
        if "gemini" in delta:
            self._signatures[index] = delta.pop("gemini")
        before = self._tools.get(index, 0)
        if gathered.tool_calls:
            self._tools[index] = before + len(gathered.tool_calls)
            if self._tools[index] > TOOL_CALLS_MAX:
                raise UpstreamError(f"provider {self._provider}: its stream holds more than {TOOL_CALLS_MAX} tool calls")
            delta["tool_calls"] = [{"index": before + at, **call} for at, call in enumerate(gathered.tool_calls)]
        if not known:
            delta = {"role": "assistant", "content": "", **delta}
        reason = None
        if candidate.finishReason is not None:
            reason = _finish_reason(candidate.finishReason, self._provider, calls_tools=bool(self._tools.get(index)))
            self._open.discard(index)
            self._ended.add(index)
            if index in self._signatures:
                delta["gemini"] = self._signatures.pop(index)
        if not delta and reason is None:
            return []
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": reason}
        if (logprobs := _logprobs(candidate.logprobsResult)) is not None:
            choice["logprobs"] = logprobs
        return [{**self._head, "choices": [choice]}]


# --- embeddings ---


class _Values(msgspec.Struct):
    values: list[float]


class _Statistics(msgspec.Struct):
    token_count: Annotated[float, msgspec.Meta(ge=0, le=TOKENS_MAX)] | None = None


class _Vector(msgspec.Struct):
    values: list[float]
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Vector


class _Embeddings(msgspec.Struct):
    embeddings: list[_Values] | None = None
    predictions: list[_Prediction] | None = None
    usageMetadata: Any = None


def embeddings_body(texts: list[str], model: str, dimensions: int | None, *, on_vertex: bool = False) -> dict[str, Any]:
    """The body of batchEmbedContents; on Vertex AI, which has none, that of predict."""
    if on_vertex:
        body: dict[str, Any] = {"instances": [{"content": text} for text in texts]}
        return body if dimensions is None else {**body, "parameters": {"outputDimensionality": dimensions}}
    named = "models/" + model.removeprefix("models/")
    more = {} if dimensions is None else {"outputDimensionality": dimensions}
    return {"requests": [{"model": named, "content": {"parts": [{"text": text}]}, **more} for text in texts]}


def read_embeddings(body: object, provider: str) -> tuple[list[list[float]], int | None]:
    """The vectors in the order of the texts, and the input's tokens where they are told."""
    answer: _Embeddings = _convert(body, _Embeddings, provider)
    if answer.predictions is not None:
        vectors = [each.embeddings for each in answer.predictions]
        counts = [each.statistics.token_count if each.statistics else None for each in vectors]
        known = [int(each) for each in counts if each is not None]
        return [each.values for each in vectors], sum(known) if len(known) == len(counts) else None
    if answer.embeddings is None:
        raise UpstreamError(f"provider {provider}: its answer holds no embeddings")
    usage = _usage(answer.usageMetadata)
    return [each.values for each in answer.embeddings], usage["prompt_tokens"] if usage else None
