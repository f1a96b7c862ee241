"""Chat completion requests of which guards read everything: messages of plain text, and members that can hold no text.

Whatever is not declared here is an error of the strict reading, so that nothing new slips in as if it had been read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from groundcrew.gateway.dialects.opaque import PATTERN

#: Tokens and numbers of answers as a request may ask for them.
Tokens = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Choices = Annotated[int, msgspec.Meta(ge=1, le=128)]
_CallId = Annotated[str, msgspec.Meta(pattern=PATTERN)]
_Number = int | float | None
_Bias = dict[Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}$")], float]


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["text"]
    text: str | UnsetType | None = UNSET


class KnownMessage(msgspec.Struct, forbid_unknown_fields=True):
    """One message; written again it is what was read, with every member once."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | UnsetType | None = UNSET
    tool_call_id: _CallId | UnsetType | None = UNSET
    name: UnsetType | None = UNSET
    refusal: UnsetType | None = UNSET
    tool_calls: UnsetType | None = UNSET
    function_call: UnsetType | None = UNSET
    audio: UnsetType | None = UNSET
    reasoning_content: UnsetType | None = UNSET

    def texts(self) -> list[str]:
        """The message's texts in order."""
        if isinstance(self.content, str):
            return [self.content]
        return [part.text for part in self.content or () if isinstance(part.text, str)]


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["text", "json_object"]


class KnownRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A request without anything that guards do not read, in the members that `chat.ChatRequest` has."""

    messages: Annotated[list[KnownMessage], msgspec.Meta(min_length=1)]
    #: The target's takes its place.
    model: str | None = None
    stream: bool | None = None
    stream_options: _Options | None = None
    store: bool | None = None
    service_tier: Literal["auto", "default", "flex", "priority", "scale"] | None = None
    n: Choices | None = None
    seed: _Number = None
    parallel_tool_calls: bool | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: _Number = None
    top_p: _Number = None
    presence_penalty: _Number = None
    frequency_penalty: _Number = None
    logprobs: bool | None = None
    top_logprobs: _Number = None
    logit_bias: _Bias | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    response_format: _Format | None = None
    # Texts that guards do not read, and lists that are empty.
    stop: None = None
    tools: Annotated[list[Any], msgspec.Meta(max_length=0)] | None = None
    functions: Annotated[list[Any], msgspec.Meta(max_length=0)] | None = None
    tool_choice: Literal["auto", "none", "required"] | None = None
    function_call: Literal["auto", "none"] | None = None
    user: None = None
    metadata: None = None
    prediction: None = None
    audio: None = None
    modalities: None = None
    web_search_options: None = None
    safety_identifier: None = None
    prompt_cache_key: None = None


KNOWN = msgspec.json.Decoder(KnownRequest)
