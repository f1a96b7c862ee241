"""Legal holds: what may not be removed, on whose word, until when."""

from __future__ import annotations

from groundcrew.store.database import Database


class LegalHolds:
    """Legal holds of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
