"""What a decision of the Stream does to authorities: granting, taking back, denying, and naming who stands in for a function.

Each is part of the transaction that records the decision; who may decide is the meeting's to check, what may be decided is ours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar, get_args

import msgspec

from groundcrew.domain.approval import Function
from groundcrew.domain.authority import (
    AUTHORITY_DAYS_DEFAULT,
    AUTHORITY_DAYS_MAX,
    DEPUTIES_MAX,
    RIGHTS,
    Authority,
    AuthorityRequest,
    Deputies,
    RequestState,
    Right,
    Scope,
    ScopeKind,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.lookups import person_of, require, require_reason, require_use_case
from groundcrew.services.speakers import BARE_ROLES
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection, Writer

T = TypeVar("T")


class GrantTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is granted: to whom, for which function, which rights, within which scope (`all`, ``business_unit:NAME``,
    ``use_case:NAME``), until when. `request` is the request that it answers."""

    person: str
    function: Function
    rights: tuple[Right, ...]
    scope: Scope | str = "all"
    until: datetime | None = None
    days: int | None = None
    request: str = ""


class DeputyTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who stands in for a function, in turn."""

    function: Function
    people: tuple[str, ...]
    reason: str = ""


async def grant(writer: Writer, *, decision: str, terms: dict[str, Any]) -> Authority:
    """Let a person approve or veto for a function. NotAllowed where who records the decision grants it to themselves."""
    asked, now = read_terms(terms, GrantTerms), writer.clock.now()
    scope = await checked_scope(writer.connection, asked.scope)
    rights = tuple(each for each in RIGHTS if each in asked.rights)
    if not rights:
        raise InputError(f"name at least one of {', '.join(RIGHTS)}", field="rights")
    until = ends_at(asked.until, asked.days, now)
    user = await grantee(writer.connection, asked.person)
    if person_of(writer.actor) == user.name.casefold():
        raise NotAllowed("nobody grants themselves an authority: somebody else records this decision")
    voted = await deciding.DECISIONS.get(writer.connection, decision)
    if voted is not None and any(each.person == user.name and each.word == "for" for each in voted.votes):
        raise NotAllowed(f"nobody grants themselves an authority: {user.name} leaves the vote on it to the others")
    request = await _answered(writer.connection, asked.request, user.name, asked.function) if asked.request else None
    made = Authority(
        id=new_id(),
        person=user.name,
        function=asked.function,
        rights=rights,
        scope=scope,
        since=now,
        until=until,
        decision=decision,
        granted_at=now,
        granted_by=writer.actor,
    )
    details = {"decision": decision, "person": user.name, "function": asked.function, "rights": [*rights], "scope": str(scope)}
    await deciding.AUTHORITIES.put(writer, made, "grant", details=details)
    if request is not None:
        await _close(writer, request, "granted", decision=decision)
    return made


async def revoke(writer: Writer, *, decision: str, authority: str, reason: str) -> Authority:
    """Take an authority back, from now on. Vetoes that were filed by it stay, and pass to the function's deputy."""
    require_reason(reason)
    found = await require(writer.connection, deciding.AUTHORITIES, authority)
    if found.revoked_at is not None:
        raise Conflict(f"authority {authority} was revoked already")
    ended = msgspec.structs.replace(
        found,
        revoked_at=writer.clock.now(),
        revoked_by=writer.actor,
        revoked_decision=decision,
        revoked_reason=reason,
    )
    await deciding.AUTHORITIES.put(writer, ended, "revoke", reason=reason, details={"decision": decision})
    return ended


async def deny(writer: Writer, *, decision: str, request: str, reason: str) -> AuthorityRequest:
    """Say no to a request for an authority, with a reason."""
    require_reason(reason)
    found = await require(writer.connection, deciding.AUTHORITY_REQUESTS, request)
    if found.state != "open":
        raise Conflict(f"request {request} was {found.state} already")
    return await _close(writer, found, "denied", decision=decision, reason=reason)


async def name_deputies(writer: Writer, *, decision: str, terms: dict[str, Any]) -> Deputies:
    """Say who stands in for a function, by a decision of the Stream."""
    asked = read_terms(terms, DeputyTerms)
    return await set_deputies(writer, asked.function, asked.people, reason=asked.reason, decision=decision)


async def set_deputies(
    writer: Writer, function: Function, people: tuple[str, ...], *, reason: str, decision: str = ""
) -> Deputies:
    """Keep who stands in for a function. Each holds it as a role; the writer's actor is not among them."""
    names = tuple(dict.fromkeys(people))
    if not names or len(names) > DEPUTIES_MAX:
        raise InputError(f"name 1 to {DEPUTIES_MAX} people", field="people")
    for each in names:
        user = await grantee(writer.connection, each, field="people")
        if function not in user.roles:
            raise InputError(f"{each} does not hold the function {function}", field="people")
        if user.name.casefold() == person_of(writer.actor):
            raise NotAllowed("nobody names themselves as a deputy: another holder of the function does, or the Stream")
    made = Deputies(
        function=function, people=names, set_by=writer.actor, set_at=writer.clock.now(), reason=reason, decision=decision
    )
    await deciding.DEPUTIES.put(writer, made, "name", reason=reason, details={"decision": decision} if decision else None)
    return made


async def grantee(connection: Connection, name: str, *, field: str = "person") -> User:
    """The account of a person who may be given something to say; InputError."""
    user = await catalog.USERS.get(connection, name)
    if user is None or user.disabled or user.kind != "person":
        raise InputError(f"{name!r} has no account of a person in use", field=field)
    if not set(user.roles) - BARE_ROLES:
        raise InputError(f"{name} has no role beside {' and '.join(sorted(BARE_ROLES))}, who decide nothing of this", field=field)
    return user


async def checked_scope(connection: Connection, scope: Scope | str) -> Scope:
    """A scope as it is kept; InputError where it covers nothing that there is."""
    if isinstance(scope, str):
        kind, _, name = scope.partition(":")
        if kind not in get_args(ScopeKind):
            raise InputError("expected all, business_unit:NAME or use_case:NAME", field="scope")
        scope = Scope(kind=next(each for each in get_args(ScopeKind) if each == kind), name=name)
    if (scope.kind == "all") != (scope.name == ""):
        raise InputError("a scope names a business unit or a use case, and all names nothing", field="scope")
    if scope.kind == "use_case":
        await require_use_case(connection, scope.name)
    if scope.kind == "business_unit" and not await catalog.USE_CASES.find(connection, business_unit=scope.name, limit=1):
        raise InputError(f"no use case is of the business unit {scope.name!r}", field="scope")
    return scope


def ends_at(until: datetime | None, days: int | None, now: datetime) -> datetime:
    """When a grant ends; InputError where that is past or too far."""
    if until is None:
        until = now + timedelta(days=AUTHORITY_DAYS_DEFAULT if days is None else min(days, AUTHORITY_DAYS_MAX + 1))
    if until.tzinfo is None:
        raise InputError("give the time with its zone, as in 2027-01-31T00:00:00Z", field="until")
    if not now < until <= now + timedelta(days=AUTHORITY_DAYS_MAX):
        raise InputError(f"an authority ends within {AUTHORITY_DAYS_MAX} days, and not in the past", field="until")
    return until


def read_terms(terms: dict[str, Any], kind: type[T]) -> T:
    """The terms of a decision as their struct; InputError."""
    try:
        return msgspec.convert(terms, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"the terms of the decision: {error}", field="terms") from None


async def _answered(connection: Connection, request: str, person: str, function: Function) -> AuthorityRequest:
    found = await require(connection, deciding.AUTHORITY_REQUESTS, request)
    if found.state != "open":
        raise Conflict(f"request {request} was {found.state} already")
    if (found.person, found.function) != (person, function):
        raise InputError(f"request {request} is about {found.person} and {found.function}", field="request")
    return found


async def _close(
    writer: Writer, request: AuthorityRequest, state: RequestState, *, decision: str = "", reason: str = ""
) -> AuthorityRequest:
    closed = msgspec.structs.replace(
        request,
        state=state,
        decision=decision,
        closed_at=writer.clock.now(),
        closed_reason=reason,
    )
    await deciding.AUTHORITY_REQUESTS.put(writer, closed, state, reason=reason, details={"decision": decision})
    return closed
