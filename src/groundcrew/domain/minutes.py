"""The minutes of a meeting: what the record says happened, complete and in one document whose hash is kept when it is closed."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from groundcrew.domain.approval import Function
from groundcrew.domain.canonical import digest
from groundcrew.domain.meeting import DecisionKind, DecisionState, PointState, Vote

#: Of the shape of this document; what reads minutes knows it by.
FORMAT = "groundcrew-minutes-1"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when, in UTC."""

    begin: datetime
    end: datetime


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """One person's presence; `function` is what they spoke for, None where for nobody."""

    person: str
    function: Function | None
    begin: datetime
    end: datetime


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision rests on, as ``KIND/ID``, with what it said at that time, line by line."""

    reference: str
    title: str
    lines: tuple[str, ...] = ()


class MinutesNote(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said."""

    by: str
    at: datetime
    text: str


class MinutesDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with everybody's word, and what it brought about."""

    id: str
    kind: DecisionKind
    text: str
    state: DecisionState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    subject: str
    terms: dict[str, str]
    votes: tuple[Vote, ...]
    quorum: dict[Function, str]
    recused: tuple[Function, ...]
    citations: tuple[Citation, ...]
    reason: str


class MinutesAction(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody promised."""

    id: str
    title: str
    owner: str
    due: date
    use_case: str
    state: str


class MinutesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One point of the agenda: what it was about, who said what, what was decided and promised."""

    number: int
    title: str
    kind: str
    why: str
    subject: str
    use_case: str
    state: PointState
    reason: str
    summary: str
    notes: tuple[MinutesNote, ...]
    decisions: tuple[MinutesDecision, ...]
    actions: tuple[MinutesAction, ...]
    #: What became of the thing itself by the end of the meeting, as the registry says; empty where that says nothing.
    standing: tuple[str, ...] = ()


class Minutes(msgspec.Struct, frozen=True, kw_only=True):
    """The whole meeting. `settled` are points that were on the agenda and no longer wanted anybody's time when it was closed."""

    meeting: str
    starts_at: datetime
    opened_at: datetime
    opened_by: str
    closed_at: datetime
    closed_by: str
    place: str
    presences: tuple[Presence, ...]
    quorum: tuple[Span, ...]
    points: tuple[MinutesPoint, ...]
    notes: tuple[MinutesNote, ...]
    actions: tuple[MinutesAction, ...]
    settled: tuple[str, ...] = ()
    format: str = FORMAT

    @property
    def sha256(self) -> str:
        """SHA-256 over its canonical JSON."""
        return digest(self)
