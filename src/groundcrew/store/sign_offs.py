"""Sign-offs by what is looked up of them, without their texts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.store.rows import stamp
from groundcrew.store.tables import sign_offs


async def pending_calls(connection: AsyncConnection, use_case: str, now: datetime) -> set[str]:
    """Calls of a use case whose answers wait for a signature that can still be given."""
    query = sa.select(sign_offs.c.call_id).where(
        sign_offs.c.use_case == use_case, sign_offs.c.state == "pending", sign_offs.c.expires_at > stamp(now)
    )
    return set((await connection.execute(query)).scalars())


async def pending_counts(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """How many answers of each use case wait for a signature that can still be given."""
    columns = sign_offs.c
    query = (
        sa.select(columns.use_case, sa.func.count())
        .where(columns.state == "pending", columns.expires_at > stamp(now))
        .group_by(columns.use_case)
    )
    return {name: int(number) for name, number in (await connection.execute(query)).all()}
