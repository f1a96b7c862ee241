"""Legal holds: what may not be removed, on whose word, until when. One person of legal places a hold; lifting one takes two of
them and a reason, since what is removed afterwards is gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.legal_hold import HOLDS_MAX, NAMES_MAX, TEXT_LENGTH_MAX, HoldState, LegalHold
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.lookups import person_of, require, require_reason, require_use_case
from groundcrew.services.retention import standing_holds
from groundcrew.services.two_people import check_person
from groundcrew.store.database import Connection, Database
from groundcrew.store.deciding import LEGAL_HOLDS

MATTER_LENGTH_MAX, NAME_LENGTH_MAX = 200, 300
LIST_MAX = 1_000


class NewHold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be kept, as `LegalHold` has it."""

    matter: str
    reason: str
    use_cases: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    received_from: datetime | None = None
    received_until: datetime | None = None


class LegalHolds:
    """Legal holds of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, *, state: HoldState | None = None, use_case: str | None = None) -> list[LegalHold]:
        """The newest first, in one state or covering one use case where given."""
        equal: dict[str, Any] = {"state": state} if state is not None else {}
        async with self._database.read() as connection:
            found = await LEGAL_HOLDS.find(connection, newest_first=True, limit=LIST_MAX, **equal)
        return [each for each in found if use_case is None or not each.use_cases or use_case in each.use_cases]

    async def get(self, hold_id: str) -> LegalHold:
        """One hold; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, LEGAL_HOLDS, hold_id)

    async def stands(self) -> bool:
        """Whether any hold stands: what can not be told apart, such as files of jobs, stays then."""
        async with self._database.read() as connection:
            return bool(await standing_holds(connection))

    async def place(self, wanted: NewHold, *, actor: str) -> LegalHold:
        """Place a hold, on the word of a person of legal. It holds from the end of this transaction on."""
        _check(wanted)
        async with self._database.write(actor) as writer:
            await _check_legal(writer.connection, actor)
            for each in wanted.use_cases:
                await require_use_case(writer.connection, each)
            if len(await standing_holds(writer.connection)) >= HOLDS_MAX:
                raise Conflict(f"{HOLDS_MAX} holds stand already: lift what is settled")
            hold = LegalHold(id=new_id(), placed_by=actor, placed_at=writer.clock.now(), **msgspec.structs.asdict(wanted))
            await LEGAL_HOLDS.put(writer, hold, "place", reason=wanted.reason)
        return hold

    async def request_lift(self, hold_id: str, *, actor: str, reason: str) -> LegalHold:
        """Ask that a hold be lifted. It stands until a second person of legal says so too."""
        require_reason(reason)
        _check_text("reason", reason, TEXT_LENGTH_MAX)
        async with self._database.write(actor) as writer:
            await _check_legal(writer.connection, actor)
            hold = await require(writer.connection, LEGAL_HOLDS, hold_id)
            if hold.state != "active":
                raise Conflict(f"the hold is {hold.state.replace('_', ' ')}")
            changed = msgspec.structs.replace(
                hold,
                state="lift_requested",
                lift_requested_by=actor,
                lift_requested_at=writer.clock.now(),
                lift_reason=reason,
            )
            await LEGAL_HOLDS.put(writer, changed, "request_lift", reason=reason)
        return changed

    async def keep(self, hold_id: str, *, actor: str, reason: str) -> LegalHold:
        """Say no to a lift that was asked for: the hold goes on."""
        require_reason(reason)
        _check_text("reason", reason, TEXT_LENGTH_MAX)
        async with self._database.write(actor) as writer:
            await _check_legal(writer.connection, actor)
            hold = await require(writer.connection, LEGAL_HOLDS, hold_id)
            if hold.state != "lift_requested":
                raise Conflict("nobody has asked for this hold to be lifted")
            changed = msgspec.structs.replace(hold, state="active", lift_requested_by="", lift_requested_at=None, lift_reason="")
            await LEGAL_HOLDS.put(writer, changed, "keep", reason=reason)
        return changed

    async def lift(self, hold_id: str, *, actor: str, reason: str) -> LegalHold:
        """Lift a hold, as the second person of legal. What it kept goes with the next run of the retention."""
        require_reason(reason)
        _check_text("reason", reason, TEXT_LENGTH_MAX)
        async with self._database.write(actor) as writer:
            await _check_legal(writer.connection, actor)
            hold = await require(writer.connection, LEGAL_HOLDS, hold_id)
            if hold.state != "lift_requested":
                raise Conflict("a lift is asked for by one person and confirmed by another: nobody has asked yet")
            if person_of(actor) == person_of(hold.lift_requested_by):
                raise NotAllowed("who asked for the lift does not confirm it: it takes a second person of legal")
            changed = msgspec.structs.replace(hold, state="lifted", lifted_by=actor, lifted_at=writer.clock.now())
            await LEGAL_HOLDS.put(writer, changed, "lift", reason=reason, details={"requested_by": hold.lift_requested_by})
        return changed


async def _check_legal(connection: Connection, actor: str) -> None:
    """A person of legal whose account was checked: a name of the operating system is as many people as its holder wishes."""
    if actor.startswith("cli:"):
        raise NotAllowed("a legal hold takes a person of legal under their own account, in the console or with --as NAME")
    await check_person(connection, actor, "hold_records", second=True)


def _check(wanted: NewHold) -> None:
    _check_text("matter", wanted.matter, MATTER_LENGTH_MAX)
    require_reason(wanted.reason)
    _check_text("reason", wanted.reason, TEXT_LENGTH_MAX)
    for field in ("use_cases", "cases", "persons", "calls"):
        names: tuple[str, ...] = getattr(wanted, field)
        if len(names) > NAMES_MAX:
            raise InputError(f"{NAMES_MAX} at most", field=field)
        for each in names:
            _check_text(field, each, NAME_LENGTH_MAX)
    for field in ("received_from", "received_until"):
        moment: datetime | None = getattr(wanted, field)
        if moment is not None and moment.tzinfo is None:
            raise InputError("say in which time zone, such as 2026-05-01T00:00:00Z", field=field)
    if wanted.received_from and wanted.received_until and wanted.received_until <= wanted.received_from:
        raise InputError("ends before it begins", field="received_until")


def _check_text(field: str, text: str, most: int) -> None:
    if not text.strip() or len(text) > most:
        raise InputError(f"takes 1 to {most} characters", field=field)
