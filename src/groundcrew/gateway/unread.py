"""Whether an answer holds anything that guards do not read: sound, images, citations, members that are not known. Where such an
answer leaves as the provider gave it, it was scanned in part only. True in doubt.

What is known is declared, and everything else is an error of the strict reading: nothing new slips in as if it had been read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from groundcrew.gateway.asked import Dialect
from groundcrew.gateway.dialects import messages_texts, responses_texts

#: Identifiers and enumerated words.
_Word = Annotated[str, msgspec.Meta(max_length=128)]
_Nothing = Annotated[list[Any], msgspec.Meta(max_length=0)] | None
_Finish = Literal["stop", "length", "tool_calls", "function_call", "content_filter", ""] | None


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["text"]
    text: str
    annotations: _Nothing = None


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["assistant"] | None = None
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Any] | None = None
    function_call: Any = None
    annotations: _Nothing = None
    audio: None = None


class _Choice(msgspec.Struct, forbid_unknown_fields=True):
    message: _Message
    index: int = 0
    finish_reason: _Finish = None
    logprobs: None = None


_CHOICES = msgspec.json.Decoder(list[_Choice])
#: Members of a completion besides `choices` that hold no text of a model's, or that the gateway puts its own in the place of.
_TEXTLESS = frozenset({"id", "object", "created", "model", "usage", "system_fingerprint", "service_tier", "groundcrew"})
_READ = _TEXTLESS | {"choices"}


class _ToolFunction(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    arguments: str | None = None


class _ToolCustom(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    input: str | None = None


class _ToolDelta(msgspec.Struct, forbid_unknown_fields=True):
    index: int = 0
    id: str | None = None
    type: str | None = None
    function: _ToolFunction | None = None
    custom: _ToolCustom | None = None


class _Delta(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["assistant", ""] | None = None
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolDelta] | None = None
    function_call: None = None


class _ChunkChoice(msgspec.Struct, forbid_unknown_fields=True):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: _Finish = None
    logprobs: None = None


class KnownChunk(msgspec.Struct, forbid_unknown_fields=True):
    """An event of a stream of which everything is read, in the members that `answer.Chunk` has, or is no text of a model's."""

    choices: list[_ChunkChoice] = []
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    id: _Word | None = None
    object: _Word | None = None
    created: float | None = None
    model: _Word | None = None
    system_fingerprint: _Word | None = None
    service_tier: _Word | None = None
    #: Padding against guessing texts by their lengths.
    obfuscation: str | None = None

    @property
    def has_usage(self) -> bool:
        """Whether the event tells token counts."""
        return bytes(self.usage) not in (b"", b"null")


def known_choices(fields: dict[str, msgspec.Raw]) -> list[_Choice] | None:
    """The choices of a chat completion where they hold nothing that is unknown; None otherwise."""
    try:
        return _CHOICES.decode(fields["choices"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return None


def completion_hides(fields: dict[str, msgspec.Raw], choices: Sequence[_Choice] | None) -> bool:
    """Whether a chat completion holds anything unread. Of further choices (`choices` are what is known of all) only the text is
    read."""
    if (others := fields.keys() - _READ) and any(bytes(fields[name]) != b"null" for name in others):
        return True
    if choices is None:
        return True
    return len(choices) > 1 and any(
        each.message.tool_calls or each.message.reasoning_content or (each.message.content and each.message.refusal)
        for each in choices[1:]
    )


def native_hides(dialect: Dialect, fields: dict[str, msgspec.Raw]) -> bool:
    """Whether an answer in another dialect holds anything unread. What it repeats of the request is not the model's."""
    try:
        if dialect == "responses":
            return responses_texts.hides_text({"input": msgspec.json.decode(fields["output"])})
        if dialect == "messages":
            blocks = msgspec.json.decode(fields["content"], type=list[dict[str, Any]])
            said = [each for each in blocks if each.get("type") != "tool_use"]
            return messages_texts.hides_text({"messages": [{"role": "assistant", "content": said}]})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return True
    return True
