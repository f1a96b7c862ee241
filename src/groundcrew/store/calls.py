"""Calls as shipped from the gateways' spools: inserted once, never changed; counts and sums that gates and budgets need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import Call, CallHead
from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.spending import charged_nanos
from groundcrew.store import tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode
from groundcrew.store.rows import stamp

TOKENS_MAX = 2**62


def _columns(call: Call | CallHead) -> dict[str, Any]:
    return {
        "use_case": call.use_case,
        "status": call.status,
        "received_at": stamp(call.received_at),
        "version_digest": call.version_digest,
        "case_id": call.case_id,
        "trust_state": call.trust.state if call.trust else None,
        # A provider may claim any number; one that no column can hold must not keep all later calls from being shipped.
        "tokens": min(max(call.input_tokens + call.output_tokens, 0), TOKENS_MAX),
        "cost_usd": call.cost_usd,
        "sample": call.sample,
        "shadow_of": call.shadow_of,
        "trial": call.trial,
        "trace_id": call.trace_id,
        "key_id": call.key_id,
        "user_id": call.user_id,
        "charged_nanos": charged_nanos(call),
        "redacted": call.redacted_at is not None,
    }


CALLS = Collection(tables.calls, Call, "call", identify=lambda each: each.id, columns=_columns)
_HEAD = msgspec.json.Decoder(CallHead)


async def insert(writer: Writer, records: Sequence[bytes], *, gateway: str) -> list[tuple[CallHead, bytes]]:
    """Insert records (calls' canonical JSON) that are not there yet, under one audit entry; returns those inserted, by id.

    Of several records of one call the last counts.
    """
    heads = {head.id: (head, record) for record in records for head in (_HEAD.decode(record),)}
    present = await CALLS.present(writer.connection, list(heads))
    fresh = [heads[each] for each in sorted(heads.keys() - present)]
    await CALLS.insert_documents(
        writer,
        [(head.id, record, _columns(head)) for head, record in fresh],
        "ship",
        f"calls/{gateway}",
        details={"gateway": gateway},
    )
    return fresh


async def latest(
    connection: AsyncConnection,
    *,
    use_case: str | None = None,
    status: str | None = None,
    trace_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
    shadows: bool = False,
) -> list[Call]:
    """The newest calls first, older than id `before` where given, shadow copies and trials only where wanted."""
    table = tables.calls
    query = sa.select(table.c.document).order_by(table.c.id.desc()).limit(limit)
    wanted: Mapping[str, str | None] = {"use_case": use_case, "status": status, "trace_id": trace_id}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    if before is not None:
        query = query.where(table.c.id < before)
    if not shadows:
        query = query.where(table.c.shadow_of.is_(None), table.c.trial.is_(None))
    return [decode(document, Call) for document in (await connection.execute(query)).scalars()]


class _Timed(msgspec.Struct, frozen=True, kw_only=True):
    """Of a call's document only its times."""

    latency_ms: dict[str, float] = {}


async def latencies(connection: AsyncConnection, use_case: str, *, limit: int) -> list[dict[str, float]]:
    """`latency_ms` of the newest calls of a use case that have one, sample data, shadow copies and trials apart, newest first."""
    table = tables.calls
    query = (
        sa.select(table.c.document)
        .where(table.c.use_case == use_case, table.c.shadow_of.is_(None), table.c.trial.is_(None), ~table.c.sample)
        .order_by(table.c.id.desc())
        .limit(limit)
    )
    found = [decode(document, _Timed).latency_ms for document in (await connection.execute(query)).scalars()]
    return [each for each in found if each]


async def shadow_pairs(
    connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int
) -> list[tuple[Call, Call | None]]:
    """The newest shadow copies of one version of a use case, each with the call that it is a copy of, if that is shipped."""
    copy, call = tables.calls, tables.calls.alias("copied")
    query = (
        sa.select(copy.c.document, call.c.document)
        .select_from(copy.outerjoin(call, call.c.id == copy.c.shadow_of))
        .where(copy.c.use_case == use_case, copy.c.version_digest == version_digest, copy.c.shadow_of.is_not(None))
        .order_by(copy.c.id.desc())
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    return [(decode(shadow, Call), decode(main, Call) if main is not None else None) for shadow, main in rows]


async def shadow_marks(connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int) -> tuple[object, ...]:
    """Which copies `shadow_pairs` gives, which of them have their call, and which have lost their texts."""
    copy, call = tables.calls, tables.calls.alias("copied")
    query = (
        sa.select(copy.c.id, copy.c.redacted, call.c.redacted)
        .select_from(copy.outerjoin(call, call.c.id == copy.c.shadow_of))
        .where(copy.c.use_case == use_case, copy.c.version_digest == version_digest, copy.c.shadow_of.is_not(None))
        .order_by(copy.c.id.desc())
        .limit(limit)
    )
    return tuple(tuple(row) for row in await connection.execute(query))


async def batches_before(
    connection: AsyncConnection, use_case: str, before: datetime, *, after_batch: int, limit: int
) -> list[int]:
    """Batches past `after_batch` that hold calls of `use_case` from before that time whose texts are there, in order."""
    table = tables.calls
    query = (
        sa.select(table.c.batch)
        .distinct()
        .where(table.c.use_case == use_case, table.c.received_at < stamp(before), ~table.c.redacted)
        .where(table.c.batch > after_batch)
        .order_by(table.c.batch)
        .limit(limit)
    )
    return list((await connection.execute(query)).scalars())


async def batch_of(connection: AsyncConnection, call_id: str) -> int:
    """The number of the audit entry under which a call came; 0 for one that is not there."""
    query = sa.select(tables.calls.c.batch).where(tables.calls.c.id == call_id)
    return int((await connection.execute(query)).scalar_one_or_none() or 0)


async def batch_documents(connection: AsyncConnection, batch: int) -> dict[str, bytes]:
    """The documents of one batch by id, in the order that its digest is over."""
    query = sa.select(tables.calls.c.id, tables.calls.c.document).where(tables.calls.c.batch == batch)
    rows = {row.id: row.document.encode() for row in await connection.execute(query)}
    return {each: rows[each] for each in sorted(rows)}


async def rewrite(writer: Writer, calls: Sequence[Call]) -> dict[str, bytes]:
    """Put `calls` in the place of what is stored of them; their documents by id. The caller writes the audit entry."""
    table = tables.calls
    documents = {each.id: canonical_json(each) for each in calls}
    for each in calls:
        values = {"document": documents[each.id].decode(), **_columns(each)}
        await writer.connection.execute(table.update().where(table.c.id == each.id).values(values))
    return documents
