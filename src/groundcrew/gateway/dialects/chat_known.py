"""Chat completion requests of which guards read everything: messages of plain text, and members that can hold no text.

Whatever is not declared here is an error of the strict reading, so that nothing new slips in as if it had been read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from groundcrew.gateway.dialects.opaque import PATTERN

_CallId = Annotated[str, msgspec.Meta(pattern=PATTERN)]
_Number = int | float | None
_Bias = dict[Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}$")], float]


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["text"]
    text: str | None = None


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None
    tool_call_id: _CallId | None = None
    name: None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    audio: None = None
    reasoning_content: None = None


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["text", "json_object"]


class _Known(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[_Message]
    #: The target's takes its place.
    model: Any = None
    stream: bool | None = None
    stream_options: _Options | None = None
    store: bool | None = None
    service_tier: Literal["auto", "default", "flex", "priority", "scale"] | None = None
    n: _Number = None
    seed: _Number = None
    parallel_tool_calls: bool | None = None
    max_tokens: _Number = None
    max_completion_tokens: _Number = None
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


_KNOWN = msgspec.json.Decoder(_Known)


def is_known(body: bytes) -> bool:
    """Whether guards read all of a request's texts."""
    try:
        _KNOWN.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
