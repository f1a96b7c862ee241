"""Finding overlaps: every use case that lives against every other and against what vendors sell, and what a scan changes.

What is compared is read first, compared without holding a transaction, and written only if it still reads the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import date

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.overlap import OverlapFinding, OverlapKind, OverlapReason, pair_id
from groundcrew.domain.stage import moved
from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES, UseCase
from groundcrew.errors import Conflict, InputError
from groundcrew.services.overlap_languages import Spoken, language_of, spoken
from groundcrew.services.overlap_scoring import Comparison, Described, background, shipped_rule
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection, Database, Writer

logger = logging.getLogger(__name__)

#: Use cases and capabilities that one scan compares; beyond them a scan is refused rather than cut short.
USE_CASES_MAX, CAPABILITIES_MAX = 2_000, 5_000
#: How often what was imported is compared where something else changes meanwhile.
REFRESH_TRIES_MAX = 3
SETTLED_BY_TEXT = ("justified_build", "false_positive")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that reaches the score."""

    use_case: str
    kind: OverlapKind
    other: str
    score: float
    reason: OverlapReason
    texts: str

    @property
    def id(self) -> str:
        """The pair's id."""
        return pair_id(self.kind, self.use_case, self.other)


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan compared and found. `read` is the digest of all that was compared."""

    names: tuple[str, ...]
    use_cases: tuple[UseCase, ...]
    capabilities: tuple[VendorCapability, ...]
    found: tuple[Found, ...]
    read: str
    #: Name of a use case or id of a capability → its language, None where that can not be told.
    languages: dict[str, str | None] = {}

    def stale(self, today: date) -> int:
        """Capabilities that nobody checked lately: they are compared, and whether they are still so is unknown."""
        return sum(each.is_stale(today) for each in self.capabilities)

    def spoken(self, use_case: str) -> Spoken:
        """The language of one use case among those of everything that it is compared with."""
        return spoken(self.languages[use_case], (each for name, each in self.languages.items() if name != use_case))


async def scan(database: Database, names: Iterable[str] | None = None) -> Scanned:
    """Compare `names` (all that live where None) with everything. InputError where there is more than one scan compares."""
    async with database.read() as connection:
        use_cases, capabilities = await _read(connection)
    if len(use_cases) > USE_CASES_MAX or len(capabilities) > CAPABILITIES_MAX:
        raise InputError(
            f"a scan compares {USE_CASES_MAX} use cases and {CAPABILITIES_MAX} capabilities at most", field="use_case"
        )
    wanted = tuple(sorted(names)) if names is not None else tuple(each.name for each in use_cases)
    found = await asyncio.to_thread(_compare, use_cases, capabilities, frozenset(wanted))
    languages = await asyncio.to_thread(_languages, use_cases, capabilities)
    return Scanned(
        names=wanted,
        use_cases=tuple(use_cases),
        capabilities=tuple(capabilities),
        found=tuple(found),
        read=_digest(use_cases, capabilities),
        languages=languages,
    )


async def languages(database: Database) -> dict[str, str | None]:
    """The languages of what a scan compares now: name of a use case or id of a capability → its language."""
    async with database.read() as connection:
        use_cases, capabilities = await _read(connection)
    return await asyncio.to_thread(_languages, use_cases, capabilities)


async def keep(writer: Writer, scanned: Scanned) -> list[OverlapFinding]:
    """Raise what a scan newly found, close what is about something that is no more, leave what was decided. Returns the findings
    of the names that were scanned and still stand. Conflict where what was compared has changed meanwhile."""
    if _digest(*await _read(writer.connection)) != scanned.read:
        raise Conflict("use cases or capabilities changed while they were compared: scan again")
    wanted = {each.id: each for each in scanned.found}
    standing = []
    for old in await _kept(writer.connection, scanned):
        found = wanted.pop(old.id, None)
        changed = _seen(old, found, writer) if found is not None else _unseen(old, scanned, writer)
        if changed != old:
            action = "raise" if changed.state == "open" != old.state else "close" if changed.state == "gone" else "rescan"
            await deciding.OVERLAPS.put(writer, changed, action, reason=changed.reopened if action == "raise" else "")
        if changed.state != "gone":
            standing.append(changed)
    for each in wanted.values():
        standing.append(await _raise(writer, each))
    return sorted(standing, key=lambda each: (-each.score, each.id))


async def refresh(database: Database, *, actor: str) -> None:
    """Compare everything again after capabilities changed; no evidence is recorded, for no version was looked at. Where something
    changes while it is compared, it is compared again, REFRESH_TRIES_MAX times in all."""
    problem: Exception | None = None
    for _ in range(REFRESH_TRIES_MAX):
        try:
            scanned = await scan(database)
            async with database.write(actor) as writer:
                await keep(writer, scanned)
            return
        except Conflict as error:
            problem = error
        except InputError as error:
            problem = error
            break
    # What was imported is written; gates ask for a scan of their own, which says the same aloud.
    logger.warning("what is new was not compared: %s", problem)


def described(use_case: UseCase) -> Described:
    """A use case as it is compared."""
    facts = [f"unit {use_case.business_unit}", f"solution {use_case.solution}"]
    facts += [f"data {each}" for each in use_case.data_classes]
    if use_case.grounding is not None and use_case.grounding.knowledge is not None:
        facts.append(f"knowledge base {use_case.grounding.knowledge}")
    return Described(title=use_case.title, purpose=use_case.purpose, people=use_case.affected_persons, facts=tuple(facts))


def texts_of(use_case: UseCase) -> str:
    """The digest of what is compared of a use case: a scan of other words says nothing about these."""
    return digest(described(use_case))


def described_capability(capability: VendorCapability) -> Described:
    """A capability as it is compared."""
    facts = ("solution vendor_feature", *(f"data {each}" for each in capability.data_classes))
    area = " ".join((capability.area, *capability.tags))
    return Described(title=capability.name, purpose=capability.description, area=area, facts=facts)


async def _read(connection: Connection) -> tuple[list[UseCase], list[VendorCapability]]:
    use_cases = [each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES]
    return use_cases, await deciding.CAPABILITIES.find(connection)


def _languages(use_cases: list[UseCase], capabilities: list[VendorCapability]) -> dict[str, str | None]:
    found = {each.name: language_of(each.title, each.purpose) for each in use_cases}
    return found | {each.id: language_of(each.name, each.description) for each in capabilities}


def _digest(use_cases: list[UseCase], capabilities: list[VendorCapability]) -> str:
    return digest(
        {each.name: described(each) for each in use_cases} | {each.id: described_capability(each) for each in capabilities}
    )


def _compare(use_cases: list[UseCase], capabilities: list[VendorCapability], names: frozenset[str]) -> list[Found]:
    texts = [*(described(each) for each in use_cases), *(described_capability(each) for each in capabilities)]
    offered = [False] * len(use_cases) + [True] * len(capabilities)
    comparison = Comparison(texts, background(), offered=offered)
    least, found = shipped_rule().score_min, []
    for first, one in enumerate(use_cases):
        for second in range(first + 1, len(texts)):
            other = use_cases[second].name if second < len(use_cases) else capabilities[second - len(use_cases)].id
            if one.name not in names and not (second < len(use_cases) and other in names):
                continue
            compared = comparison.compare(first, second)
            if compared.score >= least:
                found.append(
                    Found(
                        use_case=one.name,
                        kind="use_case" if second < len(use_cases) else "capability",
                        other=other,
                        score=compared.score,
                        reason=compared.reason,
                        texts=digest([texts[first], texts[second]]),
                    )
                )
    return found


async def _kept(connection: Connection, scanned: Scanned) -> list[OverlapFinding]:
    """The findings on record of the names that were scanned."""
    names = frozenset(scanned.names)
    return [each for each in await deciding.OVERLAPS.find(connection) if names & set(each.names)]


def _seen(old: OverlapFinding, found: Found, writer: Writer) -> OverlapFinding:
    changed = msgspec.structs.replace(old, score=found.score, reason=found.reason, unfound=None)
    why = ""
    if old.state == "gone":
        why = "it is found again"
    elif old.state in SETTLED_BY_TEXT and old.texts != found.texts:
        why = f"what was compared has changed since it was decided ({old.state})"
    if not why:
        return msgspec.structs.replace(changed, texts=found.texts) if old.state not in SETTLED_BY_TEXT else changed
    return reopened(msgspec.structs.replace(changed, texts=found.texts), why, writer)


def _unseen(old: OverlapFinding, scanned: Scanned, writer: Writer) -> OverlapFinding:
    """A pair that is not found: closed where one of the two is no more. One that nobody has decided stays open: else other words
    would close it, and who chooses the words has built it. What is decided of it now is about the words of now."""
    live = {each.name for each in scanned.use_cases} | {each.id for each in scanned.capabilities}
    if old.state == "gone":
        return old
    if not {old.use_case, old.other} <= live:
        return msgspec.structs.replace(old, state="gone", since=writer.clock.now(), unfound=None)
    if old.state != "open" or old.unfound is not None:
        return old
    return msgspec.structs.replace(old, unfound=writer.clock.now().date(), texts="")


def reopened(finding: OverlapFinding, why: str, writer: Writer) -> OverlapFinding:
    """`finding`, open again; what was decided stays readable in it until it is decided anew."""
    return msgspec.structs.replace(finding, state="open", since=writer.clock.now(), reopened=why, into=None, expires_on=None)


async def unadopted(writer: Writer, old: UseCase, new: UseCase) -> tuple[UseCase, list[str]]:
    """Open again what was decided by taking a vendor's feature, where a use case is none any more. It goes back to discovery: it
    passed the gate into pilot as that feature. Returns it as it is to be, with what to say of it."""
    if old.solution != "vendor_feature" or new.solution == "vendor_feature":
        return new, []
    found = await deciding.OVERLAPS.find(writer.connection, use_case=new.name, state="adopt_vendor")
    why = f"the vendor's feature was to be taken, and {new.name} is declared as {new.solution}"
    for each in found:
        await deciding.OVERLAPS.put(writer, reopened(each, why, writer), "reopen", reason=why)
    if not found or new.stage not in STAGES[1:]:
        return new, [f"an overlap is open again: {why}"] if found else []
    return moved(new, "discovery"), [f"back from {new.stage} to discovery: {why}"]


async def _raise(writer: Writer, found: Found) -> OverlapFinding:
    now = writer.clock.now()
    finding = OverlapFinding(
        id=found.id,
        use_case=found.use_case,
        kind=found.kind,
        other=found.other,
        score=found.score,
        reason=found.reason,
        found_at=now,
        since=now,
        texts=found.texts,
    )
    await deciding.OVERLAPS.put(writer, finding, "raise", details={"score": found.score})
    return finding
