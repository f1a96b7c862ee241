"""Drift monitors: reference windows, tests of new windows against them, and alarms."""

from __future__ import annotations

from groundcrew.store.database import Database


class Drift:
    """Drift monitors of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
