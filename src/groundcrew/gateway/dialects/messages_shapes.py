"""The request of `POST /v1/messages`, as far as it has a counterpart in a chat completion request. Null counts as absent, and so
does an empty member that is not known."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from groundcrew.gateway.dialects.messages_blocks import invalid, typed

#: Members without a counterpart that change how an answer is made or billed, and not what was asked for: they are left out.
#: `context_management` only trims what the model is shown of a long conversation.
IGNORED = frozenset({"cache_control", "service_tier", "speed", "diagnostics", "context_management"})

Tokens = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Name = Annotated[str, msgspec.Meta(min_length=1)]


class Base64Source(msgspec.Struct, tag="base64"):
    media_type: str
    data: str


class UrlSource(msgspec.Struct, tag="url"):
    url: str


class TextSource(msgspec.Struct, tag="text"):
    data: str


class ContentSource(msgspec.Struct, tag="content"):
    content: str | list[TextBlock | ImageBlock]


class Citations(msgspec.Struct):
    enabled: bool | None = None


class TextBlock(msgspec.Struct, tag="text"):
    text: str


class ImageBlock(msgspec.Struct, tag="image"):
    source: Base64Source | UrlSource


class DocumentBlock(msgspec.Struct, tag="document"):
    source: Base64Source | TextSource | ContentSource
    title: str | None = None
    context: str | None = None
    citations: Citations | None = None


class SearchResultBlock(msgspec.Struct, tag="search_result"):
    content: list[TextBlock]
    source: str
    title: str
    citations: Citations | None = None


class ThinkingBlock(msgspec.Struct, tag="thinking"):
    thinking: str
    signature: str = ""


class RedactedBlock(msgspec.Struct, tag="redacted_thinking"):
    data: str


class ToolUseBlock(msgspec.Struct, tag="tool_use"):
    id: Name
    name: Name
    input: dict[str, Any]


#: What a person or a tool shows to the model.
Shown = TextBlock | ImageBlock | DocumentBlock | SearchResultBlock


class ToolResultBlock(msgspec.Struct, tag="tool_result"):
    tool_use_id: Name
    content: str | list[Shown] | None = None
    is_error: bool | None = None


AnyBlock = (
    TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ThinkingBlock | RedactedBlock | ToolUseBlock | ToolResultBlock
)


class Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[AnyBlock]


class Tool(msgspec.Struct):
    name: Name
    input_schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None


class Format(msgspec.Struct):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(msgspec.Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Format | None = None


class Metadata(msgspec.Struct):
    user_id: str | None = None


class MessagesRequest(msgspec.Struct):
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    max_tokens: Tokens
    model: str | None = None
    system: str | list[TextBlock] | None = None
    stream: bool | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    metadata: Metadata | None = None


def read_request(request: dict[str, Any]) -> MessagesRequest:
    """The request in types; RefusedCall invalid_request for what is malformed or not known."""
    known = {*MessagesRequest.__struct_fields__, *IGNORED}
    for name, value in request.items():
        if name not in known and value not in (None, [], {}):
            raise invalid(name, "has no counterpart at the provider of this model; leave it out or choose a model at Anthropic")
    return typed(request, MessagesRequest)


def read_tool(tool: dict[str, Any], place: str) -> Tool:
    """A tool of the client's own. Others are run by Anthropic, or are known to its models alone."""
    kind = tool.get("type")
    if kind not in (None, "custom"):
        raise invalid(
            f"{place}.type",
            f"{kind!r} is a tool that Anthropic defines; the provider of this model has none such, so leave it out",
        )
    return typed(tool, Tool, place)
