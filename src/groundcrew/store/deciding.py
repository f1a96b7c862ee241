"""The collections of deciding together. Whatever stands here is verified by the audit, row by row."""

from __future__ import annotations

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

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
