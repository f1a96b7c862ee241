"""Requests in OpenAI's responses and Anthropic's messages: read by their dialect's module, forwarded as they are to a provider
that speaks the same, translated by way of a chat completion request for the others."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import msgspec

from groundcrew.errors import RefusedCall
from groundcrew.gateway.asked import Dialect, Outgoing, role_name
from groundcrew.gateway.dialects.chat import named_user, provider_body
from groundcrew.gateway.dialects.messages_texts import add_system
from groundcrew.gateway.dialects.registry import client_dialect
from groundcrew.gateway.dialects.responses_vendor import without_packed
from groundcrew.gateway.json_shape import decode
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.tool_arguments import is_offered

_DECODER = msgspec.json.Decoder(dict[str, Any])
#: Where each dialect says how long an answer may be, what the client goes on with, and what the system says.
_LENGTH = {"messages": "max_tokens", "responses": "max_output_tokens"}
_TURNS = {"messages": "messages", "responses": "input"}
OUTPUT_TOKENS_MAX = 10_000_000


class AskedTranslated:
    """A request that is no chat completion. Implements `Asked`."""

    def __init__(self, dialect: Dialect, body: bytes, settings: GatewaySettings) -> None:
        self.dialect = dialect
        self._body = body
        self._module = client_dialect(dialect)
        self.request = decode(body, _DECODER, settings, what=f"a {dialect} request")
        if dialect == "responses" and self.request.get("background") is True:
            # The provider would work and be paid for what no route of this gateway could fetch.
            raise RefusedCall("invalid_request", "background: no answer can be fetched later here; wait for it, or stream it")
        turns = self.request.get(_TURNS[dialect])
        if isinstance(turns, list) and len(turns) > settings.messages_max:
            raise RefusedCall("invalid_request", f"{_TURNS[dialect]}: more than {settings.messages_max}")
        self.model = _text(self.request, "model")
        self.stream = _flag(self.request, "stream")
        self.wants_usage = True
        self.choices = 1
        self.output_tokens = _tokens(self.request, _LENGTH[dialect])
        self.offers_tools = bool(self.request.get("tools"))
        self.user = named_user(self.request.get("safety_identifier") or self.request.get("user"), self.request.get("metadata"))
        self.texts: list[str] = []
        self.roles: list[str] = []

        def collect(role: str, text: str) -> str:
            self.roles.append(role)
            self.texts.append(text)
            return text

        self._module.visit_texts(self.request, collect)

    @property
    def prefill(self) -> str:
        """The texts that the assistant says at the end. "" where somebody else speaks last."""
        start = len(self.roles)
        while start and self.roles[start - 1] == "assistant":
            start -= 1
        return "".join(self.texts[start:])

    def question(self, texts: Sequence[str] | None = None) -> str:
        """The texts of the newest run of what the user says."""
        given = self.texts if texts is None else texts
        end = next((index for index in range(len(self.roles), 0, -1) if self.roles[index - 1] == "user"), 0)
        start = end
        while start and self.roles[start - 1] == "user":
            start -= 1
        return "\n".join(given[start:end])

    def transcript(self, texts: Sequence[str] | None = None) -> str:
        """Every text with its role, in order."""
        given = self.texts if texts is None else texts
        return "\n\n".join(f"{role_name(role)}: {text}" for role, text in zip(self.roles, given, strict=True))

    def hides_text(self) -> bool:
        """Whether the dialect's module left anything out."""
        return self._module.hides_text(self.request)

    def offers(self, name: str) -> bool:
        """Whether a tool of this name stands in the request."""
        return is_offered(name, self.request.get("tools"))

    def members(self) -> Set[str]:
        """The names of the request's members."""
        return self.request.keys()

    def body(self, outgoing: Outgoing) -> bytes:
        """The request with the model, our system message and masked texts in it, in the target's dialect."""
        request = msgspec.json.decode(self._body)
        # Put back even where nothing was masked: what stands in an object twice is sent once, as it was read and recorded.
        remaining = iter(self.texts if outgoing.texts is None else outgoing.texts)
        self._module.visit_texts(request, lambda _role, _text: next(remaining))
        if outgoing.system is not None:
            _put_system(self.dialect, request, outgoing.system)
        if outgoing.dialect != self.dialect:
            return provider_body(self._module.to_chat(request), outgoing)
        if self.dialect == "responses":
            request = without_packed(request) or request
        request["model"] = outgoing.model
        request.pop("stream", None)
        if outgoing.passing:
            request["stream"] = True
        return msgspec.json.encode(request)


def _put_system(dialect: Dialect, request: dict[str, Any], system: str) -> None:
    """Put `system` before what the client's own system message says."""
    if dialect == "messages":
        add_system(request, system)
        return
    own = _text(request, "instructions")
    request["instructions"] = f"{system}\n\n{own}" if own else system


def _text(request: dict[str, Any], name: str) -> str | None:
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedCall("invalid_request", f"{name}: expected a text")
    return value


def _flag(request: dict[str, Any], name: str) -> bool:
    value = request.get(name)
    if value is not None and not isinstance(value, bool):
        raise RefusedCall("invalid_request", f"{name}: expected true or false")
    return bool(value)


def _tokens(request: dict[str, Any], name: str) -> int | None:
    value = request.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= OUTPUT_TOKENS_MAX:
        raise RefusedCall("invalid_request", f"{name}: expected a whole number from 1 to {OUTPUT_TOKENS_MAX}")
    return value
