"""The inventory of AI that nobody governs: what scans found, who owns it and until when it is settled."""

from __future__ import annotations

from groundcrew.store.database import Database


class Inventory:
    """The inventory of AI that nobody governs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
