"""What a client asks for, whatever the dialect: what admission, guards and retrieval look at, and how the request goes on."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, Literal, Protocol

import msgspec

#: Who may say something, in any dialect. Whatever else a client writes there is no role, and not recorded.
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function", "model"})

#: What a client or a provider speaks: chat completions, OpenAI's responses, embeddings, Anthropic's messages, Gemini, Bedrock's
#: converse.
Dialect = Literal["chat", "responses", "messages", "embeddings", "gemini", "converse"]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """How a request goes on to a target."""

    dialect: Dialect
    model: str
    #: Put before everything that the client says.
    system: str | None = None
    #: In the place of `Asked.texts`, where guards masked some.
    texts: Sequence[str] | None = None
    #: Whether the answer is asked for as a stream, with its token counts.
    passing: bool = False
    #: Whether guards have read the texts: then a member that stands in one object twice is sent once, as it was read.
    was_read: bool = False


class Asked(Protocol):
    """One request. `texts` are all texts that guards read, in order, `roles` who says each."""

    dialect: Dialect
    model: str | None
    stream: bool
    #: Whether a stream is to tell its token counts.
    wants_usage: bool
    #: How many answers are asked for; 0 where none is generated.
    choices: int
    #: The longest answer that is asked for, in tokens; None where it is left open.
    output_tokens: int | None
    offers_tools: bool
    #: Who asks, as the body tells it.
    user: str | None
    texts: list[str]
    roles: list[str]
    #: The request's members, as far as an answer repeats them.
    request: dict[str, Any]

    @property
    def prefill(self) -> str:
        """What the request already puts into the answer's mouth: the text of a last message of the assistant. "" without one."""
        ...

    def question(self, texts: Sequence[str] | None = None) -> str:
        """The newest thing that the user says: what retrieval looks for. "" without one."""
        ...

    def transcript(self, texts: Sequence[str] | None = None) -> str:
        """What was asked, for the record: every message with its role, in order, with `texts` in the place of its own."""
        ...

    def hides_text(self) -> bool:
        """Whether the request holds anything that guards on the input do not read. True in doubt."""
        ...

    def offers(self, name: str) -> bool:
        """Whether the request offers a tool of this name."""
        ...

    def members(self) -> Set[str]:
        """The names of the request's members."""
        ...

    def body(self, outgoing: Outgoing) -> bytes:
        """The request for a target, as JSON; RefusedCall where its dialect has no way to say it."""
        ...


def role_name(role: str) -> str:
    """`role` as records have it: what a client writes there is free text."""
    return role if role in ROLES else "other"
