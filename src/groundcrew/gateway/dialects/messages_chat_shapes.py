"""A chat completion request, as far as it has a counterpart in an Anthropic Messages request. Null counts as absent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from groundcrew.gateway.dialects.messages_blocks import VENDOR, invalid, typed

#: Members without a counterpart that are left out: hints on sampling, caching, storage and routing at the provider.
IGNORED = frozenset(
    {
        *("stream_options", "seed", "presence_penalty", "frequency_penalty", "top_logprobs", "store", "metadata", "service_tier"),
        *("prediction", "verbosity", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
    }
)
#: Members of a request's own `anthropic` member that go on as they are. None of them lets a model reach for anything.
PASSED_ON = frozenset({"thinking", "top_k", "service_tier", "cache_control", "inference_geo"})

Tokens = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Name = Annotated[str, msgspec.Meta(min_length=1)]
CacheControl = dict[str, Any]


class TextPart(msgspec.Struct, tag="text"):
    text: str
    cache_control: CacheControl | None = None


class RefusalPart(msgspec.Struct, tag="refusal"):
    refusal: str


class ImageUrl(msgspec.Struct):
    url: str


class ImagePart(msgspec.Struct, tag="image_url"):
    image_url: ImageUrl
    cache_control: CacheControl | None = None


class FileData(msgspec.Struct):
    file_data: str | None = None
    filename: str | None = None


class FilePart(msgspec.Struct, tag="file"):
    file: FileData
    cache_control: CacheControl | None = None


Part = TextPart | RefusalPart | ImagePart | FilePart


class CalledFunction(msgspec.Struct):
    name: Name
    arguments: str


class ToolCall(msgspec.Struct):
    id: Name
    function: CalledFunction


class Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: Name | None = None
    cache_control: CacheControl | None = None
    anthropic: dict[str, Any] | None = None


class Function(msgspec.Struct):
    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct):
    type: Literal["function"]
    function: Function
    cache_control: CacheControl | None = None


class Named(msgspec.Struct):
    name: Name


class NamedTool(msgspec.Struct):
    type: Literal["function"]
    function: Named


class Allowed(msgspec.Struct):
    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class FunctionChoice(msgspec.Struct, tag="function"):
    function: Named


class AllowedChoice(msgspec.Struct, tag="allowed_tools"):
    allowed_tools: Allowed


class JsonSchema(msgspec.Struct):
    schema: dict[str, Any]


class TextFormat(msgspec.Struct, tag="text"):
    pass


class SchemaFormat(msgspec.Struct, tag="json_schema"):
    json_schema: JsonSchema


class ChatRequest(msgspec.Struct):
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    model: str | None = None
    stream: bool | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=1)] | None = None
    logprobs: bool | None = None
    user: str | None = None
    safety_identifier: str | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | AllowedChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | SchemaFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    modalities: list[Literal["text"]] | None = None
    logit_bias: dict[str, float] | None = None
    anthropic: dict[str, Any] | None = None


def read_request(chat: dict[str, Any]) -> ChatRequest:
    """The request in types; RefusedCall invalid_request for what is malformed, unknown or can not be done."""
    known = {*ChatRequest.__struct_fields__, *IGNORED}
    for name, value in chat.items():
        if name not in known and value is not None:
            raise invalid(name, "has no counterpart at this model's provider, Anthropic; leave it out")
    for name in (chat.get(VENDOR) or {}) if isinstance(chat.get(VENDOR), dict) else ():
        if name not in PASSED_ON:
            raise invalid(f"{VENDOR}.{name}", "is not passed on; use one of " + ", ".join(sorted(PASSED_ON)))
    asked = typed(chat, ChatRequest)
    if asked.logprobs:
        raise invalid("logprobs", "this model's provider, Anthropic, gives none; leave it out")
    if asked.logit_bias:
        raise invalid("logit_bias", "this model's provider, Anthropic, takes none; leave it out")
    return asked
