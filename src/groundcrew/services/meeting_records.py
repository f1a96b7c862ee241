"""What every change of a meeting is made of: the row, the pulse by which open pages hear of it, and who is there now."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from groundcrew.domain.approval import Function
from groundcrew.domain.meeting import (
    EVERY_DAYS_DEFAULT,
    ActionItem,
    Attendance,
    Decision,
    MeetingState,
    StreamMeeting,
    missing_functions,
    quorum_spans,
)
from groundcrew.domain.user import Role, User
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.lookups import person_of, require
from groundcrew.services.masking import masked
from groundcrew.store import catalog, deciding, meetings
from groundcrew.store.database import Connection, Writer

Seats = dict[Function, str]
#: How much closer than a period of the cadence two meetings may be held and count as two: meetings are moved a little [D].
MOVED_BY_MAX = timedelta(days=2)


async def put(writer: Writer, meeting: StreamMeeting, action: str, *, reason: str = "") -> None:
    """Store a changed meeting and tell open pages."""
    await deciding.MEETINGS.put(writer, meeting, action, reason=reason)
    await meetings.pulse(writer.connection, meeting.id)


def rescheduled(writer: Writer, meeting: StreamMeeting, **changes: Any) -> StreamMeeting:
    """`meeting` with something changed that calendars show: its SEQUENCE rises."""
    return msgspec.structs.replace(meeting, sequence=meeting.sequence + 1, changed_at=writer.clock.now(), **changes)


async def require_open(connection: Connection, meeting_id: str) -> StreamMeeting:
    """The open meeting with this id; Conflict where it is not open."""
    meeting = await require(connection, deciding.MEETINGS, meeting_id)
    if meeting.state != "open":
        raise Conflict(f"the meeting is {meeting.state}: this is done in an open one")
    return meeting


async def require_unclosed(connection: Connection, meeting_id: str) -> StreamMeeting:
    """The scheduled or open meeting with this id; Conflict where it is over."""
    meeting = await require(connection, deciding.MEETINGS, meeting_id)
    if meeting.state not in ("scheduled", "open"):
        raise Conflict(f"the meeting is {meeting.state}: its record stays as it is")
    return meeting


#: Who may run a meeting: open and close it, order its points, count votes; a test holds it against the policies of the web.
MANAGERS: frozenset[Role] = frozenset({"admin", "ethics", "it", "legal", "business"})


async def require_manager(connection: Connection, actor: str, *, by_command: bool = False) -> None:
    """NotAllowed unless the actor is a person who may run a meeting. With `by_command` the one who runs a command on the host may
    too: for what sets times and binds nobody."""
    if by_command and actor.startswith("cli:"):
        return
    user = await account_of(connection, actor)
    if not MANAGERS & set(user.roles):
        raise NotAllowed(f"{user.name} may not run a meeting: it takes one of {', '.join(sorted(MANAGERS))}")


async def account_of(connection: Connection, actor: str) -> User:
    """The account of a person who acts; NotAllowed for a program, a closed account, and whoever has none."""
    origin, _, name = actor.partition(":")
    user = await catalog.USERS.get(connection, name) if origin == "user" else None
    if user is None or user.disabled:
        raise NotAllowed("this takes a person with an account: sign in, or use --as NAME")
    if user.kind == "agent":
        raise NotAllowed(f"this takes a person, and {name} is the account of a program")
    return user


async def require_present(connection: Connection, meeting_id: str, actor: str) -> Attendance:
    """The presence of the person who acts; NotAllowed for who has not joined."""
    user = await account_of(connection, actor)
    found = next((each for each in await present(connection, meeting_id) if each.person == user.name), None)
    if found is None:
        raise NotAllowed(f"{user.name} is not in the meeting: join it first")
    return found


async def present(connection: Connection, meeting_id: str) -> list[Attendance]:
    """Who is there now, in the order in which they came."""
    return [each for each in await deciding.ATTENDANCE.find(connection, meeting=meeting_id) if each.left_at is None]


async def seats(connection: Connection, meeting_id: str) -> Seats:
    """Who speaks for which function now: there, and the function still theirs by an open account."""
    found: Seats = {}
    for each in await present(connection, meeting_id):
        if each.function is not None and await _speaks(connection, each.person, each.function):
            found[each.function] = each.person
    return found


async def speakers(connection: Connection, decision: Decision, there: Seats) -> Seats:
    """Who speaks for which function on a decision: who voted for it on this wording, also where they have left since, else who
    is `there` for it. A word stands as long as the function is still theirs, so that nobody chooses another speaker after it."""
    found = dict(there)
    for vote in decision.votes:
        if vote.text_revision == decision.text_revision and await _speaks(connection, vote.person, vote.function):
            found[vote.function] = vote.person
    return found


async def _speaks(connection: Connection, person: str, function: Function) -> bool:
    """Whether a function is a person's now, by an open account."""
    user = await catalog.USERS.get(connection, person)
    return user is not None and not user.disabled and user.kind != "agent" and function in user.roles


async def require_quorum(connection: Connection, meeting_id: str) -> Seats:
    """Who speaks for which function; Conflict where one of the four is not there."""
    found = await seats(connection, meeting_id)
    missing = missing_functions(found)
    if missing:
        raise Conflict(
            f"no quorum: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there; nothing binding is decided"
        )
    return found


async def meetings_in(connection: Connection, state: MeetingState) -> list[StreamMeeting]:
    """The meetings in this state, by when they start."""
    return sorted(await deciding.MEETINGS.find(connection, state=state), key=lambda each: (each.starts_at, each.id))


async def held_since(connection: Connection, since: datetime) -> list[StreamMeeting]:
    """The meetings that were opened after `since` and are closed, in turn: what "unreviewed for two meetings" counts."""
    found = [each for each in await meetings_in(connection, "closed") if each.opened_at is not None and each.opened_at > since]
    return sorted(found, key=lambda each: (each.closed_at or each.starts_at, each.id))


async def quorate_since(connection: Connection, since: datetime) -> list[StreamMeeting]:
    """Those of `held_since` that had their quorum at some moment, and of several within one period of the cadence the first: two
    meetings in an afternoon are one occasion to look at something."""
    cadence = await deciding.CADENCES.get(connection, deciding.CADENCE_ID)
    apart = timedelta(days=cadence.every_days if cadence is not None else EVERY_DAYS_DEFAULT) - MOVED_BY_MAX
    found: list[StreamMeeting] = []
    for each in sorted(await held_since(connection, since), key=lambda each: (each.opened_at or each.starts_at, each.id)):
        opened = each.opened_at or each.starts_at
        if found and opened - (found[-1].opened_at or found[-1].starts_at) < apart:
            continue
        spans = await deciding.ATTENDANCE.find(connection, meeting=each.id)
        if quorum_spans(spans, each.closed_at or each.ends_at):
            found.append(each)
    return found


async def overdue_items(connection: Connection, today: date) -> list[ActionItem]:
    """All actions of the Stream past their day, the longest overdue first."""
    late = [each for each in await deciding.ACTION_ITEMS.find(connection, state="open") if each.overdue(today)]
    return sorted(late, key=lambda each: (each.due, each.id))


async def overdue_of(connection: Connection, use_case: str, today: date) -> tuple[ActionItem, ...]:
    """Those of one use case."""
    late = [each for each in await deciding.ACTION_ITEMS.find(connection, state="open", use_case=use_case) if each.overdue(today)]
    return tuple(sorted(late, key=lambda each: (each.due, each.id)))


def same_person(one: str, other: str) -> bool:
    """Whether two actors or account names are one person."""
    return person_of(one) == person_of(other)


def text_of(text: str, field: str, length_max: int, *, required: bool = True) -> str:
    """A text as it may be kept, its lines ended by "\\n" alone; InputError where it is missing or too long."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if required and not text:
        raise InputError("say it in words", field=field)
    if len(text) > length_max:
        raise InputError(f"at most {length_max} characters, found {len(text)}", field=field)
    return text


async def cleaned(*texts: str) -> list[str]:
    """Texts that people wrote in a meeting as they may be kept: numbers and addresses are masked, names are not, since who said
    and promised what belongs to a record of decisions."""
    return await masked(list(texts), "patterns")
