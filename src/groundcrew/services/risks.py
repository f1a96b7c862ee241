"""Risk: the answered questionnaire, its tier with reasons, controls and their coverage by evidence."""

from __future__ import annotations

from groundcrew.store.database import Database


class Risks:
    """Risk of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
