"""Overlaps: two use cases, or a use case and what a vendor sells, that do the same work; and what was decided about each pair.

A pair has one row for ever. What was decided stays until its ground is gone: a date passes, a roadmap item ships, the texts
change.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args

import msgspec

from groundcrew.domain.canonical import digest

OverlapKind = Literal["use_case", "capability"]
Disposition = Literal["adopt_vendor", "join_existing", "justified_build", "false_positive"]
#: `gone`: one of the two is no more.
OverlapState = Literal["open", "adopt_vendor", "join_existing", "justified_build", "false_positive", "gone"]
DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)
#: For how long building something that exists can be justified at most, in days.
JUSTIFIED_DAYS_MAX = 366
REASON_LENGTH_MAX = 4_000
#: Words of each sort that a reason shows.
WORDS_MAX = 8


class OverlapReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why two are said to overlap: the parts of the score (0 to 1 each) and the words that they share."""

    #: Cosine similarity of the texts' encodings by the encoder that was tuned on wordings of one work.
    similarity: float
    #: The share of shared words, weighed by how rare they are.
    terms: float
    #: How alike what is done is, and to what.
    task: float
    tasks: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    #: Plain facts that are equal: the unit, the knowledge base, a tag.
    shared: tuple[str, ...] = ()


class OverlapFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One pair. `use_case` is the one that is compared, `other` a use case or the id of a capability; of two use cases `use_case`
    is the first by name.

    `texts` is the digest of what was compared when it was last decided, so that a decision does not outlive its ground; "" where
    it was decided while no scan found it.
    """

    id: str
    use_case: str
    kind: OverlapKind
    other: str
    score: float
    reason: OverlapReason
    found_at: datetime
    state: OverlapState = "open"
    #: Since when it is in this state.
    since: datetime
    texts: str = ""
    settled_by: str | None = None
    settled_at: datetime | None = None
    #: Why it was decided so.
    why: str = ""
    #: The last day of a justified build.
    expires_on: date | None = None
    #: Of two use cases, the one that goes on; the other joins it.
    into: str | None = None
    #: The decision of the Stream that settled it, where one did.
    decision: str | None = None
    #: Why it is open again, "" where it never was decided.
    reopened: str = ""
    #: The day since which scans find it no more, though nobody has decided it: other words do not close it.
    unfound: date | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The use cases that it concerns."""
        return (self.use_case, self.other) if self.kind == "use_case" else (self.use_case,)

    @property
    def unfound_words(self) -> str:
        """That scans find it no more, in words; "" where they do."""
        return f"no longer found since the scan of {self.unfound}" if self.unfound is not None else ""

    def other_of(self, use_case: str) -> str:
        """The other side, seen from `use_case`."""
        return self.use_case if self.kind == "use_case" and use_case == self.other else self.other

    def state_on(self, today: date, ships_on: date | None = None) -> OverlapState:
        """The state on `today`, whether or not anybody has noted it yet: a justification ends with its last day, and with the day
        on which the roadmap item was to ship (`ships_on`) where it was given before that."""
        if self.state != "justified_build":
            return self.state
        if self.expires_on is None or self.expires_on < today:
            return "open"
        settled_on = self.settled_at.date() if self.settled_at is not None else date.min
        return "open" if ships_on is not None and settled_on < ships_on <= today else self.state


def pair_id(kind: OverlapKind, first: str, second: str) -> str:
    """The id of a pair; which of two use cases is named first does not matter."""
    names = sorted((first, second)) if kind == "use_case" else [first, second]
    return digest([kind, *names])[:24]
