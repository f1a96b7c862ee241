"""Token and money budgets of one process: reserve an upper estimate before a call, settle the real figure after it.

Concurrent calls can not spend the same tokens twice, because each holds its reservation until it settles. A use case can go
over its limit only by what its calls in flight use beyond their own estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from groundcrew.domain.provider import Price
from groundcrew.domain.snapshot import Usage
from groundcrew.errors import RefusedCall

#: Use cases whose spending one process remembers; far more than a registry holds.
USE_CASES_MAX = 100_000


class BudgetLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a use case may spend: tokens per UTC day, USD per UTC month (None: no limit)."""

    tokens_per_day: int
    usd_per_month: float | None = None


class BudgetExceeded(RefusedCall):
    """The budget does not cover the call. `details` tells what is limited, the limit, what is used and when it resets."""

    def __init__(self, message: str, details: dict[str, object], reset_in_s: float) -> None:
        super().__init__("budget_exceeded", message)
        self.details, self.reset_in_s = details, reset_in_s


class _Account:
    """Spending and reservations of one use case in the current day and month."""

    __slots__ = ("day", "month", "tokens", "tokens_reserved", "usd", "usd_reserved")

    def __init__(self, now: datetime, usage: Usage) -> None:
        self.day, self.month = now.date(), (now.year, now.month)
        self.tokens, self.usd = usage.tokens_today, usage.usd_this_month
        self.tokens_reserved, self.usd_reserved = 0, 0.0

    def turn(self, now: datetime) -> None:
        """Begin a new day or month. A clock that is set back begins none, or the budget could be spent twice."""
        if now.date() > self.day:
            self.day, self.tokens = now.date(), 0
        if (now.year, now.month) > self.month:
            self.month, self.usd = (now.year, now.month), 0.0


class Reservation:
    """Tokens and USD held for one call until `Ledger.settle`."""

    __slots__ = ("settled", "tokens", "usd", "use_case")

    def __init__(self, use_case: str, tokens: int, usd: float) -> None:
        self.use_case, self.tokens, self.usd, self.settled = use_case, tokens, usd, False


class Ledger:
    """All accounts of one process. Not thread-safe: it lives in the gateway's event loop."""

    def __init__(self, initial: Callable[[str], Usage]) -> None:
        self._initial = initial
        self._accounts: dict[str, _Account] = {}

    def _account(self, use_case: str, now: datetime) -> _Account:
        account = self._accounts.get(use_case)
        if account is None:
            if len(self._accounts) >= USE_CASES_MAX:
                raise RefusedCall("budget_exceeded", "too many use cases to account for in one process")
            account = self._accounts[use_case] = _Account(now, self._initial(use_case))
        account.turn(now)
        return account

    def reserve(self, use_case: str, limits: BudgetLimits, tokens: int, usd: float, now: datetime) -> Reservation:
        """Hold `tokens` and `usd` for a call, or raise BudgetExceeded when what is used and held leaves too little."""
        account = self._account(use_case, now)
        tokens_taken = account.tokens + account.tokens_reserved
        if tokens_taken + tokens > limits.tokens_per_day:
            reset = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
            raise _exceeded(use_case, "tokens_per_day", limits.tokens_per_day, tokens_taken, tokens, reset, now)
        usd_taken = account.usd + account.usd_reserved
        if limits.usd_per_month is not None and usd_taken + usd > limits.usd_per_month:
            year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
            reset = datetime(year, month, 1, tzinfo=UTC)
            raise _exceeded(use_case, "usd_per_month", limits.usd_per_month, round(usd_taken, 6), round(usd, 6), reset, now)
        account.tokens_reserved += tokens
        account.usd_reserved += usd
        return Reservation(use_case, tokens, usd)

    def settle(self, reservation: Reservation, tokens: int, usd: float, now: datetime) -> None:
        """Give the reservation back and book what was really used. Settling twice books once."""
        if reservation.settled:
            return
        reservation.settled = True
        account = self._account(reservation.use_case, now)
        account.tokens_reserved = max(0, account.tokens_reserved - reservation.tokens)
        account.usd_reserved = max(0.0, account.usd_reserved - reservation.usd)
        account.tokens += tokens
        account.usd += usd

    def used(self, use_case: str, now: datetime) -> Usage:
        """What `use_case` has spent so far, reservations left out."""
        account = self._account(use_case, now)
        return Usage(tokens_today=account.tokens, usd_this_month=account.usd)


def _exceeded(
    use_case: str, what: str, limit: float, used: float, needed: float, reset: datetime, now: datetime
) -> BudgetExceeded:
    at = reset.strftime("%Y-%m-%dT%H:%M:%SZ")
    words = what.replace("_", " ")
    return BudgetExceeded(
        f"use case {use_case} has used {used} of its {limit} {words} (calls in flight included) and this call may need "
        f"{needed}; the budget resets at {at}",
        {"what": what, "limit": limit, "used": used, "needed": needed, "resets_at": at},
        (reset - now).total_seconds(),
    )


def cost_usd(price: Price | None, input_tokens: int, output_tokens: int) -> float | None:
    """What a call costs, in USD; None where the target declares no price."""
    if price is None:
        return None
    return (input_tokens * price.input_usd + output_tokens * price.output_usd) / 1_000_000
