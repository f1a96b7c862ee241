"""What alert rules are looked at with: where each stands, whose turn it is, what gateways say of themselves, and recent sums of
calls. None of it is part of the audited record, and none of it reads single calls."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.alert_track import Track
from groundcrew.store.database import decode
from groundcrew.store.operations import clock_of
from groundcrew.store.oversight_tables import alert_tracks, alert_turns, deliveries, gateway_health
from groundcrew.store.rows import stamp
from groundcrew.store.tables import call_spreads, call_sums, sign_offs

_HOUR_LENGTH = 13


class StoredTrack(NamedTuple):
    """A track and the version of its row."""

    track: Track
    version: int


async def take_turn(connection: AsyncConnection, *, now_s: float, every_s: float) -> bool:
    """Whether it is the caller's turn to look: of all servers one has it each `every_s`. A clock set back takes it too."""
    columns = alert_turns.c
    due = sa.or_(columns.looked_at_s <= now_s - every_s, columns.looked_at_s > now_s)
    taken = await connection.execute(alert_turns.update().where(columns.id == 1, due).values(looked_at_s=now_s))
    return bool(taken.rowcount)


async def tracks(connection: AsyncConnection) -> dict[tuple[str, str], StoredTrack]:
    """Every track by (rule, use case)."""
    rows = await connection.execute(sa.select(alert_tracks))
    return {(row.rule, row.use_case): StoredTrack(decode(row.document, Track), int(row.version)) for row in rows}


async def track(connection: AsyncConnection, rule: str, use_case: str) -> StoredTrack | None:
    """One track; None where the pair was never looked at or is ok and was never otherwise."""
    table = alert_tracks
    query = sa.select(table).where(table.c.rule == rule, table.c.use_case == use_case)
    row = (await connection.execute(query)).first()
    return None if row is None else StoredTrack(decode(row.document, Track), int(row.version))


async def put_track(connection: AsyncConnection, changed: Track, expected: int | None) -> bool:
    """Write a track if its row is still at version `expected` (None: there is none yet); whether it was."""
    table, document = alert_tracks, msgspec.json.encode(changed).decode()
    mine = sa.and_(table.c.rule == changed.rule, table.c.use_case == changed.use_case)
    if expected is None:
        if (await connection.execute(sa.select(table.c.version).where(mine))).first() is not None:
            return False
        values = {"rule": changed.rule, "use_case": changed.use_case, "version": 1, "document": document}
        await connection.execute(table.insert().values(**values))
        return True
    written = await connection.execute(
        table.update().where(mine, table.c.version == expected).values(version=expected + 1, document=document)
    )
    return bool(written.rowcount)


async def drop_track(connection: AsyncConnection, rule: str, use_case: str, expected: int) -> bool:
    """Forget a track that no rule has any more; whether it was still at version `expected`."""
    table = alert_tracks
    dropped = await connection.execute(
        table.delete().where(table.c.rule == rule, table.c.use_case == use_case, table.c.version == expected)
    )
    return bool(dropped.rowcount)


async def say_health(
    connection: AsyncConnection,
    *,
    server: str,
    host: str,
    process_id: int,
    document: str,
    machine: str = "",
    process_started: str = "",
) -> None:
    """Note what a server says of its gateway; an earlier one of the same machine and process id is gone."""
    table = gateway_health
    if machine:
        same_process = (table.c.machine == machine, table.c.process_id == process_id)
        await connection.execute(table.delete().where(*same_process, table.c.id != server))
    values = {
        "host": host,
        "process_id": process_id,
        "seen_at_s": clock_of(connection),
        "document": document,
        "machine": machine,
        "process_started": process_started,
    }
    updated = await connection.execute(table.update().where(table.c.id == server).values(values))
    if updated.rowcount == 0:
        await connection.execute(table.insert().values(id=server, **values))


async def forget_health(connection: AsyncConnection, server: str) -> None:
    """A server stops in an orderly way."""
    await connection.execute(gateway_health.delete().where(gateway_health.c.id == server))


async def health(connection: AsyncConnection) -> list[sa.RowMapping]:
    """What servers said of their gateways last."""
    return list((await connection.execute(sa.select(gateway_health).order_by(gateway_health.c.id))).mappings())


class HourSums(NamedTuple):
    """Real calls of one use case, hour and status."""

    use_case: str
    hour: str
    status: str
    calls: int


async def hours(connection: AsyncConnection, since: datetime) -> list[HourSums]:
    """Real calls of all use cases by hour and status, from the hour of `since` on."""
    columns = call_sums.c
    query = (
        sa.select(columns.use_case, columns.period, columns.status, sa.func.sum(columns.calls))
        .where(columns.span == "hour", columns.period >= since.isoformat()[:_HOUR_LENGTH], ~columns.sample)
        .group_by(columns.use_case, columns.period, columns.status)
    )
    return [HourSums(name, hour, status, int(number)) for name, hour, status, number in await connection.execute(query)]


class DaySpread(NamedTuple):
    """How one figure of a use case's real calls of a day is spread: calls by bucket, their sum, that of their squares."""

    use_case: str
    day: str
    counts: Counter[int]
    total: float
    squares: float


async def day_spreads(connection: AsyncConnection, measure: str, since: date) -> list[DaySpread]:
    """The spread of a figure of all use cases by day, all versions together."""
    columns = call_spreads.c
    query = (
        sa.select(
            columns.use_case,
            columns.day,
            columns.bucket,
            sa.func.sum(columns.calls),
            sa.func.sum(columns.total),
            sa.func.sum(columns.squares),
        )
        .where(columns.measure == measure, columns.day >= since.isoformat(), ~columns.sample)
        .group_by(columns.use_case, columns.day, columns.bucket)
    )
    found: dict[tuple[str, str], DaySpread] = {}
    for name, day, bucket, number, total, squares in await connection.execute(query):
        before = found.get((name, day), DaySpread(name, day, Counter(), 0.0, 0.0))
        before.counts[bucket] += int(number)
        found[name, day] = DaySpread(name, day, before.counts, before.total + float(total), before.squares + float(squares))
    return list(found.values())


async def failed_deliveries(connection: AsyncConnection, since: datetime) -> dict[str, int]:
    """How many messages each channel has not taken, by what turned out since `since`."""
    columns = deliveries.c
    if connection.dialect.name == "sqlite":
        failed_at: sa.ColumnElement[str] = sa.func.json_extract(columns.document, "$.failed_at")
    else:
        failed_at = sa.cast(columns.document, sa.JSON)["failed_at"].as_string()
    query = sa.select(columns.channel, sa.func.count()).where(columns.state == "failed", failed_at >= stamp(since))
    return {name: int(number) for name, number in await connection.execute(query.group_by(columns.channel))}


async def overdue_sign_offs(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """How many answers of each use case wait for a signature that was due by now."""
    columns = sign_offs.c
    query = (
        sa.select(columns.use_case, sa.func.count())
        .where(columns.state == "pending", columns.due_at <= stamp(now))
        .group_by(columns.use_case)
    )
    return {name: int(number) for name, number in await connection.execute(query)}
