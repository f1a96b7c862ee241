"""The tables of deciding together, in the same metadata as all others: vetoes, meetings, resources, inventory, overlaps, risk."""

from __future__ import annotations

from groundcrew.store.tables import document_table, text

# Vetoes and authorities.

# Meetings, decisions and action items.

# Resources, champions and explorations.

# The inventory of ungoverned AI.
inventory_findings = document_table(
    "inventory_findings", text("root"), text("state"), text("service"), indexes=(("root",), ("state",), ("service",))
)
inventory_scans = document_table("inventory_scans", text("source"))

# Overlaps and vendors' capabilities.

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
