"""Trials without a server: an enforcement point of its own, whose records go straight into the database and are no evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank

from groundcrew.app import TrialPoint
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.trial import TrialRequest
from groundcrew.domain.use_case import SignOffRule
from groundcrew.services.bundle import Services
from groundcrew.settings import Settings
from groundcrew.store import catalog, operations
from groundcrew.testing import FakeUpstream, Reply


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(Reply(text="It costs CHF 3.", usage=(100, 10))) as fake:
        yield fake


@pytest.fixture
async def services(database_url: str, tmp_path: Path, upstream: FakeUpstream) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, bare=True) as services:
        provider = Provider(name=bank.PROVIDER, api="openai", base_url=upstream.url, data_classes=("internal", "pii"))
        model = msgspec.structs.replace(bank.model(), targets=(Target(provider=bank.PROVIDER, model="m-1"),))
        signed = SignOffRule(when="always", qualification="agent")
        use_case = bank.use_case(grounding=None, mask="patterns", sign_off=signed, policy=None)
        await bank.apply(services, providers=[provider], models=[model], use_cases=[use_case])
        yield services


def question(**fields: Any) -> TrialRequest:
    given = {
        "trial": "t1",
        "use_case": bank.NAME,
        "purpose": "evaluation",
        "messages": ({"role": "user", "content": "How much?"},),
    }
    return TrialRequest(**{**given, **fields})


async def test_a_trial_is_spending_and_no_evidence(services: Services, tmp_path: Path) -> None:
    async with TrialPoint(Settings(data=tmp_path), services):
        assert services.trials is not None
        answers = await asyncio.gather(*(services.trials.ask(question()) for _ in range(4)))
    assert services.trials is None
    assert {(each.status, each.generated) for each in answers} == {("held", "It costs CHF 3.")}
    calls = await services.calls.latest(use_case=bank.NAME, shadows=True)
    assert {each.id for each in calls} == {each.call_id for each in answers}
    assert {each.trial for each in calls} == {"t1"}
    assert await services.calls.latest(use_case=bank.NAME) == []
    assert await services.calls.status_counts(bank.NAME) == {}
    found = await services.spending.seed(services.database.clock.now())
    assert {each.tokens for each in found.spent if each.account.kind == "use-case"} == {440}
    async with services.database.read() as connection:
        assert await catalog.SIGN_OFFS.find(connection) == [], "nobody signs what nobody is served"
        assert await operations.enforcing(connection) == [], "it leaves in order"


async def test_a_kill_switch_reaches_it(services: Services, tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.script = Reply(fault="hang")
    async with TrialPoint(Settings(data=tmp_path), services) as point:
        asking = asyncio.create_task(point.ask(question()))
        for _ in range(1_000):
            if upstream.requests:
                break
            await asyncio.sleep(0.005)
        switch = await services.kill_switches.stop(Scope("use-case", bank.NAME), actor=bank.PERSON, reason="odd answers")
        answer = await asyncio.wait_for(asking, 20.0)
        assert (answer.status, answer.error_code) == ("refused", "kill_switch")
        assert switch.switch.state == "confirmed_stopped", "only once the point itself says that nothing runs"
        assert (await point.ask(question())).error_code == "kill_switch"


async def test_nothing_opens_before_a_question(services: Services, tmp_path: Path, upstream: FakeUpstream) -> None:
    async with TrialPoint(Settings(data=tmp_path), services) as point:
        assert point._gateway is None
    assert not upstream.requests
