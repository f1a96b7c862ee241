"""The keeper of stages: looks again and again, and outlives what fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.services import bank

from groundcrew.jobs.stage_keeper import StageKeeper


class Counted:
    """Counts how often it is asked; the first time it fails."""

    def __init__(self) -> None:
        self.looks = 0

    async def _look(self) -> list[Any]:
        self.looks += 1
        if self.looks == 1:
            raise OSError("the database is away")
        return []

    watch = keep = _look


async def test_it_goes_on_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    ramps, certifications = Counted(), Counted()
    keeper = StageKeeper(ramps, certifications, first_s=0, ramp_every_s=0.001, certification_every_s=0)  # type: ignore[arg-type]
    task = asyncio.create_task(keeper.run())

    async def looked() -> bool:
        return ramps.looks > 3 and certifications.looks > 2

    await bank.until(looked)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "could not be looked at" in caplog.text
