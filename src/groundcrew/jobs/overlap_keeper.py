"""Reopens overlaps whose roadmap item has shipped, and says which capabilities to check again."""

from __future__ import annotations

from groundcrew.services.bundle import Services


class OverlapKeeper:
    """Reopens overlaps whose roadmap item has shipped, and says which capabilities to check again."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
