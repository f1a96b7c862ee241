"""Looks for keys that nobody uses, and for findings whose deadline has passed."""

from __future__ import annotations

from groundcrew.services.bundle import Services


class InventoryKeeper:
    """Looks for keys that nobody uses, and for findings whose deadline has passed."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
