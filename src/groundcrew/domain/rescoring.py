"""A recorded answer scored again with a later stack: kept beside the call, never in its place, and without any text."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.trust import TrustReport, TrustState

#: Which text of a call was scored: the one that left, or the generated one that something replaced or held.
Scored = Literal["answer", "withheld_answer"]


class Rescored(msgspec.Struct, frozen=True, kw_only=True):
    """What a call's answer was given then (`trust`, `state`) and what it is given now (`report`, with no reasons: those quote
    texts). `threshold` is the use case's when it was scored again; `scorer` names the weights."""

    id: str
    job_id: str
    use_case: str
    call_id: str
    at: datetime
    text: Scored
    scorer: str
    threshold: float
    trust: float | None
    state: TrustState | None
    report: TrustReport
    sample: bool = False


def without_texts(report: TrustReport) -> TrustReport:
    """`report` with its figures, places and kinds of checks, and none of its words."""
    claims = tuple(msgspec.structs.replace(each, reasons=()) for each in report.claims)
    return msgspec.structs.replace(report, claims=claims, reason=None)
