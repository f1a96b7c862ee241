"""A generated answer: read from an upstream's JSON or stream by way of the chat completion, and written back as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from groundcrew.domain.trust import TrustReport
from groundcrew.errors import UpstreamError
from groundcrew.gateway.asked import Dialect
from groundcrew.gateway.dialects.registry import provider_dialect
from groundcrew.gateway.tool_arguments import as_read, strings, unescaped
from groundcrew.gateway.unread import KnownChunk, completion_hides, known_choices, native_hides

#: Code points of an answer in one event, where the gateway itself writes the stream.
EVENT_TEXT_LENGTH = 400
#: Strings of fewer words in a tool call's arguments are values (a name, a date, an identifier); from here on they are prose.
PROSE_WORDS_MIN = 4
#: Token counts beyond this are nonsense, and no database could hold their sums.
TOKENS_MAX = 1_000_000_000
FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "function_call", "content_filter"})
_PIECE = re.compile(rf"(?s).{{1,{EVENT_TEXT_LENGTH}}}?(?:(?<=[.?!])\s|\n|\Z)|.{{1,{EVENT_TEXT_LENGTH}}}")


#: A raw member's default. A union of raw JSON with None would let only null through.
ABSENT = msgspec.Raw()


def _present(raw: msgspec.Raw) -> bool:
    return bytes(raw) not in (b"", b"null")


class PromptDetails(msgspec.Struct):
    """What part of the input was read from a provider's cache, and what part was written to it."""

    cached_tokens: Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)] | None = None
    cache_write_tokens: Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)] | None = None


class CompletionDetails(msgspec.Struct):
    """What part of the output was reasoning."""

    reasoning_tokens: Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)] | None = None


class Tokens(msgspec.Struct):
    """Token counts as an upstream tells them."""

    prompt_tokens: Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)] = 0
    completion_tokens: Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)] = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw = ABSENT


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


class _ToolFunction(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCustom(msgspec.Struct):
    name: str | None = None
    input: str | None = None


class _ToolDelta(msgspec.Struct):
    index: int = 0
    id: str | None = None
    type: str | None = None
    function: _ToolFunction | None = None
    custom: _ToolCustom | None = None


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
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT

    @property
    def has_usage(self) -> bool:
        """Whether the event tells token counts."""
        return _present(self.usage)


_COMPLETION = msgspec.json.Decoder(_Completion)
_CHUNK = msgspec.json.Decoder(Chunk)
_KNOWN_CHUNK: Any = msgspec.json.Decoder(KnownChunk)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_USAGE = msgspec.json.Decoder(Tokens | None)
TOOL_CALLS_MAX = 128
CHOICES_MAX = 128


@dataclass(slots=True, eq=False)
class Generated:
    """What an upstream generated. `body` is its whole JSON for a plain answer, None for one gathered from a stream."""

    body: dict[str, msgspec.Raw] | None = None
    #: The dialect that the upstream answered in, and its own JSON where that is not the chat completion's.
    dialect: Dialect = "chat"
    native: dict[str, msgspec.Raw] = field(default_factory=dict)
    text: str = ""
    #: Whether `text` is the upstream's refusal: it stands in the place of an answer and is checked like one.
    is_refusal: bool = False
    #: Text beside the answer (reasoning, a refusal next to content): scanned by guards. Where answers are checked before
    #: they leave, it does not leave.
    side_text: str = ""
    #: The texts of further choices. They leave only where nothing is checked first.
    others: tuple[str, ...] = ()
    #: Whether a stream or a chat completion held anything that is in none of the above.
    hid_text: bool = False
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Tokens | None = None
    #: What a model that judges itself says of its answer, and why it leaves the case to a person ("" where it does not).
    own_trust: TrustReport | None = None
    needs_person: str = ""

    def tool_text(self) -> str:
        """The tool calls as text, for guards and the record: arguments as whoever parses them reads them."""
        return msgspec.json.encode([unescaped(each) for each in self.tool_calls]).decode() if self.tool_calls else ""

    def hides_text(self) -> bool:
        """Whether the answer, as its provider gave it, holds anything that guards do not read. True in doubt."""
        return self.hid_text or (self.dialect != "chat" and native_hides(self.dialect, self.native))

    def tool_prose(self) -> str:
        """The sentences inside the tool calls' arguments, one to a line: what a tool could tell a person."""
        found: list[str] = []
        for call in self.tool_calls:
            function = call.get("function")
            arguments = function.get("arguments") if isinstance(function, dict) else call
            try:
                value = msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                value = arguments
            found += [text for text in strings(value) if len(text.split()) >= PROSE_WORDS_MIN]
        return "\n".join(found)

    def checked_tool_calls(self) -> tuple[dict[str, Any], ...]:
        """The tool calls without members that no check has read."""
        calls: list[dict[str, Any]] = []
        for call in self.tool_calls:
            function = call.get("function")
            kept = {name: call[name] for name in ("id", "type") if isinstance(call.get(name), str)}
            if isinstance(custom := call.get("custom"), dict):
                calls.append({**kept, "custom": {name: custom.get(name) for name in ("name", "input")}})
                continue
            known = {name: function.get(name) for name in ("name", "arguments")} if isinstance(function, dict) else {}
            if isinstance(arguments := known.get("arguments"), str):
                known["arguments"] = as_read(arguments)
            calls.append({**kept, "function": known})
        return tuple(calls)

    def recorded_text(self) -> str:
        """The answer as it is recorded where all of it leaves: its text, its tool calls and every further choice."""
        return "\n\n".join([each for each in (self.checked_text(), *self.others) if each]) if self.others else self.checked_text()

    def checked_text(self) -> str:
        """The answer as it is recorded where only what was checked leaves: its text and its tool calls."""
        return "\n\n".join([each for each in (self.text, self.tool_text()) if each]) if self.tool_calls else self.text


def _usage(raw: msgspec.Raw) -> Tokens | None:
    """Token counts; None, which is unknown, where they are absent or make no sense."""
    if not _present(raw):
        return None
    try:
        usage: Tokens | None = _USAGE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return usage


def _content(message: _Message) -> str:
    content = message.content
    return content if isinstance(content, str) else "".join(part.text or "" for part in content or ())


def read_completion(body: bytes, provider: str) -> Generated:
    """Read a plain answer; UpstreamError when it is not one."""
    try:
        fields = _FIELDS.decode(body)
        str(body, "utf-8")
        known = known_choices(fields)
        # What is known was read strictly, and holds all that the wider reading would find but tools.
        is_plain = known is not None and not [each for each in known if each.message.tool_calls or each.message.function_call]
        choices: Sequence[_Choice] = known if is_plain else _COMPLETION.decode(body).choices  # type: ignore[assignment]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"provider {provider}: its answer is no chat completion ({type(error).__name__})") from None
    if not choices:
        raise UpstreamError(f"provider {provider}: its answer has no choices")
    generated = Generated()
    generated.body, generated.hid_text = fields, completion_hides(fields, known)
    message = choices[0].message
    if len(choices) > 1:
        generated.others = tuple([_content(each.message) or each.message.refusal or "" for each in choices[1:]])
    _put_texts(generated, _content(message), message.refusal or "", message.reasoning_content or "")
    if not is_plain:
        _read_tools(generated, message, provider)
    generated.finish_reason = choices[0].finish_reason
    generated.usage = _usage(fields.get("usage", ABSENT))
    return generated


def _read_tools(generated: Generated, message: _Message, provider: str) -> None:
    try:
        generated.tool_calls = [msgspec.json.decode(each, type=dict) for each in message.tool_calls or ()]
        if _present(message.function_call):
            generated.tool_calls.append({"function": msgspec.json.decode(message.function_call)})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamError(f"provider {provider}: its tool calls are malformed") from None


def read_answer(dialect: Dialect, body: bytes, provider: str) -> Generated:
    """Read a plain answer in `dialect`; UpstreamError when it is not one."""
    if dialect == "chat":
        return read_completion(body, provider)
    try:
        str(body, "utf-8")
        native = _FIELDS.decode(body)
        whole = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(
            f"provider {provider}: its answer is not the JSON that was expected ({type(error).__name__})"
        ) from None
    completion = provider_dialect(dialect).read_completion(whole, provider)
    generated = read_completion(msgspec.json.encode(completion), provider)
    generated.dialect, generated.native, generated.hid_text = dialect, native, False
    return generated


def _put_texts(generated: Generated, content: str, refusal: str, reasoning: str) -> None:
    generated.is_refusal = bool(refusal) and not content
    generated.text = content or refusal
    if refusal or reasoning:
        beside = reasoning if generated.is_refusal else "\n".join([each for each in (refusal, reasoning) if each])
        generated.side_text = beside


class Gathering:
    """Gathers an answer from a stream's chunks. The first choice is the answer, others are kept for the record."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._others: dict[int, list[str]] = {}
        self._tools: dict[int, dict[str, Any]] = {}
        self.finish_reason: str | None = None
        self.usage: Tokens | None = None
        #: Whether anything came that is not gathered.
        self.hid_text = False

    def read(self, data: bytes) -> Chunk:
        """Read one event's data; UpstreamError when it is malformed or reports an error."""
        chunk: Chunk  # a known one has the same members
        try:
            str(data, "utf-8")  # what nothing here reads goes on to the client as well
            try:
                chunk = _KNOWN_CHUNK.decode(data)
            except msgspec.ValidationError:
                chunk = _CHUNK.decode(data)
                self.hid_text = True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamError(f"provider {self._provider}: its stream holds a malformed event") from None
        if _present(chunk.error):
            raise UpstreamError(f"provider {self._provider}: its stream reports an error")
        self.usage = _usage(chunk.usage) or self.usage
        for choice in chunk.choices:
            if choice.index != 0:
                self._add_other(choice)
                continue
            self.finish_reason = choice.finish_reason or self.finish_reason
            if choice.delta is not None:
                self._add(choice.delta)
        return chunk

    def _add(self, delta: _Delta) -> None:
        if delta.content:
            self._text.append(delta.content)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        if delta.reasoning_content:
            self._reasoning.append(delta.reasoning_content)
        for part in delta.tool_calls or ():
            if part.index not in self._tools and len(self._tools) >= TOOL_CALLS_MAX:
                raise UpstreamError(f"provider {self._provider}: its stream holds more than {TOOL_CALLS_MAX} tool calls")
            call = self._tools.setdefault(part.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
            call["id"] = part.id or call["id"]
            call["type"] = part.type or call["type"]
            if part.function is not None:
                call["function"]["name"] += part.function.name or ""
                call["function"]["arguments"] += part.function.arguments or ""
            if part.custom is not None:  # a tool that takes text instead of JSON
                call["function"]["name"] += part.custom.name or ""
                call["function"]["arguments"] += part.custom.input or ""

    def _add_other(self, choice: _ChunkChoice) -> None:
        delta = choice.delta
        if delta is not None and (delta.tool_calls or delta.reasoning_content or (delta.content and delta.refusal)):
            self.hid_text = True
        text = (delta.content or delta.refusal) if delta is not None else None
        if not text:
            return
        if choice.index not in self._others and len(self._others) >= CHOICES_MAX:
            raise UpstreamError(f"provider {self._provider}: its stream holds more than {CHOICES_MAX} choices")
        self._others.setdefault(choice.index, []).append(text)

    def content(self, after: int = 0) -> Sequence[str]:
        """The pieces of the answer's text but the first `after`; without a refusal, which is the answer where no text comes."""
        return self._text[after:]

    def generated(self) -> Generated:
        """What was gathered."""
        result = Generated()
        _put_texts(result, "".join(self._text), "".join(self._refusal), "".join(self._reasoning))
        result.others = tuple("".join(self._others[index]) for index in sorted(self._others))
        result.tool_calls = [self._tools[index] for index in sorted(self._tools)]
        result.finish_reason, result.usage = self.finish_reason, self.usage
        result.hid_text = self.hid_text
        return result


def completion_fields(
    generated: Generated | None,
    *,
    call_id: str,
    model: str,
    created_s: int,
    text: str,
    tool_calls: Sequence[dict[str, Any]],
    usage: Tokens,
    is_refusal: bool = False,
    finish_reason: str = "stop",
) -> dict[str, Any]:
    """The chat completion that a client gets: the upstream's own where `generated` is given, else one built around `text`, with
    nothing of the upstream's in it but what was checked."""
    fields: dict[str, Any] = {}
    if generated is not None and generated.body is not None:
        fields = dict(generated.body)
    else:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if is_refusal:
            message |= {"content": None, "refusal": text}
        if tool_calls:
            message |= {"content": text or None, **tool_members(tool_calls)}
        fields["id"] = "chatcmpl-" + call_id
        fields["object"] = "chat.completion"
        fields["created"] = created_s
        fields["choices"] = [{"index": 0, "message": message, "finish_reason": finish_reason}]
    if "usage" not in fields:
        fields["usage"] = usage_object(usage)
    fields["model"] = model
    return fields


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


def tool_members(tool_calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The members of a message for tool calls; one without a type is the dialect's older function call."""
    typed = [each for each in tool_calls if "type" in each or "id" in each]
    older = [each["function"] for each in tool_calls if each not in typed]
    return {**({"tool_calls": typed} if typed else {}), **({"function_call": older[0]} if older else {})}


def answer_chunks(
    text: str,
    tool_calls: Sequence[dict[str, Any]],
    *,
    call_id: str,
    model: str,
    created_s: int,
    is_refusal: bool = False,
    finish_reason: str = "stop",
) -> list[dict[str, Any]]:
    """A checked answer as the chunks of a stream, sentence by sentence where it can be."""
    chunks: list[dict[str, Any]] = []

    def add(delta: dict[str, Any], reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunks.append(chunk_object(call_id, model, created_s, [choice]))

    add({"role": "assistant", "content": ""})
    for piece in text_pieces(text):
        add({"refusal" if is_refusal else "content": piece})
    if tool_calls:
        members = tool_members(tool_calls)
        if "tool_calls" in members:
            members["tool_calls"] = [{"index": index, **each} for index, each in enumerate(members["tool_calls"])]
        add(members)
    add({}, finish_reason)
    return chunks


def text_pieces(text: str) -> list[str]:
    """`text` in pieces of at most `EVENT_TEXT_LENGTH` code points, sentence by sentence where it can be."""
    return _PIECE.findall(text)
