"""The collections of deciding together. Whatever stands here is verified by the audit, row by row."""

from __future__ import annotations

from groundcrew.domain.authority import Authority, AuthorityRequest, Deputies
from groundcrew.domain.veto import Veto, VetoEvent
from groundcrew.store import deciding_tables
from groundcrew.store.collection import Collection

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

# Resources, champions and explorations.

# The inventory of ungoverned AI.

# Overlaps and vendors' capabilities.

# Risk and controls.

# Checkpoints of the audit chain and legal holds.
