"""The collections of deciding together. Whatever stands here is verified by the audit, row by row."""

from __future__ import annotations

from groundcrew.domain.authority import Authority, AuthorityRequest, Deputies
from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.champion import Champion, PlaybookPage
from groundcrew.domain.checkpoint import AuditKey, Checkpoint, checkpoint_id
from groundcrew.domain.exploration import Exploration, searched_text
from groundcrew.domain.inventory import InventoryFinding, InventoryScan, inventory_id
from groundcrew.domain.legal_hold import LegalHold
from groundcrew.domain.meeting import (
    ActionItem,
    Addendum,
    AgendaItem,
    Attendance,
    Cadence,
    Decision,
    FeedToken,
    MeetingNote,
    StreamMeeting,
)
from groundcrew.domain.minutes import Minutes
from groundcrew.domain.overlap import OverlapFinding
from groundcrew.domain.resource import Resource, ResourceRequest
from groundcrew.domain.risk import RiskLowering, RiskSheet
from groundcrew.domain.technical_file import TechnicalFiling
from groundcrew.domain.veto import Veto, VetoEvent
from groundcrew.store import deciding_tables
from groundcrew.store.collection import Collection
from groundcrew.store.rows import stamp

# Vetoes and authorities.
VETOES = Collection(
    deciding_tables.vetoes,
    Veto,
    "veto",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "state": each.state},
)
VETO_EVENTS = Collection(
    deciding_tables.veto_events,
    VetoEvent,
    "veto-event",
    identify=lambda each: each.id,
    columns=lambda each: {"veto": each.veto, "kind": each.kind},
)
AUTHORITIES = Collection(
    deciding_tables.authorities,
    Authority,
    "authority",
    identify=lambda each: each.id,
    columns=lambda each: {"person": each.person, "function": each.function},
)
AUTHORITY_REQUESTS = Collection(
    deciding_tables.authority_requests,
    AuthorityRequest,
    "authority-request",
    identify=lambda each: each.id,
    columns=lambda each: {"state": each.state, "person": each.person},
)
DEPUTIES = Collection(deciding_tables.deputies, Deputies, "deputies", identify=lambda each: each.function)

# Meetings, decisions and action items.
CADENCE_ID = "stream"
CADENCES = Collection(deciding_tables.stream_cadence, Cadence, "cadence", identify=lambda _each: CADENCE_ID)
MEETINGS = Collection(
    deciding_tables.stream_meetings,
    StreamMeeting,
    "meeting",
    identify=lambda each: each.id,
    columns=lambda each: {"slot": each.slot, "state": each.state, "starts_at": stamp(each.starts_at)},
)
ATTENDANCE = Collection(
    deciding_tables.stream_attendance,
    Attendance,
    "attendance",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting, "person": each.person},
)
AGENDA_ITEMS = Collection(
    deciding_tables.agenda_items,
    AgendaItem,
    "agenda-item",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting, "key": each.key, "state": each.state},
)
DECISIONS = Collection(
    deciding_tables.stream_decisions,
    Decision,
    "decision",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting, "state": each.state, "subject": each.subject},
)
MEETING_NOTES = Collection(
    deciding_tables.meeting_notes,
    MeetingNote,
    "meeting-note",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting},
)
ACTION_ITEMS = Collection(
    deciding_tables.action_items,
    ActionItem,
    "action-item",
    identify=lambda each: each.id,
    columns=lambda each: {"state": each.state, "use_case": each.use_case, "meeting": each.meeting},
)
MINUTES = Collection(deciding_tables.stream_minutes, Minutes, "minutes", identify=lambda each: each.meeting)
ADDENDA = Collection(
    deciding_tables.minutes_addenda,
    Addendum,
    "addendum",
    identify=lambda each: each.id,
    columns=lambda each: {"meeting": each.meeting},
)
FEED_TOKENS = Collection(
    deciding_tables.feed_tokens,
    FeedToken,
    "feed-token",
    identify=lambda each: each.id,
    columns=lambda each: {"person": each.person, "sha256": each.sha256},
)

# Resources, champions and explorations.
RESOURCES = Collection(deciding_tables.resources, Resource, "resource", identify=lambda each: each.name)
RESOURCE_REQUESTS = Collection(
    deciding_tables.resource_requests,
    ResourceRequest,
    "resource-request",
    identify=lambda each: each.id,
    columns=lambda each: {"resource": each.resource, "use_case": each.use_case, "state": each.state},
)
CHAMPIONS = Collection(
    deciding_tables.champions,
    Champion,
    "champion",
    # However a name is written, it is one person's.
    identify=lambda each: each.name.strip().casefold(),
    columns=lambda each: {"business_unit": each.business_unit, "state": each.state},
)
PLAYBOOK_PAGES = Collection(
    deciding_tables.playbook_pages,
    PlaybookPage,
    "playbook-page",
    identify=lambda each: f"{each.name}@{each.version:06d}",
    columns=lambda each: {"name": each.name},
)
EXPLORATIONS = Collection(
    deciding_tables.explorations,
    Exploration,
    "exploration",
    identify=lambda each: each.id,
    columns=lambda each: {
        "state": each.state,
        "business_unit": each.business_unit,
        "use_case": each.use_case,
        "words": searched_text(each),
    },
)

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
AUDIT_KEYS = Collection(deciding_tables.audit_keys, AuditKey, "audit-key", identify=lambda each: each.id)
CHECKPOINTS = Collection(
    deciding_tables.checkpoints, Checkpoint, "checkpoint", identify=lambda each: checkpoint_id(each.sequence)
)
LEGAL_HOLDS = Collection(
    deciding_tables.legal_holds,
    LegalHold,
    "legal-hold",
    identify=lambda each: each.id,
    columns=lambda each: {"state": each.state},
)
