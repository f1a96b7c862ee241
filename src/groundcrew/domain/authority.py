"""Authority: the right to approve or to veto for a function, given to an expert by a decision of the Stream, for a scope and a
time.

It stands beside the roles of an account, never above them: nobody grants it to themselves, and it ends.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from groundcrew.domain.approval import Function
from groundcrew.domain.use_case import UseCase

Right = Literal["approve", "veto"]
RIGHTS: tuple[Right, ...] = get_args(Right)
ScopeKind = Literal["all", "business_unit", "use_case"]
RequestState = Literal["open", "granted", "denied", "withdrawn"]

#: Days that an authority lasts where nothing is said, and at most.
AUTHORITY_DAYS_DEFAULT, AUTHORITY_DAYS_MAX = 180, 366
REASON_LENGTH_MAX = 4_000
#: People who stand in for one function, in turn.
DEPUTIES_MAX = 5
#: Requests of one person that wait for the Stream.
REQUESTS_OPEN_MAX = 10


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an authority covers; `name` is the business unit's or the use case's, "" for `all`."""

    kind: ScopeKind = "all"
    name: str = ""

    def covers(self, use_case: UseCase) -> bool:
        """Whether it covers a use case."""
        if self.kind == "all":
            return True
        return self.name == (use_case.business_unit if self.kind == "business_unit" else use_case.name)

    def __str__(self) -> str:
        return "all use cases" if self.kind == "all" else f"{self.kind.replace('_', ' ')} {self.name}"


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """One grant: `person` (an account's name) may use `rights` for `function` within `scope`, from `since` until `until` (UTC),
    unless it is revoked. `decision` is the decision of the Stream that granted it."""

    id: str
    person: str
    function: Function
    rights: tuple[Right, ...]
    scope: Scope
    since: datetime
    until: datetime
    decision: str
    granted_at: datetime
    granted_by: str
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    #: The decision that took it back.
    revoked_decision: str = ""
    revoked_reason: str = ""

    def lives_at(self, now: datetime) -> bool:
        """Whether it holds at `now`."""
        return self.revoked_at is None and self.since <= now < self.until

    def gives(self, right: Right, function: Function, use_case: UseCase, now: datetime) -> bool:
        """Whether it lets its holder use `right` for `function` on `use_case` at `now`."""
        return self.function == function and right in self.rights and self.lives_at(now) and self.scope.covers(use_case)


class AuthorityRequest(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody is to be given an authority: a point for the Stream until it is granted, denied or withdrawn."""

    id: str
    person: str
    function: Function
    rights: tuple[Right, ...]
    scope: Scope
    days: int
    reason: str
    requested_by: str
    requested_at: datetime
    state: RequestState = "open"
    decision: str = ""
    closed_at: datetime | None = None
    closed_reason: str = ""


class Deputies(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands in for a function, in turn: they take on vetoes whose filer can not see to them."""

    function: Function
    people: tuple[str, ...]
    set_by: str
    set_at: datetime
    reason: str = ""
    #: The decision of the Stream that set them, "" where a holder of the function did.
    decision: str = ""
