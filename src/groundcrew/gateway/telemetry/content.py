"""A call's messages as the conventions' message objects: masked with its record, cut to a length, never as they came."""

from __future__ import annotations

from typing import Any

from groundcrew.gateway.telemetry.signals import Content, Ended

#: Code points of one message that are exported, and messages of one call: the newest.
TEXT_LENGTH_MAX = 8_000
MESSAGES_MAX = 100


def content_of(ended: Ended, place: str) -> Content | None:
    """The masked texts of a call; `place` is "spans" or "events". None where the call's texts are not exported."""
    if not ended.trace.wants_content or place not in ("spans", "events"):
        return None
    asked = [_message(role, text) for role, text in ended.asked[-MESSAGES_MAX:]]
    answered: list[Any] = []
    if ended.answer:
        reasons = ended.trace.attempts[-1].attributes.get("gen_ai.response.finish_reasons") if ended.trace.attempts else None
        answered.append({**_message("assistant", ended.answer), "finish_reason": reasons[0] if reasons else "stop"})
    return Content(place="spans" if place == "spans" else "events", asked=asked, answered=answered)


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text[:TEXT_LENGTH_MAX]}]}
