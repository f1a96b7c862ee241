"""The collections of deciding together. Whatever stands here is verified by the audit, row by row."""

from __future__ import annotations

from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.overlap import OverlapFinding
from groundcrew.domain.risk import RiskLowering, RiskSheet
from groundcrew.domain.technical_file import TechnicalFiling
from groundcrew.domain.inventory import InventoryFinding, InventoryScan, inventory_id
from groundcrew.store import deciding_tables
from groundcrew.store.collection import Collection

# Vetoes and authorities.

# Meetings, decisions and action items.

# Resources, champions and explorations.

# The inventory of ungoverned AI.
INVENTORY_FINDINGS = Collection(
    deciding_tables.inventory_findings,
    InventoryFinding,
    "inventory-finding",
    identify=lambda each: each.id,
    columns=lambda each: {"root": each.root, "state": each.state, "service": each.found.service},
)
INVENTORY_SCANS = Collection(
    deciding_tables.inventory_scans,
    InventoryScan,
    "inventory-scan",
    identify=lambda each: inventory_id(each.root, "scan"),
    columns=lambda each: {"source": each.source},
)

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
RISK_SHEETS = Collection(
    deciding_tables.risk_sheets,
    RiskSheet,
    "risk-sheet",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case},
)
RISK_LOWERINGS = Collection(
    deciding_tables.risk_lowerings,
    RiskLowering,
    "risk-lowering",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "state": each.state},
)
TECHNICAL_FILINGS = Collection(
    deciding_tables.technical_filings,
    TechnicalFiling,
    "technical-filing",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case},
)

# Checkpoints of the audit chain and legal holds.
