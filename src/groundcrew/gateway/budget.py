"""The accounts of one gateway process: what use cases, keys and users have spent, hold and may still take.

`reserve` holds an upper estimate before a call, `settle` books what was really used after it. Calls at the same time can not
take the same tokens twice, so an account goes over a limit only by what its calls in flight use beyond their estimates. With
several gateways each may take its equal share of what is left (see `Ledger.learn`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from groundcrew.domain.snapshot import KeyEntry, Usage
from groundcrew.domain.spending import METERS, NANOS, WARN_PERCENT, AccountId, BudgetWarning, Held, Spent, to_nanos
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import RefusedCall
from groundcrew.gateway.landing import Cap, Plan, check_exposure, plan_for
from groundcrew.gateway.rates import Backlogs, admitted_at, remaining, wait_s

#: Users that one process keeps accounts of, in all and of one use case. Where a limit for users is declared and no account can
#: be opened the call is refused; where none is declared the user is just not counted.
USERS_MAX, USERS_PER_USE_CASE_MAX = 200_000, 50_000
#: Keys and use cases; far more than a registry holds. Beyond it calls are refused.
ACCOUNTS_MAX = 100_000
#: How often, at most, a full table is searched for accounts that may be forgotten.
SWEEP_S = 10.0
#: Warnings that wait to be stored; older ones are dropped then, since each is only given once more after a restart.
WARNINGS_MAX = 10_000
#: Plans that are remembered by key.
PLANS_MAX = 100_000

_FREE = (0, 0)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a call asks for: an upper estimate of its tokens and USD."""

    use_case: UseCase
    key: KeyEntry
    user: str | None
    tokens: int
    usd: float
    now: datetime


class LimitReached(RefusedCall):
    """A limit does not cover the call. `details` tells what is limited, the limit and what is used; `reset_in_s` when asking
    again helps, None where it never does."""

    def __init__(self, code: str, message: str, details: dict[str, object], reset_in_s: float | None) -> None:
        super().__init__(code, message)
        self.details, self.reset_in_s = details, reset_in_s


class BudgetExceeded(LimitReached):
    """A budget of tokens or USD does not cover the call."""


class RateLimited(LimitReached):
    """Calls come faster, or more of them are under way, than is allowed."""


class _Account:
    """Spending, reservations and meters of one account. `used` follows METERS; times are Unix seconds."""

    __slots__ = (
        *(
            "backlogs",
            "concurrent",
            "day",
            "elsewhere",
            "epoch",
            "held_nanos",
            "held_tokens",
            "id",
            "keep_until_s",
            "mark",
            "month",
        ),
        *("request_meter", "token_meter", "used", "warned"),
    )

    def __init__(self, account: AccountId, day: int, month: int) -> None:
        self.id, self.day, self.month = account, day, month
        self.used = [0, 0, 0, 0]
        self.held_tokens = self.held_nanos = self.concurrent = self.warned = 0
        self.request_meter = self.token_meter = self.keep_until_s = 0.0
        self.backlogs: Backlogs | None = None
        #: What was taken when the gateways last heard of each other, and what the others held then.
        self.mark, self.elsewhere, self.epoch = (0, 0, 0, 0), _FREE, -1

    def turn(self, day: int, month: int) -> None:
        """Begin a new day or month. A clock that is set back begins none, or a budget could be spent twice."""
        if day > self.day:
            self.day, self.used[0], self.used[2] = day, 0, 0
            self.warned &= 0b1010
            if month > self.month:
                self.month, self.used[1], self.used[3] = month, 0, 0
                self.warned = 0
            self.epoch = -1

    def taken(self, index: int) -> int:
        """Used, held here and held elsewhere, of the meter with this index."""
        if index < 2:
            return self.used[index] + self.held_tokens + self.elsewhere[0]
        return self.used[index] + self.held_nanos + self.elsewhere[1]


class Reservation(msgspec.Struct, eq=False):
    """What is held for one call until `Ledger.settle`."""

    holders: list[tuple[_Account, Cap]]
    tokens: int
    nanos: int
    processes: int
    at_s: float
    settled: bool = False
    #: The call's number in the backlogs of those of its accounts that limit tokens a minute.
    numbers: dict[AccountId, int] = {}

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The tightest of the call's rate limits, as the OpenAI API tells them; none where none is declared."""
        found: list[tuple[bytes, bytes]] = []
        if not [True for _, cap in self.holders if cap.request_s or cap.token_s]:  # as for most calls
            return found
        for kind in (b"requests", b"tokens"):
            least: tuple[int, int, float] | None = None
            for account, cap in self.holders:
                each_s = cap.request_s if kind == b"requests" else cap.token_s
                if each_s:
                    meter = account.request_meter if kind == b"requests" else account.token_meter
                    left = remaining(meter, self.at_s, each_s * self.processes)
                    if least is None or left < least[0]:
                        limit = cap.requests if kind == b"requests" else cap.tokens
                        least = (left, limit, max(0.0, meter - self.at_s))
            if least is not None:
                left, limit, full_in_s = least
                found.append((b"x-ratelimit-limit-" + kind, b"%d" % limit))
                found.append((b"x-ratelimit-remaining-" + kind, b"%d" % left))
                found.append((b"x-ratelimit-reset-" + kind, b"%.3fs" % full_in_s))
        return found


class Ledger:
    """All accounts of one process. Not thread-safe: it lives in the gateway's event loop."""

    def __init__(self, warned: Callable[[BudgetWarning], None] = lambda _: None) -> None:
        self._warned = warned
        self._accounts: dict[AccountId, _Account] = {}
        self._users: dict[str, int] = {}
        self._users_total = 0
        self._plans: dict[str, tuple[UseCase, KeyEntry, Plan, AccountId, AccountId]] = {}
        self._elsewhere: Mapping[AccountId, tuple[int, int]] = {}
        self._processes, self._epoch, self._swept_s = 1, 0, 0.0
        self.warnings: deque[BudgetWarning] = deque(maxlen=WARNINGS_MAX)

    def reserve(self, ask: Ask) -> Reservation:
        """Hold what `ask` may need on every account of the call; RefusedCall, and nothing held, where one does not allow it."""
        plan, use_case_id, key_id = self._plan(ask.use_case, ask.key)
        name, now = ask.use_case.name, ask.now
        if plan.share is not None:
            check_exposure(plan, name, ask.user)
        now_s, day, month = now.timestamp(), now.toordinal(), now.year * 12 + now.month
        tokens, nanos = max(0, ask.tokens), to_nanos(ask.usd, up=True)
        holders = [(self._account(use_case_id, plan.use_case, now_s, day, month), plan.use_case)]
        key_cap = plan.key or _NO_CAP
        holders.append((self._account(key_id, key_cap, now_s, day, month), key_cap))
        if ask.user is not None or plan.user is not None:
            user_cap = plan.user or _NO_CAP
            user = self._user_account(AccountId("user", name, ask.user or ""), user_cap, now, now_s, day, month)
            if user is not None:
                holders.append((user, user_cap))
        for account, cap in holders:
            if cap is not _NO_CAP:
                self._check(account, cap, tokens, nanos, now, now_s)
        reservation = Reservation(holders, tokens, nanos, self._processes, now_s)
        processes = self._processes
        for account, cap in holders:
            account.held_tokens += tokens
            account.held_nanos += nanos
            account.concurrent += 1
            if cap.request_s:
                account.request_meter = admitted_at(account.request_meter, now_s, cap.request_s * processes)
            if cap.token_s:
                backlogs = account.backlogs
                if backlogs is None:
                    backlogs = account.backlogs = Backlogs()
                reservation.numbers[account.id] = backlogs.admit(account.token_meter, now_s)
                account.token_meter = admitted_at(account.token_meter, now_s, cap.token_s * tokens * processes)
        return reservation

    def settle(self, reservation: Reservation, tokens: int, usd: float, now: datetime) -> None:
        """Give the reservation back and book what was really used. Settling twice books once."""
        if reservation.settled:
            return
        reservation.settled = True
        day, month, nanos = now.toordinal(), now.year * 12 + now.month, to_nanos(usd)
        tokens = max(0, tokens)
        for account, cap in reservation.holders:
            account.turn(day, month)
            if account.epoch != self._epoch:
                self._mark(account)
            account.held_tokens -= reservation.tokens
            account.held_nanos -= reservation.nanos
            account.concurrent -= 1
            used = account.used
            used[0] += tokens
            used[1] += tokens
            used[2] += nanos
            used[3] += nanos
            if cap.token_s:
                move_s = (tokens - reservation.tokens) * cap.token_s * reservation.processes
                if move_s < 0 and account.backlogs is not None and account.id in reservation.numbers:
                    move_s = -account.backlogs.give_back(reservation.numbers[account.id], -move_s)
                account.token_meter += move_s
            for index, limit in cap.spend:
                if used[index] * 100 >= limit * WARN_PERCENT and not account.warned >> index & 1:
                    self._warn(account, index, limit, now)

    def extend(self, reservation: Reservation, tokens: int, usd: float, now: datetime) -> None:
        """Hold more for a call that is under way; RefusedCall, and nothing more held, where a limit does not allow it."""
        now_s, tokens, nanos = now.timestamp(), max(0, tokens), to_nanos(usd, up=True)
        for account, cap in reservation.holders:
            if cap is not _NO_CAP:
                self._check(
                    account, msgspec.structs.replace(cap, concurrent=None, requests=0, request_s=0.0), tokens, nanos, now, now_s
                )
        for account, cap in reservation.holders:
            account.held_tokens += tokens
            account.held_nanos += nanos
            if cap.token_s:
                account.token_meter = admitted_at(account.token_meter, now_s, cap.token_s * tokens * reservation.processes)
        reservation.tokens += tokens
        reservation.nanos += nanos

    def shrink(self, reservation: Reservation, tokens: int, usd: float) -> None:
        """Give back what of an extension was not used; nothing where more was used, which `settle` then books."""
        if reservation.settled:
            return
        tokens, nanos = max(0, min(tokens, reservation.tokens)), min(to_nanos(max(0.0, usd)), reservation.nanos)
        for account, cap in reservation.holders:
            account.held_tokens -= tokens
            account.held_nanos -= nanos
            if cap.token_s:
                account.token_meter -= cap.token_s * tokens * reservation.processes
        reservation.tokens -= tokens
        reservation.nanos -= nanos

    def used(self, account: AccountId | str, now: datetime) -> Usage:
        """What an account (or the use case of this name) has spent so far, reservations left out."""
        found = self._accounts.get(AccountId("use-case", account) if isinstance(account, str) else account)
        if found is None:
            return Usage()
        found.turn(now.toordinal(), now.year * 12 + now.month)
        day, month, day_nanos, month_nanos = found.used
        return Usage(tokens_today=day, tokens_this_month=month, usd_today=day_nanos / NANOS, usd_this_month=month_nanos / NANOS)

    def held(self) -> list[Held]:
        """What is held for calls in flight, for the other gateways to know."""
        return [Held(each.id, each.held_tokens, each.held_nanos) for each in self._accounts.values() if each.concurrent]

    def learn(self, spent: Iterable[Spent], held: Iterable[Held], *, processes: int, now: datetime) -> None:
        """Take in what was spent elsewhere since the last time, what the other gateways hold now, and how many gateways run.

        Until the next time each of `processes` gateways takes at most an equal share of what is left now, whatever the others
        do meanwhile. A gateway that hears of nobody any more keeps to its last share.
        """
        day, month = now.toordinal(), now.year * 12 + now.month
        for account_id, when, tokens, nanos in spent:
            account = self._accounts.get(account_id) or self._open(account_id, now.timestamp(), day, month)
            if account is None:
                continue
            account.turn(day, month)
            if when.toordinal() == account.day:
                account.used[0] += tokens
                account.used[2] += nanos
            if when.year * 12 + when.month == account.month:
                account.used[1] += tokens
                account.used[3] += nanos
        elsewhere: dict[AccountId, tuple[int, int]] = {}
        for account_id, tokens, nanos in held:
            before = elsewhere.get(account_id, _FREE)
            elsewhere[account_id] = (before[0] + tokens, before[1] + nanos)
        self._elsewhere, self._processes = elsewhere, max(1, processes)
        self._epoch += 1

    def take_warnings(self) -> list[BudgetWarning]:
        """The warnings since the last time; put them back with `warnings.extendleft` where they could not be stored."""
        taken = list(self.warnings)
        self.warnings.clear()
        return taken

    def _plan(self, use_case: UseCase, key: KeyEntry) -> tuple[Plan, AccountId, AccountId]:
        """The limits of a call, and the accounts of its use case and its key."""
        known = self._plans.get(key.id)
        if known is not None and known[0] is use_case and known[1] is key:
            return known[2:]
        if len(self._plans) >= PLANS_MAX:
            self._plans.clear()
        found = plan_for(use_case, key), AccountId("use-case", use_case.name), AccountId("key", use_case.name, key.id)
        self._plans[key.id] = (use_case, key, *found)
        return found

    def _account(self, account_id: AccountId, cap: Cap, now_s: float, day: int, month: int) -> _Account:
        account = self._accounts.get(account_id) or self._open(account_id, now_s, day, month)
        if account is None:
            raise RefusedCall("budget_exceeded", "this gateway keeps accounts of as many keys and use cases as it can")
        account.turn(day, month)
        if account.epoch != self._epoch:
            self._mark(account)
        return account

    def _user_account(
        self, account_id: AccountId, cap: Cap, now: datetime, now_s: float, day: int, month: int
    ) -> _Account | None:
        account = self._accounts.get(account_id) or self._open(account_id, now_s, day, month)
        if account is None:
            if cap is _NO_CAP:
                return None
            raise RefusedCall(
                "budget_exceeded",
                f"use case {account_id.use_case} limits its users, and this gateway keeps accounts of as many as it can "
                f"({USERS_PER_USE_CASE_MAX} of one use case, {USERS_MAX} in all)",
            )
        account.turn(day, month)
        if account.keep_until_s <= now_s:
            account.keep_until_s = _period_end(now, monthly=True).timestamp()
        if account.epoch != self._epoch:
            self._mark(account)
        return account

    def _open(self, account_id: AccountId, now_s: float, day: int, month: int) -> _Account | None:
        if account_id.kind == "user":
            if not self._room(account_id.use_case, now_s):
                return None
            self._users[account_id.use_case] = self._users.get(account_id.use_case, 0) + 1
            self._users_total += 1
        elif len(self._accounts) - self._users_total >= ACCOUNTS_MAX:
            return None
        account = self._accounts[account_id] = _Account(account_id, day, month)
        account.keep_until_s = _period_end(datetime.fromordinal(day), monthly=True).timestamp()
        return account

    def _room(self, use_case: str, now_s: float) -> bool:
        if self._users_total < USERS_MAX and self._users.get(use_case, 0) < USERS_PER_USE_CASE_MAX:
            return True
        if now_s - self._swept_s < SWEEP_S:
            return False
        self._swept_s = now_s
        for account_id, account in list(self._accounts.items()):
            idle = not account.concurrent and max(account.request_meter, account.token_meter) < now_s
            if account_id.kind == "user" and idle and (account.keep_until_s < now_s or not any(account.used)):
                del self._accounts[account_id]
                self._users[account_id.use_case] -= 1
                self._users_total -= 1
        return self._users_total < USERS_MAX and self._users.get(use_case, 0) < USERS_PER_USE_CASE_MAX

    def _mark(self, account: _Account) -> None:
        """Note where an account stands at the first touch since the gateways heard of each other."""
        account.elsewhere = self._elsewhere.get(account.id, _FREE)
        account.mark = (account.taken(0), account.taken(1), account.taken(2), account.taken(3))
        account.epoch = self._epoch

    def _check(self, account: _Account, cap: Cap, tokens: int, nanos: int, now: datetime, now_s: float) -> None:
        processes = self._processes
        if cap.concurrent is not None and account.concurrent >= max(1, cap.concurrent // processes):
            message = f"{account.id} may have {cap.concurrent} calls under way at once"
            raise RateLimited("rate_limited", message, {"what": "concurrent", "limit": cap.concurrent}, 1.0)
        if cap.request_s:
            _check_rate(account, account.request_meter, cap.requests, 1, cap.request_s * processes, "requests", now_s)
        if cap.token_s:
            _check_rate(account, account.token_meter, cap.tokens, tokens, cap.token_s * processes, "tokens", now_s)
        used, elsewhere = account.used, account.elsewhere
        for index, limit in cap.spend:
            if index < 2:
                taken, need = used[index] + account.held_tokens + elsewhere[0], tokens
            else:
                taken, need = used[index] + account.held_nanos + elsewhere[1], nanos
            if processes == 1:
                fits = taken + need <= limit
            else:
                fits = (taken - account.mark[index] + need) * processes <= limit - account.mark[index]
            if not fits:
                raise _exceeded(account.id, index, limit, taken, need, now, processes)

    def _warn(self, account: _Account, index: int, limit: int, now: datetime) -> None:
        account.warned |= 1 << index
        daily, unit = index % 2 == 0, 1 if index < 2 else NANOS
        warning = BudgetWarning(
            kind=account.id.kind,
            use_case=account.id.use_case,
            account=account.id.id,
            meter=METERS[index],
            period=f"{now:%Y-%m-%d}" if daily else f"{now:%Y-%m}",
            limit=limit / unit,
            used=account.used[index] / unit,
            at=now,
        )
        self.warnings.append(warning)
        self._warned(warning)


_NO_CAP = Cap()


def _check_rate(account: _Account, meter: float, limit: int, units: int, each_s: float, what: str, now_s: float) -> None:
    details: dict[str, object] = {"what": f"{what}_per_minute", "limit": limit, "needed": units}
    if units > limit:
        message = f"{account.id} may use {limit} {what} a minute, and this call alone may need {units}: ask for fewer"
        raise RateLimited("rate_limited", message, details, None)
    cost_s = units * each_s
    wait = wait_s(admitted_at(meter, now_s, cost_s), now_s, cost_s)
    if wait > 1e-6:
        message = f"{account.id} may use {limit} {what} a minute; there is room again in {wait:.1f} s"
        raise RateLimited("rate_limited", message, details, wait)


def _period_end(now: datetime, *, monthly: bool) -> datetime:
    if not monthly:
        return datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)


def _exceeded(account: AccountId, index: int, limit: int, taken: int, need: int, now: datetime, processes: int) -> BudgetExceeded:
    reset = _period_end(now, monthly=index % 2 == 1)
    at, what = reset.strftime("%Y-%m-%dT%H:%M:%SZ"), METERS[index]
    shown: list[float] = [limit, taken, need]
    if index >= 2:
        shown = [round(each / NANOS, 6) for each in shown]
    shared = f"; of what is left each of {processes} gateways gives its share" if taken + need <= limit else ""
    return BudgetExceeded(
        "budget_exceeded",
        f"{account} has used {shown[1]} of its {shown[0]} {what.replace('_', ' ')} (calls in flight included) and this call may "
        f"need {shown[2]}{shared}; the budget resets at {at}",
        {"what": what, "limit": shown[0], "used": shown[1], "needed": shown[2], "resets_at": at, "account": account.kind},
        (reset - now).total_seconds(),
    )
