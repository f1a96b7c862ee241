"""The tables of deciding together, in the same metadata as all others: vetoes, meetings, resources, inventory, overlaps, risk."""

from __future__ import annotations

from groundcrew.store.tables import document_table, text

# Vetoes and authorities.

# Meetings, decisions and action items.

# Resources, champions and explorations.

# The inventory of ungoverned AI.

# Overlaps and vendors' capabilities.

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
audit_keys = document_table("audit_keys")
checkpoints = document_table("checkpoints")
legal_holds = document_table("legal_holds", text("state"), indexes=(("state",),))
