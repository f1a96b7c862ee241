"""Looks again at what lifts vetoes, and passes those that nobody reviewed to the deputy."""

from __future__ import annotations

from groundcrew.services.bundle import Services


class VetoKeeper:
    """Looks again at what lifts vetoes, and passes those that nobody reviewed to the deputy."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
