"""Overlaps of use cases with each other and with what vendors sell, and what was decided about them."""

from __future__ import annotations

from groundcrew.store.database import Database


class Overlaps:
    """Overlaps of use cases with each other and with what vendors sell, and what was decided about them of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
