"""What waits for sign-off, seen by a person: the most urgent first, who has it before them, and whether they may decide it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.absence import Absence
from groundcrew.domain.sign_off import Claim, SignOff
from groundcrew.domain.sign_off_steps import as_of, people_of
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.domain.user import User
from groundcrew.services.deliveries import enqueue
from groundcrew.services.lookups import require
from groundcrew.services.sign_off_people import absence_of, lasting_claims, may_sign, qualifications_of
from groundcrew.services.stops import stop_reason
from groundcrew.store import catalog
from groundcrew.store import sign_offs as stored
from groundcrew.store.database import Connection, Database, Writer

Timing = Literal["overdue", "due_soon", "due", "open"]
#: A draft is due soon where less than this share of its service level is left.
DUE_SOON_SHARE = 0.25
ROWS_MAX = 500
#: Who tells owners that nobody is there to sign.
KEEPER = "system:sign-offs"


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-off as one person sees it. `why_not` says what keeps them from deciding it now; empty where they may."""

    sign_off: SignOff
    timing: Timing
    #: Seconds until it is due (below 0: overdue by so long); None where there is no service level.
    due_in_s: float | None = None
    expires_in_s: float
    claim: Claim | None = None
    why_not: str = ""
    #: Whether this person's own signature stands and another person's is missing.
    signed_by_me: bool = False
    #: Absent people who named this person and could decide it themselves: on whose behalf it may be decided.
    in_place_of: tuple[str, ...] = ()

    @property
    def mine(self) -> bool:
        """Whether this person may decide it now."""
        return self.why_not == ""


class Unattended(msgspec.Struct, frozen=True, kw_only=True):
    """A use case for whose drafts fewer qualified people are there than it takes: `present` of `needed`."""

    use_case: str
    qualification: str
    owner: str
    waiting: int
    present: tuple[str, ...]
    needed: int
    webhook: str | None = None


class SignOffQueue:
    """What waits, for the people who decide."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(
        self, person: User | None = None, *, use_case: str | None = None, only_mine: bool = False, limit: int = ROWS_MAX
    ) -> list[Waiting]:
        """The first wanted first: overdue ones before those that are due. `only_mine`: what `person` is qualified for."""
        wanted = qualifications_of(person) if only_mine and person is not None else None
        async with self._database.read() as connection:
            limit = min(limit, ROWS_MAX)
            found = await stored.waiting(connection, qualifications=wanted, use_case=use_case, limit=limit)
            return await self._seen(connection, [as_of(each, self._now) for each in found], person)

    async def standing(self, sign_off_id: str, person: User | None = None) -> Waiting:
        """One sign-off as `person` sees it, whatever its state; NotFound if there is none."""
        async with self._database.read() as connection:
            found = as_of(await require(connection, catalog.SIGN_OFFS, sign_off_id), self._now)
            return (await self._seen(connection, [found], person))[0]

    async def unattended(self) -> list[Unattended]:
        """Where fewer qualified people are there than a signature takes: of every use case that asks for sign-off or has drafts
        waiting."""
        async with self._database.read() as connection:
            return await _unattended(connection, self._now)

    async def tell_owners(self) -> int:
        """Tell the channel of each use case whose drafts wait for nobody, once a day and qualification; how many were told."""
        found = [each for each in await self.unattended() if each.waiting and each.webhook is not None]
        if not found:
            return 0
        async with self._database.write(KEEPER) as writer:
            for each in found:
                await _tell(writer, each)
        return len(found)

    @property
    def _now(self) -> datetime:
        return self._database.clock.now()

    async def _seen(self, connection: Connection, found: Sequence[SignOff], person: User | None) -> list[Waiting]:
        now = self._now
        absences = await stored.absences_at(connection, now)
        claims = await lasting_claims(connection, [each.id for each in found], now, absences)
        stopped = {name: await stop_reason(connection, name) for name in {each.use_case for each in found}}
        users = await catalog.USERS.find(connection) if absences else []
        seen = []
        for each in found:
            claim = claims.get(each.id)
            due_in_s = None if each.due_at is None else (each.due_at - now).total_seconds()
            seen.append(
                Waiting(
                    sign_off=each,
                    timing=_timing(each, due_in_s),
                    due_in_s=due_in_s,
                    expires_in_s=(each.expires_at - now).total_seconds(),
                    claim=claim,
                    why_not=_why_not(each, person, claim, absences, stopped[each.use_case]),
                    signed_by_me=person is not None and person.name in {one.reader for one in each.standing},
                    in_place_of=_in_place_of(each, person, absences, users),
                )
            )
        return seen


def _timing(sign_off: SignOff, due_in_s: float | None) -> Timing:
    if due_in_s is None:
        return "open"
    if due_in_s <= 0:
        return "overdue"
    return "due_soon" if due_in_s < DUE_SOON_SHARE * (sign_off.respond_within_s or 0) else "due"


def _why_not(sign_off: SignOff, person: User | None, claim: Claim | None, absences: Sequence[Absence], stopped: str) -> str:
    if sign_off.state != "pending":
        return f"it is {sign_off.state}"
    if stopped:
        return f"{sign_off.use_case} is {stopped}"
    if person is None or not may_sign(person, sign_off.qualification):
        return f"it takes the qualification {sign_off.qualification}"
    if (away := absence_of(absences, person.name)) is not None:
        return f"you are away until {away.ends_at:%Y-%m-%d %H:%M} UTC"
    if person.name in {each.reader for each in sign_off.standing}:
        return "you have signed it: a second person must sign it"
    if claim is not None and claim.holder != person.name:
        return f"{claim.holder} has it before them"
    return ""


def _in_place_of(sign_off: SignOff, person: User | None, absences: Sequence[Absence], users: Sequence[User]) -> tuple[str, ...]:
    if person is None:
        return ()
    able = {each.name for each in users if may_sign(each, sign_off.qualification)} - people_of(sign_off)
    return tuple(each.person for each in absences if each.delegate == person.name and each.person in able)


async def _unattended(connection: Connection, now: datetime) -> list[Unattended]:
    waiting = Counter(await stored.pending_by_qualification(connection))
    use_cases = {each.name: each for each in await catalog.USE_CASES.find(connection)}
    for each in use_cases.values():
        if each.sign_off is not None and each.sign_off.when != "never" and each.stage not in TERMINAL_STAGES:
            waiting[each.name, each.sign_off.qualification] += 0
    away = {each.person for each in await stored.absences_at(connection, now)}
    users = [each for each in await catalog.USERS.find(connection) if each.name not in away]
    found = []
    for (name, qualification), number in sorted(waiting.items()):
        present = tuple(each.name for each in users if may_sign(each, qualification))
        item = use_cases.get(name)
        rule = item.sign_off if item is not None else None
        needed = rule.readers if rule is not None else 1
        if len(present) < needed:
            found.append(
                Unattended(
                    use_case=name,
                    qualification=qualification,
                    owner=item.owner if item is not None else "",
                    waiting=number,
                    present=present,
                    needed=needed,
                    webhook=rule.webhook if rule is not None else None,
                )
            )
    return found


async def _tell(writer: Writer, found: Unattended) -> None:
    assert found.webhook is not None
    await enqueue(
        writer,
        key=f"sign-off-unattended/{found.use_case}/{found.qualification}/{writer.clock.now():%Y-%m-%d}",
        channel=found.webhook,
        event="sign_off.unattended",
        subject=f"use-case/{found.use_case}",
        body={
            "use_case": found.use_case,
            "qualification": found.qualification,
            "owner": found.owner,
            "waiting": found.waiting,
            "present": len(found.present),
            "needed": found.needed,
        },
    )
