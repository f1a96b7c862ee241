"""Pulses of meetings: one number each that rises with every change, so that a server asks the database one question for all of
its open pages."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.store.deciding_tables import meeting_pulses as table

#: Meetings that are asked for at once; a power of two, as the statement's parameters.
MEETINGS_MAX = 16


async def pulse(connection: AsyncConnection, meeting: str) -> None:
    """Say that something of a meeting has changed."""
    updated = await connection.execute(table.update().where(table.c.meeting == meeting).values(number=table.c.number + 1))
    if updated.rowcount == 0:
        await connection.execute(table.insert().values(meeting=meeting, number=1))


async def pulses(connection: AsyncConnection, meetings: Sequence[str]) -> dict[str, int]:
    """The numbers of these meetings, MEETINGS_MAX at most; those that never changed are left out."""
    some = [*meetings[:MEETINGS_MAX]]
    if not some:
        return {}
    some += some[-1:] * (MEETINGS_MAX - len(some))
    query = sa.select(table.c.meeting, table.c.number).where(table.c.meeting.in_(some))
    return {row.meeting: int(row.number) for row in await connection.execute(query)}
