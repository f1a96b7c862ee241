"""The exploration backlog: hypotheses to try in a box of time and tokens, and what was learned."""

from __future__ import annotations

from groundcrew.store.database import Database


class Backlog:
    """The exploration backlog of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
