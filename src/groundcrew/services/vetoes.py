"""Vetoes: who may file one, what lifts it, and that no rank clears it."""

from __future__ import annotations

from groundcrew.store.database import Database


class Vetoes:
    """Vetoes of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
