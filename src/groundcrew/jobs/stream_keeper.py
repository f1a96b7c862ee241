"""Keeps the cadence of meetings, and says what became overdue."""

from __future__ import annotations

from groundcrew.services.bundle import Services


class StreamKeeper:
    """Keeps the cadence of meetings, and says what became overdue."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
