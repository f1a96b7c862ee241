"""Signed checkpoints of the audit chain, for verification elsewhere."""

from __future__ import annotations

from groundcrew.store.database import Database


class Checkpoints:
    """Signed checkpoints of the audit chain, for verification elsewhere of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
