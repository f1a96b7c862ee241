"""Champions: who carries which use case, how many, and where a unit has nobody."""

from __future__ import annotations

from groundcrew.store.database import Database


class Champions:
    """Champions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
