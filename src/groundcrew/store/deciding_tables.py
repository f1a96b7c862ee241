"""The tables of deciding together, in the same metadata as all others: vetoes, meetings, resources, inventory, overlaps,
risk."""

from __future__ import annotations

import sqlalchemy as sa

from groundcrew.store.tables import document_table, metadata, text

# Vetoes and authorities.
vetoes = document_table("vetoes", text("use_case"), text("state"), indexes=(("use_case", "state"), ("state",)))
veto_events = document_table("veto_events", text("veto"), text("kind"), indexes=(("veto",),))
authorities = document_table("authorities", text("person"), text("function"), indexes=(("person", "function"),))
authority_requests = document_table("authority_requests", text("state"), text("person"), indexes=(("state",), ("person",)))
deputies = document_table("deputies")

# Meetings, decisions and action items.
stream_cadence = document_table("stream_cadence")
stream_meetings = document_table(
    "stream_meetings",
    sa.Column("slot", sa.Text, nullable=False, unique=True),
    text("state"),
    text("starts_at"),
    indexes=(("state", "starts_at"),),
)
stream_attendance = document_table("stream_attendance", text("meeting"), text("person"), indexes=(("meeting",),))
agenda_items = document_table("agenda_items", text("meeting"), text("key"), text("state"), indexes=(("meeting",), ("key",)))
stream_decisions = document_table(
    "stream_decisions", text("meeting"), text("state"), text("subject"), indexes=(("meeting",), ("subject",))
)
meeting_notes = document_table("meeting_notes", text("meeting"), indexes=(("meeting",),))
action_items = document_table(
    "action_items", text("state"), text("use_case"), text("meeting"), indexes=(("state",), ("meeting",))
)
stream_minutes = document_table("stream_minutes")
minutes_addenda = document_table("minutes_addenda", text("meeting"), indexes=(("meeting",),))
feed_tokens = document_table("feed_tokens", text("person"), text("sha256"), indexes=(("person",), ("sha256",)))
# Operational: rises with every change of a meeting, so that open pages of every server know that there is something newer.
meeting_pulses = sa.Table(
    "meeting_pulses",
    metadata,
    sa.Column("meeting", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)

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
audit_keys = document_table("audit_keys")
checkpoints = document_table("checkpoints")
legal_holds = document_table("legal_holds", text("state"), indexes=(("state",),))
