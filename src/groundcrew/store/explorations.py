"""Searching explorations: the same words find the same rows on both databases, since what is searched is folded when it is
stored."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.exploration import Exploration, ExplorationState, fold
from groundcrew.store.database import decode
from groundcrew.store.deciding_tables import explorations


async def search(
    connection: AsyncConnection,
    words: Sequence[str],
    *,
    state: ExplorationState | None = None,
    business_unit: str | None = None,
    limit: int,
) -> list[Exploration]:
    """Explorations in which a word begins with each of `words`, the newest first."""
    query = sa.select(explorations.c.document).order_by(explorations.c.id.desc()).limit(limit)
    for each in words:
        # Folded text is letters, digits and spaces: nothing in it means anything to LIKE.
        query = query.where(explorations.c.words.like(f"% {fold(each).strip()}%"))
    if state is not None:
        query = query.where(explorations.c.state == state)
    if business_unit is not None:
        query = query.where(explorations.c.business_unit == business_unit)
    return [decode(document, Exploration) for document in (await connection.execute(query)).scalars()]
