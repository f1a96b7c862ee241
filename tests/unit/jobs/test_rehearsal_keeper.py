"""The standing rehearsal asks about each alternate of a live use case as often as its model declares, and no oftener."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared, prepared
from tests.unit.services.rehearsing import ScriptedTrials, declare, model, recorded

from groundcrew.domain.provider import SwapRule, Target
from groundcrew.jobs.rehearsal_keeper import RehearsalKeeper
from groundcrew.jobs.worker import JobWorker
from groundcrew.services.bundle import Services
from groundcrew.testing import FakeClock

__all__ = ["prepared"]

RULE = SwapRule(rehearse_every_s=30 * bank.DAY_S, calls=35, cost_max_usd=2.0)


@pytest.fixture
def clock(prepared: Prepared, sqlite_url: str) -> FakeClock:
    return prepared.copy("pilot", sqlite_url)


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await declare(services, swap=RULE)
        yield services


async def test_what_is_due_is_submitted_once_and_within_its_budget(services: Services, clock: FakeClock) -> None:
    keeper = RehearsalKeeper(services)
    assert await keeper.submit_due() == [], "nothing is recorded of this version that could be asked"
    await recorded(services, 40)
    assert await keeper.submit_due() == ["assistant: other/other-1"]
    assert await keeper.submit_due() == [], "one is under way"
    services.trials = ScriptedTrials(services)
    await JobWorker(services).drain()
    (view,) = await services.jobs.list(kind="rehearse-alternate")
    assert (view.phase, view.job.asked_by, view.job.done) == ("done", "system:schedule", 35)
    assert view.job.arguments["cost_max_usd"] == 2.0
    clock.advance(29 * bank.DAY_S)
    assert await keeper.submit_due() == []
    clock.advance(bank.DAY_S)
    assert await keeper.submit_due() == ["assistant: other/other-1"]


async def test_alternates_take_turns(services: Services, clock: FakeClock) -> None:
    more = Target(provider="other", model="other-2", price=model().alternates[0].price)
    await bank.apply(
        services, models=[msgspec.structs.replace(model(swap=RULE), alternates=(*model().alternates, more))], providers=[]
    )
    await recorded(services, 40)
    services.trials = ScriptedTrials(services)
    keeper, asked = RehearsalKeeper(services), []
    for _ in range(3):
        asked += await keeper.submit_due()
        await JobWorker(services).drain()
        clock.advance(60)
    assert asked == ["assistant: other/other-1", "assistant: other/other-2"]


async def test_who_is_not_live_or_declares_no_interval_is_left_alone(services: Services) -> None:
    await recorded(services, 40)
    await declare(services)
    assert await RehearsalKeeper(services).submit_due() == []
    await declare(services, swap=RULE)
    await services.use_cases.demote(bank.NAME, "discovery", actor="user:maria", reason="again")
    assert await RehearsalKeeper(services).submit_due() == []
