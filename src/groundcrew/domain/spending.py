"""Accounts, what is spent on them, what is held for calls in flight, and the warning before a limit is reached.

Money is counted in whole nano-USD (1e-9 USD) so that sums are exact.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Literal, NamedTuple

import msgspec

from groundcrew.domain.call import Call, CallHead

AccountKind = Literal["use-case", "key", "user"]
#: What a budget limits, in the order in which accounts count it.
Meter = Literal["tokens_per_day", "tokens_per_month", "usd_per_day", "usd_per_month"]
METERS: tuple[Meter, ...] = ("tokens_per_day", "tokens_per_month", "usd_per_day", "usd_per_month")
#: Share of a limit, in percent, at which a warning is given.
WARN_PERCENT = 80
NANOS = 1_000_000_000
#: Most nano-USD that one call or limit is taken for: what a database column holds with room to sum.
NANOS_MAX = 10**18


class AccountId(NamedTuple):
    """A use case, or one of its keys or users; `id` is empty for the use case itself."""

    kind: AccountKind
    use_case: str
    id: str = ""

    def __str__(self) -> str:
        if self.kind == "user" and not self.id:
            return f"the unnamed user of {self.use_case} (a call without `groundcrew-user-id`)"
        return f"{self.kind} {self.use_case}" if self.kind == "use-case" else f"{self.kind} {self.id!r} of {self.use_case}"


class Spent(NamedTuple):
    """What recorded calls of one UTC day have taken from an account's budgets."""

    account: AccountId
    day: date
    tokens: int
    nanos: int


class Held(NamedTuple):
    """What a gateway holds of an account for its calls in flight."""

    account: AccountId
    tokens: int
    nanos: int


class BudgetWarning(msgspec.Struct, frozen=True, kw_only=True):
    """An account has used WARN_PERCENT of a limit. One for each account, meter and period: `id` names the three.

    `limit` and `used` are tokens or USD; `period` is YYYY-MM-DD or YYYY-MM.
    """

    kind: AccountKind
    use_case: str
    account: str
    meter: Meter
    period: str
    limit: float
    used: float
    at: datetime

    @property
    def id(self) -> str:
        """Account, meter and period in one."""
        return "|".join((self.kind, self.use_case, self.account, self.meter, self.period))


def charged_nanos(call: Call | CallHead) -> int:
    """What a recorded call takes from budgets in USD: its cost, or what was assumed where that is unknown."""
    assumed = call.details.get("assumed_usd")
    usd = call.cost_usd if call.cost_usd is not None else assumed if isinstance(assumed, float | int) else 0.0
    return to_nanos(usd)


def to_nanos(usd: float, *, up: bool = False) -> int:
    """USD as whole nano-USD, 0 to NANOS_MAX; rounded up for what is reserved."""
    if not usd > 0:
        return 0
    if usd >= NANOS_MAX / NANOS:
        return NANOS_MAX
    return math.ceil(usd * NANOS) if up else round(usd * NANOS)
