"""Recorded calls in the order in which they are scored again, and what came of it: inserted once, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import Call
from groundcrew.domain.rescoring import Rescored
from groundcrew.store import tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode
from groundcrew.store.rows import stamp

RESCORED = Collection(
    tables.rescored,
    Rescored,
    "rescored",
    identify=lambda each: each.id,
    columns=lambda each: {"job_id": each.job_id, "use_case": each.use_case, "call_id": each.call_id},
)


async def bounds(
    connection: AsyncConnection, use_case: str, *, since: datetime | None, limit: int
) -> tuple[str, str, int] | None:
    """(first id, last id, number) of the newest `limit` calls of a use case that have their texts; None where there are none."""
    newest = _calls(use_case).with_only_columns(tables.calls.c.id).order_by(tables.calls.c.id.desc()).limit(limit)
    if since is not None:
        newest = newest.where(tables.calls.c.received_at >= stamp(since))
    chosen = newest.subquery()
    first, last, number = (
        await connection.execute(sa.select(sa.func.min(chosen.c.id), sa.func.max(chosen.c.id), sa.func.count()))
    ).one()
    return (first, last, int(number)) if number else None


async def page(connection: AsyncConnection, use_case: str, *, after: str, first: str, last: str, limit: int) -> list[Call]:
    """The next calls within `first`..`last`, by id, after `after`."""
    table = tables.calls
    query = _calls(use_case).where(table.c.id > after, table.c.id >= first, table.c.id <= last).order_by(table.c.id).limit(limit)
    return [decode(document, Call) for document in (await connection.execute(query)).scalars()]


async def insert(writer: Writer, rows: Sequence[Rescored], job_id: str) -> None:
    """Insert rows that are not there yet, under one audit entry."""
    await RESCORED.insert_batch(writer, list(rows), "rescore", f"rescored/{job_id}", details={"job": job_id})


async def of_job(connection: AsyncConnection, job_id: str) -> list[Rescored]:
    """Everything that one job scored, by call."""
    return await RESCORED.find(connection, job_id=job_id)


async def of_call(connection: AsyncConnection, call_id: str) -> list[Rescored]:
    """Every time that one call was scored again, oldest first."""
    return sorted(await RESCORED.find(connection, call_id=call_id), key=lambda each: each.at)


def _calls(use_case: str) -> sa.Select[Any]:
    table = tables.calls
    return sa.select(table.c.document).where(
        table.c.use_case == use_case, table.c.shadow_of.is_(None), table.c.trial.is_(None), ~table.c.redacted
    )
