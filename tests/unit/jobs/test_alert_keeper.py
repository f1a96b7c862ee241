"""The keepers of alerts: one looks and outlives what fails, one says how the gateway of its process does and takes its leave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.services import bank

from groundcrew.jobs.alert_keeper import AlertKeeper
from groundcrew.jobs.health_keeper import HealthKeeper
from groundcrew.services import gateway_health
from groundcrew.services.gateway_health import GatewayHealth


class Counted:
    """Counts how often it is asked; the first time it fails."""

    def __init__(self) -> None:
        self.looks = 0

    async def _look(self, **_: Any) -> list[Any]:
        self.looks += 1
        if self.looks == 1:
            raise OSError("the database is away")
        return []

    async def look(self, **more: Any) -> None:
        await self._look(**more)

    watch = _look


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_goes_on_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    alerts, incidents = Counted(), Counted()
    services: Any = SimpleNamespace(alerts=alerts, incidents=incidents)
    task = asyncio.create_task(AlertKeeper(services, first_s=0, every_s=0.001).run())

    async def looked() -> bool:
        return alerts.looks > 2 and incidents.looks > 2

    await bank.until(looked)
    await ended(task)
    assert caplog.text.count("could not be looked at") == 2


async def test_a_gateway_is_heard_of_until_its_process_stops(tmp_path: Path) -> None:
    told = 0

    async def health() -> GatewayHealth:
        nonlocal told
        told += 1
        if told == 1:
            raise OSError("the spool is away")
        return GatewayHealth(snapshot_age_s=0.5, spool_problem="disk full", missed=2)

    async with bank.opened(f"sqlite:///{tmp_path / 'bank.db'}", tmp_path, bare=True) as services:
        task = asyncio.create_task(HealthKeeper(services.database, health, every_s=0.01).run())

        async def heard() -> list[Any]:
            async with services.database.read() as connection:
                return list(await gateway_health.heard(connection))

        await bank.until(heard, within_s=30)
        (found,) = await heard()
        assert (found.health.spool_problem, found.health.missed) == ("disk full", 2)
        figures = await services.alerts.figures("spool-problem")
        assert figures[""].estimate == 1
        await ended(task)
        assert await heard() == []
        assert (await services.alerts.figures("spool-problem"))[""].estimate is None, "nobody says anything: not known"
