"""Waiting pilots: age, who must act, what is known of the cost and what is not."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.use_case import Economics
from groundcrew.services.bundle import Services
from groundcrew.services.criteria.registry import CHECKS
from groundcrew.services.gates import load_checks
from groundcrew.services.purgatory import COLUMNS, WHO_OF, WaitingRow, as_csv
from groundcrew.testing import FakeClock


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("pilot", url), bare=True) as made:
        yield made


def later(services: Services, days: float) -> None:
    assert isinstance(services.database.clock, FakeClock)
    services.database.clock.advance(days * bank.DAY_S)


async def row(services: Services, name: str = bank.NAME) -> WaitingRow:
    return next(each for each in (await services.purgatory.portfolio()).rows if each.use_case == name)


def test_every_check_that_is_somebody_elses_exists() -> None:
    load_checks()
    assert set(WHO_OF) <= set(CHECKS)


async def test_age_and_what_it_waits_for_of_whom(services: Services) -> None:
    later(services, 12)
    found = await row(services)
    assert (found.stage, found.next_stage, round(found.age_days or 0)) == ("pilot", "production_readiness", 12)
    assert {each.who for each in found.waits} >= {"data"}
    assert all(each.missing for each in found.waits)
    assert found.criteria > len(found.waits) - 1


async def test_it_is_stuck_since_its_gate_last_came_closer(services: Services) -> None:
    later(services, 5)
    assert round((await row(services)).stuck_days or 0) == 5
    await services.gates.evaluate(bank.NAME, actor=bank.PERSON)
    later(services, 3)
    assert round((await row(services)).stuck_days or 0) == 8, "the first look says where it began"
    await bank.record_results(services, services.database.clock)  # type: ignore[arg-type]
    await services.gates.evaluate(bank.NAME, actor=bank.PERSON)
    moved = services.database.clock.now()
    later(services, 2)
    await services.gates.evaluate(bank.NAME, actor=bank.PERSON)
    assert (await row(services)).stuck_since is not None
    assert abs(((await row(services)).stuck_since or moved) - moved).total_seconds() < bank.DAY_S
    assert round((await row(services)).stuck_days or 0) == 2


async def test_unknown_costs_and_people_are_said_and_not_taken_as_nothing(services: Services) -> None:
    before = await row(services)
    await services.calls.ship([bank.call(cost_usd=0.5), bank.call(cost_usd=None)], gateway="gateway-1")
    found = await row(services)
    assert (found.spent_usd - before.spent_usd, found.unknown_calls - before.unknown_calls) == (0.5, 1)
    assert any("of unknown cost" in each for each in found.unknown)
    assert found.last_call is not None
    assert found.people is None, "the calls named nobody"
    await services.calls.ship([bank.call(user_id="u-1"), bank.call(user_id="u-1"), bank.call(user_id="u-2")], gateway="gateway-1")
    assert (await row(services)).people == 2


async def test_fixed_costs_count_from_the_first_declaration(services: Services) -> None:
    economics = Economics(hourly_cost_usd=60, cases_per_month=100, fixed_usd_per_month=1_000)
    await bank.apply(services, use_cases=[bank.use_case(economics=None), bank.use_case(name="other", economics=economics)])
    later(services, 61)
    found = await row(services, "other")
    assert abs((found.fixed_usd or 0) - 2_004) < 10
    assert found.unknown == ()
    assert (await row(services)).fixed_usd is None
    portfolio = await services.purgatory.portfolio()
    assert portfolio.rows[0].use_case == "other", "the dearest and oldest first"
    assert portfolio.known_usd == sum(each.known_usd for each in portfolio.rows)
    assert portfolio.unknown_rows == 1


async def test_what_is_over_or_in_production_does_not_wait(services: Services) -> None:
    await services.use_cases.demote(bank.NAME, "retired", actor="user:maria", reason="over")
    assert (await services.purgatory.portfolio()).rows == ()


async def test_the_file_has_a_line_for_each_and_no_formula(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="evil", title="=1+1")])
    rows = list(csv.DictReader(io.StringIO(as_csv(await services.purgatory.portfolio()))))
    assert tuple(rows[0]) == COLUMNS
    assert {each["use_case"] for each in rows} == {bank.NAME, "evil"}
    assert next(each for each in rows if each["use_case"] == "evil")["title"] == "'=1+1"
