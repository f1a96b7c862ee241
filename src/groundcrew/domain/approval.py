"""Approvals: what a function of the GenAI Stream says to one version at one gate. Any change of the version makes them stale,
and a request that nobody answers lapses, visibly."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec

from groundcrew.domain.use_case import RiskTier, Stage

Function = Literal["ethics", "it", "legal", "business"]
ApprovalState = Literal["pending", "approved", "changes_requested", "abstained"]
ApprovalStateNow = Literal["pending", "approved", "changes_requested", "abstained", "stale", "lapsed"]
Decision = Literal["approved", "changes_requested", "abstained"]
#: The functions that a gate with the criterion `approvals` asks, in the order in which they are shown.
FUNCTIONS: tuple[Function, ...] = get_args(Function)
DECISIONS: tuple[Decision, ...] = get_args(Decision)
#: Days in which a function answers [D]; after that it is asked again, or it has not been asked.
REQUEST_DAYS = 14


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
    #: By when it is to be answered. None (rows of earlier releases): REQUEST_DAYS after it was asked.
    due_at: datetime | None = None
    #: The request that this one asks again.
    replaces: str | None = None
    #: The authority that it was decided by, where who decided does not hold the function as a role.
    authority: str | None = None
    #: What the version consisted of, each part by its digest, so that it can be told what has changed since.
    parts: dict[str, str] = {}
    #: The risk tier when it was asked, and from its answer on when it was answered: a word does not reach a higher one. None: not
    #: on record (rows of earlier releases), which reaches the lowest alone.
    tier: RiskTier | None = None

    @property
    def answer_by(self) -> datetime:
        """By when it is to be answered."""
        return self.due_at or self.requested_at + timedelta(days=REQUEST_DAYS)

    def state_now(self, current_digest: str, now: datetime) -> ApprovalStateNow:
        """The state at `now`: stale as soon as the version is another one than it was asked about, lapsed where nobody answered
        in time."""
        if self.version_digest != current_digest:
            return "stale"
        return "lapsed" if self.state == "pending" and now >= self.answer_by else self.state


def newest_by_function(approvals: tuple[Approval, ...], stage: Stage, current_digest: str) -> dict[Function, Approval]:
    """The newest approval of each function for this gate and version (ids are UUIDv7, so the newest is the last)."""
    found = [each for each in approvals if each.stage == stage and each.version_digest == current_digest]
    return {each.function: each for each in sorted(found, key=lambda each: each.id)}
