"""Legal holds: what may not be removed, because somebody may have to be shown it. A hold is placed by legal and stands until two
people lift it; what it covers is decided here, so that every place that removes something asks the same question."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

HoldState = Literal["active", "lift_requested", "lifted"]
#: What one hold may name, and how many may stand at once.
NAMES_MAX, HOLDS_MAX = 1_000, 1_000
TEXT_LENGTH_MAX = 2_000


class LegalHold(msgspec.Struct, frozen=True, kw_only=True):
    """One matter's hold. Each list narrows it: an empty one means all. `received_from` and `received_until` bound when what it
    covers came to be; without an end it also covers what is still to come."""

    id: str
    matter: str
    reason: str
    placed_by: str
    placed_at: datetime
    use_cases: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    received_from: datetime | None = None
    received_until: datetime | None = None
    state: HoldState = "active"
    lift_requested_by: str = ""
    lift_requested_at: datetime | None = None
    lift_reason: str = ""
    lifted_by: str = ""
    lifted_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether it holds. A lift that was only asked for changes nothing."""
        return self.state != "lifted"


class Holdable(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about: something of a use case from a moment. Of the others None means that it is not known, which a hold
    that names any covers: what can not be told apart is kept."""

    use_case: str
    at: datetime
    call: str | None = None
    case: str | None = None
    persons: tuple[str, ...] | None = None


def covers(hold: LegalHold, item: Holdable) -> bool:
    """Whether `hold` forbids the removal of `item`."""
    if not hold.stands or (hold.use_cases and item.use_case not in hold.use_cases):
        return False
    if hold.received_from is not None and item.at < hold.received_from:
        return False
    if hold.received_until is not None and item.at >= hold.received_until:
        return False
    if hold.calls and item.call is not None and item.call not in hold.calls:
        return False
    if hold.cases and item.case is not None and item.case not in hold.cases:
        return False
    if hold.persons and item.persons is not None:
        wanted = {each.casefold() for each in hold.persons}
        return any(each.casefold() in wanted for each in item.persons)
    return True


def holding(holds: Iterable[LegalHold], item: Holdable) -> LegalHold | None:
    """The first of `holds` that forbids the removal of `item`."""
    return next((each for each in holds if covers(each, item)), None)
