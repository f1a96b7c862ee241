"""Spending: what recorded calls have cost, by whom; and the exchange by which gateways share budgets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from groundcrew.domain.snapshot import Usage
from groundcrew.domain.spending import NANOS, BudgetWarning, Held, Spent
from groundcrew.errors import InputError
from groundcrew.services.lookups import require_use_case
from groundcrew.services.propagation import running_gateways
from groundcrew.store import catalog
from groundcrew.store import spending as stored
from groundcrew.store.database import Connection, Database
from groundcrew.store.tables import SPENDING_SUMS

#: What spending is grouped by → the columns that make up a group.
GROUPS: dict[str, tuple[str, ...]] = {
    "use-case": ("use_case",),
    "unit": ("business_unit",),
    "model": ("provider", "model"),
    "key": ("use_case", "key_id"),
    "user": ("use_case", "user_id"),
    "day": ("day",),
}
By = Literal["use-case", "unit", "model", "key", "user", "day"]
DAYS_MAX = 3_660
WARNINGS_SHOWN_MAX = 200
#: A gateway on another host that has not been heard of for so long is gone, and with it what it holds.
LEASE_S = 30.0

GATEWAY = "system:gateway"


class SpendRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one group has spent. `usd` is of calls of known cost only; `unknown_calls` have used `unknown_tokens` at an unknown
    cost. `charged_usd` is what budgets were charged: unknown prices count as the highest known one."""

    name: str
    use_case: str | None
    calls: int
    unknown_calls: int
    input_tokens: int
    output_tokens: int
    unknown_tokens: int
    usd: float
    charged_usd: float


class SpendReport(msgspec.Struct, frozen=True, kw_only=True):
    """Spending from `since` to `until` (UTC days, inclusive), the dearest group first. Sample calls are left out."""

    by: By
    since: date
    until: date
    rows: tuple[SpendRow, ...]
    total: SpendRow
    warnings: tuple[BudgetWarning, ...]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway hears of the others: what they spent up to `position`, what they hold, and how many gateways run."""

    position: int
    spent: tuple[Spent, ...]
    held: tuple[Held, ...]
    gateways: int


class Spending:
    """What has been spent, and what may still be."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(
        self, by: By, *, since: date | None = None, until: date | None = None, use_case: str | None = None
    ) -> SpendReport:
        """Spending by `by`; from the first of this month where nothing is given. InputError for a period that is none."""
        today = self._database.clock.now().date()
        first, last = since or today.replace(day=1), until or today
        if last < first or (last - first).days > DAYS_MAX:
            raise InputError(f"expected at most {DAYS_MAX} days, the first before the last", field="since")
        columns = GROUPS[by]
        async with self._database.read() as connection:
            if use_case is not None:
                await require_use_case(connection, use_case)
            found = await stored.sums(connection, columns, since=first, until=last, use_case=use_case)
            totals = await stored.sums(connection, (), since=first, until=last, use_case=use_case)
            warnings = await _warnings(connection, use_case)
        rows = tuple(_row(each, columns) for each in found)
        return SpendReport(
            by=by,
            since=first,
            until=last,
            rows=rows,
            total=_row(totals[0] if totals else {}, ()),
            warnings=tuple(each for each in warnings if first <= each.at.date() <= last),
        )

    async def usage(self, now: datetime) -> dict[str, Usage]:
        """What each use case has spent in this UTC day and month, as far as calls are shipped; sample calls count."""
        today = now.date()
        async with self._database.read() as connection:
            day = await stored.sums(connection, ("use_case",), since=today, samples=True)
            month = await stored.sums(connection, ("use_case",), since=today.replace(day=1), samples=True)
        by_day = {each["use_case"]: each for each in day}
        empty = {"input_tokens": 0, "output_tokens": 0, "charged_nanos": 0}
        return {
            each["use_case"]: Usage(
                tokens_today=sum(by_day.get(each["use_case"], empty)[name] for name in ("input_tokens", "output_tokens")),
                tokens_this_month=each["input_tokens"] + each["output_tokens"],
                usd_today=by_day.get(each["use_case"], empty)["charged_nanos"] / NANOS,
                usd_this_month=each["charged_nanos"] / NANOS,
            )
            for each in month
        }

    async def seed(self, now: datetime) -> Exchange:
        """Everything that was spent this month, for a gateway that starts; it looks on from `position`."""
        async with self._database.read() as connection:
            position = await stored.position(connection)
            spent = await stored.spent_since(connection, now.date().replace(day=1))
        return Exchange(position=position, spent=tuple(spent), held=(), gateways=1)

    async def exchange(self, gateway: str, *, after: int, held: Sequence[Held], alone: bool) -> Exchange:
        """Tell what `gateway` holds and hear what the others spent and hold. A gateway that is `alone` writes nothing while no
        other one runs."""
        async with self._database.read() as connection:
            living = await _living(connection)
            others = {each for each in living if each != gateway}
            if alone and not others:
                return await self._heard(connection, gateway, after, living)
        async with self._database.operate() as connection:
            await stored.drop_holds(connection, sorted({*others, gateway}))
            await stored.hold(connection, gateway, held)
            return await self._heard(connection, gateway, after, living)

    @staticmethod
    async def _heard(connection: Connection, gateway: str, after: int, living: set[str]) -> Exchange:
        position = await stored.position(connection)
        return Exchange(
            position=position,
            spent=tuple(await stored.spent_elsewhere(connection, after=after, gateway=gateway)) if position > after else (),
            held=tuple(await stored.held_elsewhere(connection, gateway, sorted(living))),
            gateways=len({*living, gateway}),
        )

    async def warn(self, warnings: Sequence[BudgetWarning]) -> int:
        """Store warnings that are new: one for each account, limit and period, however many gateways give it. How many were."""
        if not warnings:
            return 0
        fresh = 0
        async with self._database.write(GATEWAY) as writer:
            for each in warnings:
                if await catalog.BUDGET_WARNINGS.get(writer.connection, each.id) is None:
                    fresh += 1
                    await catalog.BUDGET_WARNINGS.put(writer, each, "warn", reason=words_of(each))
        return fresh

    async def warnings(self, use_case: str | None = None) -> list[BudgetWarning]:
        """The newest warnings first."""
        async with self._database.read() as connection:
            return await _warnings(connection, use_case)


def words_of(warning: BudgetWarning) -> str:
    """A warning as one line for a person."""
    unit = "tokens" if warning.meter.startswith("tokens") else "USD"
    who = f"use case {warning.use_case}"
    if warning.kind != "use-case":
        who = f"{warning.kind} {warning.account or 'unnamed'} of {who}"
    return f"{who} has used {warning.used:,.6g} of {warning.limit:,.6g} {unit} in {warning.period}"


async def _warnings(connection: Connection, use_case: str | None) -> list[BudgetWarning]:
    wanted: dict[str, Any] = {"use_case": use_case} if use_case is not None else {}
    found = await catalog.BUDGET_WARNINGS.find(connection, **wanted)
    return sorted(found, key=lambda each: each.at, reverse=True)[:WARNINGS_SHOWN_MAX]


async def _living(connection: Connection) -> set[str]:
    """Gateways that run and have been heard of lately."""
    return {each.id for each in await running_gateways(connection) if each.silent_s <= LEASE_S}


def _row(found: dict[str, object], columns: Sequence[str]) -> SpendRow:
    sums = {name: int(str(found.get(name) or 0)) for name in SPENDING_SUMS}
    nanos, charged = sums.pop("nanos"), sums.pop("charged_nanos")
    own = [str(found[name]) for name in columns if name != "use_case"] or [str(found.get("use_case") or "")]
    return SpendRow(
        name="/".join(each for each in own if each),
        use_case=str(found["use_case"]) if "use_case" in columns else None,
        usd=nanos / NANOS,
        charged_usd=charged / NANOS,
        **sums,
    )


def first_day(text: str, today: date) -> date:
    """A day as YYYY-MM-DD, or a number of days back such as 30d. InputError for anything else."""
    try:
        if text.endswith("d") and text[:-1].isdigit():
            return today - timedelta(days=min(int(text[:-1]), DAYS_MAX))
        return date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is no day: use YYYY-MM-DD, or a number of days back such as 30d", field="since") from None
