"""Many rows in one statement, handed to the driver as they are: what the toolkit does for each row costs calls that are shipped
by the thousand more than the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

#: Statements that are kept compiled: a table, its columns and a dialect each.
STATEMENTS_MAX = 64


async def insert_rows(
    connection: AsyncConnection, table: sa.Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert `rows` of values for the columns `names`, two or more. Values go to the driver as they are: text, numbers, bool and
    None. Columns that are not named get what the database itself has for them."""
    text, in_order = _statement(table, connection.dialect, tuple(names))
    if rows:
        await connection.exec_driver_sql(text, list(map(in_order, rows)))


@lru_cache(maxsize=STATEMENTS_MAX)
def _statement(table: sa.Table, dialect: sa.Dialect, names: tuple[str, ...]) -> tuple[str, itemgetter[Any]]:
    """The statement in the words of `dialect`, and what puts a row into its order."""
    compiled: Any = table.insert().compile(dialect=dialect, column_keys=list(names))
    return str(compiled), itemgetter(*map(names.index, compiled.positiontup))
