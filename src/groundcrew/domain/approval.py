"""Approvals: what a function of the GenAI Stream says to one version at one gate. Any change of the version makes them stale."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from groundcrew.domain.use_case import Stage

Function = Literal["ethics", "it", "legal", "business"]
ApprovalState = Literal["pending", "approved", "changes_requested", "abstained"]
Decision = Literal["approved", "changes_requested", "abstained"]
#: The functions that a gate with the criterion `approvals` asks, in the order in which they are shown.
FUNCTIONS: tuple[Function, ...] = get_args(Function)
DECISIONS: tuple[Decision, ...] = get_args(Decision)


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """One function's word on one version at one gate; `version_digest` is what it was asked about and speaks of."""

    id: str
    use_case: str
    stage: Stage
    function: Function
    version_digest: str
    requested_by: str
    requested_at: datetime
    state: ApprovalState = "pending"
    decided_by: str | None = None
    decided_at: datetime | None = None
    statement: str = ""

    def state_now(self, current_digest: str) -> ApprovalState | Literal["stale"]:
        """The state now: stale as soon as the version is another one than it was asked about."""
        return self.state if self.version_digest == current_digest else "stale"


def newest_by_function(approvals: tuple[Approval, ...], stage: Stage, current_digest: str) -> dict[Function, Approval]:
    """The newest approval of each function for this gate and version (ids are UUIDv7, so the newest is the last)."""
    found = [each for each in approvals if each.stage == stage and each.version_digest == current_digest]
    return {each.function: each for each in sorted(found, key=lambda each: each.id)}
