"""Recorded calls in the order in which an alternate is asked, newest first, and its answers: inserted once, never changed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.call import Call
from groundcrew.domain.rehearsal import Rehearsed
from groundcrew.store import tables
from groundcrew.store.collection import Collection
from groundcrew.store.database import Writer, decode

REHEARSED = Collection(
    tables.rehearsed,
    Rehearsed,
    "rehearsed",
    identify=lambda each: each.id,
    columns=lambda each: {"job_id": each.job_id, "use_case": each.use_case},
)


async def page(
    connection: AsyncConnection, use_case: str, version_digest: str, *, before: str, limit: int, shadows: bool = False
) -> list[Call]:
    """The newest calls of one version of a use case with an id below `before` ("": all), or its shadow copies; trials and sample
    data apart."""
    table = tables.calls
    query = sa.select(table.c.document).where(
        table.c.use_case == use_case,
        table.c.version_digest == version_digest,
        table.c.trial.is_(None),
        ~table.c.sample,
        table.c.shadow_of.is_not(None) if shadows else table.c.shadow_of.is_(None),
    )
    if before:
        query = query.where(table.c.id < before)
    found = (await connection.execute(query.order_by(table.c.id.desc()).limit(limit))).scalars()
    return [decode(document, Call) for document in found]


async def count(connection: AsyncConnection, use_case: str, version_digest: str, *, limit: int) -> int:
    """How many calls of one version of a use case there are, trials, copies and sample data apart, counted up to `limit`."""
    table = tables.calls
    some = (
        sa.select(table.c.id)
        .where(
            table.c.use_case == use_case,
            table.c.version_digest == version_digest,
            table.c.trial.is_(None),
            table.c.shadow_of.is_(None),
            ~table.c.sample,
        )
        .limit(limit)
        .subquery()
    )
    return int((await connection.execute(sa.select(sa.func.count()).select_from(some))).scalar_one())


async def insert(writer: Writer, rows: Sequence[Rehearsed], job_id: str) -> None:
    """Insert rows that are not there yet, under one audit entry."""
    await REHEARSED.insert_batch(writer, list(rows), "rehearse", f"rehearsed/{job_id}", details={"job": job_id})


async def of_job(connection: AsyncConnection, job_id: str) -> list[Rehearsed]:
    """Everything that one rehearsal asked, by call."""
    return await REHEARSED.find(connection, job_id=job_id)
