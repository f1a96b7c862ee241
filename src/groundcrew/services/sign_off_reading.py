"""What every page shows of sign-offs to one person, asked cheaply: how many wait for them; and what is stopped."""

from __future__ import annotations

from groundcrew.domain.kill_switch import KillSwitch
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.sign_off_steps import as_of
from groundcrew.domain.user import User
from groundcrew.services.second_reviews import blind_to
from groundcrew.services.sign_off_people import absence_of, may_sign, qualifications_of
from groundcrew.services.stops import stopping
from groundcrew.store import catalog, operations, sign_offs
from groundcrew.store.database import Database

#: Up to here the number in the navigation is exact: it is counted on every page.
COUNTED_MAX = 50
#: Drafts that are looked through for it: of some of them this person's own signature stands, and another's is missing.
LOOKED_THROUGH_MAX = 500


class SignOffReading:
    """Reads for the pages of sign-offs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, person: User | None) -> int:
        """How many drafts wait for this person's signature or second judgement, counted up to COUNTED_MAX + 1; 0 for nobody, for
        an agent, and for who is away."""
        if person is None or person.kind != "person":
            return 0
        now, wanted = self._database.clock.now(), qualifications_of(person)
        async with self._database.read() as connection:
            if absence_of(await sign_offs.absences_at(connection, now), person.name) is not None:
                return 0
            found = await sign_offs.some_for(connection, wanted, limit=LOOKED_THROUGH_MAX)
        return min(sum(_waits_for(as_of(each, now), person) for each in found), COUNTED_MAX + 1)

    async def stopping(self, use_case: str) -> tuple[KillSwitch, ...]:
        """The switches that keep a use case from working, and so its drafts from being signed and released."""
        async with self._database.read() as connection:
            found = await catalog.USE_CASES.get(connection, use_case)
            if found is not None:
                return await stopping(connection, found)
            switches = await operations.denying(connection)
        return tuple(each for each in switches if each.scope.kind == "all")


def _waits_for(sign_off: SignOff, person: User) -> bool:
    """Whether this person can sign it, or judge it a second time."""
    if sign_off.state != "pending":
        return blind_to(sign_off, person)
    signed = {each.reader.casefold() for each in sign_off.standing}
    return may_sign(person, sign_off.qualification) and person.name.casefold() not in signed
