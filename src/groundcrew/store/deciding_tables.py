"""The tables of deciding together, in the same metadata as all others: vetoes, meetings, resources, inventory, overlaps, risk."""

from __future__ import annotations

from groundcrew.store.tables import document_table, text

# Vetoes and authorities.

# Meetings, decisions and action items.

# Resources, champions and explorations.

# The inventory of ungoverned AI.

# Overlaps and vendors' capabilities.
vendor_capabilities = document_table("vendor_capabilities", text("vendor"), text("status"), indexes=(("vendor",),))
overlap_findings = document_table(
    "overlap_findings", text("use_case"), text("other"), text("state"), indexes=(("use_case",), ("other",), ("state",))
)

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
