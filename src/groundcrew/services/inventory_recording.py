"""How a scan enters the inventory: what is new is open, what is known stays as people left it, what is not seen any more is
gone, and what comes back is open again. Recording the same scan twice changes nothing.

A report is what somebody says. From who may not settle findings it adds, and opens again what was gone or retired; it changes
nothing of what is known, and makes nothing gone.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from groundcrew.domain.inventory import (
    FINDINGS_MAX,
    LEFT_OUT_MAX,
    NAME_LENGTH_MAX,
    PATH_LENGTH_MAX,
    REASON_LENGTH_MAX,
    ROOT_LENGTH_MAX,
    InventoryFinding,
    InventoryScan,
    ScanFinding,
    ScanReport,
    inventory_id,
)
from groundcrew.errors import InputError
from groundcrew.scanning.hiding import without_secrets
from groundcrew.store import deciding
from groundcrew.store.database import Writer

#: Sources whose scans see all there is, so that what they do not see is gone; a log or a list of expenses tells of its time only.
_WHOLE = frozenset(("code", "keys"))
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What recording a scan came to: ids of what is new, open again and gone, and how many were known. `only_added`: whether it
    came from who may not settle findings, so that it changed nothing of what is known."""

    root: str
    new: tuple[str, ...] = ()
    reopened: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    known: int = 0
    only_added: bool = False


def check_report(report: ScanReport) -> None:
    """InputError where a report is too large, or a finding in it can not be one."""
    if not report.root.strip() or len(report.root) > ROOT_LENGTH_MAX or not report.root.isprintable():
        raise InputError(f"name what was scanned, in 1 to {ROOT_LENGTH_MAX} printable characters", field="root")
    if len(report.findings) > FINDINGS_MAX:
        raise InputError(f"at most {FINDINGS_MAX:,} findings are recorded at once: scan folder by folder", field="findings")
    if len(report.left_out) > LEFT_OUT_MAX or any(not 0 < len(each) <= PATH_LENGTH_MAX for each in report.left_out):
        raise InputError(f"at most {LEFT_OUT_MAX:,} folders of 1 to {PATH_LENGTH_MAX:,} characters", field="left_out")
    for number, each in enumerate(report.findings):
        at = f"findings[{number}]"
        if each.source != report.source:
            raise InputError(f"expected {report.source}, as the report says, found {each.source}", field=f"{at}.source")
        if not re.fullmatch(r"[0-9a-f]{16,64}", each.fingerprint):
            raise InputError("expected 16 to 64 hexadecimal digits", field=f"{at}.fingerprint")
        for name, text, limit in (
            ("service", each.service, 64),
            ("reason", each.reason, REASON_LENGTH_MAX),
            ("path", each.path, PATH_LENGTH_MAX),
            ("user", each.user, NAME_LENGTH_MAX),
            ("host", each.host, REASON_LENGTH_MAX),
            ("fragment", each.fragment, 400),
            ("accepted", each.accepted, REASON_LENGTH_MAX),
            ("currency", each.currency, 16),
            ("first_seen", each.first_seen, 64),
            ("last_seen", each.last_seen, 64),
        ):
            if text is not None and len(text) > limit:
                raise InputError(f"longer than {limit} characters", field=f"{at}.{name}")
        if not each.service or not each.reason:
            raise InputError("a finding names a service and a reason", field=at)


def _safe(found: ScanFinding) -> ScanFinding:
    """A finding without the secrets in its texts, whatever a scanner left."""
    return msgspec.structs.replace(
        found,
        fragment=without_secrets(found.fragment),
        reason=without_secrets(found.reason),
        accepted=without_secrets(found.accepted) if found.accepted is not None else None,
    )


async def record_in(writer: Writer, report: ScanReport, *, settles: bool) -> Recorded:
    """Record a checked report within a transaction. `settles`: whether who reports may settle findings."""
    now = writer.clock.now()
    known = {each.id: each for each in await deciding.INVENTORY_FINDINGS.find(writer.connection, root=report.root)}
    new, reopened, gone, seen = [], [], [], set()
    for found in report.findings:
        safe = _safe(found)
        item_id = inventory_id(report.root, found.fingerprint)
        if item_id in seen:
            continue
        seen.add(item_id)
        old = known.get(item_id)
        if old is None:
            made = InventoryFinding(id=item_id, root=report.root, found=safe, first_found_at=now)
            await deciding.INVENTORY_FINDINGS.put(writer, made, "find", reason=safe.reason)
            new.append(item_id)
        elif old.found.source != safe.source:
            continue  # Another scan's finding is not this one's to tell of.
        elif _is_back(old, safe):
            again = _reopened(old, safe if settles else old.found)
            await deciding.INVENTORY_FINDINGS.put(writer, again, "reopen", reason="a scan sees it again")
            reopened.append(item_id)
        elif settles and (merged := _merged(old.found, safe)) != old.found:
            await deciding.INVENTORY_FINDINGS.put(writer, msgspec.structs.replace(old, found=merged), "see")
    complete = report.complete and settles
    if complete and report.source in _WHOLE:
        for each in known.values():
            here = each.found.source == report.source and not _left_out(each.found.path, report.left_out)
            if here and each.id not in seen and each.gone_at is None:
                await deciding.INVENTORY_FINDINGS.put(writer, _gone(each, now), "gone", reason="a scan sees it no more")
                gone.append(each.id)
    scan = InventoryScan(
        root=report.root,
        source=report.source,
        at=now,
        by=writer.actor,
        complete=complete,
        catalogue=report.catalogue[:200],
        findings=len(seen),
    )
    await deciding.INVENTORY_SCANS.put(writer, scan, "record")
    return Recorded(
        root=report.root,
        new=tuple(new),
        reopened=tuple(reopened),
        gone=tuple(gone),
        known=len(seen) - len(new) - len(reopened),
        only_added=not settles,
    )


def _left_out(path: str | None, folders: tuple[str, ...]) -> bool:
    return path is not None and any(path.startswith(f"{each}/") for each in folders)


def _is_back(old: InventoryFinding, found: ScanFinding) -> bool:
    """Whether what was gone, or said to be retired, is there."""
    if old.gone_at is None and old.state not in ("gone", "retired"):
        return False
    if found.source in _WHOLE:
        return True
    # A log that was read before proves nothing new: something later must be in it.
    settled = f"{old.settled_at:%Y-%m-%d}" if old.settled_at else ""
    if found.last_seen and _DAY.match(found.last_seen) and settled:
        return found.last_seen[:10] > settled
    return (found.count or 0) > (old.found.count or 0)


def _reopened(old: InventoryFinding, found: ScanFinding) -> InventoryFinding:
    return msgspec.structs.replace(
        old, found=found, state="open", gone_at=None, deadline=None, until=None, use_case=None, reopened=old.reopened + 1
    )


def _gone(old: InventoryFinding, now: datetime) -> InventoryFinding:
    """Not seen any more: what waited for somebody is over; what was settled keeps how, and that it is confirmed."""
    state = "gone" if old.state in ("open", "assigned", "accepted") else old.state
    return msgspec.structs.replace(old, state=state, gone_at=now)


def _merged(old: ScanFinding, found: ScanFinding) -> ScanFinding:
    """The newer sighting, with the older beginning."""
    first = min((each for each in (old.first_seen, found.first_seen) if each), default=None)
    last = max((each for each in (old.last_seen, found.last_seen) if each), default=None)
    return msgspec.structs.replace(found, first_seen=first, last_seen=last)
