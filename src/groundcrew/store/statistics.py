"""Keeps PostgreSQL's planner informed while a table grows faster than its own autovacuum looks: within the first minute of a
large import it knows nothing, and a join that it takes for small becomes quadratic."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

#: A table is analysed anew once it has as many times the pages that it had when it was analysed last.
GROWTH = 2
#: Tables of fewer pages (8 KiB each) are read whole anyway.
PAGES_MIN = 64

_PAGES = sa.text(
    "SELECT greatest(relpages, 0), pg_relation_size(oid) / current_setting('block_size')::bigint FROM pg_class "
    "WHERE oid = to_regclass(:name)"
)


async def analyse_if_grown(connection: AsyncConnection, table: sa.Table) -> bool:
    """Analyse `table` in this transaction, its own rows included, if it has grown by GROWTH; whether it was. SQLite needs
    none."""
    if connection.dialect.name == "sqlite":
        return False
    known, actual = (await connection.execute(_PAGES, {"name": table.name})).one()
    if actual < PAGES_MIN or actual < GROWTH * known:
        return False
    await connection.execute(sa.text(f'ANALYZE "{table.name}"'))
    return True
