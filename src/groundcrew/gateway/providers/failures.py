"""What a provider says when it refuses, in whatever shape its API has for it."""

from __future__ import annotations

from typing import Any

import msgspec


def error_text(body: bytes) -> str:
    """The message in a provider's error: OpenAI's, Anthropic's and Gemini's `error.message`, AWS's `message`, what servers of
    open models have (`error` or `detail` as text); "" where there is none."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return ""
    inner = value.get("error")
    places = [inner.get("message")] if isinstance(inner, dict) else [inner]
    places += [value.get(name) for name in ("message", "Message", "detail")]
    return next((each for each in places if isinstance(each, str) and each), "")


def is_key_refused(body: bytes) -> bool:
    """Whether a status 400 means that our key is wrong, and not the client's request: so does the Gemini API tell it."""
    return b'"API_KEY_INVALID"' in body
