"""Vetoes: filed by people who speak for a function, on what they object to and what would lift it; withdrawn by them, or by their
function's deputy. No rank clears one, and none ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.stage import EXPOSED_STAGES
from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES, Stage, UseCase
from groundcrew.domain.veto import (
    ACTIVE_MAX,
    CONDITIONS_MAX,
    EXPLANATION_LENGTH_MAX,
    GROUND_LENGTH_MAX,
    MEETINGS_MISSED_MAX,
    NEEDS,
    NOTES_MAX,
    REQUESTS_MAX,
    RESOURCE_NEEDS,
    REVIEW_DAYS_DEFAULT,
    WORDS_MIN,
    ConditionCheck,
    EventKind,
    LiftCondition,
    PassedWhy,
    Passing,
    ResourceAllocated,
    Veto,
    VetoEvent,
    all_met,
    describe,
    review_problem,
    says_something,
)
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.lookups import current_digest, person_of, require, require_use_case
from groundcrew.services.masking import detect_of, masked
from groundcrew.services.propagation import propagate
from groundcrew.services.speakers import require_speaker
from groundcrew.services.veto_conditions import Looking, check_conditions, check_names
from groundcrew.services.veto_records import active_vetoes, append, crooked, put, sync_holds
from groundcrew.services.veto_standing import deputy_of, is_back, meetings_missed, passing_due, require_holder
from groundcrew.services.veto_things import OpenThings, open_things
from groundcrew.store import deciding
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:vetoes"
#: Why a veto has passed on, in words.
PASSED_WORDS: dict[PassedWhy, str] = {
    "disabled": "the account of who filed it is closed",
    "left_function": "who filed it does not hold the function any more",
    "absent": "who filed it is away while a review is due",
    "unreviewed": f"{MEETINGS_MISSED_MAX} meetings of the Stream have passed it by since its review was due",
}

RETURNED_WORDS = "who filed it is back"


class NewVeto(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody objects to. `stage` is the gate, None: the whole use case. `review_at`: REVIEW_DAYS_DEFAULT from now where it
    is left out."""

    use_case: str
    function: str
    ground: str
    explanation: str
    need: str
    conditions: tuple[LiftCondition, ...]
    stage: Stage | None = None
    review_at: datetime | None = None
    requests: tuple[str, ...] = ()
    stops_calls: bool = False
    stop_reason: str = ""


class ConditionNow(msgspec.Struct, frozen=True, kw_only=True):
    """A condition, in words, and how it stands now."""

    condition: LiftCondition
    words: str
    check: ConditionCheck


class VetoView(msgspec.Struct, frozen=True, kw_only=True):
    """A veto as it stands now. `holders` are the persons who may withdraw it, `deputy` who stands in for its filer; `due` says
    that its review is, `missed` how many meetings have passed it by since. `ready`: all its conditions are met, and its holder
    may withdraw it."""

    veto: Veto
    conditions: tuple[ConditionNow, ...]
    holders: tuple[str, ...]
    deputy: str | None
    due: bool
    missed: int
    ready: bool
    events: tuple[VetoEvent, ...] = ()

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What is not met yet, in words."""
        return tuple(each.words for each in self.conditions if each.check.status != "met")


class Vetoes:
    """Vetoes of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def file(self, new: NewVeto, *, actor: str) -> Veto:
        """File a veto, which holds its use case from that moment on. An objection from inside is allowed: who built the system
        may veto it.

        NotAllowed for whoever does not speak for the function, keys and programs; InputError for a ground or an explanation that
        says nothing, and for conditions that name what there is not; Conflict where it would be met already.
        """
        _check_words(new)
        async with self._database.read() as connection:
            use_case = await require_use_case(connection, new.use_case)
            detect = await detect_of(connection, use_case)
        texts = [new.ground.strip(), new.explanation.strip(), new.stop_reason.strip()]
        ground, explanation, stop_reason = await masked(texts, detect)
        async with self._database.write(actor) as writer:
            veto = await self._filed(writer, new, ground, explanation, stop_reason)
            await put(writer, veto, "file", reason=veto.ground)
            await append(writer, veto.id, "filed", veto.ground, f"use-case/{veto.use_case}")
            active = msgspec.structs.replace(veto, state="active")
            await put(writer, active, "activate", reason=veto.ground)
        await propagate(self._database)
        return active

    async def _filed(self, writer: Writer, new: NewVeto, ground: str, explanation: str, stop_reason: str) -> Veto:
        connection, now = writer.connection, writer.clock.now()
        use_case = await require_use_case(connection, new.use_case)
        function = next(each for each in FUNCTIONS if each == new.function)
        speaker = await require_speaker(connection, writer.actor, function, "veto", use_case, now)
        _check_moment(new, use_case, now)
        active = await active_vetoes(connection, use_case.name)
        if len(active) >= ACTIVE_MAX:
            raise Conflict(f"{ACTIVE_MAX} vetoes are active on {use_case.name}: it goes nowhere before they are settled")
        mine = [each for each in active if person_of(each.filed_by) == person_of(writer.actor)]
        other = next((each for each in mine if each.function != function), None)
        if other is not None:
            raise Conflict(f"{person_of(writer.actor)} vetoes it for {other.function}: one person speaks for one function")
        for each in new.requests:
            await require(connection, deciding.RESOURCE_REQUESTS, each)
        await check_names(connection, use_case, new.conditions, now)
        digest = await current_digest(connection, use_case)
        looking = Looking(connection=connection, use_case=use_case, objected_digest=digest, now=now)
        checks = await check_conditions(looking, new.conditions)
        if all_met(checks, len(new.conditions)):
            raise Conflict("all its conditions are met already: name what is missing")
        return Veto(
            id=new_id(),
            use_case=use_case.name,
            function=function,
            stage=new.stage,
            version_digest=digest,
            ground=ground,
            explanation=explanation,
            need=next(each for each in NEEDS if each == new.need),
            conditions=new.conditions,
            filed_by=writer.actor,
            filed_at=now,
            review_at=new.review_at or now + timedelta(days=REVIEW_DAYS_DEFAULT),
            authority=speaker.authority.id if speaker.authority else None,
            requests=new.requests,
            stops_calls=new.stops_calls,
            stop_reason=stop_reason if new.stops_calls else "",
            checks=checks,
        )

    async def find(self, *, use_case: str | None = None, active: bool = False, limit: int = 200) -> list[Veto]:
        """Vetoes, those that are active first, then the newest."""
        equal: dict[str, Any] = {"use_case": use_case} if use_case is not None else {}
        async with self._database.read() as connection:
            if active:
                return (await active_vetoes(connection, use_case))[:limit]
            found = await deciding.VETOES.find(connection, newest_first=True, **equal)
        return sorted(found, key=lambda each: not each.active)[:limit]

    async def views(self, *, use_case: str | None = None, limit: int = 200) -> list[VetoView]:
        """The active ones, each with how it stands now: those whose holder may withdraw them first, then those whose review is
        due, then the oldest."""
        async with self._database.read() as connection:
            found = (await active_vetoes(connection, use_case))[:limit]
            views = [await self._view(connection, each, recompute=False) for each in found]
        return sorted(views, key=lambda each: (not each.ready, not each.due, each.veto.id))

    async def get(self, veto_id: str, *, recompute: bool = False) -> VetoView:
        """One veto with its history and how it stands at this moment; NotFound. Without `recompute` an experiment that a
        condition rests on is as it was last looked at."""
        async with self._database.read() as connection:
            veto = await require(connection, deciding.VETOES, veto_id)
            view = await self._view(connection, veto, recompute=recompute)
            events = await deciding.VETO_EVENTS.find(connection, veto=veto_id)
        return msgspec.structs.replace(view, events=tuple(events))

    async def open_things(self, use_case: str) -> OpenThings:
        """What a veto on a use case can wait for; NotFound."""
        async with self._database.read() as connection:
            return await open_things(connection, use_case)

    async def check(self, veto_id: str, *, actor: str = ACTOR) -> VetoView:
        """Look at the conditions again, and note where one has changed. Nothing is lifted by it."""
        async with self._database.write(actor) as writer:
            veto = await require(writer.connection, deciding.VETOES, veto_id)
            await self._look(writer, veto)
        return await self.get(veto_id)

    async def withdraw(self, veto_id: str, reason: str, *, actor: str) -> Veto:
        """Take a veto back, whether or not its conditions are met: its filer's word, or the deputy's once it has passed on."""
        return await self._settle(veto_id, "withdrawn", reason, actor)

    async def satisfy(self, veto_id: str, reason: str, *, actor: str) -> Veto:
        """Confirm that what was asked for has come: its holder's word, and only while every condition is met."""
        return await self._settle(veto_id, "satisfied", reason, actor)

    async def review(self, veto_id: str, text: str, *, actor: str, review_at: datetime | None = None) -> Veto:
        """Say that it was looked at again and stays, until a further look: its holder's word."""
        text = await self._safe(veto_id, text, "text")
        async with self._database.write(actor) as writer:
            veto, use_case = await self._held(writer, veto_id)
            now = writer.clock.now()
            await require_holder(writer.connection, actor, veto, use_case, now)
            until = review_at or now + timedelta(days=REVIEW_DAYS_DEFAULT)
            _check_review(until, now)
            kept = msgspec.structs.replace(veto, reviewed_at=now, review_at=until)
            await put(writer, kept, "review", reason=text)
            await append(writer, veto_id, "reviewed", text)
        return kept

    async def note(self, veto_id: str, text: str, *, actor: str) -> VetoEvent:
        """Append to the history what there is to say about it; a veto that is over takes notes too."""
        text = await self._safe(veto_id, text, "text")
        async with self._database.write(actor) as writer:
            await require(writer.connection, deciding.VETOES, veto_id)
            if await deciding.VETO_EVENTS.count(writer.connection, veto=veto_id, kind="note") >= NOTES_MAX:
                raise Conflict(f"veto {veto_id} has {NOTES_MAX} notes")
            return await append(writer, veto_id, "note", text)

    async def keep(self) -> list[str]:
        """Look at all active vetoes: note changed conditions, pass on what is due to, put right holds that are missing or left
        over. Returns the ids of those that changed. Any number of servers may do so at once."""
        changed: list[str] = []
        async with self._database.read() as connection:
            wrong = await crooked(connection)
            for veto in await active_vetoes(connection):
                use_case = await require_use_case(connection, veto.use_case)
                now = self._database.clock.now()
                checks = await check_conditions(_looking(connection, veto, use_case, now), veto.conditions)
                moves = await passing_due(connection, veto, use_case, now) or await is_back(connection, veto, now)
                if moves or _differ(veto.checks, checks):
                    changed.append(veto.id)
        # Each is looked at again in the transaction that writes: of several servers the first finds it changed.
        for each in changed:
            async with self._database.write(ACTOR) as writer:
                await self._look(writer, await require(writer.connection, deciding.VETOES, each))
        if wrong:
            async with self._database.write(ACTOR) as writer:
                await sync_holds(writer, wrong)
            await propagate(self._database)
        return changed

    async def _look(self, writer: Writer, veto: Veto) -> Veto:
        """Check conditions and whose it is, and note what has changed."""
        if not veto.active:
            return veto
        now = writer.clock.now()
        use_case = await require_use_case(writer.connection, veto.use_case)
        veto = await _passed(writer, veto, use_case)
        checks = await check_conditions(_looking(writer.connection, veto, use_case, now), veto.conditions)
        if not _differ(veto.checks, checks):
            return veto
        before = {index: each.status for index, each in enumerate(veto.checks)}
        kept = msgspec.structs.replace(veto, checks=checks)
        await put(writer, kept, "check", reason="; ".join(f"{each.status}: {each.figure}" for each in checks)[:1_000])
        for index, (condition, check) in enumerate(zip(veto.conditions, checks, strict=True)):
            if (check.status == "met") != (before.get(index) == "met"):
                kind: EventKind = "condition_met" if check.status == "met" else "condition_lost"
                await append(writer, veto.id, kind, f"{describe(condition)}: {check.figure}")
        if kept.conditions_met and not veto.conditions_met:
            await append(writer, veto.id, "conditions_met", "its holder may withdraw it; it stays active until they do")
        return kept

    async def _settle(self, veto_id: str, state: Literal["withdrawn", "satisfied"], reason: str, actor: str) -> Veto:
        reason = await self._safe(veto_id, reason, "reason")
        if not says_something(reason):
            raise InputError("say why in words: it is kept in the record", field="reason")
        async with self._database.write(actor) as writer:
            veto, use_case = await self._held(writer, veto_id)
            now = writer.clock.now()
            await require_holder(writer.connection, actor, veto, use_case, now)
            checks = await check_conditions(_looking(writer.connection, veto, use_case, now), veto.conditions)
            if state == "satisfied" and not all_met(checks, len(veto.conditions)):
                missing = [describe(each) for each, found in zip(veto.conditions, checks, strict=True) if found.status != "met"]
                raise Conflict("not satisfied yet: " + "; ".join(missing) + ". Withdraw it if it is to end all the same")
            ended = msgspec.structs.replace(
                veto,
                state=state,
                checks=checks,
                settled_at=now,
                settled_by=actor,
                settled_reason=reason,
            )
            await put(writer, ended, "withdraw" if state == "withdrawn" else "satisfy", reason=reason)
            await append(writer, veto_id, state, reason)
        await propagate(self._database)
        return ended

    async def _held(self, writer: Writer, veto_id: str) -> tuple[Veto, UseCase]:
        """An active veto, passed on where that is due; Conflict for one that is over."""
        veto = await require(writer.connection, deciding.VETOES, veto_id)
        if not veto.active:
            raise Conflict(f"veto {veto_id} is {veto.state} already")
        use_case = await require_use_case(writer.connection, veto.use_case)
        return await _passed(writer, veto, use_case), use_case

    async def _view(self, connection: Connection, veto: Veto, *, recompute: bool) -> VetoView:
        now = self._database.clock.now()
        use_case = await require_use_case(connection, veto.use_case)
        checks = veto.checks
        if veto.active:
            checks = await check_conditions(_looking(connection, veto, use_case, now, recompute=recompute), veto.conditions)
        pairs = zip(veto.conditions, checks, strict=False)
        deputy = await deputy_of(connection, veto, use_case, now) if veto.active else None
        holders = []
        for who in (veto.filed_by, *([f"user:{deputy.name}"] if deputy else [])):
            if veto.active and await _holds(connection, who, veto, use_case, now):
                holders.append(who.partition(":")[2])
        return VetoView(
            veto=veto,
            conditions=tuple(ConditionNow(condition=each, words=describe(each), check=check) for each, check in pairs),
            holders=tuple(holders),
            deputy=deputy.name if deputy else None,
            due=veto.due(now),
            missed=await meetings_missed(connection, veto),
            ready=veto.active and all_met(checks, len(veto.conditions)),
        )

    async def _safe(self, veto_id: str, text: str, field: str) -> str:
        """A text about a veto as it may be kept; NotFound for a veto that there is not."""
        text = text.strip()
        if not text or len(text) > EXPLANATION_LENGTH_MAX:
            raise InputError(f"say it in words, in at most {EXPLANATION_LENGTH_MAX} characters", field=field)
        async with self._database.read() as connection:
            veto = await require(connection, deciding.VETOES, veto_id)
            detect = await detect_of(connection, await require_use_case(connection, veto.use_case))
        return (await masked([text], detect))[0]


def _looking(connection: Connection, veto: Veto, use_case: UseCase, now: datetime, *, recompute: bool = True) -> Looking:
    return Looking(connection=connection, use_case=use_case, objected_digest=veto.version_digest, now=now, recompute=recompute)


def _differ(before: Sequence[ConditionCheck], after: Sequence[ConditionCheck]) -> bool:
    """Whether a condition stands otherwise. A figure that moves while its condition does not is no news: it is computed anew for
    whoever looks."""
    return [each.status for each in before] != [each.status for each in after]


async def _passed(writer: Writer, veto: Veto, use_case: UseCase) -> Veto:
    """`veto`, passed on to the deputy where that is due, and back where its filer was away and is here again."""
    now = writer.clock.now()
    if await is_back(writer.connection, veto, now):
        veto = msgspec.structs.replace(veto, passed=None)
        await put(writer, veto, "return", reason=RETURNED_WORDS)
        await append(writer, veto.id, "returned", RETURNED_WORDS)
    why = await passing_due(writer.connection, veto, use_case, now)
    if why is None:
        return veto
    passed = msgspec.structs.replace(veto, passed=Passing(at=now, why=why))
    await put(writer, passed, "pass", reason=PASSED_WORDS[why])
    deputy = await deputy_of(writer.connection, passed, use_case, now)
    to = deputy.name if deputy else "nobody: the function has no deputy who could take it on"
    await append(writer, veto.id, "passed", f"{PASSED_WORDS[why]}; it is also for {to}")
    return passed


async def _holds(connection: Connection, actor: str, veto: Veto, use_case: UseCase, now: datetime) -> bool:
    try:
        await require_holder(connection, actor, veto, use_case, now)
    except NotAllowed:
        return False
    return True


def _check_words(new: NewVeto) -> None:
    """InputError for what can be told without the records."""
    if new.function not in FUNCTIONS:
        raise InputError(f"expected one of {', '.join(FUNCTIONS)}, found {new.function!r}", field="function")
    for field, text, length_max in (
        ("ground", new.ground, GROUND_LENGTH_MAX),
        ("explanation", new.explanation, EXPLANATION_LENGTH_MAX),
        *((("stop_reason", new.stop_reason, GROUND_LENGTH_MAX),) if new.stops_calls else ()),
    ):
        if not says_something(text):
            raise InputError(f"say it in at least {WORDS_MIN} words: a veto without a reason is none", field=field)
        if len(text.strip()) > length_max:
            raise InputError(f"at most {length_max} characters", field=field)
    if new.need not in NEEDS:
        raise InputError(f"expected one of {', '.join(NEEDS)}, found {new.need!r}", field="need")
    if new.stage is not None and new.stage not in STAGES:
        raise InputError(f"expected one of {', '.join(STAGES)}, or nothing for all gates", field="stage")
    if not 1 <= len(new.conditions) <= CONDITIONS_MAX:
        raise InputError(f"name 1 to {CONDITIONS_MAX} conditions that lift it", field="conditions")
    if len(new.requests) > REQUESTS_MAX:
        raise InputError(f"at most {REQUESTS_MAX} requests", field="requests")
    asked = any(isinstance(each, ResourceAllocated) for each in new.conditions)
    if new.need in RESOURCE_NEEDS and not new.requests and not asked:
        raise InputError(
            f"a need of {new.need} names what was asked for: a resource request, or how much of what", field="requests"
        )


def _check_moment(new: NewVeto, use_case: UseCase, now: datetime) -> None:
    """InputError or Conflict for what does not fit the use case now."""
    if new.review_at is not None:
        _check_review(new.review_at, now)
    if use_case.stage in TERMINAL_STAGES:
        raise Conflict(f"{use_case.name} is {use_case.stage}: there is nothing left to object to")
    if new.stops_calls and use_case.stage not in EXPOSED_STAGES:
        raise Conflict(
            f"{use_case.name} is in {use_case.stage}: calls are stopped by a veto from pilot on, where people are exposed"
        )


def _check_review(review_at: datetime, now: datetime) -> None:
    if review_at.tzinfo is None:
        raise InputError("give the time with its zone, as in 2027-01-31T00:00:00Z", field="review_at")
    problem = review_problem(review_at, now)
    if problem:
        raise InputError(problem, field="review_at")
