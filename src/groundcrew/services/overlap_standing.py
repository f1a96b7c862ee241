"""How a use case stands with its overlaps: what is open, what it was decided to join, and which vendor's product it is to be."""

from __future__ import annotations

from datetime import date

import msgspec

from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.overlap import OverlapFinding
from groundcrew.domain.use_case import UseCase
from groundcrew.store import deciding
from groundcrew.store.database import Connection


class OverlapStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The overlaps of one use case that stand in its way, and how many of all findings do not."""

    open: tuple[OverlapFinding, ...] = ()
    #: Decided: it joins another use case, and is not to become a pilot of its own.
    joins: tuple[OverlapFinding, ...] = ()
    #: Decided: a vendor's capability does it, and it is none of that vendor's features yet.
    adopts: tuple[OverlapFinding, ...] = ()
    settled: int = 0
    #: Capability id → how it is called.
    titles: dict[str, str] = {}

    def title(self, finding: OverlapFinding, use_case: str) -> str:
        """The other side in words."""
        other = finding.other_of(use_case)
        return self.titles.get(other, other)


async def findings_of(connection: Connection, use_case: str) -> list[OverlapFinding]:
    """All findings that concern a use case, whatever their state."""
    mine = await deciding.OVERLAPS.find(connection, use_case=use_case)
    others = await deciding.OVERLAPS.find(connection, other=use_case)
    return [*mine, *(each for each in others if each.kind == "use_case")]


async def capabilities_of(connection: Connection, findings: list[OverlapFinding]) -> dict[str, VendorCapability]:
    """The capabilities that findings name, by id."""
    ids = sorted({each.other for each in findings if each.kind == "capability"})
    found: list[VendorCapability] = []
    for start in range(0, len(ids), 500):
        found += await deciding.CAPABILITIES.find_ids(connection, ids[start : start + 500])
    return {each.id: each for each in found}


async def overlaps_of(connection: Connection, use_case: UseCase, today: date) -> OverlapStanding:
    """How one use case stands on `today`."""
    findings = await findings_of(connection, use_case.name)
    known = await capabilities_of(connection, findings)
    open_ones, joins, adopts, settled = [], [], [], 0
    for each in findings:
        capability = known.get(each.other) if each.kind == "capability" else None
        state = each.state_on(today, ships_on(capability))
        if state == "open":
            open_ones.append(each)
        elif state == "join_existing" and each.into != use_case.name:
            joins.append(each)
        elif state == "adopt_vendor" and use_case.solution != "vendor_feature":
            adopts.append(each)
        elif state != "gone":
            settled += 1
    return OverlapStanding(
        open=tuple(open_ones),
        joins=tuple(joins),
        adopts=tuple(adopts),
        settled=settled,
        titles={key: each.title for key, each in known.items()},
    )


def ships_on(capability: VendorCapability | None) -> date | None:
    """The day on which a roadmap item is to ship; None for what is no roadmap item."""
    return capability.ships_on if capability is not None and capability.status == "roadmap" else None
