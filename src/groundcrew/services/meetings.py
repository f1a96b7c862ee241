"""Meetings of the GenAI Stream: cadence, attendance and quorum, decisions with votes, minutes."""

from __future__ import annotations

from groundcrew.store.database import Database


class Meetings:
    """Meetings of the GenAI Stream of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
