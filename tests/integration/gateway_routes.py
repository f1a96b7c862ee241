"""The routes that ask a model something, each with a valid request, and where its dialect puts a text and an error.

A route is tried everywhere as soon as `groundcrew.gateway.openapi.SERVED` names it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from groundcrew.gateway.openapi import SERVED
from groundcrew.testing import TEST_KEY, Response

AUTHORIZATION = {"authorization": f"Bearer {TEST_KEY}"}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route that generates. `body` makes a request from a text; a stream is asked for with `"stream": true`."""

    name: str
    path: str
    body: Callable[[str], dict[str, Any]]

    def request(self, text: str, *, stream: bool) -> bytes:
        """A valid request body."""
        return msgspec.json.encode({**self.body(text), "stream": stream})


def _messages(text: str) -> dict[str, Any]:
    return {"model": "writer", "messages": [{"role": "user", "content": text}], "max_tokens": 100}


ALL = (
    Route(name="chat", path="/v1/chat/completions", body=_messages),
    Route(name="messages", path="/v1/messages", body=_messages),
    Route(name="responses", path="/v1/responses", body=lambda text: {"model": "writer", "input": text}),
)
ROUTES = tuple(route for route in ALL if route.path in SERVED)


def error_of(response: Response) -> dict[str, Any]:
    """The error object of an answer: of its body, or of the first event that holds one (a dialect may repeat it its own way)."""
    if "text/event-stream" not in response.headers.get("content-type", ""):
        return _error(response.json())
    found = [error for each in response.events() if isinstance(each, dict) if (error := _error(each))]
    return found[0] if found else {}


def _error(body: dict[str, Any]) -> dict[str, Any]:
    inner = body.get("response")
    found = body.get("error") or (inner.get("error") if isinstance(inner, dict) else None) or {}
    if body.get("type") == "error" and not found:
        found = body  # the Responses dialect's error event is flat
    return found if isinstance(found, dict) else {"message": found}


def strings(value: Any) -> list[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in strings(each)]


def holds_text(response: Response, text: str) -> bool:
    """Whether a complete answer says `text`, in one piece or in the pieces of a stream."""
    if "text/event-stream" not in response.headers.get("content-type", ""):
        return any(text in each for each in strings(response.json()))
    # Each dialect has its own member for a piece of text; a piece is one word with the blank before it.
    pieces = [each for event in response.events() for each in strings(event)]
    joined = "".join(piece for piece in pieces if piece.strip() in text.split() or not piece.strip())
    return text in joined
