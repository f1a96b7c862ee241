"""Looks at new windows of each use case for drift."""

from __future__ import annotations

from groundcrew.services.bundle import Services


class DriftKeeper:
    """Looks at new windows of each use case for drift."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
