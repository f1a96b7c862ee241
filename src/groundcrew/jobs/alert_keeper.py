"""Evaluates alert rules."""

from __future__ import annotations

from groundcrew.services.bundle import Services


class AlertKeeper:
    """Evaluates alert rules."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
