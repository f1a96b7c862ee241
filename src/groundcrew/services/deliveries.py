"""Deliveries: put into the outbox in the transaction that causes them, sent by the keeper until they are taken."""

from __future__ import annotations

from typing import Any

from groundcrew.domain.delivery import Delivery
from groundcrew.store import catalog
from groundcrew.store.database import Database, Writer


async def enqueue(writer: Writer, *, key: str, channel: str, event: str, subject: str, body: dict[str, Any]) -> None:
    """Put a message into the outbox, once by `key`: a second time changes nothing. It is sent once the transaction commits."""
    if await catalog.DELIVERIES.get(writer.connection, key) is not None:
        return
    now = writer.clock.now()
    delivery = Delivery(id=key, channel=channel, event=event, subject=subject, body=body, created_at=now, next_attempt_at=now)
    await catalog.DELIVERIES.put(writer, delivery, "enqueue")


class Deliveries:
    """The outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database
