"""Absences of people who sign: said by themselves or an administrator, so that nothing waits for who is not there."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain.absence import ABSENCE_S_MAX, Absence
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.lookups import require
from groundcrew.services.sign_off_people import qualifications_of
from groundcrew.store import catalog, sign_offs
from groundcrew.store.database import Connection, Database

#: Absences of one person that are still to come or under way.
ABSENCES_MAX = 50


class Absences:
    """From when to when people are away, and who decides in their place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(
        self, person: User, *, starts_at: datetime, ends_at: datetime, delegate: str | None = None, actor: str | None = None
    ) -> Absence:
        """Say that `person` is away from `starts_at` to `ends_at` (UTC). What they have claimed is free once it has begun.

        `delegate` needs an account of a person with a qualification that `person` has: their own qualification is what lets them
        decide. `actor` is who says so, where it is not the person.
        """
        now = self._database.clock.now()
        if ends_at <= starts_at or ends_at <= now:
            raise InputError("an absence ends after it begins, and not in the past", field="ends_at")
        if (ends_at - starts_at).total_seconds() > ABSENCE_S_MAX:
            raise InputError(f"an absence is at most {ABSENCE_S_MAX // 86_400} days long", field="ends_at")
        said_by = actor or f"user:{person.name}"
        async with self._database.write(said_by) as writer:
            account = await require(writer.connection, catalog.USERS, person.name)
            before = await catalog.ABSENCES.find(writer.connection, person=account.name)
            open_ones = [each for each in before if each.ended_at is None and each.ends_at > now]
            if any(each.starts_at < ends_at and starts_at < each.ends_at for each in open_ones):
                raise Conflict(f"{account.name} is away in that time already: end that absence first")
            if len(open_ones) >= ABSENCES_MAX:
                raise Conflict(f"{account.name} has {ABSENCES_MAX} absences to come already")
            if delegate is not None:
                delegate = await _delegate(writer.connection, account, delegate)
            absence = Absence(
                id=new_id(),
                person=account.name,
                starts_at=starts_at,
                ends_at=ends_at,
                delegate=delegate,
                said_by=said_by,
            )
            await catalog.ABSENCES.put(writer, absence, "start")
            if absence.lasts_at(now):
                await sign_offs.end_claims_of(writer.connection, account.name)
        return absence

    async def end(self, absence_id: str, *, actor: str, person: User | None = None) -> Absence:
        """End an absence before its time, or call it off. NotFound for another person's where `person` is given."""
        async with self._database.write(actor) as writer:
            found = await catalog.ABSENCES.get(writer.connection, absence_id)
            if found is None or (person is not None and found.person != person.name):
                raise NotFound(f"no absence {absence_id!r}")
            now = self._database.clock.now()
            if found.ended_at is not None or found.ends_at <= now:
                raise Conflict("this absence is over already")
            ended = msgspec.structs.replace(found, ended_at=now)
            await catalog.ABSENCES.put(writer, ended, "end")
        return ended

    async def find(self, *, person: str | None = None) -> list[Absence]:
        """Absences that last or are to come, of one person where named, the first to begin first."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            found = await sign_offs.absences_from(connection, now)
        mine = [each for each in found if person is None or each.person == person]
        return sorted(mine, key=lambda each: (each.starts_at, each.id))


async def _delegate(connection: Connection, person: User, name: str) -> str:
    found = await catalog.USERS.get(connection, name)
    if found is None or found.disabled or found.kind != "person":
        raise InputError(f"{name!r} has no account of a person in use", field="delegate")
    if found.name == person.name:
        raise InputError("nobody stands in for themselves", field="delegate")
    if not qualifications_of(person) & qualifications_of(found):
        raise InputError(f"{name} has none of {person.name}'s qualifications", field="delegate")
    return found.name
