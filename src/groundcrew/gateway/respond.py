"""What leaves towards the client: ASGI responses, the dialect's error shape and server-sent events."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from groundcrew.errors import REFUSAL_STATUS

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

#: Where a request's scope holds its connection, if the server tells when a client goes away (`connections.BoundedProtocol`).
CONNECTION = "groundcrew.connection"
#: Where it holds what writes whole answers at once, under the same condition.
WRITER = "groundcrew.writer"

DONE = b"data: [DONE]\n\n"

#: `error.type` as the OpenAI dialect knows it, by our code; others are "permission_error".
_TYPES = {
    "invalid_request": "invalid_request_error",
    "body_too_large": "invalid_request_error",
    "not_found": "invalid_request_error",
    "method_not_allowed": "invalid_request_error",
    "request_timeout": "invalid_request_error",
    "invalid_key": "authentication_error",
    "budget_exceeded": "insufficient_quota",
    "rate_limited": "rate_limit_error",
    "internal_error": "server_error",
    "upstream_error": "server_error",
    "upstream_timeout": "server_error",
    "kill_switch": "server_error",
    "stale_policy": "server_error",
    "recorder_unavailable": "server_error",
}
#: Asking again does not help before a person or the clock has changed something; the official SDKs honour the header.
_RETRY_IS_USELESS = frozenset({"assigned_to_control", "budget_exceeded", "kill_switch", "request_timeout"})


def error_object(code: str, message: str, *, param: str | None = None, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """The dialect's error object; `extra` adds members beside the four that SDKs read."""
    inner = {"message": message, "type": _TYPES.get(code, "permission_error"), "param": param, "code": code}
    return {"error": {**inner, **(extra or {})}}


def error_headers(code: str, retry_after_s: float | None = None) -> HeaderList:
    """Headers that tell an SDK whether, and when, to ask again."""
    headers: HeaderList = []
    if code in _RETRY_IS_USELESS:
        headers.append((b"x-should-retry", b"false"))
    if retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(retry_after_s))).encode()))
    return headers


def error_status(code: str) -> int:
    """The HTTP status of one of our error codes."""
    return REFUSAL_STATUS[code]


async def send_json(send: Send, status: int, headers: HeaderList, body: bytes) -> None:
    """One whole JSON response."""
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    whole: Callable[[int, HeaderList, bytes], Awaitable[None]] | None = getattr(send, "whole", None)
    if whole is not None:
        await whole(status, head, body)
        return
    await send({"type": "http.response.start", "status": status, "headers": head, "whole": True})
    await send({"type": "http.response.body", "body": body})


async def start_events(send: Send, status: int, headers: HeaderList) -> None:
    """Start a response of server-sent events."""
    head = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})


async def send_events(send: Send, data: bytes, *, more: bool = True) -> None:
    """A piece of an event stream."""
    await send({"type": "http.response.body", "body": data, "more_body": more})


def event(value: object, name: str | None = None) -> bytes:
    """One server-sent event with `value` as JSON data."""
    head = b"" if name is None else b"event: " + name.encode() + b"\n"
    return head + b"data: " + msgspec.json.encode(value) + b"\n\n"
