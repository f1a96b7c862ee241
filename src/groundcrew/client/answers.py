"""What the server's answers mean: an object, or an error of its type."""

from __future__ import annotations

import json
from typing import Any

from groundcrew.errors import Conflict, GroundcrewError, InputError, NotAllowed, NotFound


class ServerFailed(GroundcrewError):
    """The server answered with an error of its own. `status` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class Unreachable(GroundcrewError):
    """No answer came."""


class StillWaiting(GroundcrewError):
    """Nobody decided within the time given."""


def read_object(content: bytes, status: int) -> dict[str, Any]:
    """The JSON object in an answer; ServerFailed where there is none."""
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ServerFailed("the answer is not a JSON object", status)
    return value


def problem_in(status: int, content: bytes) -> GroundcrewError:
    """The error that an answer tells of."""
    try:
        told = json.loads(content)["error"]
        message, field = str(told["message"]), told.get("field")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ServerFailed(f"HTTP {status} without an explanation", status)
    if status in (400, 413, 415):
        return InputError(message, field=field)
    if status in (401, 403):
        return NotAllowed(message)
    if status == 404:
        return NotFound(message)
    if status == 409:
        return Conflict(message)
    return ServerFailed(message, status)
