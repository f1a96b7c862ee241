"""Authorities: rights to approve or veto for a function, granted to experts by a recorded decision."""

from __future__ import annotations

from groundcrew.store.database import Database


class Authorities:
    """Authorities of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
