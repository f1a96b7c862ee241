"""What vendors already sell or plan, with sources and dates."""

from __future__ import annotations

from groundcrew.store.database import Database


class Capabilities:
    """What vendors already sell or plan, with sources and dates of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
