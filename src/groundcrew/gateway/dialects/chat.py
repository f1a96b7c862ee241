"""OpenAI chat completions as they come in: only what the gateway needs is decoded, everything else travels on untouched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence, Set
from functools import partial
from typing import Annotated, Any

import msgspec

from groundcrew.errors import RefusedCall
from groundcrew.gateway.asked import ROLES, Dialect, Outgoing, role_name
from groundcrew.gateway.dialects.chat_known import KNOWN, Choices, KnownMessage, KnownRequest, Tokens
from groundcrew.gateway.dialects.messages_blocks import without_vendor_members
from groundcrew.gateway.dialects.registry import provider_dialect
from groundcrew.gateway.dialects.responses_texts import Arguments, Visit
from groundcrew.gateway.json_shape import decode
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.tool_arguments import is_offered

Fields = dict[str, msgspec.Raw]


_ABSENT = msgspec.Raw()


class ContentPart(msgspec.Struct):
    """One part of a message's content; only text is read."""

    type: str
    text: str | None = None


class Message(msgspec.Struct):
    """One message, as far as the gateway reads it."""

    role: str
    content: str | list[ContentPart] | None = None
    tool_calls: msgspec.Raw = _ABSENT
    function_call: msgspec.Raw = _ABSENT

    def called(self) -> list[str]:
        """The texts in the arguments of the tool calls that stand in the message."""
        found: list[str] = []
        if self.tool_calls is not _ABSENT or self.function_call is not _ABSENT:
            # Where they can not be read they stay unread: with calls the scan is partial in any case.
            with contextlib.suppress(msgspec.DecodeError):
                members = {"tool_calls": self.tool_calls, "function_call": self.function_call}
                message = {name: msgspec.json.decode(raw) for name, raw in members.items() if raw is not _ABSENT}

                def keep(_role: str, text: str) -> str:
                    found.append(text)
                    return text

                _visit_calls(message, keep)
        return found

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
    n: Choices | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    tools: list[msgspec.Raw] | None = None
    functions: list[msgspec.Raw] | None = None
    user: Any = None
    metadata: Any = None


_CHAT_DECODER = msgspec.json.Decoder(ChatRequest)
_FIELDS_DECODER = msgspec.json.Decoder(Fields)
_RAW_MESSAGES_DECODER = msgspec.json.Decoder(list[msgspec.Raw])
_MESSAGES_DECODER = msgspec.json.Decoder(list[dict[str, Any]])


class AskedChat:
    """A chat completion request. Implements `Asked`."""

    dialect: Dialect = "chat"

    def __init__(self, body: bytes, settings: GatewaySettings) -> None:
        request = decode(body, _CHAT_DECODER, settings, what="a chat completion request", strict=KNOWN)
        if len(request.messages) > settings.messages_max:
            raise RefusedCall("invalid_request", f"messages: more than {settings.messages_max}")
        self._fields: Fields = _FIELDS_DECODER.decode(body)
        #: The messages where guards read all of the request; otherwise with all their members, once they are decoded.
        self._known: list[KnownMessage] | None = request.messages if isinstance(request, KnownRequest) else None
        self._messages: list[dict[str, Any]] | None = None
        self.model = request.model
        self.stream = bool(request.stream)
        self.wants_usage = request.stream_options is not None and bool(request.stream_options.include_usage)
        self.choices = request.n or 1
        self.output_tokens = request.max_completion_tokens or request.max_tokens
        self.offers_tools = bool(request.tools or request.functions)
        self.user = named_user(request.user, request.metadata)
        self.request: dict[str, Any] = {}
        self.texts: list[str] = []
        self.roles: list[str] = []
        self._places: list[int] = []
        #: Role and texts of each message, those of its tool calls last; and of the last message what it says itself.
        self._said = [(message.role, message.texts()) for message in request.messages]
        self._says_last = "".join(self._said[-1][1])
        for index, (role, texts) in enumerate(self._said):
            message = request.messages[index]
            if isinstance(message, Message):  # a known one has no calls
                texts += message.called()
            self.texts += texts
            self.roles += [role] * len(texts)  # arguments are what the assistant says, no data from outside
            self._places += [index] * len(texts)

    @property
    def prefill(self) -> str:
        """The text of a last message that is the assistant's: some providers go on from there. "" without one."""
        return self._says_last if self._said[-1][0] == "assistant" else ""

    def question(self, texts: Sequence[str] | None = None) -> str:
        """The newest user message's text."""
        for index in range(len(self._said) - 1, -1, -1):
            role, own = self._said[index]
            if role == "user":
                if texts is not None:
                    own = [text for text, place in zip(texts, self._places, strict=True) if place == index]
                return "\n".join(own)
        return ""

    def transcript(self, texts: Sequence[str] | None = None) -> str:
        """Every message with its role, in order."""
        said = self._said
        if texts is not None:
            said = [(role, []) for role, _ in said]
            for place, text in zip(self._places, texts, strict=True):
                said[place][1].append(text)
        return "\n\n".join([f"{role if role in ROLES else role_name(role)}: " + "\n".join(lines) for role, lines in said])

    def _decoded(self) -> list[dict[str, Any]]:
        """The messages with all their members; of one that stands there twice the last, as everywhere in the gateway."""
        if self._messages is None:
            try:
                self._messages = _MESSAGES_DECODER.decode(self._fields["messages"])
            except msgspec.DecodeError:
                raise RefusedCall("invalid_request", "messages: they hold a number that is out of range") from None
        return self._messages

    def hides_text(self) -> bool:
        """Whether there are images, tools, earlier tool calls, names, stop sequences, or members that are not known."""
        return self._known is None

    def offers(self, name: str) -> bool:
        """Whether a tool or a function of this name stands in the request."""
        lists = [msgspec.json.decode(self._fields[each]) for each in ("tools", "functions") if each in self._fields]
        return is_offered(name, *lists)

    def members(self) -> Set[str]:
        """The names of the request's members."""
        return self._fields.keys()

    def body(self, outgoing: Outgoing) -> bytes:
        """The client's own bytes with `model` and what else must change replaced; another dialect's where the target's is one."""
        changed: dict[str, Any] = dict(self._fields)
        changed["model"] = outgoing.model
        if outgoing.texts is not None or outgoing.was_read:
            messages: list[Any]
            if outgoing.texts is not None:
                messages = self._with_texts(self._decoded(), outgoing.texts)
            else:
                messages = self._known or self._decoded()
            if outgoing.system is not None:
                messages = [{"role": "system", "content": outgoing.system}, *messages]
            changed["messages"] = messages
        elif outgoing.system is not None:
            system = {"role": "system", "content": outgoing.system}
            changed["messages"] = [system, *_RAW_MESSAGES_DECODER.decode(self._fields["messages"])]
        if not outgoing.passing:
            changed.pop("stream", None)
            changed.pop("stream_options", None)
        elif outgoing.dialect == "chat":
            raw = changed.get("stream_options")
            options: Any = msgspec.json.decode(raw) if raw is not None else None
            changed["stream_options"] = {**(options or {}), "include_usage": True}
        body = msgspec.json.encode(changed)
        if outgoing.dialect == "chat":
            return body
        return provider_body(msgspec.json.decode(body), outgoing)

    def _with_texts(self, messages: list[dict[str, Any]], texts: Sequence[str]) -> list[dict[str, Any]]:
        """The messages with `texts` in the place of their own, where those differ."""
        changed = {place for place, before, now in zip(self._places, self.texts, texts, strict=True) if before != now}
        result = list(messages)
        for index in changed:
            mine = iter([text for text, place in zip(texts, self._places, strict=True) if place == index])
            message = dict(messages[index])
            content = message.get("content")
            if isinstance(content, str):
                message["content"] = next(mine)
            elif content is not None:
                message["content"] = [
                    {**part, "text": next(mine)} if part["type"] == "text" and part.get("text") is not None else part
                    for part in content
                ]
            _visit_calls(message, partial(_next_of, mine))
            result[index] = message
        return result


def _next_of(texts: Iterator[str], _role: str, _text: str) -> str:
    return next(texts)


def _visit_calls(message: dict[str, Any], visit: Visit) -> None:
    """Put `visit(role, text)` in the place of every text in the arguments of the message's tool calls, in order. Its calls are
    replaced, not changed."""
    arguments = Arguments()

    def visited(call: Any) -> Any:
        own = call.get("function") if isinstance(call, dict) else None
        if isinstance(own, dict) and isinstance(own.get("arguments"), str):
            call = {**call, "function": {**own, "arguments": arguments.visit(own["arguments"], visit)}}
        custom = call.get("custom") if isinstance(call, dict) else None
        if isinstance(custom, dict) and isinstance(custom.get("input"), str):
            call = {**call, "custom": {**custom, "input": visit("tool", custom["input"])}}
        return call

    if isinstance(message.get("tool_calls"), list):
        message["tool_calls"] = [visited(each) for each in message["tool_calls"]]
    if isinstance(message.get("function_call"), dict):
        message["function_call"] = visited({"function": message["function_call"]})["function"]


def named_user(user: Any, metadata: Any) -> str | None:
    """The user that a body names: `user`, or `metadata.user_id`. None where there is none."""
    for found in (user, metadata.get("user_id") if isinstance(metadata, dict) else None):
        if isinstance(found, str) and found.strip():
            return found.strip()
    return None


def provider_body(chat: dict[str, Any], outgoing: Outgoing) -> bytes:
    """A chat completion request, as a dictionary, for a provider of another dialect."""
    if outgoing.dialect == "chat":
        chat = {**without_vendor_members(chat), "model": outgoing.model}
        for name in ("stream", "stream_options"):
            chat.pop(name, None)
        if outgoing.passing:
            chat |= {"stream": True, "stream_options": {"include_usage": True}}
        return msgspec.json.encode(chat)
    body = provider_dialect(outgoing.dialect).from_chat(chat, outgoing.model)
    body.pop("stream", None)
    if outgoing.passing and outgoing.dialect == "messages":
        body["stream"] = True
    return msgspec.json.encode(body)
