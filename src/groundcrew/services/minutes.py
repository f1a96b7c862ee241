"""Minutes: drafted from the record when a meeting is closed, hashed, and from then on only read; what was wrong is put right in
an addendum."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from groundcrew.domain.canonical import canonical_json, digest
from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.meeting import (
    ADDENDA_MAX,
    TEXT_LENGTH_MAX,
    ActionItem,
    Addendum,
    AgendaItem,
    Decision,
    MeetingNote,
    StreamMeeting,
    quorum_spans,
)
from groundcrew.domain.minutes import (
    FORMAT,
    Citation,
    Minutes,
    MinutesAction,
    MinutesDecision,
    MinutesNote,
    MinutesPoint,
    Presence,
    Span,
)
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.agenda import order_of
from groundcrew.services.lookups import require
from groundcrew.services.meeting_records import account_of, cleaned, text_of
from groundcrew.store import catalog, deciding
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection, Database

#: What a reference of this kind must be a row of. Kinds of other parts join by the name of their collection.
CITED: dict[str, Collection[Any]] = {
    "gate-evaluation": catalog.GATE_EVALUATIONS,
    "evidence": catalog.EVIDENCE,
    "approval": catalog.APPROVALS,
    "incident": catalog.INCIDENTS,
    "alert": catalog.ALERTS,
    "use-case": catalog.USE_CASES,
    **{each.noun: each for each in vars(deciding).values() if isinstance(each, Collection)},
}
FILE_BYTES_MAX = 16 * 1024 * 1024
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")


class MinutesNow(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes as they are kept, their hash, and what was put right since; `intact` is whether they still have that hash."""

    minutes: Minutes
    sha256: str
    addenda: tuple[Addendum, ...]

    @property
    def intact(self) -> bool:
        """Whether the minutes are those that were hashed."""
        return self.minutes.sha256 == self.sha256


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a file is the minutes of a meeting as they were closed, and why."""

    meeting: str
    sha256: str
    genuine: bool
    reason: str


class MinutesService:
    """Minutes of the meetings of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, meeting_id: str) -> MinutesNow:
        """The minutes of a closed meeting; NotFound where there is no such meeting, Conflict where it is not closed."""
        async with self._database.read() as connection:
            meeting = await require(connection, deciding.MEETINGS, meeting_id)
            minutes = await deciding.MINUTES.get(connection, meeting_id)
            addenda = await deciding.ADDENDA.find(connection, meeting=meeting_id)
        if minutes is None or meeting.minutes_sha256 is None:
            raise Conflict("minutes are drafted when the meeting is closed")
        return MinutesNow(minutes=minutes, sha256=meeting.minutes_sha256, addenda=tuple(addenda))

    async def add(self, meeting_id: str, text: str, *, actor: str) -> Addendum:
        """Put something right about closed minutes; they stay as they were."""
        (text,) = await cleaned(text_of(text, "text", TEXT_LENGTH_MAX))
        async with self._database.write(actor) as writer:
            await account_of(writer.connection, actor)
            meeting = await require(writer.connection, deciding.MEETINGS, meeting_id)
            if meeting.state != "closed":
                raise Conflict("the meeting is not closed: say it in the meeting")
            if await deciding.ADDENDA.count(writer.connection, meeting=meeting_id) >= ADDENDA_MAX:
                raise Conflict(f"minutes have at most {ADDENDA_MAX} addenda")
            made = Addendum(id=new_id(), meeting=meeting_id, by=actor, at=writer.clock.now(), text=text)
            await deciding.ADDENDA.put(writer, made, "add", reason=text)
        return made

    async def export(self, meeting_id: str) -> bytes:
        """The minutes as canonical JSON: the bytes whose SHA-256 is kept."""
        return canonical_json((await self.get(meeting_id)).minutes)

    async def verify(self, content: bytes, *, meeting_id: str | None = None) -> Verified:
        """Whether `content` is the minutes of a meeting as they were closed: JSON by its hash, Markdown by being what the kept
        minutes write. NotFound where it names no meeting that there is."""
        from groundcrew.services.minutes_text import markdown_of

        if len(content) > FILE_BYTES_MAX:
            raise InputError(f"minutes have at most {FILE_BYTES_MAX} bytes", field="file")
        given = _decoded(content)
        text = "" if given is not None else _text(content)
        name = meeting_id or (str(given.get("meeting", "")) if given is not None else _first(_ID, text))
        if not name:
            raise NotFound("the file names no meeting: say which one it is of")
        kept = await self.get(name)
        if not kept.intact:
            return Verified(meeting=name, sha256=kept.sha256, genuine=False, reason="the kept minutes no longer have their hash")
        if given is not None:
            found = digest(given)
            genuine = found == kept.sha256
            reason = "it has the hash that was kept when the meeting was closed" if genuine else f"its hash is {found}"
            return Verified(meeting=name, sha256=kept.sha256, genuine=genuine, reason=reason)
        genuine = text == markdown_of(MinutesNow(minutes=kept.minutes, sha256=kept.sha256, addenda=()))
        genuine = genuine or text == markdown_of(kept)
        says = _first(_HASH, text) == kept.sha256
        reason = "it is what the kept minutes write" if genuine else "its text is not what the kept minutes write"
        return Verified(
            meeting=name,
            sha256=kept.sha256,
            genuine=genuine,
            reason=reason + ("" if genuine or not says else ", whatever hash it names"),
        )


async def draft(connection: Connection, meeting: StreamMeeting, settled: tuple[str, ...]) -> Minutes:
    """The minutes of a meeting that is being closed, from what was recorded in it."""
    assert meeting.opened_at is not None
    assert meeting.closed_at is not None
    rows = await deciding.AGENDA_ITEMS.find(connection, meeting=meeting.id)
    # In the order in which they were taken up, then as the agenda has them.
    rows.sort(key=lambda each: (each.discussed_at is None, each.discussed_at or each.at, order_of(each.entry, each.place)))
    decisions = await deciding.DECISIONS.find(connection, meeting=meeting.id)
    notes = await deciding.MEETING_NOTES.find(connection, meeting=meeting.id)
    actions = await deciding.ACTION_ITEMS.find(connection, meeting=meeting.id)
    spans = await deciding.ATTENDANCE.find(connection, meeting=meeting.id)
    shown = [each for each in rows if each.state != "queued"]
    points = []
    for number, row in enumerate(shown, start=1):
        mine = [each for each in decisions if each.item == row.id]
        points.append(
            await _point(
                connection,
                number,
                row,
                mine,
                [each for each in notes if each.item == row.id],
                [each for each in actions if each.item == row.id],
            )
        )
    return Minutes(
        meeting=meeting.id,
        starts_at=meeting.starts_at,
        opened_at=meeting.opened_at,
        opened_by=meeting.opened_by or "",
        closed_at=meeting.closed_at,
        closed_by=meeting.closed_by or "",
        place=meeting.place,
        presences=tuple(
            Presence(person=each.person, function=each.function, begin=each.joined_at, end=each.left_at or meeting.closed_at)
            for each in spans
        ),
        quorum=tuple(Span(begin=begin, end=end) for begin, end in quorum_spans(spans, meeting.closed_at)),
        points=tuple(points),
        notes=tuple(_note(each) for each in notes if not each.item),
        actions=tuple(_action(each) for each in actions if not each.item),
        settled=settled,
    )


async def _point(
    connection: Connection,
    number: int,
    row: AgendaItem,
    decisions: list[Decision],
    notes: list[MeetingNote],
    actions: list[ActionItem],
) -> MinutesPoint:
    about = f"use-case/{row.entry.use_case}" if row.entry.use_case else row.entry.subject
    subjects = dict.fromkeys((row.entry.subject, *(each.subject for each in decisions if each.subject), about))
    standing = [line for each in subjects if (line := await _standing(connection, each))]
    return MinutesPoint(
        number=number,
        title=row.entry.title,
        kind=row.entry.kind,
        why=row.entry.why,
        subject=row.entry.subject,
        use_case=row.entry.use_case or "",
        state=row.state,
        reason=row.reason,
        summary=row.summary,
        notes=tuple(_note(each) for each in notes),
        decisions=tuple([await _decision(connection, each) for each in decisions]),
        actions=tuple(_action(each) for each in actions),
        standing=tuple(standing),
    )


async def _decision(connection: Connection, decision: Decision) -> MinutesDecision:
    return MinutesDecision(
        id=decision.id,
        kind=decision.kind,
        text=decision.text,
        state=decision.state,
        proposed_by=decision.proposed_by,
        proposed_at=decision.proposed_at,
        decided_by=decision.decided_by,
        decided_at=decision.decided_at,
        subject=decision.subject,
        terms={name: str(value) for name, value in decision.terms.items()},
        votes=tuple(each for each in decision.votes if each.text_revision == decision.text_revision),
        quorum=decision.quorum,
        recused=decision.recused,
        citations=tuple([await _citation(connection, each) for each in decision.cites]),
        reason=decision.reason,
    )


async def _citation(connection: Connection, reference: str) -> Citation:
    """What is cited with what it says, so that the minutes are read without the system."""
    kind, _, item = reference.partition("/")
    found = await CITED[kind].get(connection, item) if kind in CITED else None
    if isinstance(found, GateEvaluation):
        lines = tuple(
            f"{each.status}: {each.title}"
            + (f" – {each.figure}" if each.figure else "")
            + (f" (needs {each.bound})" if each.bound else "")
            for each in found.results
        )
        asked = f"gate of {found.use_case} into {found.stage}, {'opened' if found.passed else 'shut'}"
        title = f"{asked}, evaluated {found.evaluated_at:%Y-%m-%d %H:%M} by {found.evaluated_by.removeprefix('user:')}"
        return Citation(reference=reference, title=title, lines=lines)
    return Citation(reference=reference, title=await _standing(connection, reference) or reference)


async def _standing(connection: Connection, subject: str) -> str:
    """How the thing itself stands now, in a line; empty for what has no state that can be told."""
    kind, _, item = subject.partition("/")
    if kind == "agenda-item" or kind not in CITED:
        return ""
    found = await CITED[kind].get(connection, item)
    if found is None:
        return ""
    what = kind.replace("-", " ")
    if kind == "use-case":
        holds = ", ".join(f"{each.kind}: {each.reason}" for each in found.holds)
        return f"{what} {item}: {found.stage}, {found.run_words}" + (f", held ({holds})" if holds else "")
    state = getattr(found, "state", "")
    return f"{what} {item}: {state}" if isinstance(state, str) and state else ""


def _note(note: MeetingNote) -> MinutesNote:
    return MinutesNote(by=note.by, at=note.at, text=note.text)


def _action(action: ActionItem) -> MinutesAction:
    return MinutesAction(
        id=action.id, title=action.title, owner=action.owner, due=action.due, use_case=action.use_case, state=action.state
    )


def _decoded(content: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InputError("expected minutes as JSON or Markdown; a PDF names the hash of the JSON", field="file") from None


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group() if found else ""
