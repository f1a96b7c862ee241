"""The collections of deciding together. Whatever stands here is verified by the audit, row by row."""

from __future__ import annotations

from groundcrew.domain.checkpoint import AuditKey, Checkpoint
from groundcrew.domain.legal_hold import LegalHold
from groundcrew.store import deciding_tables
from groundcrew.store.collection import Collection

# Vetoes and authorities.

# Meetings, decisions and action items.

# Resources, champions and explorations.

# The inventory of ungoverned AI.

# Overlaps and vendors' capabilities.

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
AUDIT_KEYS = Collection(deciding_tables.audit_keys, AuditKey, "audit-key", identify=lambda each: each.id)
CHECKPOINTS = Collection(deciding_tables.checkpoints, Checkpoint, "checkpoint", identify=lambda each: f"{each.sequence:015d}")
LEGAL_HOLDS = Collection(
    deciding_tables.legal_holds,
    LegalHold,
    "legal-hold",
    identify=lambda each: each.id,
    columns=lambda each: {"state": each.state},
)
