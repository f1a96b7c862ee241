"""The OpenAI Responses dialect as it comes in: what the gateway calls, from the modules that own it."""

from __future__ import annotations

from groundcrew.gateway.dialects.responses_answer import error_body, held_body, read_completion, write_completion
from groundcrew.gateway.dialects.responses_reader import EventReader
from groundcrew.gateway.dialects.responses_request import to_chat, untranslatable
from groundcrew.gateway.dialects.responses_stream import EventWriter
from groundcrew.gateway.dialects.responses_texts import hides_text, visit_texts
from groundcrew.gateway.dialects.responses_vendor import without_packed

__all__ = [
    "EventReader",
    "EventWriter",
    "error_body",
    "held_body",
    "hides_text",
    "read_completion",
    "to_chat",
    "untranslatable",
    "visit_texts",
    "without_packed",
    "write_completion",
]
