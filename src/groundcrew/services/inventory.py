"""The inventory of AI that nobody governs: what scans found, who owns it and until when it is settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec

from groundcrew.domain.inventory import (
    ACCEPTED_DAYS_MAX,
    DEADLINE_DAYS_MAX,
    NAME_LENGTH_MAX,
    REASON_LENGTH_MAX,
    SEVERITIES,
    UNSETTLED,
    FindingState,
    InventoryFinding,
    InventoryScan,
    ScanReport,
)
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.errors import Conflict, InputError
from groundcrew.services.inventory_draft import draft_of
from groundcrew.services.inventory_keys import keys_report
from groundcrew.services.inventory_people import check_settler, may_settle
from groundcrew.services.inventory_recording import Recorded, check_report, record_in
from groundcrew.services.lookups import require, require_use_case
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Database, Writer

ACTOR = "system:inventory"
FOUND_MAX = 20_000


class InventoryOverview(msgspec.Struct, frozen=True, kw_only=True):
    """How the inventory stands: findings by state; those that wait for somebody by service, owner and unit; what is overdue;
    and when each root was scanned last."""

    states: dict[str, int]
    by_service: dict[str, int]
    by_owner: dict[str, int]
    by_unit: dict[str, int]
    by_severity: dict[str, int]
    overdue: int
    scans: tuple[InventoryScan, ...]


class Inventory:
    """The inventory of AI that nobody governs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, report: ScanReport, *, actor: str) -> Recorded:
        """Take a scan in. Where `actor` may not settle findings it only adds to them. InputError where the report can not be one,
        or is of this database's keys, which nobody but `scan_keys` reports."""
        if report.source == "keys":
            raise InputError("the keys of this database are looked at by itself: they are not reported", field="source")
        check_report(report)
        async with self._database.write(actor) as writer:
            return await record_in(writer, report, settles=await may_settle(writer.connection, actor))

    async def scan_keys(self, *, actor: str | None = None) -> tuple[ScanReport, Recorded | None]:
        """Look at the gateway keys; with `actor` the findings are recorded too."""
        async with self._database.read() as connection:
            report = await keys_report(connection, self._database.clock.now())
        if actor is None:
            return report, None
        check_report(report)
        async with self._database.write(actor) as writer:
            return report, await record_in(writer, report, settles=True)

    async def find(
        self,
        *,
        state: FindingState | None = None,
        wants: Callable[[InventoryFinding], bool] = lambda _each: True,
        root: str | None = None,
        service: str | None = None,
        owner: str | None = None,
        unit: str | None = None,
        source: str | None = None,
        limit: int = 200,
    ) -> list[InventoryFinding]:
        """What was found, what is overdue first, then what waits for somebody, the worst first. An empty `owner` or `unit`
        finds what has none."""
        equal: dict[str, Any] = {
            name: value for name, value in (("state", state), ("root", root), ("service", service)) if value is not None
        }
        async with self._database.read() as connection:
            found = await deciding.INVENTORY_FINDINGS.find(connection, limit=FOUND_MAX, **equal)
        kept = [
            each
            for each in found
            if (owner is None or (each.owner or "") == owner)
            and (unit is None or (each.unit or "") == unit)
            and (source is None or each.found.source == source)
            and wants(each)
        ]
        today = self._database.clock.now().date()
        return sorted(kept, key=lambda each: _order(each, today))[:limit]

    async def overdue(self) -> list[InventoryFinding]:
        """What should have been settled, the longest overdue first."""
        today = self._database.clock.now().date()
        found = await self.find(state="assigned", wants=lambda each: each.overdue(today), limit=FOUND_MAX)
        return sorted(found, key=lambda each: (each.deadline or today, each.id))

    async def get(self, finding_id: str) -> InventoryFinding:
        """One finding; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, deciding.INVENTORY_FINDINGS, finding_id)

    async def overview(self) -> InventoryOverview:
        """How all of it stands."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            every = await deciding.INVENTORY_FINDINGS.find(connection)
            scans = await deciding.INVENTORY_SCANS.find(connection)
        waiting = [each for each in every if each.state in UNSETTLED]
        return InventoryOverview(
            states=dict(Counter(each.state for each in every)),
            by_service=dict(Counter(each.found.service for each in waiting).most_common()),
            by_owner=dict(Counter(each.owner or "" for each in waiting).most_common()),
            by_unit=dict(Counter(each.unit or "" for each in waiting).most_common()),
            by_severity=dict(Counter(each.found.severity for each in waiting).most_common()),
            overdue=sum(each.overdue(today) for each in every),
            scans=tuple(sorted(scans, key=lambda each: each.at, reverse=True)),
        )

    async def draft(self, finding_id: str) -> str:
        """A declaration to fill in, as YAML for `groundcrew apply`, which refuses it until what nobody but people know is in it.
        NotFound."""
        return draft_of(await self.get(finding_id))

    async def assign(self, finding_id: str, owner: str, deadline: date, *, actor: str, unit: str = "") -> InventoryFinding:
        """Say who settles it until when; again to change that. Conflict where it is settled."""
        owner, unit = _name(owner, "owner"), _name(unit, "unit", required=False)
        today = self._database.clock.now().date()
        if not today <= deadline <= today + timedelta(days=DEADLINE_DAYS_MAX):
            raise InputError(f"a deadline lies between today and {DEADLINE_DAYS_MAX} days ahead", field="deadline")
        async with self._database.write(actor) as writer:
            await check_settler(writer.connection, actor)
            old = await _unsettled(writer, finding_id)
            return await _put(
                writer,
                msgspec.structs.replace(old, state="assigned", owner=owner, deadline=deadline, unit=unit or old.unit),
                "assign",
                f"{owner}, by {deadline}",
            )

    async def retire(self, finding_id: str, reason: str, *, actor: str) -> InventoryFinding:
        """Say that it was taken away. The next scan of its root confirms that, or opens it again."""
        return await self._settle(finding_id, actor, reason, state="retired")

    async def accept(self, finding_id: str, reason: str, until: date, *, actor: str) -> InventoryFinding:
        """Say, under an account, that it may stay as it is until a day. After that it is open again."""
        today = self._database.clock.now().date()
        if not today < until <= today + timedelta(days=ACCEPTED_DAYS_MAX):
            raise InputError(f"something is accepted until a day, at most {ACCEPTED_DAYS_MAX} days ahead", field="until")
        return await self._settle(finding_id, actor, reason, account=True, state="accepted", until=until)

    async def register(self, finding_id: str, use_case: str, *, actor: str) -> InventoryFinding:
        """Say which registered use case it belongs to now. NotFound where there is none, Conflict where that one has ended."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
        if item.stage in TERMINAL_STAGES:
            raise Conflict(f"{use_case} is {item.stage}: it governs nothing any more")
        return await self._settle(
            finding_id, actor, f"it is the use case {use_case}", account=True, state="draft_registered", use_case=use_case
        )

    async def reopen(self, finding_id: str, reason: str, *, actor: str) -> InventoryFinding:
        """Open what was settled again. Conflict where it is not settled."""
        reason = _reason(reason)
        async with self._database.write(actor) as writer:
            await check_settler(writer.connection, actor)
            old = await require(writer.connection, deciding.INVENTORY_FINDINGS, finding_id)
            if old.state in UNSETTLED:
                raise Conflict(f"finding {finding_id} is {old.state}: nothing is settled")
            return await _put(writer, _open_again(old), "reopen", reason)

    async def watch(self) -> list[InventoryFinding]:
        """Open again what was accepted until a day that is past, and what belongs to a use case that has ended. Idempotent."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            due = [each for each in await _lapsing(connection) if await _lapsed(connection, each, today)]
        opened = []
        for each in due:
            async with self._database.write(ACTOR) as writer:
                now = await deciding.INVENTORY_FINDINGS.get(writer.connection, each.id)
                why = await _lapsed(writer.connection, now, today) if now is not None else None
                if now is not None and why:
                    opened.append(await _put(writer, _open_again(now), "reopen", why))
        return opened

    async def _settle(
        self, finding_id: str, actor: str, reason: str, *, account: bool = False, **changes: Any
    ) -> InventoryFinding:
        reason = _reason(reason)
        async with self._database.write(actor) as writer:
            await check_settler(writer.connection, actor, account=account)
            old = await _unsettled(writer, finding_id)
            settled = msgspec.structs.replace(old, reason=reason, settled_by=actor, settled_at=writer.clock.now(), **changes)
            return await _put(writer, settled, changes["state"], reason)


def _order(each: InventoryFinding, today: date) -> tuple[bool, bool, int, str, str, int]:
    return (
        not each.overdue(today),
        each.state not in UNSETTLED,
        -SEVERITIES.index(each.found.severity),
        each.found.service,
        each.found.path or each.found.user or "",
        each.found.line or 0,
    )


async def _lapsing(connection: Any) -> list[InventoryFinding]:
    return [
        *await deciding.INVENTORY_FINDINGS.find(connection, state="accepted"),
        *await deciding.INVENTORY_FINDINGS.find(connection, state="draft_registered"),
    ]


async def _lapsed(connection: Any, each: InventoryFinding, today: date) -> str | None:
    """Why something is settled no more, or None."""
    if each.state == "accepted" and each.until is not None and today > each.until:
        return f"it was accepted until {each.until}"
    if each.state == "draft_registered" and each.use_case and each.gone_at is None:
        use_case = await catalog.USE_CASES.get(connection, each.use_case)
        if use_case is None or use_case.stage in TERMINAL_STAGES:
            return (
                f"the use case {each.use_case} is {use_case.stage if use_case else 'not there any more'}, and it is still found"
            )
    return None


def _open_again(old: InventoryFinding) -> InventoryFinding:
    return msgspec.structs.replace(
        old, state="open", deadline=None, until=None, use_case=None, gone_at=None, reopened=old.reopened + 1
    )


async def _put(writer: Writer, item: InventoryFinding, action: str, reason: str) -> InventoryFinding:
    await deciding.INVENTORY_FINDINGS.put(writer, item, action, reason=reason)
    return item


async def _unsettled(writer: Writer, finding_id: str) -> InventoryFinding:
    item = await require(writer.connection, deciding.INVENTORY_FINDINGS, finding_id)
    if item.state not in UNSETTLED:
        raise Conflict(f"finding {finding_id} is {item.state.replace('_', ' ')}: open it again first")
    return item


def _reason(text: str) -> str:
    kept = " ".join(text.split())
    if not kept or len(kept) > REASON_LENGTH_MAX:
        raise InputError(f"say why, in at most {REASON_LENGTH_MAX} characters", field="reason")
    return kept


def _name(text: str, field: str, *, required: bool = True) -> str:
    kept = text.strip()
    if (required and not kept) or len(kept) > NAME_LENGTH_MAX or not kept.isprintable():
        raise InputError(f"name one, in at most {NAME_LENGTH_MAX} printable characters", field=field)
    return kept
