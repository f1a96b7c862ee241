"""Incidents: severity, timeline, linked calls, decisions and actions, until closed with a cause."""

from __future__ import annotations

from groundcrew.store.database import Database


class Incidents:
    """Incidents of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
