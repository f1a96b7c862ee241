"""A call's messages as the conventions' message objects: masked like its record, cut to a length, never as they came."""

from __future__ import annotations

from typing import Any

from groundcrew.gateway.flight import source_references
from groundcrew.gateway.recorder import mask_answer
from groundcrew.gateway.telemetry.signals import Content, Ended
from groundcrew.guards import pii
from groundcrew.guards.redaction import redact

#: Code points of one message that are exported, and messages of one call: the newest.
TEXT_LENGTH_MAX = 8_000
MESSAGES_MAX = 100
#: A message longer than this is left out whole: masking has to see all of a text before it may be cut.
MASKED_LENGTH_MAX = 200_000
LEFT_OUT = "(left out: too long)"


def content_of(ended: Ended, place: str) -> Content | None:
    """The masked texts of a call; `place` is "spans" or "events". None where the call's texts are not exported."""
    if not ended.trace.wants_content or place not in ("spans", "events"):
        return None
    asked = [_message(role, _masked(text)) for role, text in ended.trace.messages[-MESSAGES_MAX:]]
    answered: list[Any] = []
    if ended.answer:
        text = LEFT_OUT
        if len(ended.answer) <= MASKED_LENGTH_MAX:
            text, _ = mask_answer(ended.answer, None, source_references(ended.sources))
        reasons = ended.trace.attempts[-1].attributes.get("gen_ai.response.finish_reasons") if ended.trace.attempts else None
        answered.append({**_message("assistant", text), "finish_reason": reasons[0] if reasons else "stop"})
    return Content(place="spans" if place == "spans" else "events", asked=asked, answered=answered)


def _masked(text: str) -> str:
    if len(text) > MASKED_LENGTH_MAX:
        return LEFT_OUT
    masked, _ = redact(text, pii.find(text))
    return masked


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text[:TEXT_LENGTH_MAX]}]}
