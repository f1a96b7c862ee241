"""Approvals of a version at a gate: asked for once, given by people who hold the function and had no part in building it.

There is no way around: an administrator without the function does not approve, nobody approves what they asked for, own or built,
and one person speaks for one function of a gate.
"""

from __future__ import annotations

import msgspec

from groundcrew.domain.approval import DECISIONS, FUNCTIONS, Approval, Decision, Function, newest_by_function
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.stage import next_stage
from groundcrew.domain.use_case import STAGES, Stage
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import current_digest, person_of, require, require_use_case
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database, Writer

STATEMENT_LENGTH_MAX = 10_000


class ApprovalNow(msgspec.Struct, frozen=True, kw_only=True):
    """An approval and the state that it is in at this moment: `stale` where the version is another one by now."""

    approval: Approval
    state: str


class Approvals:
    """All approvals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, use_case: str) -> list[ApprovalNow]:
        """The approvals of one use case, oldest first, each with its state now."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            current = await current_digest(connection, item)
            found = await catalog.APPROVALS.find(connection, use_case=use_case)
        return [ApprovalNow(approval=each, state=each.state_now(current)) for each in found]

    async def request(self, use_case: str, *, actor: str, to: Stage | None = None) -> list[Approval]:
        """Ask every function about the current version at the gate into `to` (the next stage).

        Functions that were asked already and have not asked for changes or abstained are not asked again.
        """
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            stage = to or next_stage(item.stage)
            if stage is None or stage not in STAGES:
                raise Conflict(f"{use_case} is in {item.stage}, which has no next stage")
            digest = await current_digest(writer.connection, item)
            found = tuple(await catalog.APPROVALS.find(writer.connection, use_case=use_case, version_digest=digest))
            standing = newest_by_function(found, stage, digest)
            built = await persons_who_built(writer.connection, item)
            made = []
            for function in FUNCTIONS:
                old = standing.get(function)
                # A word of who has built it since does not count at the gate: somebody else is asked.
                counts = old is not None and not (old.decided_by and person_of(old.decided_by) in built)
                if old is not None and counts and old.state in ("pending", "approved"):
                    made.append(old)
                    continue
                asked = Approval(
                    id=new_id(),
                    use_case=use_case,
                    stage=stage,
                    function=function,
                    version_digest=digest,
                    requested_by=actor,
                    requested_at=writer.clock.now(),
                )
                await catalog.APPROVALS.put(writer, asked, "request", details={"function": function, "stage": stage})
                made.append(asked)
        return made

    async def decide(self, approval_id: str, decision: str, *, actor: str, statement: str) -> Approval:
        """Say a function's word. Who has said it may change it while the version stays.

        NotAllowed for who does not hold the function, asked for the approval, owns or built the use case, or has spoken for
        another function at this gate; Conflict for a version that is no longer the current one.
        """
        if decision not in DECISIONS:
            raise InputError(f"expected one of {', '.join(DECISIONS)}, found {decision!r}", field="decision")
        if not statement.strip() or len(statement) > STATEMENT_LENGTH_MAX:
            raise InputError(f"say on what ground, in at most {STATEMENT_LENGTH_MAX} characters", field="statement")
        async with self._database.write(actor) as writer:
            asked = await require(writer.connection, catalog.APPROVALS, approval_id)
            await _check_decider(writer, asked)
            spoken: Decision = decision
            decided = msgspec.structs.replace(
                asked, state=spoken, decided_by=actor, decided_at=writer.clock.now(), statement=statement
            )
            details = {"function": asked.function, "stage": asked.stage, "version_digest": asked.version_digest}
            await catalog.APPROVALS.put(writer, decided, decision, reason=statement, details=details)
        return decided

    async def open_for(self, use_case: str, function: str, to: Stage | None = None) -> Approval:
        """What a function was asked about the current version, most recently; Conflict where it was not asked."""
        if function not in FUNCTIONS:
            raise InputError(f"expected one of {', '.join(FUNCTIONS)}, found {function!r}", field="function")
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            stage = to or next_stage(item.stage)
            digest = await current_digest(connection, item)
            found = tuple(await catalog.APPROVALS.find(connection, use_case=use_case, version_digest=digest))
        standing = newest_by_function(found, stage, digest) if stage is not None else {}
        asked = next((each for each in standing.values() if each.function == function), None)
        if asked is None:
            raise Conflict(f"{function} was not asked about this version: `groundcrew approval request {use_case}`")
        return asked


async def _check_decider(writer: Writer, asked: Approval) -> None:
    """Raise unless the writer's actor may say this function's word."""
    who, connection = person_of(writer.actor), writer.connection
    use_case = await require_use_case(connection, asked.use_case)
    if asked.version_digest != await current_digest(connection, use_case):
        raise Conflict(f"the version of {use_case.name} has changed since {asked.function} was asked: ask again")
    await _require_function(connection, writer.actor, asked.function)
    if who == person_of(asked.requested_by):
        raise NotAllowed(f"{who} asked for this approval: somebody else gives it")
    if who in await persons_who_built(connection, use_case):
        raise NotAllowed(f"{who} owns, champions or has built {use_case.name}: somebody else approves it")
    if asked.decided_by is not None and person_of(asked.decided_by) != who:
        raise Conflict(f"{person_of(asked.decided_by)} has spoken for {asked.function}: only they change their word")
    for other in await catalog.APPROVALS.find(connection, use_case=use_case.name, version_digest=asked.version_digest):
        mine = other.decided_by is not None and person_of(other.decided_by) == who
        if mine and other.stage == asked.stage and other.function != asked.function:
            raise NotAllowed(f"{who} has spoken for {other.function} at this gate: one person fills one function")


async def _require_function(connection: Connection, actor: str, function: Function) -> None:
    """Raise NotAllowed unless `actor` is an account that holds the function as a role; no other role stands in for it."""
    kind, _, name = actor.partition(":")
    user = await catalog.USERS.get(connection, name) if kind == "user" else None
    if user is None or user.disabled:
        raise NotAllowed("approvals are given by people under their account: sign in, or use --as NAME")
    if function not in user.roles:
        raise NotAllowed(f"{user.name} does not hold the function {function}")
