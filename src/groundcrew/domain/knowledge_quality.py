"""What is found about a knowledge base: contradictions, stale passages, questions without an answer, passages never used, answers
often corrected. Each finding has an owner, an action and a state, and keeps them over runs while its texts stay the same."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from groundcrew.domain.canonical import digest

FindingKind = Literal["contradiction", "stale", "unanswered", "unused", "corrected"]
FindingState = Literal["open", "done", "dismissed"]
FINDING_KINDS: tuple[FindingKind, ...] = get_args(FindingKind)

FINGERPRINT_LENGTH = 24
QUOTE_LENGTH_MAX = 1_000
EXAMPLES_MAX = 5

#: What to do about a finding of each kind.
ACTIONS: dict[FindingKind, str] = {
    "contradiction": "Decide which of the two is right, correct the other document, add it again and approve the revision.",
    "stale": "Check whether it still holds; correct or remove it, add the documents again and approve the revision.",
    "unanswered": "Add an article that answers it, or dismiss it with the reason why it is not to be answered.",
    "unused": "Give the document titles and words that customers use, or remove it if nobody asks for it.",
    "corrected": "Read what people changed, and correct or complete the passage.",
}


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """Words of an approved passage, and where they stand."""

    text: str
    document: str
    title: str = ""
    heading: str = ""
    passage_id: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `quotes` are approved texts, `questions` masked ones of recorded calls, `calls` examples of those; `count` is
    how often (contradictions and stale ones: 1). `sample`: rests on sample data alone."""

    id: str
    knowledge_base: str
    kind: FindingKind
    title: str
    owner: str
    found_at: datetime
    revision: str
    action: str
    state: FindingState = "open"
    quotes: tuple[Quote, ...] = ()
    questions: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    count: int = 1
    of: int | None = None
    last_seen_at: datetime | None = None
    sample: bool = False
    decided_by: str | None = None
    decided_at: datetime | None = None
    decided_on: str | None = None
    reason: str = ""


def finding_id(knowledge_base: str, kind: FindingKind, *texts: str) -> str:
    """The id of a finding: the same for the same texts (in any order, whatever their white space), another for others."""
    folded = sorted(" ".join(text.split()).casefold() for text in texts)
    return f"{knowledge_base}.{digest([kind, *folded])[:FINGERPRINT_LENGTH]}"
