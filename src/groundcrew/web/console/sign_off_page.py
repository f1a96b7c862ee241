"""What the page of one sign-off shows to one person: never a first decision to who judges second, and never a way to sign
that the service would refuse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.kill_switch import KillSwitch
from groundcrew.domain.sign_off import RELEASED_STATES, Claim, Reading, SignOff, text_digest
from groundcrew.domain.sign_off_edits import edits_between
from groundcrew.domain.sign_off_steps import contradicted_in
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.user import User
from groundcrew.services.second_reviews import blind_to
from groundcrew.services.sign_off_people import may_sign
from groundcrew.services.sign_off_queue import Waiting
from groundcrew.web.console import review_marks
from groundcrew.web.console.calls import checked
from groundcrew.web.console.highlight import MarkedSource, placed_claims
from groundcrew.web.console.review_marks import MarkedClaim, MarkedPiece, Standing, Timer
from groundcrew.web.console.suggested import Suggestions, suggestions_of
from groundcrew.web.console.unseen import unseen
from groundcrew.web.console.word_changes import Change, changed_words, changes_of
from groundcrew.web.console.words import stamp, title

#: Between two looks of an open page at who holds the draft; several of them fit into a claim's time.
LOOK_MS = 20_000


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks. `user` is None for what is no person; `may_decide` is what their roles say."""

    name: str
    user: User | None
    may_decide: bool

    def qualified_as(self, qualification: str) -> bool:
        """Whether they may sign what asks for this."""
        return self.user is not None and self.may_decide and may_sign(self.user, qualification)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know before one reads."""

    text: str
    tone: str = "warn"
    link: str = ""
    link_text: str = ""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a draft. `text` is None where nothing was released."""

    signer: str | None
    at: datetime | None
    comment: str
    on_behalf_of: str | None = None
    text: str | None = None
    sha256: str | None = None
    released: str = ""
    changes: tuple[Change, ...] = ()
    removed: int = 0
    added: int = 0


class ReadingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person's reading, as the page lists it."""

    reader: str
    state: str
    at: datetime
    on_behalf_of: str | None
    comment: str
    note: str = ""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Who has the draft before them. `holder` is "me", "other" or "none"; `closed` says why it is not open any more."""

    id: str
    holder: str
    by: str
    until: datetime | None
    may: bool
    open: bool
    closed: str = ""
    look_ms: int = LOOK_MS


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page shows. `may` says whether this person can decide now, `why_not` otherwise why they can not."""

    id: str
    use_case: str
    call_id: str
    heading: str
    state: str
    reason: str
    qualification: str
    waiting: str
    expires_at: datetime | None
    timer: Timer
    open: bool
    may: bool
    why_not: str
    blind: bool
    question: str
    text: str
    text_sha256: str
    text_differs: bool
    text_changes: tuple[Change, ...]
    trust: TrustReport | None
    pieces: tuple[MarkedPiece, ...]
    marks: tuple[MarkedClaim, ...]
    counts: dict[Standing, int]
    contradicted: tuple[int, ...]
    weak: tuple[int, ...]
    sources: tuple[MarkedSource, ...]
    notices: tuple[Notice, ...]
    decision: Decided | None
    readings: tuple[ReadingRow, ...]
    on_behalf_of: tuple[str, ...]
    before: str | None = None
    after: str | None = None
    place: str = ""
    #: The labels of a tuned model, to be decided one by one in the place of a text.
    suggestions: Suggestions | None = None


def _contradicted(text: str, draft: str, call: Call) -> tuple[int, ...]:
    """The numbers of the claims that a signer of `text` has to have looked at, as the service asks for it."""
    report = call.withheld_trust or call.trust
    asked = contradicted_in(text, draft, report)
    return tuple(number for number, each in enumerate(placed_claims(draft, report), start=1) if each in asked)


def is_blind_for(sign_off: SignOff, viewer: Viewer) -> bool:
    """Whether the first decision is to be kept from this person, since they may still judge the draft without knowing it."""
    return viewer.user is not None and viewer.may_decide and blind_to(sign_off, viewer.user)


def review_of(
    seen: Waiting,
    call: Call,
    viewer: Viewer,
    *,
    stopped: tuple[KillSwitch, ...],
    now: datetime,
    chosen: Sequence[str] | None = None,
) -> Review:
    """The page for one person at one moment; `chosen` are the labels of a form that was not taken."""
    sign_off = seen.sign_off
    blind = is_blind_for(sign_off, viewer)
    text = sign_off.draft if blind or sign_off.state != "pending" else sign_off.text_to_sign
    open_now = sign_off.state == "pending" or blind
    draft = checked(sign_off.draft, call.withheld_trust or call.trust, call)
    marks = review_marks.marked_claims(draft.claims, draft.sources)
    differs = text != sign_off.draft
    pieces = review_marks.marked_pieces(draft.segments, marks)
    if differs:
        pieces, marks = review_marks.moved_pieces(text, marks)
    why_not = _why_not(seen, viewer, stopped=stopped, blind=blind) if open_now else ""
    may = open_now and not why_not
    return Review(
        id=sign_off.id,
        use_case=sign_off.use_case,
        call_id=sign_off.call_id,
        heading=f"{'Second review' if blind else 'Draft'} of {sign_off.use_case}",
        state="second_review" if blind else sign_off.state,
        reason=sign_off.reason,
        qualification=sign_off.qualification,
        waiting=review_marks.length(max(0.0, (now - sign_off.requested_at).total_seconds())),
        expires_at=sign_off.expires_at if sign_off.state == "pending" else None,
        timer=review_marks.timer(seen),
        open=open_now,
        may=may,
        why_not=why_not,
        blind=blind,
        question=call.request,
        text=text,
        text_sha256=text_digest(text),
        text_differs=differs,
        text_changes=changes_of(sign_off.draft, edits_between(sign_off.draft, text)) if differs else (),
        trust=draft.trust,
        pieces=pieces,
        marks=marks,
        counts=review_marks.counts(marks),
        contradicted=_contradicted(text, sign_off.draft, call),
        weak=tuple(each.number for each in marks if each.standing == "weak"),
        sources=draft.sources,
        notices=_notices(sign_off, text, stopped=stopped, blind=blind),
        decision=None if open_now else _decided(sign_off),
        readings=() if blind else _readings(sign_off),
        on_behalf_of=seen.in_place_of if may and not blind else (),
        suggestions=suggestions_of(sign_off, text, draft.trust, chosen),
    )


def lease_of(review: Review, claim: Claim | None, viewer: Viewer) -> Lease:
    """Who holds the draft, for one person."""
    holder = "none" if claim is None else "me" if claim.holder == viewer.name else "other"
    return Lease(
        id=review.id,
        holder=holder,
        by=claim.holder if claim else "",
        until=claim.until if claim else None,
        may=review.may,
        open=review.open,
        closed="" if review.open else f"Meanwhile this draft is {title(review.state)}.",
    )


def signatures(sign_off: SignOff) -> str:
    """How far a draft that two people sign has come; empty where one is enough."""
    if sign_off.readers < 2 or sign_off.state != "pending":
        return ""
    signed = len(sign_off.standing)
    return f"{signed} of {sign_off.readers} have signed" if signed else f"{sign_off.readers} people sign the same text"


def _why_not(seen: Waiting, viewer: Viewer, *, stopped: tuple[KillSwitch, ...], blind: bool) -> str:
    """What keeps this person from deciding; that somebody else has it before them is the lease's to say."""
    wanted = seen.sign_off.qualification
    if viewer.user is None:
        return "Only a person signs."
    if not viewer.qualified_as(wanted):
        return f"This needs someone qualified as {wanted}; {viewer.name} is not."
    if blind:
        return ""
    if stopped:
        return "Nothing of this use case is signed while it is stopped. The draft keeps waiting."
    held_by_other = seen.claim is not None and seen.claim.holder != viewer.name
    return f"You can not sign this now: {seen.why_not}." if seen.why_not and not held_by_other else ""


def _notices(sign_off: SignOff, text: str, *, stopped: tuple[KillSwitch, ...], blind: bool) -> tuple[Notice, ...]:
    found = []
    if blind:
        found.append(
            Notice(
                text="Judge this draft as if nobody had: what was decided first is not shown to you. Nothing is released by it."
            )
        )
    for each in stopped if sign_off.state == "pending" else ():
        found.append(
            Notice(
                text=f"{each.scope} is stopped ({title(each.state)}): nothing is signed or released until two people reset it.",
                tone="bad",
                link="/kill-switches",
                link_text="Look at the switch",
            )
        )
    if sign_off.redacted_at is not None:
        found.append(Notice(text=f"Its texts were removed on {stamp(sign_off.redacted_at)}: they had been kept long enough."))
    if sign_off.state == "expired":
        found.append(Notice(text="Nobody signed it in time. It is never released: a timeout does not approve.", tone="bad"))
    if sign_off.state == "pending" and sign_off.escalated_at is not None:
        found.append(
            Notice(
                text=f"Passed on from {sign_off.escalated_from} to {sign_off.qualification} on {stamp(sign_off.escalated_at)}, "
                "since nobody had decided in time. What was signed before does not count."
            )
        )
    if sign_off.state == "pending" and sign_off.standing:
        names = ", ".join(each.reader for each in sign_off.standing)
        found.append(Notice(text=f"{names} signed the text below. It leaves when somebody else signs the same text."))
    elif sign_off.state == "pending" and sign_off.readers > 1:
        found.append(Notice(text=f"{sign_off.readers} people must sign the same text before it leaves."))
    hidden = unseen(text)
    if hidden:
        named = ", ".join(f"{number} × {name}" for name, number in sorted(hidden.items()))
        found.append(
            Notice(text=f"The text holds characters that you can not see or that turn its direction: {named}.", tone="bad")
        )
    return tuple(found)


def _decided(sign_off: SignOff) -> Decided | None:
    if sign_off.state == "pending" or (sign_off.state == "expired" and sign_off.signer is None):
        return None
    counted = [each for each in sign_off.readings if not each.void]
    last = counted[-1] if counted else None
    released = sign_off.state in RELEASED_STATES and sign_off.final_text is not None
    changes = changes_of(sign_off.draft, sign_off.edits) if released else ()
    removed, added = changed_words(changes)
    return Decided(
        signer=sign_off.signer,
        at=sign_off.signed_at,
        comment=sign_off.comment,
        on_behalf_of=last.on_behalf_of if last and last.reader == sign_off.signer else None,
        text=sign_off.final_text if released else None,
        sha256=sign_off.signed_sha256 if released else None,
        released="What leaves is this text, byte for byte.",
        changes=changes if sign_off.edits else (),
        removed=removed,
        added=added,
    )


def _readings(sign_off: SignOff) -> tuple[ReadingRow, ...]:
    """All readings where there is more to tell than the decision says."""
    found = [
        _row(each, "does not count any more: the text changed or passed on" if each.void else "") for each in sign_off.readings
    ]
    if sign_off.second_reading is not None:
        said = sign_off.second_reading.decision
        same = "the same" if said == sign_off.decided_by else "not the same"
        found.append(_row(sign_off.second_reading, f"judged second, without seeing the first decision: {same}"))
    return tuple(found) if len(found) > 1 or sign_off.state == "pending" else ()


def _row(reading: Reading, note: str) -> ReadingRow:
    states = {"approve": "approved", "edit": "edited", "reject": "rejected"}
    return ReadingRow(
        reader=reading.reader,
        state=states[reading.decision],
        at=reading.at,
        on_behalf_of=reading.on_behalf_of,
        comment=reading.comment,
        note=note,
    )
