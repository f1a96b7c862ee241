"""Who may decide what waits for sign-off: people with the qualification whose account is in use and who are not away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from groundcrew.domain.absence import Absence
from groundcrew.domain.sign_off import Claim
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, NotAllowed
from groundcrew.store import catalog, sign_offs
from groundcrew.store.database import Connection

#: Who may sign where a use case holds answers without naming a qualification.
QUALIFICATION_DEFAULT = "reviewer"


def qualifications_of(user: User) -> frozenset[str]:
    """What a person may decide as: their qualifications and their roles."""
    return frozenset((*user.qualifications, *user.roles))


def may_sign(user: User, qualification: str) -> bool:
    """Whether this is a person's account in use that has the qualification. Who is an auditor and nothing else only looks."""
    if user.kind != "person" or user.disabled or set(user.roles) <= {"auditor"}:
        return False
    return qualification in qualifications_of(user)


async def signer_of(connection: Connection, user: User) -> User:
    """The account as it stands now: it may have been closed, or have lost a qualification, since the person signed in.
    NotAllowed for one that is gone or closed, and for an agent's."""
    found = await catalog.USERS.get(connection, user.name)
    if found is None or found.disabled:
        raise NotAllowed(f"{user.name} has no account in use")
    if found.kind != "person":
        raise NotAllowed(f"{user.name} is an agent: only a person signs")
    return found


def require_qualified(user: User, qualification: str) -> None:
    """NotAllowed unless the person has the qualification."""
    if not may_sign(user, qualification):
        raise NotAllowed(f"{user.name} is not qualified as {qualification}")


def absence_of(absences: Iterable[Absence], name: str) -> Absence | None:
    """The absence of a person among those that last now."""
    return next((each for each in absences if each.person.casefold() == name.casefold()), None)


def require_present(absences: Iterable[Absence], name: str) -> None:
    """Conflict where the person has said that they are away."""
    if (found := absence_of(absences, name)) is not None:
        raise Conflict(f"{name} is away until {found.ends_at:%Y-%m-%d %H:%M} UTC: end the absence first")


async def require_delegate(
    connection: Connection, absences: Iterable[Absence], *, delegate: str, absent: str, qualification: str
) -> None:
    """NotAllowed unless `absent` is away now, has named `delegate`, and could decide it themselves."""
    found = absence_of(absences, absent)
    if found is None or (found.delegate or "").casefold() != delegate.casefold():
        raise NotAllowed(f"{absent} is not away with {delegate} in their place")
    account = await catalog.USERS.get(connection, found.person)
    if account is None or not may_sign(account, qualification):
        raise NotAllowed(f"{absent} is not qualified as {qualification}: nobody decides that in their place")


async def lasting_claims(connection: Connection, ids: list[str], now: datetime, absences: Iterable[Absence]) -> dict[str, Claim]:
    """The claims that last now, by sign-off; those of people who are away do not."""
    away = {each.person.casefold() for each in absences}
    found = await sign_offs.claims(connection, ids, now)
    return {name: each for name, each in found.items() if each.holder.casefold() not in away}
