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

# The inventory of ungoverned AI.

# Overlaps and vendors' capabilities.

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
