"""Who speaks for a function now: an account of a person that holds it as a role, or an authority that the Stream granted. What
was said by somebody who no longer does or has built the thing since, or of a lower risk, is no word of the function any more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.approval import Approval, Function
from groundcrew.domain.authority import Authority, Right
from groundcrew.domain.use_case import UseCase
from groundcrew.domain.user import Role, User
from groundcrew.errors import NotAllowed
from groundcrew.services.lookups import person_of
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection

#: Roles that bear no authority of an expert: who administers and who audits stay out of what they run and look at.
BARE_ROLES: frozenset[Role] = frozenset({"admin", "auditor"})


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """An account that speaks for a function; `authority` is the grant that it does so by, None where it holds the role."""

    user: User
    authority: Authority | None = None


async def require_speaker(
    connection: Connection, actor: str, function: Function, right: Right, use_case: UseCase, now: datetime
) -> Speaker:
    """Who `actor` is as a speaker of `function` about `use_case`; NotAllowed where they are none. No other role stands in."""
    user = await require_person(connection, actor)
    if function in user.roles:
        return Speaker(user=user)
    granted = await authority_for(connection, user, function, right, use_case, now)
    if granted is None:
        raise NotAllowed(f"{user.name} does not hold the function {function}, nor an authority to {right} for it here")
    return Speaker(user=user, authority=granted)


async def require_person(connection: Connection, actor: str) -> User:
    """The open account of a person that `actor` names; NotAllowed for keys, programs, names of the operating system, and accounts
    that are disabled."""
    kind, _, name = actor.partition(":")
    user = await catalog.USERS.get(connection, name) if kind == "user" else None
    if user is None or user.disabled:
        raise NotAllowed("a function's word is given by people under their account: sign in, or use --as NAME")
    if user.kind != "person":
        raise NotAllowed(f"a function's word is a person's, and {user.name} is the account of a program")
    return user


async def authority_for(
    connection: Connection, user: User, function: Function, right: Right, use_case: UseCase, now: datetime
) -> Authority | None:
    """The authority that lets an account speak for a function that it does not hold, or None."""
    if not set(user.roles) - BARE_ROLES:
        return None
    found = await deciding.AUTHORITIES.find(connection, person=user.name, function=function)
    return next((each for each in reversed(found) if each.gives(right, function, use_case, now)), None)


async def why_silent(
    connection: Connection, actor: str, function: Function, right: Right, use_case: UseCase, now: datetime
) -> str:
    """Why `actor` does not speak for `function` now, "" where they do."""
    try:
        await require_speaker(connection, actor, function, right, use_case, now)
    except NotAllowed:
        name = person_of(actor)
        user = await catalog.USERS.get(connection, actor.partition(":")[2]) if actor.startswith("user:") else None
        if user is None or user.kind != "person":
            return f"{name} is no account of a person"
        if user.disabled:
            return f"the account of {name} is closed"
        return f"{name} does not hold the function {function} any more"
    return ""


async def unheard(
    connection: Connection, use_case: UseCase, approvals: Iterable[Approval], built: frozenset[str], now: datetime
) -> dict[str, str]:
    """Why words that were given do not count any more, by the id of the approval; those that count are not named.

    `built` are the persons who built the use case. Whatever was checked when a word was given is checked again: roles end,
    accounts are closed, people become owners, and each person is one function at a gate. What was said of a lower risk tier says
    nothing of a higher one.
    """
    found: dict[str, str] = {}
    tier = risk.assess(use_case).tier
    spoken: dict[tuple[str, str, str], Function] = {}
    for each in sorted(approvals, key=lambda each: each.id):
        if each.decided_by is None:
            continue
        who = person_of(each.decided_by)
        first = spoken.setdefault((each.stage, each.version_digest, who), each.function)
        if who in built:
            found[each.id] = f"{who} owns, champions or has built it since, somebody else decides"
        elif who == person_of(each.requested_by):
            found[each.id] = f"{who} asked for it, somebody else decides"
        elif first != each.function:
            found[each.id] = f"{who} speaks for {first} at this gate, somebody else decides"
        elif silent := await why_silent(connection, each.decided_by, each.function, "approve", use_case, now):
            found[each.id] = f"{silent}, somebody else decides"
        elif risk.higher(tier, each.tier or risk.ORDER[0]):
            before = f"was {each.tier} when {who} spoke" if each.tier else f"is not on record for when {who} spoke"
            found[each.id] = f"the risk tier is {tier} now and {before}: to be asked again"
    return found
