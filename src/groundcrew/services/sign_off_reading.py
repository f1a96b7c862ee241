"""What every page shows of sign-offs to one person, asked cheaply: how many wait for them; and what is stopped."""

from __future__ import annotations

from groundcrew.domain.kill_switch import KillSwitch
from groundcrew.domain.sign_off_steps import as_of
from groundcrew.domain.user import User
from groundcrew.services.second_reviews import blind_to
from groundcrew.services.sign_off_people import absence_of, may_sign, qualifications_of
from groundcrew.services.stops import stopping
from groundcrew.store import catalog, sign_offs
from groundcrew.store.database import Database

#: Up to here the number in the navigation is exact: it is counted on every page.
COUNTED_MAX = 50


class SignOffReading:
    """Reads for the pages of sign-offs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, person: User | None) -> int:
        """How many drafts wait for this person's signature or second judgement, counted up to COUNTED_MAX + 1; 0 for nobody, for
        an agent, and for who is away."""
        if person is None or person.kind != "person":
            return 0
        now, wanted, limit = self._database.clock.now(), qualifications_of(person), COUNTED_MAX + 1
        async with self._database.read() as connection:
            if absence_of(await sign_offs.absences_at(connection, now), person.name) is not None:
                return 0
            waiting = await sign_offs.waiting(connection, qualifications=wanted, use_case=None, limit=limit)
            reviews = await sign_offs.reviews(connection, "open", qualifications=wanted, use_case=None, limit=limit)
        name = person.name.casefold()
        mine = [
            each
            for each in (as_of(found, now) for found in waiting)
            if each.state == "pending"
            and may_sign(person, each.qualification)
            and name not in {reading.reader.casefold() for reading in each.standing}
        ]
        return min(len(mine) + sum(blind_to(each, person) for each in reviews), limit)

    async def stopping(self, use_case: str) -> tuple[KillSwitch, ...]:
        """The switches that keep a use case from working, and so its drafts from being signed and released."""
        async with self._database.read() as connection:
            found = await catalog.USE_CASES.get(connection, use_case)
            if found is not None:
                return await stopping(connection, found)
            switches = await catalog.KILL_SWITCHES.find(connection)
        return tuple(each for each in switches if each.denies and each.scope.kind == "all")
