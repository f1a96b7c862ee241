"""Overlaps of use cases with each other and with what vendors sell, and what was decided about them."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import msgspec

from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.evidence import Evidence
from groundcrew.domain.overlap import (
    DISPOSITIONS,
    JUSTIFIED_DAYS_MAX,
    REASON_LENGTH_MAX,
    Disposition,
    OverlapFinding,
    OverlapState,
)
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.domain.user import Role
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.evidence import OVERLAP_VALID_S, record
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import person_of, require, require_use_case
from groundcrew.services.overlap_languages import Spoken, spoken
from groundcrew.services.overlap_scan import keep, languages, reopened, scan, texts_of
from groundcrew.services.overlap_scoring import shipped_rule
from groundcrew.services.overlap_standing import capabilities_of, ships_on
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection, Database, Writer

ACTOR = "system:overlaps"
#: Who may settle an overlap; a test holds it against the policies of the web.
SETTLERS: frozenset[Role] = frozenset({"admin", "it", "business"})
#: What can be decided of a pair of each kind.
POSSIBLE: dict[str, tuple[Disposition, ...]] = {
    "use_case": ("join_existing", "justified_build", "false_positive"),
    "capability": ("adopt_vendor", "justified_build", "false_positive"),
}


class OverlapView(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, its state now, and the two that it is about (None where one is no more)."""

    finding: OverlapFinding
    state: OverlapState
    use_case: UseCase | None
    other: UseCase | None = None
    capability: VendorCapability | None = None
    #: Nobody has checked the capability lately: whether it is so is unknown.
    stale: bool = False

    @property
    def other_title(self) -> str:
        """The other side in words."""
        if self.capability is not None:
            return self.capability.title
        return self.other.title if self.other is not None else self.finding.other


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is decided of an overlap. A justified build has its last day, joining says which of the two goes on."""

    disposition: Disposition
    reason: str
    expires_on: date | None = None
    into: str | None = None


class Overlaps:
    """Overlaps of use cases with each other and with what vendors sell, and what was decided about them of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def scan(self, use_case: str, *, actor: str) -> Evidence:
        """Compare one use case with all others and with the capabilities; what is found is raised, and that it was looked for is
        evidence of its current version for 30 days."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
        if item.stage in TERMINAL_STAGES:
            raise Conflict(f"{use_case} is {item.stage}: nothing overlaps with it any more")
        scanned = await scan(self._database, (use_case,))
        async with self._database.write(actor) as writer:
            findings = await keep(writer, scanned)
            item = await require_use_case(writer.connection, use_case)
            today = writer.clock.now().date()
            content = {
                "compared": len(scanned.use_cases) - 1,
                "capabilities": len(scanned.capabilities),
                "capabilities_stale": scanned.stale(today),
                "score_min": shipped_rule().score_min,
                **scanned.spoken(use_case).content,
                # Nothing was written between the comparison and here, so these are the words that were compared.
                "texts": texts_of(item),
                "all_texts": scanned.read,
                "findings": [
                    {"id": each.id, "kind": each.kind, "other": each.other_of(use_case), "score": each.score, "state": each.state}
                    for each in findings
                ],
            }
            return await record(writer, item, kind="overlap_scan", subject="registry", content=content, valid_s=OVERLAP_VALID_S)

    async def scan_all(self, *, actor: str) -> dict[str, Evidence]:
        """`scan` of every use case that lives, by name."""
        async with self._database.read() as connection:
            names = [each.name for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES]
        return {name: await self.scan(name, actor=actor) for name in names}

    async def find(self, *, use_case: str | None = None, state: OverlapState | None = None) -> list[OverlapView]:
        """Findings with their state now: open ones first, the most alike first."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            if use_case is not None:
                await require_use_case(connection, use_case)
            found = [each for each in await deciding.OVERLAPS.find(connection) if use_case is None or use_case in each.names]
            views = await _views(connection, found, today)
        wanted = [each for each in views if state is None or each.state == state]
        return sorted(wanted, key=lambda each: (each.state != "open", each.state == "gone", -each.finding.score, each.finding.id))

    async def languages(self, use_case: str | None = None) -> Spoken:
        """The languages of what scans compare now: those that are not the one of `use_case`, else that are not the most
        frequent one."""
        if use_case is not None:
            async with self._database.read() as connection:
                await require_use_case(connection, use_case)
        found = await languages(self._database)
        if use_case is not None:
            return spoken(found.get(use_case), (each for name, each in found.items() if name != use_case))
        told = Counter(each for each in found.values() if each is not None)
        return spoken(told.most_common(1)[0][0] if told else None, found.values())

    async def get(self, overlap_id: str) -> OverlapView:
        """One finding; NotFound."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            found = await require(connection, deciding.OVERLAPS, overlap_id)
            return (await _views(connection, [found], today))[0]

    async def settle(self, overlap_id: str, terms: Terms, *, actor: str) -> OverlapFinding:
        """Decide an open finding. NotAllowed for whoever built one of its use cases, and for who is no person of an account that
        may; Conflict for one that is not open."""
        async with self._database.write(actor) as writer:
            finding = await require(writer.connection, deciding.OVERLAPS, overlap_id)
            await check_settler(writer.connection, actor, finding)
            return await settle_in(writer, finding, terms)

    async def reopen(self, overlap_id: str, reason: str, *, actor: str) -> OverlapFinding:
        """Open a decided finding again, with a reason."""
        _check_reason(reason)
        async with self._database.write(actor) as writer:
            finding = await require(writer.connection, deciding.OVERLAPS, overlap_id)
            await check_settler(writer.connection, actor, finding)
            if finding.state in ("open", "gone"):
                raise Conflict(f"overlap {overlap_id} is {finding.state}: nothing was decided that could be opened again")
            changed = reopened(finding, reason, writer)
            await deciding.OVERLAPS.put(writer, changed, "reopen", reason=reason)
        return changed

    async def watch(self) -> list[OverlapFinding]:
        """Note what has opened again by itself: justifications that have ended, and roadmap items that should have shipped."""
        async with self._database.read() as connection:
            if not await _ended(connection, self._database.clock.now().date()):
                return []
        found = []
        async with self._database.write(ACTOR) as writer:
            for finding, why in await _ended(writer.connection, writer.clock.now().date()):
                changed = reopened(finding, why, writer)
                await deciding.OVERLAPS.put(writer, changed, "reopen", reason=why)
                found.append(changed)
        return found


async def settle_in(writer: Writer, finding: OverlapFinding, terms: Terms, *, decision: str | None = None) -> OverlapFinding:
    """Decide a finding within a transaction: a person's word, or a `decision` of the Stream."""
    today = writer.clock.now().date()
    view = (await _views(writer.connection, [finding], today))[0]
    if view.state != "open":
        raise Conflict(f"overlap {finding.id} is {view.state.replace('_', ' ')}: open it again first")
    _check_reason(terms.reason)
    _check_terms(view, terms, today)
    settled = msgspec.structs.replace(
        finding,
        state=terms.disposition,
        since=writer.clock.now(),
        settled_by=writer.actor,
        settled_at=writer.clock.now(),
        why=terms.reason.strip(),
        expires_on=terms.expires_on,
        into=terms.into,
        decision=decision,
        reopened="",
        unfound=None,
    )
    await deciding.OVERLAPS.put(
        writer, settled, "settle", reason=terms.reason, details={"disposition": terms.disposition, "decision": decision}
    )
    return settled


async def check_settler(connection: Connection, actor: str, finding: OverlapFinding) -> None:
    """NotAllowed unless `actor` is a person with an account that may settle now, and has built none of the use cases."""
    kind, _, name = actor.partition(":")
    account = await catalog.USERS.get(connection, name) if kind == "user" else None
    if account is None or account.disabled or account.kind == "agent":
        raise NotAllowed("an overlap is settled by a person under their account: sign in, or use --as NAME")
    if not SETTLERS & set(account.roles):
        raise NotAllowed(f"{name} may not settle overlaps: it takes one of {', '.join(sorted(SETTLERS))}")
    for each in finding.names:
        use_case = await catalog.USE_CASES.get(connection, each)
        if use_case is not None and person_of(actor) in await persons_who_built(connection, use_case):
            raise NotAllowed(f"{name} owns, champions or has built {each}: someone who did not build it settles this")


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX:
        raise InputError(f"say why, in at most {REASON_LENGTH_MAX} characters", field="reason")


def _check_terms(view: OverlapView, terms: Terms, today: date) -> None:
    finding = view.finding
    possible = POSSIBLE[finding.kind]
    if terms.disposition not in DISPOSITIONS or terms.disposition not in possible:
        raise InputError(f"expected one of {', '.join(possible)}, found {terms.disposition!r}", field="disposition")
    if terms.disposition == "justified_build":
        latest = today + timedelta(days=JUSTIFIED_DAYS_MAX)
        if terms.expires_on is None or not today < terms.expires_on <= latest:
            raise InputError(f"a justified build ends: name its last day, after {today} and until {latest}", field="expires_on")
    elif terms.expires_on is not None:
        raise InputError("only a justified build has a last day", field="expires_on")
    if terms.disposition == "join_existing":
        if terms.into not in finding.names:
            raise InputError(f"say which one goes on: {' or '.join(finding.names)}", field="into")
    elif terms.into is not None:
        raise InputError("only joining says which one goes on", field="into")
    if terms.disposition == "adopt_vendor" and (view.capability is None or view.stale):
        raise Conflict("nobody has checked lately what the vendor sells: read its source, import it anew, and then adopt it")


async def _views(connection: Connection, findings: list[OverlapFinding], today: date) -> list[OverlapView]:
    known = await capabilities_of(connection, findings)
    names = {name for each in findings for name in each.names}
    use_cases = {each.name: each for each in await catalog.USE_CASES.find(connection) if each.name in names}
    views = []
    for each in findings:
        capability = known.get(each.other) if each.kind == "capability" else None
        views.append(
            OverlapView(
                finding=each,
                state=each.state_on(today, ships_on(capability)),
                use_case=use_cases.get(each.use_case),
                other=use_cases.get(each.other) if each.kind == "use_case" else None,
                capability=capability,
                stale=capability is not None and capability.is_stale(today),
            )
        )
    return views


async def _ended(connection: Connection, today: date) -> list[tuple[OverlapFinding, str]]:
    """Justified builds that are open again by today, with why."""
    found = await deciding.OVERLAPS.find(connection, state="justified_build")
    known = await capabilities_of(connection, found)
    ended = []
    for each in found:
        capability = known.get(each.other) if each.kind == "capability" else None
        if each.state_on(today, ships_on(capability)) != "open":
            continue
        if each.expires_on is None or each.expires_on < today:
            ended.append((each, f"its justification ended on {each.expires_on}"))
        elif capability is not None:
            ended.append((each, f"{capability.title} is said to have shipped on {capability.ships_on}: check"))
    return ended
