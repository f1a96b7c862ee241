"""Under which names one person may act. Use cases name people by their addresses and accounts have names of their own: who counts
as one person is decided here, and rather too many than too few do."""

from __future__ import annotations

from collections.abc import Iterable

from groundcrew.guards.masking import stored_identifier
from groundcrew.services.lookups import person_of
from groundcrew.store import deciding, governance
from groundcrew.store.collection import IDS_MAX
from groundcrew.store.database import Connection


async def all_names(connection: Connection, names: Iterable[str]) -> frozenset[str]:
    """`names` (addresses, accounts or actors) as persons, with every other name that they may act under.

    Those are the accounts that are or were on record for a champion of that name, whatever stands before the @ of an address, and
    every account whose name begins so: two people who share that beginning are taken for one.
    """
    persons = {person for each in names if (person := person_of(each.strip()))}
    ordered = sorted(persons)
    for start in range(0, len(ordered), IDS_MAX):
        for champion in await deciding.CHAMPIONS.find_ids(connection, ordered[start : start + IDS_MAX]):
            persons |= {person_of(each) for each in champion.accounts}
    beginnings = {_beginning(each) for each in persons}
    for name in await governance.account_names(connection):
        person = person_of(name)
        if _beginning(person) in beginnings:
            persons.add(person)
    return frozenset(persons | beginnings)


def stored_addresses(persons: Iterable[str]) -> frozenset[str]:
    """How those of `persons` who are named by an address are recorded where addresses are not."""
    return frozenset(stored_identifier(each) for each in persons if "@" in each)


def _beginning(person: str) -> str:
    """What stands before the @; the whole where there is none or nothing before it."""
    return person.partition("@")[0] or person
