"""Knowledge bases, their revisions and the passages a claim is checked against: pure structs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

RevisionState = Literal["proposed", "approved", "superseded", "withdrawn"]


class KnowledgeBase(msgspec.Struct, frozen=True, kw_only=True):
    """A named body of approved documents. Only its approved, unexpired revision serves."""

    name: str
    owner: str
    paths: tuple[str, ...] = ()
    review_every_s: int = 180 * 86_400
    title: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One source file as plain text. `sha256` is over the original bytes, `text` is UTF-8 with Markdown headings kept."""

    path: str
    title: str
    text: str
    sha256: str


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of one document, small enough to quote. `start`/`end` count code points in the document's text."""

    id: str
    document: str
    title: str
    heading: str
    text: str
    start: int
    end: int


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One content-addressed state of a knowledge base; `id` is the sha256 over its sorted documents' digests."""

    id: str
    knowledge_base: str
    state: RevisionState
    documents: int
    passages: int
    added_by: str
    added_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    expires_at: datetime | None = None

    def serves_at(self, now: datetime) -> bool:
        """Whether answers may rest on this revision at `now`: approved and not expired."""
        return self.state == "approved" and self.expires_at is not None and now < self.expires_at
