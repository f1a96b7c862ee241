"""What every change of a capability brings about: the row, and the overlaps that open again because a roadmap item shipped."""

from __future__ import annotations

from groundcrew.domain.capability import VendorCapability
from groundcrew.services.overlap_scan import reopened
from groundcrew.store import deciding
from groundcrew.store.database import Writer


async def put_capability(writer: Writer, item: VendorCapability, action: str = "import") -> VendorCapability | None:
    """Store a capability where it differs; returns what was there before, None for a new one."""
    old = await deciding.CAPABILITIES.get(writer.connection, item.id)
    if old == item:
        return old
    await deciding.CAPABILITIES.put(writer, item, action, details={"status": item.status})
    if old is not None and old.status != "ga" and item.status == "ga":
        await _reopen(writer, item, f"{item.title} has shipped: it was {old.status}")
    return old


async def _reopen(writer: Writer, item: VendorCapability, why: str) -> None:
    """Building was justified by what the vendor did not sell yet; now it does."""
    for finding in await deciding.OVERLAPS.find(writer.connection, other=item.id, state="justified_build"):
        await deciding.OVERLAPS.put(writer, reopened(finding, why, writer), "reopen", reason=why)
