"""Decisions of a meeting: proposed, voted on by the functions, counted, and where they say so brought about in the same
transaction.

A count takes a quorum at that moment. It is carried where more than half of the functions that have a say are for it, and at
least two. A function has no say where who speaks for it owns, champions or has built a use case that the decision acts on, or is
concerned by it themselves (`decision_subjects`). A decision advances no stage and clears no veto: gates stay gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.meeting import (
    CITABLE,
    CITED_MAX,
    DECISION_KINDS,
    DECISIONS_MAX,
    REMARK_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    WORDS,
    Decision,
    DecisionKind,
    Vote,
    count_votes,
)
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services import decision_effects
from groundcrew.services.agenda import ensure_item, recused_of
from groundcrew.services.decision_subjects import check_terms, checked_subject
from groundcrew.services.lookups import person_of, require
from groundcrew.services.meeting_records import (
    Seats,
    cleaned,
    require_manager,
    require_open,
    require_present,
    require_quorum,
    seats,
    speakers,
    text_of,
)
from groundcrew.services.minutes import CITED
from groundcrew.services.propagation import propagate
from groundcrew.store import deciding, meetings
from groundcrew.store.database import Connection, Database, Writer

TERMS_MAX, TERM_LENGTH_MAX = 20, 500


class MeetingDecisions:
    """Decisions of the meetings of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, decision_id: str) -> Decision:
        """One decision; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, deciding.DECISIONS, decision_id)

    async def find(self, *, subject: str | None = None, meeting: str | None = None, limit: int = 200) -> list[Decision]:
        """The newest first, about one thing (``KIND/ID``) or of one meeting where given."""
        equal = {name: value for name, value in (("subject", subject), ("meeting", meeting)) if value is not None}
        async with self._database.read() as connection:
            return await deciding.DECISIONS.find(connection, newest_first=True, limit=limit, **equal)

    async def propose(
        self,
        meeting_id: str,
        item: str,
        *,
        text: str,
        actor: str,
        kind: str = "resolution",
        subject: str = "",
        terms: dict[str, Any] | None = None,
        cites: Sequence[str] = (),
    ) -> Decision:
        """Propose a decision on a point. Whoever is in the meeting may; it binds nobody before it is counted.

        `subject` (``KIND/ID``, the point's own where not given) and `terms` say what it brings about. InputError for a subject or
        terms that a decision of this kind does not take.
        """
        (text,) = await cleaned(text_of(text, "text", TEXT_LENGTH_MAX))
        chosen = _kind(kind)
        terms = _terms(terms or {}, chosen)
        async with self._database.write(actor) as writer:
            connection = writer.connection
            await require_open(connection, meeting_id)
            await require_present(connection, meeting_id, actor)
            row = await ensure_item(writer, meeting_id, item)
            if await deciding.DECISIONS.count(connection, meeting=meeting_id) >= DECISIONS_MAX:
                raise Conflict(f"a meeting has at most {DECISIONS_MAX} decisions")
            # A topic of somebody's own is about nothing but itself.
            own = "" if row.entry.subject.startswith("agenda-item/") else row.entry.subject
            subject = await checked_subject(connection, chosen, subject, own)
            references = await _cited(connection, cites)
            decision = Decision(
                id=new_id(),
                meeting=meeting_id,
                item=item,
                kind=chosen,
                text=text,
                subject=subject,
                terms=terms,
                cites=references,
                proposed_by=actor,
                proposed_at=writer.clock.now(),
            )
            await deciding.DECISIONS.put(writer, decision, "propose", reason=text)
            await meetings.pulse(connection, meeting_id)
        return decision

    async def amend(
        self,
        decision_id: str,
        *,
        text: str,
        text_revision: int,
        actor: str,
        cites: Sequence[str] | None = None,
        terms: dict[str, Any] | None = None,
    ) -> Decision:
        """Change the wording, the terms or what a proposal cites, over `text_revision`; votes on an earlier wording no longer
        count. Conflict where somebody has changed it since."""
        (text,) = await cleaned(text_of(text, "text", TEXT_LENGTH_MAX))
        async with self._database.write(actor) as writer:
            decision = await _proposed(writer, decision_id)
            await require_present(writer.connection, decision.meeting, actor)
            if decision.text_revision != text_revision:
                raise Conflict("somebody has changed this proposal since you began: look at it again; nothing of yours was saved")
            changed = msgspec.structs.replace(
                decision,
                text=text,
                terms=_terms(terms, decision.kind) if terms is not None else decision.terms,
                cites=await _cited(writer.connection, cites) if cites is not None else decision.cites,
                text_revision=text_revision + 1,
            )
            await _put(writer, changed, "amend", text)
        return changed

    async def vote(
        self, decision_id: str, word: str, *, actor: str, text_revision: int | None = None, remark: str = ""
    ) -> Decision:
        """Say one's function's word on a proposal, on the wording of `text_revision` (the present one). It may be changed.

        NotAllowed for who speaks for no function in this meeting, or has no say in this; Conflict for another wording, and where
        somebody else has said the function's word on this one, whether or not they have left since."""
        if word not in WORDS:
            raise InputError(f"expected one of {', '.join(WORDS)}, found {word!r}", field="word")
        (remark,) = await cleaned(text_of(remark, "remark", REMARK_LENGTH_MAX, required=False))
        async with self._database.write(actor) as writer:
            decision = await _proposed(writer, decision_id)
            there = await seats(writer.connection, decision.meeting)
            span = await require_present(writer.connection, decision.meeting, actor)
            if span.function is None or there.get(span.function) != span.person:
                raise NotAllowed(f"{span.person} speaks for no function here: join for one that you hold")
            if text_revision is not None and text_revision != decision.text_revision:
                raise Conflict("the wording has changed since you read it: read it again before you vote")
            heard = await speakers(writer.connection, decision, there)
            if heard[span.function] != span.person:
                raise Conflict(f"{heard[span.function]} has voted for {span.function} on this wording, and that word stands")
            if span.function in await _recused(writer.connection, decision, there):
                raise NotAllowed(
                    f"{span.person} owns, champions or has built what this is about, or is concerned: {span.function} has no say "
                    "in it unless somebody else speaks for it"
                )
            said = Vote(
                function=span.function,
                person=span.person,
                word=next(each for each in WORDS if each == word),
                at=writer.clock.now(),
                text_revision=decision.text_revision,
                remark=remark,
            )
            others = tuple(each for each in decision.votes if each.function != said.function)
            changed = msgspec.structs.replace(decision, votes=(*others, said))
            await _put(writer, changed, "vote", f"{said.function}: {said.word}")
        return changed

    async def conclude(self, decision_id: str, *, actor: str, text_revision: int | None = None) -> Decision:
        """Count the votes of a proposal and record what was decided, with a quorum only. What is adopted is brought about in the
        same transaction: if that can not be done, nothing is decided."""
        async with self._database.write(actor) as writer:
            connection = writer.connection
            decision = await _proposed(writer, decision_id)
            await require_manager(connection, actor)
            await require_present(connection, decision.meeting, actor)
            if text_revision is not None and text_revision != decision.text_revision:
                raise Conflict("the wording has changed since you read it: read it again before you count")
            there = await require_quorum(connection, decision.meeting)
            heard = await speakers(connection, decision, there)
            count = count_votes(decision, heard, await _recused(connection, decision, heard))
            silent = [each for each in count.entitled if each not in count.words]
            if silent:
                raise Conflict(f"{', '.join(silent)} {'has' if len(silent) == 1 else 'have'} not voted: for, against or abstain")
            decided = msgspec.structs.replace(
                decision,
                state="adopted" if count.carried else "rejected",
                quorum=there,
                recused=count.recused,
                decided_by=actor,
                decided_at=writer.clock.now(),
                reason=f"{count.total('for')} for, {count.total('against')} against, {count.total('abstain')} abstain"
                + (f", {', '.join(count.recused)} without a say" if count.recused else ""),
            )
            await _put(writer, decided, decided.state.removesuffix("ed"), decided.text)
            row = await ensure_item(writer, decision.meeting, decision.item)
            settled = msgspec.structs.replace(row, state="decided", at=writer.clock.now(), reason="")
            await deciding.AGENDA_ITEMS.put(writer, settled, "decide", reason=decided.text)
            if decided.state == "adopted":
                await _bring_about(writer, decided)
            touched = writer.snapshot_touched
        if touched:
            await propagate(self._database)
        return decided

    async def withdraw(self, decision_id: str, *, reason: str, actor: str) -> Decision:
        """Take a proposal back: by who made it, or by who runs the meeting."""
        (reason,) = await cleaned(text_of(reason, "reason", REMARK_LENGTH_MAX))
        async with self._database.write(actor) as writer:
            decision = await _proposed(writer, decision_id)
            await require_present(writer.connection, decision.meeting, actor)
            if person_of(decision.proposed_by) != person_of(actor):
                await require_manager(writer.connection, actor)
            gone = msgspec.structs.replace(
                decision, state="withdrawn", decided_by=actor, decided_at=writer.clock.now(), reason=reason
            )
            await _put(writer, gone, "withdraw", reason)
        return gone


async def _put(writer: Writer, decision: Decision, action: str, reason: str) -> None:
    details = {"meeting": decision.meeting, "kind": decision.kind, "subject": decision.subject}
    await deciding.DECISIONS.put(writer, decision, action, reason=reason, details=details)
    await meetings.pulse(writer.connection, decision.meeting)


async def _proposed(writer: Writer, decision_id: str) -> Decision:
    decision = await require(writer.connection, deciding.DECISIONS, decision_id)
    await require_open(writer.connection, decision.meeting)
    if decision.state != "proposed":
        raise Conflict(f"this decision is {decision.state} already")
    return decision


async def _recused(connection: Connection, decision: Decision, heard: Seats) -> tuple[Any, ...]:
    rows = {each.id: each for each in await deciding.AGENDA_ITEMS.find(connection, meeting=decision.meeting)}
    return await recused_of(connection, decision, rows, heard)


async def _bring_about(writer: Writer, decision: Decision) -> None:
    """Do what an adopted decision says, in its transaction."""
    thing = decision.subject.partition("/")[2]
    if decision.kind == "allocate_resource":
        await decision_effects.allocate_resource(writer, decision=decision.id, request=thing, terms=decision.terms)
    elif decision.kind == "deny_resource":
        await decision_effects.deny_resource(writer, decision=decision.id, request=thing, reason=decision.text)
    elif decision.kind == "grant_authority":
        await decision_effects.grant_authority(writer, decision=decision.id, terms=decision.terms)
    elif decision.kind == "revoke_authority":
        await decision_effects.revoke_authority(writer, decision=decision.id, authority=thing, reason=decision.text)
    elif decision.kind == "deny_authority":
        await decision_effects.deny_authority(writer, decision=decision.id, request=thing, reason=decision.text)
    elif decision.kind == "name_deputies":
        await decision_effects.name_deputies(writer, decision=decision.id, terms=decision.terms)
    elif decision.kind == "review_veto":
        await decision_effects.review_veto(writer, decision=decision.id, veto=thing, note=decision.text)
    elif decision.kind == "dispose_overlap":
        await decision_effects.dispose_overlap(writer, decision=decision.id, overlap=thing, terms=decision.terms)


def _kind(kind: str) -> DecisionKind:
    for each in DECISION_KINDS:
        if each == kind:
            return each
    raise InputError(f"expected one of {', '.join(DECISION_KINDS)}, found {kind!r}", field="kind")


def _terms(terms: dict[str, Any], kind: DecisionKind) -> dict[str, Any]:
    if len(terms) > TERMS_MAX:
        raise InputError(f"at most {TERMS_MAX} terms", field="terms")
    for name, value in terms.items():
        if not isinstance(value, str | int | float | bool | list) or len(str(value)) > TERM_LENGTH_MAX:
            raise InputError(
                f"a term is a text, a number or a list of them, at most {TERM_LENGTH_MAX} characters", field=f"terms.{name}"
            )
    check_terms(kind, terms)
    return terms


async def _cited(connection: Connection, cites: Sequence[str]) -> tuple[str, ...]:
    """References to things that there are, each once; InputError for another kind, NotFound for what there is not."""
    found = tuple(dict.fromkeys(each.strip() for each in cites if each.strip()))
    if len(found) > CITED_MAX:
        raise InputError(f"at most {CITED_MAX} references", field="cites")
    for each in found:
        kind, _, item = each.partition("/")
        if kind not in CITABLE or not item:
            raise InputError(f"expected KIND/ID with one of {', '.join(CITABLE)}, found {each!r}", field="cites")
        if kind in CITED:
            await require(connection, CITED[kind], item)
    return found
