"""Authorities: rights to approve or veto for a function, granted to experts by a recorded decision. Here they are asked for and
looked up; what a decision does to them is in `authority_grants`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from groundcrew.domain.approval import FUNCTIONS, Function
from groundcrew.domain.authority import (
    AUTHORITY_DAYS_DEFAULT,
    AUTHORITY_DAYS_MAX,
    REASON_LENGTH_MAX,
    REQUESTS_OPEN_MAX,
    RIGHTS,
    Authority,
    AuthorityRequest,
    Deputies,
    Scope,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.veto import says_something
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.authority_grants import checked_scope, grantee, set_deputies
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import person_of, require, require_reason, require_use_case
from groundcrew.services.masking import masked
from groundcrew.services.speakers import require_person
from groundcrew.services.veto_records import active_vetoes
from groundcrew.services.veto_standing import passing_due
from groundcrew.store import deciding
from groundcrew.store.database import Connection, Database


class AuthorityNow(msgspec.Struct, frozen=True, kw_only=True):
    """An authority and whether it holds now: live, ended, revoked."""

    authority: Authority
    state: str


class Authorities:
    """Authorities of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, *, person: str | None = None, live: bool = False, limit: int = 1_000) -> list[AuthorityNow]:
        """The newest first, of one person where named, or only those that hold now."""
        equal: dict[str, Any] = {"person": person} if person is not None else {}
        async with self._database.read() as connection:
            found = await deciding.AUTHORITIES.find(connection, newest_first=True, limit=limit, **equal)
        now = self._database.clock.now()
        states = [
            AuthorityNow(authority=each, state="revoked" if each.revoked_at else "live" if each.lives_at(now) else "ended")
            for each in found
        ]
        return [each for each in states if not live or each.state == "live"]

    async def requests(self, *, every: bool = False) -> list[AuthorityRequest]:
        """What waits for the Stream, oldest first; with `every` also what it has answered."""
        async with self._database.read() as connection:
            if every:
                return await deciding.AUTHORITY_REQUESTS.find(connection)
            return await deciding.AUTHORITY_REQUESTS.find(connection, state="open")

    async def deputies(self) -> dict[Function, Deputies]:
        """Who stands in for each function that has somebody."""
        async with self._database.read() as connection:
            return {each.function: each for each in await deciding.DEPUTIES.find(connection)}

    async def request(
        self,
        *,
        person: str,
        function: str,
        rights: Sequence[str],
        reason: str,
        actor: str,
        scope: Scope | str = "all",
        days: int = AUTHORITY_DAYS_DEFAULT,
    ) -> AuthorityRequest:
        """Ask the Stream to let `person` approve or veto for a function, for some days. Anyone with an account may ask, also for
        themselves: a meeting with its quorum grants it, or nobody does."""
        if function not in FUNCTIONS:
            raise InputError(f"expected one of {', '.join(FUNCTIONS)}, found {function!r}", field="function")
        wanted = tuple(each for each in RIGHTS if each in rights)
        if not wanted or set(rights) - set(RIGHTS):
            raise InputError(f"name one or more of {', '.join(RIGHTS)}", field="rights")
        if not 1 <= days <= AUTHORITY_DAYS_MAX:
            raise InputError(f"expected 1 to {AUTHORITY_DAYS_MAX} days", field="days")
        if not says_something(reason) or len(reason) > REASON_LENGTH_MAX:
            raise InputError(f"say in words what they are expert in, in at most {REASON_LENGTH_MAX} characters", field="reason")
        (reason,) = await masked([reason.strip()], "full")
        async with self._database.write(actor) as writer:
            await require_person(writer.connection, actor)
            user = await grantee(writer.connection, person)
            waiting = await deciding.AUTHORITY_REQUESTS.find(writer.connection, person=user.name, state="open")
            if len(waiting) >= REQUESTS_OPEN_MAX:
                raise Conflict(f"{REQUESTS_OPEN_MAX} requests for {user.name} wait for the Stream already")
            made = AuthorityRequest(
                id=new_id(),
                person=user.name,
                function=function,
                rights=wanted,
                scope=await checked_scope(writer.connection, scope),
                days=days,
                reason=reason,
                requested_by=actor,
                requested_at=writer.clock.now(),
            )
            await deciding.AUTHORITY_REQUESTS.put(writer, made, "request", reason=reason, details={"function": function})
        return made

    async def withdraw_request(self, request_id: str, *, reason: str, actor: str) -> AuthorityRequest:
        """Call a request off: who asked, or whom it is for."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            found = await require(writer.connection, deciding.AUTHORITY_REQUESTS, request_id)
            if person_of(actor) not in (person_of(found.requested_by), found.person.casefold()):
                raise NotAllowed(f"{person_of(found.requested_by)} asked for this: they call it off, or the Stream denies it")
            if found.state != "open":
                raise Conflict(f"request {request_id} was {found.state} already")
            closed = msgspec.structs.replace(
                found, state="withdrawn", closed_at=writer.clock.now(), closed_reason=reason.strip()[:REASON_LENGTH_MAX]
            )
            await deciding.AUTHORITY_REQUESTS.put(writer, closed, "withdrawn", reason=closed.closed_reason)
        return closed

    async def name_deputies(self, function: str, people: Sequence[str], *, reason: str, actor: str) -> Deputies:
        """Say who stands in for a function, in turn. A holder of the function does, and not themselves; or a decision of the
        Stream (see `authority_grants.name_deputies`), which one holder does not change, nor who stands in while a veto of the
        function has passed on or holds what they have built."""
        if function not in FUNCTIONS:
            raise InputError(f"expected one of {', '.join(FUNCTIONS)}, found {function!r}", field="function")
        require_reason(reason)
        async with self._database.write(actor) as writer:
            user = await require_person(writer.connection, actor)
            if function not in user.roles:
                raise NotAllowed(f"{user.name} does not hold the function {function}: a holder of it names who stands in")
            await _check_alone(writer.connection, user.name, function, writer.clock.now())
            return await set_deputies(writer, function, tuple(people), reason=reason.strip()[:REASON_LENGTH_MAX])


async def _check_alone(connection: Connection, person: str, function: str, now: datetime) -> None:
    """NotAllowed where it is not for one holder of a function alone to say who stands in for it."""
    kept = await deciding.DEPUTIES.get(connection, function)
    if kept is not None and kept.decision:
        raise NotAllowed(f"the Stream decided who stands in for {function}: it decides so anew")
    for veto in await active_vetoes(connection):
        if veto.function != function:
            continue
        use_case = await require_use_case(connection, veto.use_case)
        if veto.passed is not None or await passing_due(connection, veto, use_case, now):
            raise NotAllowed(f"veto {veto.id} has passed to the deputy of {function}: the Stream decides who that is")
        if person_of(person) in await persons_who_built(connection, use_case):
            raise NotAllowed(
                f"{person} owns, champions or has built {use_case.name}, which {function} vetoes: somebody else names them"
            )
