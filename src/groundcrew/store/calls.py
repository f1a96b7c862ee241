"""Calls as shipped from the gateways' spools: inserted once, never changed; counts and sums that gates and budgets need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import Call
from groundcrew.domain.spending import charged_nanos
from groundcrew.store import tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import decode

TOKENS_MAX = 2**62


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


CALLS = Collection(
    tables.calls,
    Call,
    "call",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "status": each.status,
        "received_at": _stamp(each.received_at),
        "version_digest": each.version_digest,
        "case_id": each.case_id,
        "trust_state": each.trust.state if each.trust else None,
        # A provider may claim any number; one that no column can hold must not keep all later calls from being shipped.
        "tokens": min(max(each.input_tokens + each.output_tokens, 0), TOKENS_MAX),
        "cost_usd": each.cost_usd,
        "sample": each.sample,
        "key_id": each.key_id,
        "user_id": each.user_id,
        "charged_nanos": charged_nanos(each),
    },
)


async def status_counts(
    connection: AsyncConnection, use_case: str, version_digest: str | None = None, *, samples: bool = True
) -> dict[tuple[str, str], int]:
    """Number of calls by (status, trust state or ''), of one version where given, without sample data where not wanted."""
    table = tables.calls
    query = sa.select(table.c.status, table.c.trust_state, sa.func.count()).where(table.c.use_case == use_case)
    if version_digest is not None:
        query = query.where(table.c.version_digest == version_digest)
    if not samples:
        query = query.where(~table.c.sample)
    rows = (await connection.execute(query.group_by(table.c.status, table.c.trust_state))).all()
    return {(status, state or ""): int(number) for status, state, number in rows}


async def latest(
    connection: AsyncConnection,
    *,
    use_case: str | None = None,
    status: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Call]:
    """The newest calls first, older than id `before` where given."""
    table = tables.calls
    query = sa.select(table.c.document).order_by(table.c.id.desc()).limit(limit)
    wanted: Mapping[str, str | None] = {"use_case": use_case, "status": status}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    if before is not None:
        query = query.where(table.c.id < before)
    return [decode(document, Call) for document in (await connection.execute(query)).scalars()]


async def total_cost(connection: AsyncConnection, use_case: str, version_digest: str) -> float | None:
    """USD that one version of a use case has cost, sample data apart; None while the cost of any of its calls is unknown."""
    table = tables.calls
    query = sa.select(sa.func.sum(table.c.cost_usd), sa.func.count(), sa.func.count(table.c.cost_usd)).where(
        table.c.use_case == use_case, table.c.version_digest == version_digest, ~table.c.sample
    )
    total, number, known = (await connection.execute(query)).one()
    return float(total or 0.0) if known == number else None
