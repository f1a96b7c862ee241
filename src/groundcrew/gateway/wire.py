"""The OpenAI dialect as it comes in: only the fields that the gateway needs are decoded, everything else travels on untouched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from groundcrew.domain.data_class import DATA_CLASSES, DataClass, highest
from groundcrew.errors import RefusedCall
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.guards import pii

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKET = re.compile(rb"[^\[\]{}]+")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")

#: What no business uses to name a case or a unit. Records keep identifiers as they are, so that outcomes find their calls;
#: shapes that case numbers share, such as those of telephones and cards, are left alone.
_NO_IDENTIFIER = frozenset({"EMAIL", "IBAN"})
#: Members of a request that hold no text of anybody's, and of a message those that guards read.
_TEXTLESS = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "store", "service_tier", "n", "seed", "parallel_tool_calls"),
        *("max_tokens", "max_completion_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty"),
        *("logprobs", "top_logprobs", "logit_bias", "reasoning_effort", "verbosity"),
    }
)
_READ = frozenset({"role", "content", "tool_call_id"})

Tokens = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]


class ContentPart(msgspec.Struct):
    """One part of a message's content; only text is read."""

    type: str
    text: str | None = None


class Message(msgspec.Struct):
    """One message, as far as the gateway reads it."""

    role: str
    content: str | list[ContentPart] | None = None

    def texts(self) -> list[str]:
        """The message's texts in order; parts that are not text are left out."""
        if self.content is None:
            return []
        if isinstance(self.content, str):
            return [self.content]
        return [part.text for part in self.content if part.type == "text" and part.text is not None]


class StreamOptions(msgspec.Struct):
    """What a client asks of a stream."""

    include_usage: bool | None = None


class ChatRequest(msgspec.Struct):
    """A chat completion request, as far as the gateway reads it. Null counts as absent."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    tools: list[msgspec.Raw] | None = None
    functions: list[msgspec.Raw] | None = None

    def prefill(self) -> str:
        """The text of a last message that is the assistant's: some providers go on from there. "" without one."""
        last = self.messages[-1]
        return "".join(last.texts()) if last.role == "assistant" else ""

    def question(self, masked: Mapping[int, list[str]] | None = None) -> str:
        """The newest user message's text: what retrieval looks for. "" without one. `masked` replaces texts by index."""
        for index in range(len(self.messages) - 1, -1, -1):
            if self.messages[index].role == "user":
                return "\n".join((masked or {}).get(index) or self.messages[index].texts())
        return ""

    def transcript(self) -> str:
        """What was asked, for the record: every message with its role, in order."""
        return "\n\n".join(f"{message.role}: " + "\n".join(message.texts()) for message in self.messages)


Fields = dict[str, msgspec.Raw]

_CHAT_DECODER = msgspec.json.Decoder(ChatRequest)
_FIELDS_DECODER = msgspec.json.Decoder(Fields)
_MESSAGES_DECODER = msgspec.json.Decoder(list[msgspec.Raw])


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """The request headers that mean something to the gateway. `secret` is never logged and never recorded."""

    secret: str | None = None
    case_id: str | None = None
    unit_id: str | None = None
    data_class: DataClass | None = None
    content_length: int | None = None
    #: Whether the client wants no answer that was given before, nor its own to be given again.
    no_store: bool = False


def read_headers(raw: Iterable[tuple[bytes, bytes]], settings: GatewaySettings) -> Headers:
    """Pick out what is needed; RefusedCall invalid_request for oversized or nonsensical values."""
    total = 0
    found: dict[bytes, bytes] = {}
    classes: list[bytes] = []
    for name, value in raw:
        total += len(name) + len(value)
        found[name] = value
        if name == b"groundcrew-data-class":
            classes.append(value)
    if total > settings.header_bytes_max:
        raise RefusedCall("invalid_request", f"the request headers are larger than {settings.header_bytes_max} bytes")
    secret = None
    authorization = found.get(b"authorization", b"")
    if authorization[:7].lower() == b"bearer ":
        secret = authorization[7:].strip().decode("latin-1")
    elif b"x-api-key" in found:
        secret = found[b"x-api-key"].strip().decode("latin-1")
    length = found.get(b"content-length", b"")
    return Headers(
        secret=secret or None,
        case_id=_identifier(found, b"groundcrew-case-id", settings),
        unit_id=_identifier(found, b"groundcrew-unit-id", settings),
        data_class=_data_class(classes),
        content_length=int(length) if length.isdigit() and len(length) < 19 else None,
        no_store=b"no-store" in found.get(b"cache-control", b"").lower(),
    )


def _identifier(found: dict[bytes, bytes], name: bytes, settings: GatewaySettings) -> str | None:
    raw = found.get(name)
    if raw is None:
        return None
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = "\0"
    if len(text) > settings.identifier_length_max or not text.isprintable():
        raise RefusedCall(
            "invalid_request",
            f"header {name.decode()}: use at most {settings.identifier_length_max} printable characters",
        )
    personal = sorted({each.type for each in pii.find(text)} & _NO_IDENTIFIER)
    if personal:
        raise RefusedCall(
            "invalid_request",
            f"header {name.decode()}: it holds personal data ({', '.join(personal)}); use an identifier of a case",
        )
    return text or None


def _data_class(values: list[bytes]) -> DataClass | None:
    """The most sensitive of the classes that are named: whoever stands before the gateway may add one, never take one away."""
    classes: list[DataClass] = []
    for raw in values:
        text = raw.decode("latin-1").strip().lower()
        if text not in DATA_CLASSES:
            raise RefusedCall("invalid_request", "header groundcrew-data-class: use one of " + ", ".join(DATA_CLASSES))
        classes.append(text)
    return highest(classes) if classes else None


def decode_chat(body: bytes, settings: GatewaySettings) -> tuple[ChatRequest, Fields]:
    """The typed request and its raw top-level fields. RefusedCall invalid_request names the field that is wrong."""
    try:
        str(body, "utf-8")
        _check_shape(body, settings)
        fields = _FIELDS_DECODER.decode(body)
        request = _CHAT_DECODER.decode(body)
    except UnicodeDecodeError:
        raise RefusedCall("invalid_request", "the body is not UTF-8") from None
    except msgspec.ValidationError as error:
        raise RefusedCall("invalid_request", _validation_message(str(error))) from None
    except msgspec.DecodeError as error:
        raise RefusedCall("invalid_request", f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise RefusedCall("invalid_request", f"the body nests deeper than {settings.json_depth_max} levels") from None
    if len(request.messages) > settings.messages_max:
        raise RefusedCall("invalid_request", f"messages: more than {settings.messages_max}")
    return request, fields


def _validation_message(text: str) -> str:
    match = _PLACE.search(text)
    if match is None:
        missing = re.search(r"missing required field `([^`]+)`", text)
        return f"{missing.group(1)}: is required" if missing else f"the body is not a chat completion request: {text}"
    field = match.group(1) or "the body"
    return f"{field}: {text[: match.start()]}"


def _check_shape(body: bytes, settings: GatewaySettings) -> None:
    """Refuse JSON that is too deep or has too many arrays and objects for what follows to be cheap."""
    if body.count(b"[") + body.count(b"{") <= settings.json_depth_max:
        return
    brackets = _NOT_BRACKET.sub(b"", _STRING.sub(b"", body))
    if brackets.count(b"[") + brackets.count(b"{") > settings.json_containers_max:
        raise RefusedCall("invalid_request", f"the body holds more than {settings.json_containers_max} arrays and objects")
    depth = 0
    for byte in brackets:
        if byte in b"[{":
            depth += 1
            if depth > settings.json_depth_max:
                raise RefusedCall("invalid_request", f"the body nests deeper than {settings.json_depth_max} levels")
        else:
            depth -= 1


def raw_json(value: object) -> msgspec.Raw:
    """`value` as JSON that is embedded as it is."""
    return msgspec.Raw(msgspec.json.encode(value))


def _read_messages(fields: Fields) -> list[dict[str, Any]]:
    """The messages with all their members; of a member that stands in one twice the last, as everywhere in the gateway."""
    try:
        return msgspec.json.decode(fields["messages"], type=list[dict[str, Any]])
    except msgspec.DecodeError:
        raise RefusedCall("invalid_request", "messages: they hold a number that is out of range") from None


def hides_text(fields: Fields) -> bool:
    """Whether the request holds anything that guards on the input do not read: images, tools, earlier tool calls, names,
    members that the gateway does not know. Null counts as absent."""
    for name, raw in fields.items():
        schemaless = name == "response_format" and b"schema" not in bytes(raw)
        if name not in _TEXTLESS and bytes(raw) != b"null" and not schemaless:
            return True
    for message in _read_messages(fields):
        if any(name not in _READ and value is not None for name, value in message.items()):
            return True
        content = message.get("content")
        if isinstance(content, list) and any(not part.keys() <= {"type", "text"} or part["type"] != "text" for part in content):
            return True
    return False


def upstream_body(
    fields: Fields,
    *,
    model: str,
    system: str | None = None,
    texts: dict[int, list[str]] | None = None,
    include_usage: bool = False,
    was_read: bool = False,
) -> bytes:
    """The body for a target: the client's own bytes with `model` replaced.

    `system` is put before the messages as a system message; `texts` replaces the texts of the messages at those indexes
    (masked content); `include_usage` asks a stream for its token counts; `was_read` tells that guards have read the messages:
    then they are written anew, so that a member that stands in one twice is sent once, as it was read.
    """
    changed = dict(fields)
    changed["model"] = raw_json(model)
    if was_read:
        fields = {**fields, "messages": raw_json(_read_messages(fields))}
        changed["messages"] = fields["messages"]
    if system is not None or texts:
        messages = _MESSAGES_DECODER.decode(fields["messages"])
        for index, replacement in (texts or {}).items():
            messages[index] = _with_texts(messages[index], replacement)
        if system is not None:
            messages.insert(0, raw_json({"role": "system", "content": system}))
        changed["messages"] = raw_json(messages)
    if include_usage:
        raw = changed.get("stream_options")
        options: Any = msgspec.json.decode(raw) if raw is not None else None
        changed["stream_options"] = raw_json({**(options or {}), "include_usage": True})
    return msgspec.json.encode(changed)


def _with_texts(raw: msgspec.Raw, texts: list[str]) -> msgspec.Raw:
    message = msgspec.json.decode(raw)
    remaining = iter(texts)
    if isinstance(message["content"], str):
        message["content"] = next(remaining)
    else:
        for part in message["content"]:
            if part["type"] == "text" and part.get("text") is not None:
                part["text"] = next(remaining)
    return raw_json(message)
