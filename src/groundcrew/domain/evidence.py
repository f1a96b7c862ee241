"""Evidence: what a gate rests on. Computed from recorded data, or attested by someone who did not build the system."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

EvidenceState = Literal["valid", "expired", "superseded", "revoked", "stale"]
#: Kinds that the gates ask for and that something must record; free kinds are allowed besides.
EvidenceKind = Literal[
    "kill_switch_drill",
    "phi_probe",
    "overlap_scan",
    "attestation",
    "sign_off_probe",
    "model_swap_rehearsal",
    "model_evaluation",
]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence, bound to a version digest; `sha256` is over the canonical JSON of `content`."""

    id: str
    use_case: str
    kind: EvidenceKind
    subject: str
    content: dict[str, Any]
    sha256: str
    version_digest: str
    producer: str
    recorded_at: datetime
    valid_until: datetime
    state: EvidenceState = "valid"
    attested: bool = False
    sample: bool = False


def state_at(evidence: Evidence, now: datetime, current_digest: str) -> EvidenceState:
    """The state of `evidence` now: revoked and superseded stay; a changed digest makes it stale; past `valid_until`, expired."""
    if evidence.state in ("revoked", "superseded"):
        return evidence.state
    if evidence.version_digest != current_digest:
        return "stale"
    return "expired" if now >= evidence.valid_until else "valid"
