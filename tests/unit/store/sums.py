"""Sums that are kept as rows come, held against the same sums made anew."""

from __future__ import annotations

from groundcrew.store import sums
from groundcrew.store.database import Database


async def rolled_up_alike(database: Database) -> None:
    """Fail unless every sum is what its rows add up to."""
    async with database.read() as connection:
        assert await sums.problems(connection) == []
