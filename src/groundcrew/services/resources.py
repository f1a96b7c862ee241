"""The ledger of resources: capacity, requests, allocations and who gave what up."""

from __future__ import annotations

from groundcrew.store.database import Database


class Resources:
    """The ledger of resources of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
