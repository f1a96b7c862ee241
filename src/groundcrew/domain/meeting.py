"""Meetings of the GenAI Stream: who is there for which function, what is on the agenda, what is decided with which votes, and
what somebody has promised to do. Quorum and majority are decided here, on nothing but the record."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Literal, get_args

import msgspec

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.domain.approval import FUNCTIONS, Function
from groundcrew.domain.canonical import digest

MeetingState = Literal["scheduled", "open", "closed", "cancelled"]
PointState = Literal["queued", "discussed", "decided", "deferred"]
DecisionState = Literal["proposed", "adopted", "rejected", "withdrawn"]
ActionState = Literal["open", "done"]
Word = Literal["for", "against", "abstain"]
#: What a decision brings about: nothing but its text, or something that `services/decision_effects` does in the same transaction.
DecisionKind = Literal[
    "resolution",
    "allocate_resource",
    "deny_resource",
    "grant_authority",
    "revoke_authority",
    "deny_authority",
    "name_deputies",
    "review_veto",
    "dispose_overlap",
]
WORDS: tuple[Word, ...] = get_args(Word)
DECISION_KINDS: tuple[DecisionKind, ...] = get_args(DecisionKind)

TITLE_LENGTH_MAX, TEXT_LENGTH_MAX, REMARK_LENGTH_MAX = 200, 8_000, 1_000
#: What a decision or a point can refer to, as ``KIND/ID``.
CITABLE = (
    "gate-evaluation",
    "evidence",
    "approval",
    "veto",
    "incident",
    "alert",
    "resource-request",
    "authority",
    "overlap",
    "experiment",
    "use-case",
)
CITED_MAX = 20
#: Of one meeting.
POINTS_MAX, DECISIONS_MAX, NOTES_MAX, SPANS_MAX, ACTIONS_MAX = 300, 200, 2_000, 1_000, 300
ADDENDA_MAX = 100
#: The Stream meets so often unless somebody says otherwise [D].
EVERY_DAYS_DEFAULT = 14
#: Functions that must be for a decision, however many are recused.
FOR_MIN = 2


class Cadence(msgspec.Struct, frozen=True, kw_only=True):
    """When the Stream meets: from `first_day` on every `every_days` days at `at` (HH:MM) in `time_zone`, `length_min` long.

    `revision` rises with every change: a slot belongs to the cadence that made it.
    """

    first_day: date
    at: str
    time_zone: str
    length_min: int
    place: str = ""
    every_days: int = EVERY_DAYS_DEFAULT
    revision: int = 1
    set_by: str = ""
    set_at: datetime | None = None


class StreamMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """One meeting. `slot` is the place in the cadence that it fills, whatever time it was moved to, so that the cadence makes it
    once; `sequence` rises with every change that a calendar must know (RFC 5545, SEQUENCE).

    `current` is the point that is being talked about; `minutes_sha256` is set by closing and never again.
    """

    id: str
    slot: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    created_by: str
    changed_at: datetime
    place: str = ""
    state: MeetingState = "scheduled"
    sequence: int = 0
    reason: str = ""
    opened_at: datetime | None = None
    opened_by: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    current: str | None = None
    minutes_sha256: str | None = None


class Attendance(msgspec.Struct, frozen=True, kw_only=True):
    """That a person was there, from when to when. `function` is what they speak for; None where they listen and speak for
    nobody. `left_by` is who said that they left."""

    id: str
    meeting: str
    person: str
    function: Function | None
    joined_at: datetime
    left_at: datetime | None = None
    left_by: str | None = None


class AgendaItem(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one point in one meeting. `entry` is the point as it was when it was last touched.

    `place` holds a point where people put it, counted from 1, before all others; `summary` is what was said about it, edited by
    several people, so that `revision` rises with every change and a stale edit is refused. `at` is when it was last touched.
    """

    id: str
    meeting: str
    key: str
    entry: AgendaEntry
    at: datetime
    state: PointState = "queued"
    place: int | None = None
    summary: str = ""
    reason: str = ""
    discussed_at: datetime | None = None
    revision: int = 1
    changed_by: str = ""


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One function's word by the person who speaks for it, on the wording of `text_revision`."""

    function: Function
    person: str
    word: Word
    at: datetime
    text_revision: int
    remark: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that is proposed, and once its votes are counted adopted or rejected.

    `subject` and `terms` say what it is about and how much; `cites` are the gate evaluations, evidence and other things that it
    rests on, as ``KIND/ID``. `text_revision` rises with every change of the wording, and earlier votes no longer count. `quorum`
    is who spoke for which function at the moment of the count, `recused` whose function had no say.
    """

    id: str
    meeting: str
    item: str
    kind: DecisionKind
    text: str
    proposed_by: str
    proposed_at: datetime
    subject: str = ""
    terms: dict[str, Any] = {}
    cites: tuple[str, ...] = ()
    state: DecisionState = "proposed"
    votes: tuple[Vote, ...] = ()
    text_revision: int = 1
    quorum: dict[Function, str] = {}
    recused: tuple[Function, ...] = ()
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str = ""


class MeetingNote(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said about a point, or the meeting where `item` is empty: appended, never edited."""

    id: str
    meeting: str
    item: str
    by: str
    at: datetime
    text: str


class ActionItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that one person does by one day. `meeting`, `item` and `decision` say where it comes from, empty where it was
    added by hand."""

    id: str
    title: str
    owner: str
    due: date
    created_at: datetime
    created_by: str
    use_case: str = ""
    meeting: str = ""
    item: str = ""
    decision: str = ""
    state: ActionState = "open"
    done_at: datetime | None = None
    done_by: str | None = None
    result: str = ""

    def overdue(self, today: date) -> bool:
        """Whether its day is past and it is not done."""
        return self.state == "open" and today > self.due


class Addendum(msgspec.Struct, frozen=True, kw_only=True):
    """What was put right about minutes after the meeting was closed; the minutes stay as they were."""

    id: str
    meeting: str
    by: str
    at: datetime
    text: str


class FeedToken(msgspec.Struct, frozen=True, kw_only=True):
    """What opens the calendar feed for one person's calendar program; of the token only the hash is kept."""

    id: str
    person: str
    sha256: str
    created_at: datetime
    revoked_at: datetime | None = None


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How a decision's votes stand."""

    words: dict[Function, Word]
    entitled: tuple[Function, ...]
    recused: tuple[Function, ...]

    @property
    def carried(self) -> bool:
        """Whether more than half of the functions that have a say are for it, and at least FOR_MIN. A tie fails, and who abstains
        has not said yes. One against does not stop it: what must stop is a veto."""
        return self.total("for") >= FOR_MIN and 2 * self.total("for") > len(self.entitled)

    def total(self, word: Word) -> int:
        """How many functions said this."""
        return sum(1 for each in self.words.values() if each == word)


def item_id(meeting: str, key: str) -> str:
    """The id of a point in a meeting: the same for everybody who computes it, so that a point has one row."""
    return digest([meeting, key])[:32]


def missing_functions(present: Collection[Function]) -> tuple[Function, ...]:
    """The functions that a quorum lacks, in the order in which functions are shown; none where there is one."""
    return tuple(each for each in FUNCTIONS if each not in present)


def count_votes(decision: Decision, seats: dict[Function, str], recused: Iterable[Function]) -> Count:
    """Count the votes of those who speak for a function, on the wording as it is now.

    `seats` is who speaks for which function on this decision. A recused function has no say: the majority is one of the others.
    """
    without = tuple(each for each in FUNCTIONS if each in set(recused))
    entitled = tuple(each for each in FUNCTIONS if each not in without)
    words: dict[Function, Word] = {}
    for vote in decision.votes:
        fresh = vote.text_revision == decision.text_revision
        if fresh and vote.function in entitled and seats.get(vote.function) == vote.person:
            words[vote.function] = vote.word
    return Count(words=words, entitled=entitled, recused=without)


def quorum_spans(spans: Iterable[Attendance], until: datetime) -> list[tuple[datetime, datetime]]:
    """From when to when all functions were there, oldest first; who is still there is there until `until`."""
    found = [each for each in spans if each.function is not None]
    moments = sorted({each.joined_at for each in found} | {each.left_at or until for each in found})
    result: list[tuple[datetime, datetime]] = []
    for begin, end in pairwise(moments):
        there = {each.function for each in found if each.joined_at <= begin and (each.left_at or until) >= end}
        if there < set(FUNCTIONS):
            continue
        if result and result[-1][1] == begin:
            result[-1] = (result[-1][0], end)
        else:
            result.append((begin, end))
    return result
