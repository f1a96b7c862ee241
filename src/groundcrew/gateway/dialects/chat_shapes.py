"""A chat completion request in types, as far as Gemini's and Bedrock's APIs have a counterpart for it. Null counts as absent."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any, Literal

import msgspec

from groundcrew.errors import RefusedCall

#: Members without a counterpart that are left out: hints on sampling, caching, storage and routing, and whom a call is for.
IGNORED = frozenset(
    {
        *("model", "stream", "stream_options", "store", "metadata", "service_tier", "prediction", "verbosity", "user"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
        # What only one dialect reads (`anthropic`), and what belongs to its providers.
        *("anthropic", "gemini", "bedrock"),
    }
)

Tokens = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Name = Annotated[str, msgspec.Meta(min_length=1)]


class TextPart(msgspec.Struct, tag="text"):
    """Text."""

    text: str
    cache_control: Any = None


class RefusalPart(msgspec.Struct, tag="refusal"):
    """What an assistant said instead of an answer."""

    refusal: str


class ImageUrl(msgspec.Struct):
    """Where an image is, or the image itself as a data URL."""

    url: str


class ImagePart(msgspec.Struct, tag="image_url"):
    """An image."""

    image_url: ImageUrl
    cache_control: Any = None


class InputAudio(msgspec.Struct):
    """Sound in base64."""

    data: str
    format: Name


class AudioPart(msgspec.Struct, tag="input_audio"):
    """Sound."""

    input_audio: InputAudio


class FileData(msgspec.Struct):
    """A file as a data URL. One that was uploaded to a provider before (`file_id`) means nothing to another."""

    file_data: str | None = None
    filename: str | None = None


class FilePart(msgspec.Struct, tag="file"):
    """A file."""

    file: FileData
    cache_control: Any = None


Part = TextPart | RefusalPart | ImagePart | AudioPart | FilePart


class CalledFunction(msgspec.Struct):
    """A function that an assistant called; `arguments` is JSON."""

    name: Name
    arguments: str = ""


class ToolCall(msgspec.Struct):
    """One tool call. `extra_content` is where Google's own chat completions keep a thought's signature."""

    id: Name
    function: CalledFunction
    extra_content: dict[str, Any] | None = None


class Message(msgspec.Struct):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: Name | None = None
    cache_control: Any = None
    anthropic: Any = None
    gemini: Any = None

    def parts(self) -> list[Part]:
        """The content as parts without empty texts; a refusal is what the assistant said."""
        content = self.content
        parts: list[Part] = [TextPart(content)] if isinstance(content, str) else list(content or [])
        parts = [TextPart(each.refusal) if isinstance(each, RefusalPart) else each for each in parts]
        if self.refusal:
            parts.append(TextPart(self.refusal))
        return [each for each in parts if not (isinstance(each, TextPart) and not each.text.strip())]


class Function(msgspec.Struct):
    """A function that may be called; `parameters` is a JSON schema."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct):
    """A tool."""

    type: Literal["function"]
    function: Function
    cache_control: Any = None


class Named(msgspec.Struct):
    """A function's name."""

    name: Name


class NamedTool(msgspec.Struct):
    """A tool by its name."""

    type: Literal["function"]
    function: Named


class FunctionChoice(msgspec.Struct, tag="function"):
    """This function must be called."""

    function: Named


class Allowed(msgspec.Struct):
    """These tools alone may be called, or must be."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], msgspec.Meta(min_length=1)]


class AllowedChoice(msgspec.Struct, tag="allowed_tools"):
    """A choice out of the tools."""

    allowed_tools: Allowed


class JsonSchema(msgspec.Struct):
    """The schema that an answer must follow."""

    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None


class TextFormat(msgspec.Struct, tag="text"):
    """Any text."""


class ObjectFormat(msgspec.Struct, tag="json_object"):
    """Any JSON object."""


class SchemaFormat(msgspec.Struct, tag="json_schema"):
    """JSON after a schema."""

    json_schema: JsonSchema


class ChatRequest(msgspec.Struct):
    """The request."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=1)] | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    seed: int | None = None
    presence_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | AllowedChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | ObjectFormat | SchemaFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    modalities: list[Literal["text"]] | None = None
    logit_bias: dict[str, float] | None = None

    def output_tokens(self) -> int | None:
        """The most tokens that an answer may have."""
        return self.max_completion_tokens or self.max_tokens

    def stops(self) -> list[str]:
        """The texts that end an answer."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())


_KNOWN = frozenset(ChatRequest.__struct_fields__) | IGNORED
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_DATA_URL = re.compile(r"data:([a-z0-9.+-]+/[a-z0-9.+-]+)(?:;[^;,]*)*;base64,", re.IGNORECASE)


def invalid(place: str, reason: str) -> RefusedCall:
    """The refusal of a request for what stands at `place`."""
    return RefusedCall("invalid_request", f"{place or 'the body'}: {reason}")


def read_request(chat: dict[str, Any], api: str) -> ChatRequest:
    """The request in types; RefusedCall invalid_request for what is malformed or has no counterpart in `api`."""
    for name, value in chat.items():
        if name not in _KNOWN and value is not None:
            raise invalid(name, f"has no counterpart in {api}; leave it out")
    try:
        asked = msgspec.convert(chat, ChatRequest)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), api) from None
    if asked.logit_bias:
        raise invalid("logit_bias", f"has no counterpart in {api}; leave it out")
    if asked.parallel_tool_calls is False and asked.tools:
        raise invalid("parallel_tool_calls", f"{api} can not be told to call one tool at a time; leave it out")
    return asked


def _refusal(text: str, api: str) -> RefusedCall:
    match = _PLACE.search(text)
    place, reason = (match.group(1), text[: match.start()]) if match else ("", text)
    missing = _MISSING.fullmatch(reason)
    if missing:
        return invalid(f"{place}.{missing.group(1)}".lstrip("."), "is required")
    if reason.startswith("Invalid value") and place.endswith(".type"):
        return invalid(place, f"{reason.removeprefix('Invalid value ')} has no counterpart in {api}")
    return invalid(place, reason[:1].lower() + reason[1:])


def read_data_url(url: str, place: str) -> tuple[str, str] | None:
    """A data URL's media type (lower case) and its base64; None for a URL that is none."""
    if url[:5].lower() != "data:":
        return None
    match = _DATA_URL.match(url)
    if match is None:
        raise invalid(place, "a data URL must name its media type and hold base64: data:image/png;base64,...")
    return match.group(1).lower(), checked_base64(url[match.end() :], place)


def checked_base64(data: str, place: str) -> str:
    """`data`, where it is base64 and not empty."""
    try:
        if base64.b64decode(data, validate=True):
            return data
    except (binascii.Error, ValueError):
        pass
    raise invalid(place, "holds no base64")


def read_arguments(call: ToolCall, place: str) -> dict[str, Any]:
    """A tool call's arguments; no text counts as no arguments."""
    text = call.function.arguments.strip()
    try:
        value = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise invalid(f"{place}.function.arguments", "is not a JSON object")
    return value


def chosen_names(choice: object) -> list[str]:
    """The names of the functions that a tool choice allows; empty where it allows all."""
    if isinstance(choice, FunctionChoice):
        return [choice.function.name]
    if isinstance(choice, AllowedChoice):
        return [each.function.name for each in choice.allowed_tools.tools]
    return []


def check_choice(asked: ChatRequest) -> None:
    """Refuse a choice of tools that are not there."""
    offered = {each.function.name for each in asked.tools or ()}
    for name in chosen_names(asked.tool_choice):
        if name not in offered:
            raise invalid("tool_choice", f"no tool is named {name!r}")
    if asked.tool_choice == "required" and not offered:
        raise invalid("tool_choice", "requires a tool, but there is none")
