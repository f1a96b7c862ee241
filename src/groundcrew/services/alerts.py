"""Alerts: rules on metrics, with hysteresis and quiet times, and what they have raised."""

from __future__ import annotations

from groundcrew.store.database import Database


class Alerts:
    """Alerts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
