"""The tables of deciding together, in the same metadata as all others: vetoes, meetings, resources, inventory, overlaps,
risk."""

from __future__ import annotations

from groundcrew.store.tables import document_table, text

# Vetoes and authorities.

# Meetings, decisions and action items.

# Resources, champions and explorations.
resources = document_table("resources")
resource_requests = document_table(
    "resource_requests",
    text("resource"),
    text("use_case"),
    text("state"),
    indexes=(("resource", "state"), ("use_case", "state"), ("state",)),
)
champions = document_table("champions", text("business_unit"), text("state"))
playbook_pages = document_table("playbook_pages", text("name"), indexes=(("name",),))
#: `words` is what a search looks through, folded.
explorations = document_table(
    "explorations",
    text("state"),
    text("business_unit"),
    text("use_case", nullable=True),
    text("words"),
    indexes=(("state",), ("use_case",)),
)

# The inventory of ungoverned AI.
inventory_findings = document_table(
    "inventory_findings", text("root"), text("state"), text("service"), indexes=(("root",), ("state",), ("service",))
)
inventory_scans = document_table("inventory_scans", text("source"))

# Overlaps and vendors' capabilities.
vendor_capabilities = document_table("vendor_capabilities", text("vendor"), text("status"), indexes=(("vendor",),))
overlap_findings = document_table(
    "overlap_findings", text("use_case"), text("other"), text("state"), indexes=(("use_case",), ("other",), ("state",))
)

# Risk and controls.
risk_sheets = document_table("risk_sheets", text("use_case"), indexes=(("use_case",),))
risk_lowerings = document_table("risk_lowerings", text("use_case"), text("state"), indexes=(("use_case", "state"),))
technical_filings = document_table("technical_filings", text("use_case"), indexes=(("use_case",),))

# Checkpoints of the audit chain and legal holds.
