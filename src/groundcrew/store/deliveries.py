"""The rows behind what still has to be sent: taking some under a lease, and what came of an attempt. Every statement of a sender
names its token, so that one whose lease ran out changes nothing any more. What ended is in the deliveries, which are audited."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.delivery import Delivery, DeliveryState
from groundcrew.store.collection import IDS_MAX, LIST_LIMIT_MAX
from groundcrew.store.database import decode
from groundcrew.store.glances import is_there
from groundcrew.store.oversight_tables import deliveries, delivery_runs

#: Channels that a look takes up at once.
CHANNELS_MAX = 256
#: Whether anything still has to be sent.
WAITS = is_there(delivery_runs)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What still has to be sent. `since_s` is when the time began that it has; `attempts` counts the one under way."""

    id: str
    channel: str
    since_s: float
    next_attempt_s: float
    attempts: int
    last_error: str


async def open_run(connection: AsyncConnection, delivery: Delivery, *, now_s: float) -> None:
    """Let senders find a delivery, from now on."""
    await connection.execute(
        delivery_runs.insert().values(
            id=delivery.id,
            channel=delivery.channel,
            subject=delivery.subject,
            since_s=now_s,
            next_attempt_s=now_s,
            attempts=0,
            last_error="",
            owner=None,
            lease_until_s=0.0,
        )
    )


async def due_channels(connection: AsyncConnection, *, now_s: float) -> list[str]:
    """The channels for which something may be sent now."""
    query = sa.select(delivery_runs.c.channel).where(_free(now_s), _first()).distinct().limit(CHANNELS_MAX)
    return list((await connection.execute(query)).scalars())


async def claim(connection: AsyncConnection, *, channel: str, owner: str, now_s: float, lease_s: float, limit: int) -> list[Run]:
    """Take up to `limit` of a channel until `now_s + lease_s`, those that wait longest first. Of one subject only the oldest one
    can be had, so that what is told of it comes in order."""
    query = (
        sa.select(delivery_runs.c.sequence)
        .where(delivery_runs.c.channel == channel, _free(now_s), _first())
        .order_by(delivery_runs.c.next_attempt_s, delivery_runs.c.sequence)
        .limit(limit)
    )
    taken: list[Run] = []
    for sequence in (await connection.execute(query)).scalars().all():
        update = delivery_runs.update().where(delivery_runs.c.sequence == sequence, _free(now_s))
        changed = await connection.execute(
            update.values(owner=owner, lease_until_s=now_s + lease_s, attempts=delivery_runs.c.attempts + 1)
        )
        if changed.rowcount:
            row = await connection.execute(sa.select(delivery_runs).where(delivery_runs.c.sequence == sequence))
            taken.append(_run(row.mappings().one()))
    return taken


async def postpone(
    connection: AsyncConnection, run_id: str, owner: str, *, next_attempt_s: float, error: str, counted: bool, since_s: float
) -> bool:
    """Let a run go until `next_attempt_s`; whether it was this owner's. An attempt that is not `counted` did not take place."""
    update = delivery_runs.update().where(delivery_runs.c.id == run_id, delivery_runs.c.owner == owner)
    values = {"owner": None, "lease_until_s": 0.0, "next_attempt_s": next_attempt_s, "last_error": error, "since_s": since_s}
    taken_back = {} if counted else {"attempts": delivery_runs.c.attempts - 1}
    return bool((await connection.execute(update.values(**values, **taken_back))).rowcount)


async def end(connection: AsyncConnection, run_id: str, owner: str) -> bool:
    """Nothing is left to be sent of a run; whether it was this owner's."""
    query = delivery_runs.delete().where(delivery_runs.c.id == run_id, delivery_runs.c.owner == owner)
    return bool((await connection.execute(query)).rowcount)


async def release(connection: AsyncConnection, owner: str) -> None:
    """Let go of everything that `owner` holds, so that others take it at once."""
    query = delivery_runs.update().where(delivery_runs.c.owner == owner)
    await connection.execute(query.values(owner=None, lease_until_s=0.0))


async def hasten(connection: AsyncConnection, run_id: str, *, now_s: float) -> bool:
    """Have a run that waits tried at once, with its whole time before it; whether there is one."""
    query = delivery_runs.update().where(delivery_runs.c.id == run_id)
    return bool((await connection.execute(query.values(next_attempt_s=now_s, since_s=now_s))).rowcount)


async def runs_of(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Run]:
    """What is left to be sent of deliveries, by their id."""
    found: dict[str, Run] = {}
    for start in range(0, len(ids), IDS_MAX):
        query = sa.select(delivery_runs).where(delivery_runs.c.id.in_(list(ids[start : start + IDS_MAX])))
        found |= {row["id"]: _run(row) for row in (await connection.execute(query)).mappings()}
    return found


async def newest(
    connection: AsyncConnection,
    *,
    channel: str | None,
    state: DeliveryState | None,
    subject: str | None,
    limit: int,
) -> list[Delivery]:
    """Deliveries, the newest first: of one channel, in one state or about one subject where given."""
    query = sa.select(deliveries.c.document).order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc())
    for column, value in ((deliveries.c.channel, channel), (deliveries.c.state, state), (deliveries.c.subject, subject)):
        if value is not None:
            query = query.where(column == value)
    rows = await connection.execute(query.limit(min(limit, LIST_LIMIT_MAX)))
    return [decode(document, Delivery) for document in rows.scalars()]


async def counts(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """How many deliveries there are, by channel and state."""
    query = sa.select(deliveries.c.channel, deliveries.c.state, sa.func.count()).group_by(
        deliveries.c.channel, deliveries.c.state
    )
    return {(channel, state): int(number) for channel, state, number in (await connection.execute(query)).all()}


def _free(now_s: float) -> sa.ColumnElement[bool]:
    runs = delivery_runs.c
    return sa.and_(runs.next_attempt_s <= now_s, sa.or_(runs.owner.is_(None), runs.lease_until_s <= now_s))


def _first() -> sa.ColumnElement[bool]:
    """Nothing about the same subject waits in the same channel for longer."""
    earlier = delivery_runs.alias()
    return ~sa.exists().where(
        earlier.c.channel == delivery_runs.c.channel,
        earlier.c.subject == delivery_runs.c.subject,
        earlier.c.sequence < delivery_runs.c.sequence,
    )


def _run(row: sa.RowMapping) -> Run:
    return Run(
        id=row["id"],
        channel=row["channel"],
        since_s=row["since_s"],
        next_attempt_s=row["next_attempt_s"],
        attempts=row["attempts"],
        last_error=row["last_error"],
    )
