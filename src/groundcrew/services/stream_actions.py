"""Action items of the Stream: one owner, one due date, overdue ones come back by themselves."""

from __future__ import annotations

from groundcrew.store.database import Database


class StreamActions:
    """Action items of the Stream of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
