"""Small questions that are asked several times a second and nearly always have the same answer, put to the embedded database
without a thread: through the driver's threads each would take a millisecond or more from the calls."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import Select

#: Rows that one glance gives: it asks whether there is something, not for all of it.
ROWS_MAX = 64


class Glances:
    """Looks at the SQLite file at `path` on the caller's own thread. The event loop's only: questions take microseconds, and a
    file that is locked is not waited for."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._texts: dict[int, tuple[Select[Any], str]] = {}

    def rows(self, statement: Select[Any]) -> list[Any] | None:
        """The first rows that `statement`, one of a module's own constants, finds now; None where SQLite gives no answer at
        once."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=0.0, check_same_thread=False)
                self._connection.execute("PRAGMA query_only = ON")
            # Of one state of the file: a statement is a transaction of its own, which ends with its last row.
            return self._connection.execute(self._text(statement)).fetchall()
        except sqlite3.Error:
            self.close()
            return None

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _text(self, statement: Select[Any]) -> str:
        known = self._texts.get(id(statement))
        if known is None:
            limited = statement.limit(ROWS_MAX) if statement._limit_clause is None else statement
            text = str(limited.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
            # The statement is kept with its text, so that its id stays its own.
            known = self._texts[id(statement)] = statement, text
        return known[1]


def is_there(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> Select[Any]:
    """Whether `table` has a row that meets `conditions`: what to ask before something dearer."""
    return sa.select(sa.literal(1)).select_from(table).where(*conditions).limit(1)
