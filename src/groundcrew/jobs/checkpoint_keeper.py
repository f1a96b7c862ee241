"""Signs the head of the audit chain."""

from __future__ import annotations

from groundcrew.services.bundle import Services


class CheckpointKeeper:
    """Signs the head of the audit chain."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
