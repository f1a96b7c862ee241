"""Finds the module of a dialect. They load with the first call that needs them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol, cast

from groundcrew.gateway.asked import Dialect

_MODULES: dict[Dialect, str] = {
    "messages": "groundcrew.gateway.dialects.messages",
    "responses": "groundcrew.gateway.dialects.responses",
    "gemini": "groundcrew.gateway.dialects.gemini",
    "converse": "groundcrew.gateway.dialects.converse",
}


class EventReader(Protocol):
    """Reads a provider's stream. `done` once its end was told; `hides` once anything came that no chunk tells."""

    done: bool
    hides: bool

    def read(self, name: str | None, data: bytes) -> list[dict[str, Any]]:
        """The chat.completion.chunk objects that one event stands for; UpstreamError for one that is malformed or an error."""
        ...


class EventWriter(Protocol):
    """Writes a client's stream. Everything it returns is whole events."""

    def chunk(self, chunk: dict[str, Any]) -> bytes:
        """The events that a chat.completion.chunk stands for."""
        ...

    def end(self, report: dict[str, Any] | None, usage: dict[str, Any] | None) -> bytes:
        """The closing events; the last carries `report` as its member `groundcrew`."""
        ...

    def error(self, code: str, message: str, status: int) -> bytes:
        """An error that ends the stream."""
        ...

    def held(self, report: dict[str, Any]) -> bytes:
        """The event of an answer that waits for a signature."""
        ...


class ProviderDialect(Protocol):
    """What a provider speaks."""

    EventReader: Callable[[str], EventReader]

    def from_chat(self, chat: dict[str, Any], model: str) -> dict[str, Any]:
        """A chat completion request in this dialect."""
        ...

    def read_completion(self, body: dict[str, Any], provider: str) -> dict[str, Any]:
        """An answer in this dialect as a chat completion."""
        ...


class ClientDialect(Protocol):
    """What a client speaks, beside chat completions themselves."""

    EventReader: Callable[[str], EventReader]
    EventWriter: Callable[..., EventWriter]

    def to_chat(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request as a chat completion request."""
        ...

    def read_completion(self, body: dict[str, Any], provider: str) -> dict[str, Any]:
        """An answer in this dialect as a chat completion."""
        ...

    def visit_texts(self, request: dict[str, Any], visit: Callable[[str, str], str]) -> None:
        """Call `visit` with the role and text of every text, in order, and put what it returns in its place."""
        ...

    def hides_text(self, request: dict[str, Any]) -> bool:
        """Whether anything is not visited."""
        ...

    def write_completion(
        self, completion: dict[str, Any], *, call_id: str, model: str, created_s: int, request: dict[str, Any]
    ) -> dict[str, Any]:
        """A chat completion as an answer in this dialect."""
        ...

    def error_body(self, code: str, message: str, status: int, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """The dialect's error object."""
        ...

    def held_body(self, report: dict[str, Any], *, call_id: str, model: str, created_s: int) -> dict[str, Any]:
        """The answer that stands for one that waits for a signature."""
        ...


def client_dialect(dialect: Dialect) -> ClientDialect:
    """The module of `dialect`."""
    return cast(ClientDialect, importlib.import_module(_MODULES[dialect]))


def provider_dialect(dialect: Dialect) -> ProviderDialect:
    """The module of `dialect`."""
    return cast(ProviderDialect, importlib.import_module(_MODULES[dialect]))
