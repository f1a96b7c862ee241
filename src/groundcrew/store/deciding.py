"""The collections of deciding together. Whatever stands here is verified by the audit, row by row."""

from __future__ import annotations

from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.overlap import OverlapFinding
from groundcrew.store import deciding_tables
from groundcrew.store.collection import Collection

# Vetoes and authorities.

# Meetings, decisions and action items.

# Resources, champions and explorations.

# The inventory of ungoverned AI.

# Overlaps and vendors' capabilities.
CAPABILITIES = Collection(
    deciding_tables.vendor_capabilities,
    VendorCapability,
    "vendor-capability",
    identify=lambda each: each.id,
    columns=lambda each: {"vendor": each.vendor, "status": each.status},
)
OVERLAPS = Collection(
    deciding_tables.overlap_findings,
    OverlapFinding,
    "overlap",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "other": each.other, "state": each.state},
)

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
