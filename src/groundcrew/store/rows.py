"""Many rows in one statement, handed to the driver as they are: what the toolkit does for each row costs calls that are shipped
by the thousand more than the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

#: Statements that are kept compiled: a table, its columns and a dialect each.
STATEMENTS_MAX = 64
#: Seconds whose text is kept: calls are shipped in the order in which they came.
SECONDS_MAX = 256
#: What a sum stays at, with room to add another such number to it.
SUM_MAX = 2**62


def stamp(moment: datetime) -> str:
    """`moment`, which is in UTC, as text that sorts by time."""
    second = _second(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return f"{second}.{moment.microsecond:06}Z"


@lru_cache(maxsize=SECONDS_MAX)
def _second(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


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


async def add_rows(
    connection: AsyncConnection, table: sa.Table, keys: Sequence[str], sums: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Add to `rows` of sums: each holds values for `keys` (the table's primary key), then for `sums`, which are added to those of
    the row with that key, or make one. A whole number stays at SUM_MAX at most: a provider may claim any number."""
    text, in_order = _adding(table, connection.dialect, tuple(keys), tuple(sums))
    if rows:
        await connection.exec_driver_sql(text, list(map(in_order, rows)))


@lru_cache(maxsize=STATEMENTS_MAX)
def _adding(table: sa.Table, dialect: sa.Dialect, keys: tuple[str, ...], sums: tuple[str, ...]) -> tuple[str, itemgetter[Any]]:
    make: Any = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    statement = make(table)
    raised = {name: _raised(table.c[name], statement.excluded[name]) for name in sums}
    names = (*keys, *sums)
    compiled = statement.on_conflict_do_update(index_elements=list(keys), set_=raised).compile(
        dialect=dialect, column_keys=list(names)
    )
    return str(compiled), itemgetter(*map(names.index, compiled.positiontup))


def _raised(column: sa.Column[Any], by: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if not isinstance(column.type, sa.BigInteger):
        return column + by
    most: sa.ColumnElement[Any] = sa.literal_column(str(SUM_MAX))
    return sa.case((column > most - by, most), else_=column + by)
