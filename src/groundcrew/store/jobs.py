"""The rows behind running jobs: claiming one under a lease, going on with it, and letting it go. Every statement of a worker
names the worker's token, so that one whose lease ran out changes nothing any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.job import Progress, RowFailure
from groundcrew.store.glances import is_there
from groundcrew.store.tables import job_runs

#: Rows that a claim looks at: others may take the first ones at the same moment.
CANDIDATES_MAX = 16
#: Whether any job has not ended.
WAITS = is_there(job_runs, ~job_runs.c.finished)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A job that one worker holds: what it goes on from."""

    id: str
    attempts: int
    checkpoint: dict[str, Any]
    done: int
    total: int | None
    failed: int
    failures: tuple[RowFailure, ...]


async def open_run(connection: AsyncConnection, job_id: str, *, kind: str, place: str | None) -> None:
    """Let workers find a new job."""
    await connection.execute(
        job_runs.insert().values(
            id=job_id,
            kind=kind,
            place=place,
            owner=None,
            lease_until_s=0.0,
            attempts=0,
            done=0,
            total=None,
            failed=0,
            failures="[]",
            checkpoint="{}",
            cancel=False,
            finished=False,
        )
    )


async def claim(
    connection: AsyncConnection,
    *,
    owner: str,
    now_s: float,
    lease_s: float,
    kinds: Sequence[str],
    place: str | None,
    job_id: str | None = None,
) -> Claim | None:
    """Take the oldest job that nobody holds (or `job_id`, if nobody does) until `now_s + lease_s`; None where there is none."""
    free = _free(now_s)
    query = _takeable(now_s, kinds, place)
    if job_id is not None:
        query = query.where(job_runs.c.id == job_id)
    for candidate in (await connection.execute(query.order_by(job_runs.c.id).limit(CANDIDATES_MAX))).scalars().all():
        taken = await connection.execute(
            job_runs.update()
            .where(job_runs.c.id == candidate, free)
            .values(
                owner=owner,
                lease_until_s=now_s + lease_s,
                attempts=job_runs.c.attempts + 1,
                started_at_s=sa.func.coalesce(job_runs.c.started_at_s, now_s),
                updated_at_s=now_s,
            )
        )
        if taken.rowcount:
            row = (await connection.execute(sa.select(job_runs).where(job_runs.c.id == candidate))).mappings().one()
            return Claim(
                id=row["id"],
                attempts=row["attempts"],
                checkpoint=msgspec.json.decode(row["checkpoint"], type=dict[str, Any]),
                done=row["done"],
                total=row["total"],
                failed=row["failed"],
                failures=_failures(row["failures"]),
            )
    return None


async def waiting(connection: AsyncConnection, *, now_s: float, kinds: Sequence[str], place: str) -> bool:
    """Whether there is a job that nobody holds."""
    return (await connection.execute(_takeable(now_s, kinds, place).limit(1))).first() is not None


async def extend(connection: AsyncConnection, job_id: str, owner: str, *, now_s: float, lease_s: float) -> bool | None:
    """Hold a job for longer. Returns whether it is to be cancelled; None where it is not this owner's any more."""
    return await _change(connection, job_id, owner, lease_until_s=now_s + lease_s)


async def advance(
    connection: AsyncConnection,
    job_id: str,
    owner: str,
    *,
    now_s: float,
    lease_s: float,
    checkpoint: dict[str, Any],
    done: int,
    total: int | None,
    failed: int,
    failures: Sequence[RowFailure],
) -> bool | None:
    """Note how far a job has come; returns as `extend` does."""
    return await _change(
        connection,
        job_id,
        owner,
        lease_until_s=now_s + lease_s,
        updated_at_s=now_s,
        checkpoint=msgspec.json.encode(checkpoint).decode(),
        done=done,
        total=total,
        failed=failed,
        failures=msgspec.json.encode(failures).decode(),
    )


async def release(connection: AsyncConnection, job_id: str, owner: str) -> None:
    """Let a job go so that another worker takes it at once; the time that it ran does not count as an attempt."""
    query = job_runs.update().where(job_runs.c.id == job_id, job_runs.c.owner == owner, ~job_runs.c.finished)
    await connection.execute(query.values(owner=None, lease_until_s=0.0, attempts=job_runs.c.attempts - 1))


async def finish(connection: AsyncConnection, job_id: str, owner: str | None) -> bool:
    """End a job that `owner` holds, or (None) that nobody works on; whether it was so."""
    query = job_runs.update().where(job_runs.c.id == job_id, ~job_runs.c.finished)
    if owner is not None:
        query = query.where(job_runs.c.owner == owner)
    return bool((await connection.execute(query.values(finished=True, owner=None, lease_until_s=0.0))).rowcount)


async def ask_to_cancel(connection: AsyncConnection, job_id: str) -> None:
    """Tell the worker to stop at its next step."""
    await connection.execute(job_runs.update().where(job_runs.c.id == job_id).values(cancel=True))


async def progress(connection: AsyncConnection, job_ids: Sequence[str]) -> dict[str, Progress]:
    """How far jobs have come, by id."""
    found = (await connection.execute(sa.select(job_runs).where(job_runs.c.id.in_(list(job_ids))))).mappings()
    return {
        row["id"]: Progress(
            attempts=row["attempts"],
            done=row["done"],
            total=row["total"],
            failed=row["failed"],
            failures=_failures(row["failures"]),
            lease_until=_moment(row["lease_until_s"]) if row["owner"] is not None else None,
            cancelling=row["cancel"] and not row["finished"],
            started_at=_moment(row["started_at_s"]),
            updated_at=_moment(row["updated_at_s"]),
        )
        for row in found
    }


def _free(now_s: float) -> sa.ColumnElement[bool]:
    return sa.and_(~job_runs.c.finished, sa.or_(job_runs.c.owner.is_(None), job_runs.c.lease_until_s <= now_s))


def _takeable(now_s: float, kinds: Sequence[str], place: str | None) -> sa.Select[tuple[str]]:
    here = sa.or_(job_runs.c.place.is_(None), job_runs.c.place == place)
    return sa.select(job_runs.c.id).where(_free(now_s), job_runs.c.kind.in_(list(kinds)), here)


async def _change(connection: AsyncConnection, job_id: str, owner: str, **values: Any) -> bool | None:
    mine = sa.and_(job_runs.c.id == job_id, job_runs.c.owner == owner, ~job_runs.c.finished)
    if not (await connection.execute(job_runs.update().where(mine).values(**values))).rowcount:
        return None
    return bool((await connection.execute(sa.select(job_runs.c.cancel).where(job_runs.c.id == job_id))).scalar_one())


def _failures(text: str) -> tuple[RowFailure, ...]:
    return msgspec.json.decode(text, type=tuple[RowFailure, ...])


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
