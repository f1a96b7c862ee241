"""Approvals of a version at a gate: asked for once, given by people who hold the function and had no part in building it.

There is no way around: an administrator without the function does not approve, nobody approves what they asked for, own or built,
and one person speaks for one function of a gate. Whatever was checked when a word was given is checked again at the gate.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.approval import (
    DECISIONS,
    FUNCTIONS,
    REQUEST_DAYS,
    Approval,
    ApprovalStateNow,
    Decision,
    Function,
    newest_by_function,
)
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.stage import next_stage
from groundcrew.domain.use_case import STAGES, RiskTier, Stage, UseCase
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import current_digest, current_parts, person_of, require, require_use_case
from groundcrew.services.speakers import Speaker, require_speaker, unheard, why_silent
from groundcrew.store import catalog, governance
from groundcrew.store.database import Connection, Database, Writer

STATEMENT_LENGTH_MAX = 10_000


class Staleness(msgspec.Struct, frozen=True, kw_only=True):
    """What made an approval stale: who changed the version, when, and which parts of it are others now. What is not on record is
    None or empty."""

    by: str | None = None
    at: datetime | None = None
    parts: tuple[str, ...] = ()


class ApprovalNow(msgspec.Struct, frozen=True, kw_only=True):
    """An approval and the state that it is in at this moment: `stale` where the version is another one by now, `lapsed` where
    nobody answered in time. `silent` says why a word that was given does not count any more, "" where it does."""

    approval: Approval
    state: ApprovalStateNow
    silent: str = ""
    stale: Staleness | None = None


class Approvals:
    """All approvals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, use_case: str) -> list[ApprovalNow]:
        """The approvals of one use case, oldest first, each with its state now."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            current, parts = await current_digest(connection, item), await current_parts(connection, item)
            found = await catalog.APPROVALS.find(connection, use_case=use_case)
            fresh = [each for each in found if each.version_digest == current]
            silent = await unheard(connection, item, fresh, await persons_who_built(connection, item), now)
            stale = {each.id: await _staleness(connection, each, parts) for each in found if each.version_digest != current}
        return [
            ApprovalNow(
                approval=each,
                state=each.state_now(current, now),
                silent=silent.get(each.id, ""),
                stale=stale.get(each.id),
            )
            for each in found
        ]

    async def functions_of(self, use_case: str, *, actor: str) -> frozenset[Function]:
        """The functions whose word `actor` may say on this use case now, by role or authority."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            return frozenset([each for each in FUNCTIONS if not await why_silent(connection, actor, each, "approve", item, now)])

    async def lapsed(self) -> list[ApprovalNow]:
        """Requests about current versions that nobody answered in time and nobody has made again, oldest first."""
        async with self._database.read() as connection:
            return await lapsed_in(connection, self._database.clock.now())

    async def request(self, use_case: str, *, actor: str, to: Stage | None = None) -> list[Approval]:
        """Ask every function about the current version at the gate into `to` (the next stage), to be answered in REQUEST_DAYS.

        Functions that were asked already and have not asked for changes or abstained are not asked again, unless the request has
        lapsed or the word that was given does not count any more. What is asked again names the request before it.
        """
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            stage = to or next_stage(item.stage)
            if stage is None or stage not in STAGES:
                raise Conflict(f"{use_case} is in {item.stage}, which has no next stage")
            return [await self._asked(writer, item, stage, function) for function in FUNCTIONS]

    async def _asked(self, writer: Writer, use_case: UseCase, stage: Stage, function: Function) -> Approval:
        connection, now = writer.connection, writer.clock.now()
        digest = await current_digest(connection, use_case)
        every = await catalog.APPROVALS.find(connection, use_case=use_case.name)
        fresh = tuple(each for each in every if each.version_digest == digest)
        old = newest_by_function(fresh, stage, digest).get(function)
        if old is not None and old.state_now(digest, now) in ("pending", "approved"):
            # A word that does not count at the gate is no answer: somebody else is asked.
            silent = await unheard(connection, use_case, fresh, await persons_who_built(connection, use_case), now)
            if old.id not in silent:
                return old
        before = [each for each in every if each.stage == stage and each.function == function]
        asked = Approval(
            id=new_id(),
            use_case=use_case.name,
            stage=stage,
            function=function,
            version_digest=digest,
            requested_by=writer.actor,
            requested_at=now,
            due_at=now + timedelta(days=REQUEST_DAYS),
            replaces=before[-1].id if before else None,
            parts=await current_parts(connection, use_case),
            tier=risk.assess(use_case).tier,
        )
        details = {"function": function, "stage": stage, **({"replaces": asked.replaces} if asked.replaces else {})}
        await catalog.APPROVALS.put(writer, asked, "request", details=details)
        return asked

    async def decide(self, approval_id: str, decision: str, *, actor: str, statement: str) -> Approval:
        """Say a function's word. Who has said it may change it while the version stays.

        NotAllowed for who does not hold the function nor an authority for it, asked for the approval, owns or built the use case,
        or has spoken for another function at this gate; Conflict for a version that is no longer the current one, and for a
        request that has lapsed or was made again.
        """
        if decision not in DECISIONS:
            raise InputError(f"expected one of {', '.join(DECISIONS)}, found {decision!r}", field="decision")
        if not statement.strip() or len(statement) > STATEMENT_LENGTH_MAX:
            raise InputError(f"say on what ground, in at most {STATEMENT_LENGTH_MAX} characters", field="statement")
        async with self._database.write(actor) as writer:
            asked = await require(writer.connection, catalog.APPROVALS, approval_id)
            speaker, tier = await _check_decider(writer, asked)
            spoken: Decision = decision
            decided = msgspec.structs.replace(
                asked,
                state=spoken,
                decided_by=actor,
                decided_at=writer.clock.now(),
                statement=statement,
                authority=speaker.authority.id if speaker.authority else None,
                tier=tier,
            )
            details = {"function": asked.function, "stage": asked.stage, "version_digest": asked.version_digest, "tier": tier}
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


async def lapsed_in(connection: Connection, now: datetime) -> list[ApprovalNow]:
    """Requests about current versions that nobody answered in time and nobody has made again, oldest first."""
    return [each for each in await waiting_in(connection, now) if each.state == "lapsed"]


async def waiting_in(connection: Connection, now: datetime) -> list[ApprovalNow]:
    """Requests about current versions that wait for an answer or have lapsed, oldest first: the newest of each function at the
    gate into each use case's next stage."""
    waiting: dict[str, list[Approval]] = {}
    for each in await catalog.APPROVALS.find(connection, state="pending"):
        waiting.setdefault(each.use_case, []).append(each)
    found = []
    for name in sorted(waiting):
        use_case = await catalog.USE_CASES.get(connection, name)
        if use_case is None:
            continue
        digest, following = await current_digest(connection, use_case), next_stage(use_case.stage)
        fresh = tuple(await catalog.APPROVALS.find(connection, use_case=name, version_digest=digest))
        newest = newest_by_function(fresh, following, digest) if following is not None else {}
        found += [
            ApprovalNow(approval=each, state=each.state_now(digest, now)) for each in newest.values() if each.state == "pending"
        ]
    return sorted(found, key=lambda each: each.approval.id)


async def _staleness(connection: Connection, approval: Approval, parts: dict[str, str]) -> Staleness:
    """What made an approval of an earlier version stale."""
    entry = await governance.version_change(connection, approval.use_case, approval.version_digest, approval.requested_at)
    changed = sorted(
        name.replace("_", " ")
        for name in (parts.keys() | approval.parts.keys() if approval.parts else ())
        if parts.get(name) != approval.parts.get(name)
    )
    return Staleness(by=entry.actor if entry else None, at=entry.at if entry else None, parts=tuple(changed))


async def _check_decider(writer: Writer, asked: Approval) -> tuple[Speaker, RiskTier]:
    """Who speaks, if the writer's actor may say this function's word, and of which risk tier; raises otherwise."""
    who, connection, now = person_of(writer.actor), writer.connection, writer.clock.now()
    use_case = await require_use_case(connection, asked.use_case)
    digest = await current_digest(connection, use_case)
    if asked.version_digest != digest:
        raise Conflict(f"the version of {use_case.name} has changed since {asked.function} was asked: ask again")
    every = tuple(await catalog.APPROVALS.find(connection, use_case=use_case.name, version_digest=digest))
    if newest_by_function(every, asked.stage, digest)[asked.function].id != asked.id:
        raise Conflict(f"{asked.function} was asked again since: answer the newer request")
    if asked.state_now(digest, now) == "lapsed":
        raise Conflict(f"the request to {asked.function} lapsed on {asked.answer_by:%Y-%m-%d}: ask again")
    speaker = await require_speaker(connection, writer.actor, asked.function, "approve", use_case, now)
    if who == person_of(asked.requested_by):
        raise NotAllowed(f"{who} asked for this approval: somebody else gives it")
    if who in await persons_who_built(connection, use_case):
        raise NotAllowed(f"{who} owns, champions or has built {use_case.name}: somebody else approves it")
    if asked.decided_by is not None and person_of(asked.decided_by) != who:
        raise Conflict(f"{person_of(asked.decided_by)} has spoken for {asked.function}: only they change their word")
    for other in every:
        mine = other.decided_by is not None and person_of(other.decided_by) == who
        if mine and other.stage == asked.stage and other.function != asked.function:
            raise NotAllowed(f"{who} has spoken for {other.function} at this gate: one person fills one function")
    return speaker, risk.assess(use_case).tier
