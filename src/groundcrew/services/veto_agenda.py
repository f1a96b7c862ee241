"""Vetoes whose review is due, and authority that experts ask for, as points of the agenda."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.store.database import Connection


async def agenda_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """What wants the Stream's time at `now`."""
    return []
