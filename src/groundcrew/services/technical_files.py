"""The technical file of a use case: what is computed and what is attested, for an auditor."""

from __future__ import annotations

from groundcrew.store.database import Database


class TechnicalFiles:
    """The technical file of a use case of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
