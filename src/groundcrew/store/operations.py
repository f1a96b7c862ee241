"""What operating asks of the database: the kill switches that deny, and rows that are not part of the audited record: sessions,
enforcement points, when keys were used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.enforcement_point import EnforcementPoint
from groundcrew.domain.kill_switch import KillSwitch
from groundcrew.store.database import decode
from groundcrew.store.listening import ACKNOWLEDGED
from groundcrew.store.tables import enforcement_points, key_uses, kill_switches, sessions

#: Characters of a time that are compared: a key's use is noted to the minute, so that its row is seldom written.
NOTED_TO = 16
#: Asked for several times a second: made once.
DENYING = sa.select(kill_switches.c.document).where(kill_switches.c.state != "armed").order_by(kill_switches.c.id)


async def acknowledge(connection: AsyncConnection, point: EnforcementPoint) -> None:
    """Note what an enforcement point says of itself. On PostgreSQL, whoever waits for a new version's enforcement hears of it.

    A process holds one gateway: another one of the same machine and process id has ended and left its number. One of which
    nothing tells the machine is never taken for another. When it was heard of is told by the database's clock.
    """
    table = enforcement_points
    if point.machine:
        same_process = (table.c.machine == point.machine, table.c.process_id == point.process_id)
        await connection.execute(table.delete().where(*same_process, table.c.id != point.id))
    said = {name: value for name, value in msgspec.structs.asdict(point).items() if name != "silent_s"}
    values = said | {"cut": canonical_json(point.cut).decode(), "seen_at_s": clock_of(connection)}
    before = (await connection.execute(sa.select(table.c.snapshot_version).where(table.c.id == point.id))).scalar_one_or_none()
    if before is None:
        await connection.execute(table.insert().values(values))
    else:
        await connection.execute(table.update().where(table.c.id == point.id).values(values))
    if before != point.snapshot_version and connection.dialect.name != "sqlite":
        await connection.execute(sa.select(sa.func.pg_notify(ACKNOWLEDGED, point.id)))


def clock_of(connection: AsyncConnection) -> sa.ColumnElement[float]:
    """Unix seconds by the database's clock, the one clock that all hosts share, as a statement reads it."""
    sqlite = connection.dialect.name == "sqlite"
    text = "(julianday('now') - 2440587.5) * 86400.0" if sqlite else "extract(epoch FROM clock_timestamp())::float8"
    return sa.literal_column(text, sa.Float)


async def now_s(connection: AsyncConnection) -> float:
    """Unix seconds by the database's clock now."""
    return float((await connection.execute(sa.select(clock_of(connection)))).scalar_one())


async def forget(connection: AsyncConnection, point: str) -> None:
    """Remove a gateway that has stopped in an orderly way, or that a person says is gone."""
    await connection.execute(enforcement_points.delete().where(enforcement_points.c.id == point))


async def denying(connection: AsyncConnection) -> list[KillSwitch]:
    """Every kill switch that is not armed, by scope; without a limit, so that none is missed."""
    return [decode(document, KillSwitch) for document in (await connection.execute(DENYING)).scalars()]


async def enforcing(connection: AsyncConnection) -> list[EnforcementPoint]:
    """Every enforcement point that has not been removed, by id."""
    query = sa.select(enforcement_points, clock_of(connection).label("now_s")).order_by(enforcement_points.c.id)
    rows = (await connection.execute(query)).mappings()
    named = [{str(name): value for name, value in row.items()} for row in rows]
    for each in named:
        each["cut"], each["silent_s"] = msgspec.json.decode(each["cut"]), max(0.0, each.pop("now_s") - each["seen_at_s"])
    return [msgspec.convert(each, EnforcementPoint) for each in named]


async def open_session(connection: AsyncConnection, *, session: str, user_name: str, expires_at_s: float) -> None:
    """Store a session by the SHA-256 of its secret."""
    await connection.execute(sessions.insert().values(id=session, user_name=user_name, expires_at_s=expires_at_s))


async def session_user(connection: AsyncConnection, session: str, now_s: float) -> str | None:
    """Whose session it is; None for an unknown or expired one."""
    query = sa.select(sessions.c.user_name).where(sessions.c.id == session, sessions.c.expires_at_s > now_s)
    return (await connection.execute(query)).scalar_one_or_none()


async def close_session(connection: AsyncConnection, session: str) -> None:
    """End a session."""
    await connection.execute(sessions.delete().where(sessions.c.id == session))


async def close_sessions_of(connection: AsyncConnection, user_name: str, now_s: float) -> None:
    """End every session of one user, and all expired ones."""
    await connection.execute(sessions.delete().where(sa.or_(sessions.c.user_name == user_name, sessions.c.expires_at_s <= now_s)))


async def note_key_uses(connection: AsyncConnection, uses: Mapping[str, tuple[str, datetime]]) -> None:
    """Note when keys were used: key id → (use case, time); an earlier time than the known one changes nothing."""
    table = key_uses
    query = sa.select(table.c.key_id, table.c.used_at).where(table.c.key_id.in_(list(uses)))
    known = {row.key_id: row.used_at for row in await connection.execute(query)}
    for key_id, (use_case, moment) in uses.items():
        used_at = moment.isoformat(timespec="seconds")
        if key_id not in known:
            await connection.execute(table.insert().values(key_id=key_id, use_case=use_case, used_at=used_at))
        elif used_at[:NOTED_TO] > known[key_id][:NOTED_TO]:
            await connection.execute(table.update().where(table.c.key_id == key_id).values(used_at=used_at))


async def key_uses_of(connection: AsyncConnection, use_case: str | None = None) -> dict[str, datetime]:
    """When keys were last used, those of one use case where given."""
    query = sa.select(key_uses.c.key_id, key_uses.c.used_at)
    if use_case is not None:
        query = query.where(key_uses.c.use_case == use_case)
    return {key_id: datetime.fromisoformat(used_at) for key_id, used_at in (await connection.execute(query)).all()}
