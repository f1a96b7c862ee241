"""What the gateway is given: the seams through which snapshot, record, upstream and grounding come in, so that nothing on the
hot path knows a database and every test can put a fake in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.snapshot import KnowledgeEntry, Snapshot
from groundcrew.domain.trust import TrustReport
from groundcrew.gateway.providers.endpoints import Kind


class SnapshotSource(Protocol):
    """Holds the newest snapshot. `current` must be a plain attribute read: it is read several times in every call."""

    @property
    def current(self) -> Snapshot:
        """The newest snapshot known, immutable."""
        ...

    @property
    def confirmed_version(self) -> int:
        """The version that was last confirmed to be the newest one at its origin."""
        ...

    def age_s(self) -> float:
        """Seconds since `current` was last confirmed to be the newest; 0 or more."""
        ...


class Recorder(Protocol):
    """Makes calls durable. `opened` and `record` return only when the record survives a crash, or raise RecorderUnavailable."""

    async def opened(self, call: Call) -> None:
        """Record that a stream is about to send its first byte."""
        ...

    async def record(self, call: Call) -> None:
        """Record a call's end; supersedes what `opened` recorded."""
        ...

    def later(self, call: Call) -> None:
        """Record the end of a stream as soon as it can be: `record` failed for it, after some of it had left."""
        ...

    def missed(self, call: Call, *, answered: bool) -> None:
        """Count a call that has no record, since `record` failed for it, so that the gap shows. Never blocks."""
        ...


class UpstreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to one target; `body` is the JSON to send as it is, in the shape of the provider's API for this `kind`."""

    provider: Provider
    target: Target
    body: bytes
    call_id: str
    #: Which of the provider's endpoints it goes to.
    kind: Kind = "chat"
    #: Those of the trace that it belongs to, lawful ones.
    headers: tuple[tuple[str, str], ...] = ()


class UpstreamStream(Protocol):
    """An open event stream."""

    async def read(self) -> bytes:
        """The next bytes as they came, b"" at the end. UpstreamTimeout after the longest gap, UpstreamError when it breaks."""
        ...

    def finish(self) -> None:
        """Nothing more is read, since the end was told: the connection may serve other calls."""
        ...

    def close(self) -> None:
        """Drop the connection now. Safe to call twice, and after `finish`."""
        ...


class Upstream(Protocol):
    """Speaks to providers. Errors are UpstreamError (with the provider's status where it gave one) or UpstreamTimeout."""

    async def complete(self, request: UpstreamRequest) -> bytes:
        """The provider's whole JSON answer."""
        ...

    async def open_stream(self, request: UpstreamRequest) -> UpstreamStream:
        """An event stream that has answered 200 with the content type that the provider's API has for it."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An approved passage found for a question; `score` orders them, higher is nearer.

    `origin` is whatever the Grounding that found it wants back when it composes; nobody else looks at it.
    """

    passage_id: str
    document: str
    title: str
    text: str
    score: float = 0.0
    origin: Any = None


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A verbatim quote in an answer. `start`/`end` count code points in the passage's text."""

    passage_id: str
    document: str
    title: str
    quote: str
    start: int
    end: int


class ComposedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer made only of sentences from passages. `answered` is False when there is no verified answer; `confidence` 0..1."""

    text: str
    answered: bool
    confidence: float
    citations: tuple[Citation, ...] = ()


class Grounding(Protocol):
    """Ties answers to approved passages. Any exception means unknown, which never counts as supported."""

    async def warm(self, knowledge: Sequence[KnowledgeEntry]) -> None:
        """Load what the first calls over `knowledge` would otherwise wait for."""
        ...

    async def retrieve(self, knowledge: KnowledgeEntry, question: str, limit: int) -> tuple[Source, ...]:
        """The passages nearest to `question`, best first, at most `limit`."""
        ...

    async def score(self, answer: str, sources: Sequence[Source], question: str) -> TrustReport:
        """How far `sources` support `answer`."""
        ...

    async def compose(self, knowledge: KnowledgeEntry, question: str, sources: Sequence[Source]) -> ComposedAnswer:
        """An answer of verbatim sentences from `sources`, or the text that says there is no verified answer."""
        ...

    async def close(self) -> None:
        """Free threads and indexes."""
        ...
