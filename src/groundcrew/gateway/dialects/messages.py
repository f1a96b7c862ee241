"""The Anthropic Messages dialect: what the gateway uses of it, at its front and towards providers."""

from groundcrew.gateway.dialects.messages_answer import error_body, held_body, read_completion, write_completion
from groundcrew.gateway.dialects.messages_blocks import without_vendor_members
from groundcrew.gateway.dialects.messages_from_chat import from_chat
from groundcrew.gateway.dialects.messages_reader import EventReader
from groundcrew.gateway.dialects.messages_request import to_chat
from groundcrew.gateway.dialects.messages_texts import add_system, hides_text, visit_texts
from groundcrew.gateway.dialects.messages_writer import EventWriter

__all__ = [
    "EventReader",
    "EventWriter",
    "add_system",
    "error_body",
    "from_chat",
    "held_body",
    "hides_text",
    "read_completion",
    "to_chat",
    "visit_texts",
    "without_vendor_members",
    "write_completion",
]
