"""Spending: sums of recorded calls by day, what gateways hold, and what others have spent since a gateway last looked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from operator import add as add_up
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import CallHead
from groundcrew.domain.spending import AccountId, AccountKind, Held, Spent, charged_nanos, to_nanos
from groundcrew.store.tables import SPENDING_KEYS, SPENDING_SUMS, audit_entries, audit_head, budget_holds, calls, spending

TOKENS_MAX = 2**62
#: Users whose spending a starting gateway is told, those who spent most first; the others start at 0.
USERS_SEEDED_MAX = 200_000
GROUPS_MAX = 10_000
_ZEROS = (0,) * len(SPENDING_SUMS)

#: Account kind → the column that names it.
_COLUMN_OF = {"use-case": "use_case", "key": "key_id", "user": "user_id"}


async def add(connection: AsyncConnection, recorded: Iterable[CallHead]) -> None:
    """Add calls to the sums; in the transaction that inserts them, so that each counts once."""
    sums: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for call in recorded:
        key = (
            call.received_at.date(),
            call.use_case,
            call.business_unit,
            call.target_model or "",
            call.provider or "",
            call.key_id,
            call.user_id or "",
            call.sample,
        )
        unknown = call.cost_usd is None
        taken = min(max(call.input_tokens, 0), TOKENS_MAX // 2)
        given = min(max(call.output_tokens, 0), TOKENS_MAX // 2)
        unknown_tokens = taken + given if unknown else 0
        # In the order of SPENDING_SUMS.
        own = (1, int(unknown), taken, given, unknown_tokens, to_nanos(call.cost_usd or 0.0), charged_nanos(call))
        sums[key] = tuple(map(add_up, sums.get(key, _ZEROS), own))
    for (day, *rest), totals in sums.items():
        added = dict(zip(SPENDING_SUMS, totals, strict=True))
        names = dict(zip((*SPENDING_KEYS, "sample"), (day.isoformat(), *rest), strict=True))
        where = [spending.c[name] == value for name, value in names.items()]
        # A provider may claim any number: a sum stays at what a column holds.
        raised = {name: _raised(spending.c[name], min(added[name], TOKENS_MAX)) for name in SPENDING_SUMS}
        updated = await connection.execute(spending.update().where(*where).values(raised))
        if updated.rowcount == 0:
            bounded = {name: min(added[name], TOKENS_MAX) for name in SPENDING_SUMS}
            await connection.execute(spending.insert().values({**names, **bounded}))


def _raised(column: sa.Column[Any], by: int) -> sa.ColumnElement[Any]:
    return sa.case((column > TOKENS_MAX - by, TOKENS_MAX), else_=column + by)


async def position(connection: AsyncConnection) -> int:
    """The newest audit entry: calls shipped up to it are in the sums."""
    return int((await connection.execute(sa.select(audit_head.c.sequence))).scalar_one())


async def spent_since(connection: AsyncConnection, first: date) -> list[Spent]:
    """What every account has spent on each day from `first` on."""
    found: list[Spent] = []
    for kind in get_args(AccountKind):
        columns = [spending.c.use_case] if kind == "use-case" else [spending.c.use_case, spending.c[_COLUMN_OF[kind]]]
        tokens = sa.func.sum(spending.c.input_tokens + spending.c.output_tokens)
        query = (
            sa.select(spending.c.day, *columns, tokens, sa.func.sum(spending.c.charged_nanos))
            .where(spending.c.day >= f"{first:%Y-%m-%d}")
            .group_by(spending.c.day, *columns)
            .order_by(tokens.desc())
        )
        if kind == "user":
            query = query.where(spending.c.user_id != "").limit(USERS_SEEDED_MAX)
        for day, *names, used, nanos in (await connection.execute(query)).all():
            found.append(Spent(AccountId(kind, *names), date.fromisoformat(day), int(used), int(nanos)))
    return found


async def spent_elsewhere(connection: AsyncConnection, *, after: int, gateway: str) -> list[Spent]:
    """What calls that other gateways shipped after the audit entry `after` have spent, by account and day."""
    batches = sa.select(audit_entries.c.sequence).where(
        audit_entries.c.sequence > after,
        audit_entries.c.subject.like("calls/%"),
        audit_entries.c.subject != f"calls/{gateway}",
    )
    day = sa.func.substr(calls.c.received_at, 1, 10)
    charged = sa.func.sum(calls.c.charged_nanos)
    query = (
        sa.select(day, calls.c.use_case, calls.c.key_id, calls.c.user_id, sa.func.sum(calls.c.tokens), charged)
        .where(calls.c.batch > after, calls.c.batch.in_(batches))
        .group_by(day, calls.c.use_case, calls.c.key_id, calls.c.user_id)
    )
    found: list[Spent] = []
    for on, use_case, key_id, user_id, tokens, taken in (await connection.execute(query)).all():
        when, used, nanos = date.fromisoformat(on), int(tokens), int(taken)
        found.append(Spent(AccountId("use-case", use_case), when, used, nanos))
        found.append(Spent(AccountId("key", use_case, key_id), when, used, nanos))
        if user_id:
            found.append(Spent(AccountId("user", use_case, user_id), when, used, nanos))
    return found


async def hold(connection: AsyncConnection, gateway: str, held: Sequence[Held]) -> None:
    """Replace what `gateway` holds."""
    await connection.execute(budget_holds.delete().where(budget_holds.c.gateway == gateway))
    if held:
        rows = [
            {
                "gateway": gateway,
                "kind": each.account.kind,
                "use_case": each.account.use_case,
                "account": each.account.id,
                "tokens": min(each.tokens, TOKENS_MAX),
                "nanos": min(each.nanos, TOKENS_MAX),
            }
            for each in held
        ]
        await connection.execute(budget_holds.insert(), rows)


async def held_elsewhere(connection: AsyncConnection, gateway: str, living: Collection[str]) -> list[Held]:
    """What the other living gateways hold."""
    query = sa.select(budget_holds).where(budget_holds.c.gateway != gateway, budget_holds.c.gateway.in_(living))
    return [
        Held(AccountId(row.kind, row.use_case, row.account), int(row.tokens), int(row.nanos))
        for row in (await connection.execute(query)).all()
    ]


async def drop_holds(connection: AsyncConnection, living: Collection[str]) -> None:
    """Forget what gateways hold that are gone: their leases have ended."""
    await connection.execute(budget_holds.delete().where(budget_holds.c.gateway.not_in(living)))


async def sums(
    connection: AsyncConnection,
    columns: Sequence[str],
    *,
    since: date,
    until: date | None = None,
    use_case: str | None = None,
    samples: bool = False,
) -> list[dict[str, Any]]:
    """Sums grouped by `columns` of SPENDING_KEYS, from `since` to `until` inclusive, the dearest first; GROUPS_MAX at most."""
    grouped = [spending.c[name] for name in columns]
    totals = [sa.func.sum(spending.c[name]).label(name) for name in SPENDING_SUMS]
    query = sa.select(*grouped, *totals).where(spending.c.day >= f"{since:%Y-%m-%d}")
    if until is not None:
        query = query.where(spending.c.day <= f"{until:%Y-%m-%d}")
    if use_case is not None:
        query = query.where(spending.c.use_case == use_case)
    if not samples:
        query = query.where(~spending.c.sample)
    order = [sa.desc("nanos"), sa.desc("input_tokens"), *grouped]
    rows = await connection.execute(query.group_by(*grouped).order_by(*order).limit(GROUPS_MAX))
    return [{name: value if name in columns else int(value or 0) for name, value in row.items()} for row in rows.mappings()]
