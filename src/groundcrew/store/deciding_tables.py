"""The tables of deciding together, in the same metadata as all others: vetoes, meetings, resources, inventory, overlaps, risk."""

from __future__ import annotations

from groundcrew.store.tables import document_table, text

# Vetoes and authorities.
vetoes = document_table("vetoes", text("use_case"), text("state"), indexes=(("use_case", "state"), ("state",)))
veto_events = document_table("veto_events", text("veto"), text("kind"), indexes=(("veto",),))
authorities = document_table("authorities", text("person"), text("function"), indexes=(("person", "function"),))
authority_requests = document_table("authority_requests", text("state"), text("person"), indexes=(("state",), ("person",)))
deputies = document_table("deputies")

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

# Overlaps and vendors' capabilities.

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
