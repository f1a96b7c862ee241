"""What vendors already sell or plan, with sources and dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from groundcrew.domain.capability import VendorCapability
from groundcrew.services.capability_records import put_capability
from groundcrew.services.changes import Change, differences
from groundcrew.services.declaration_capabilities import capability_problems
from groundcrew.services.declared import DeclarationErrors, Declared
from groundcrew.services.lookups import require
from groundcrew.services.overlap_scan import refresh
from groundcrew.store import deciding
from groundcrew.store.database import Database, Writer


class CapabilityView(msgspec.Struct, frozen=True, kw_only=True):
    """A capability, whether it was checked lately, and how many overlaps with it there are."""

    id: str
    capability: VendorCapability
    stale: bool
    #: It is a roadmap item whose day has come: somebody must look whether it shipped.
    check_shipped: bool
    overlaps: int


class Capabilities:
    """What vendors already sell or plan, with sources and dates of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, declared: Sequence[Declared[VendorCapability]], *, actor: str, dry_run: bool = False) -> list[Change]:
        """Write what differs and return the diff; the same again changes nothing. What ships opens overlaps again, and all that
        lives is compared with what is new. DeclarationErrors, and nothing is written, where something is wrong."""
        if problems := capability_problems(declared, self._database.clock.now().date()):
            raise DeclarationErrors(problems)
        if dry_run:
            async with self._database.read() as connection:
                known = {each.id: each for each in await deciding.CAPABILITIES.find(connection)}
            return [_change(known.get(each.value.id), each.value) for each in declared]
        async with self._database.write(actor) as writer:
            changes = await load_in(writer, declared)
        if any(each.action != "unchanged" for each in changes):
            await refresh(self._database, actor=actor)
        return changes

    async def find(self, *, vendor: str | None = None) -> list[CapabilityView]:
        """Capabilities by vendor, product and name."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            found = await deciding.CAPABILITIES.find(connection)
            overlaps = await deciding.OVERLAPS.find(connection)
        counts: dict[str, int] = {}
        for each in overlaps:
            if each.kind == "capability" and each.state != "gone":
                counts[each.other] = counts.get(each.other, 0) + 1
        wanted = [each for each in found if vendor is None or each.vendor.casefold() == vendor.casefold()]
        ordered = sorted(wanted, key=lambda each: (each.vendor.casefold(), each.product.casefold(), each.name.casefold()))
        return [_view(each, today, counts.get(each.id, 0)) for each in ordered]

    async def get(self, capability_id: str) -> CapabilityView:
        """One capability; NotFound names the nearest."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            found = await require(connection, deciding.CAPABILITIES, capability_id)
            number = await deciding.OVERLAPS.count(connection, other=capability_id)
        return _view(found, today, number)


async def load_in(writer: Writer, declared: Sequence[Declared[VendorCapability]], action: str = "import") -> list[Change]:
    """Write what differs within a transaction; the diff."""
    return [_change(await put_capability(writer, each.value, action), each.value) for each in declared]


def _view(item: VendorCapability, today: date, overlaps: int) -> CapabilityView:
    return CapabilityView(
        id=item.id,
        capability=item,
        stale=item.is_stale(today),
        check_shipped=item.should_have_shipped(today),
        overlaps=overlaps,
    )


def _change(old: VendorCapability | None, new: VendorCapability) -> Change:
    fields = differences(old, new)
    if old is not None and not fields:
        return Change(kind="VendorCapability", name=new.title, action="unchanged")
    shipped = old is not None and old.status != "ga" and new.status == "ga"
    notes = ("it has shipped: builds that were justified by its absence are to be decided again",) if shipped else ()
    return Change(kind="VendorCapability", name=new.title, action="updated" if old else "created", fields=fields, notes=notes)
