"""Gateways share budgets through the database: what one spends or holds the others know, a dead one's holds end, a warning is
stored once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.snapshot import KeyEntry
from groundcrew.domain.spending import AccountId
from groundcrew.domain.use_case import Budget, UseCase
from groundcrew.errors import InputError, NotFound
from groundcrew.gateway.budget import Ask, BudgetExceeded, Ledger, Reservation
from groundcrew.jobs.budget_keeper import BudgetKeeper
from groundcrew.services.bundle import Services
from groundcrew.testing import FakeClock, memory_use_case

NOW = datetime(2027, 5, 17, 12, tzinfo=UTC)
KEY = KeyEntry(id="key-1", use_case="other", expires_at_s=1e12)
OTHER = AccountId("use-case", "other")


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


class Process:
    """One gateway's ledger and keeper, registered as running."""

    def __init__(self, services: Services, gateway: str) -> None:
        self.services, self.gateway, self.ledger = services, gateway, Ledger()
        self.keeper = BudgetKeeper(self.ledger, services.spending, gateway=gateway, clock=FakeClock(NOW))

    @classmethod
    async def start(cls, services: Services, gateway: str) -> Process:
        process = cls(services, gateway)
        # Each on a host of its own: two gateways of one process would replace each other.
        await services.snapshots.acknowledge(
            gateway=gateway, host=f"host-{gateway}", on=f"boot of {gateway}", process_id=1, version=1
        )
        await process.keeper.seed()
        await process.keeper.exchange()
        return process

    def reserve(self, use_case: UseCase, tokens: int) -> Reservation:
        return self.ledger.reserve(Ask(use_case=use_case, key=KEY, user="anna", tokens=tokens, usd=0.0, now=NOW))

    async def serve(self, use_case: UseCase, tokens: int, *, estimate: int | None = None) -> None:
        self.ledger.settle(self.reserve(use_case, tokens if estimate is None else estimate), tokens, 0.0, NOW)
        call = bank.call(use_case="other", user_id="anna", received_at=NOW, input_tokens=tokens, output_tokens=0)
        await self.services.calls.ship([call], gateway=self.gateway)


def limited(tokens: int) -> UseCase:
    return memory_use_case(name="other", budget=Budget(tokens_per_day=tokens))


async def test_a_gateway_starts_with_what_was_spent_before_it(services: Services) -> None:
    first = await Process.start(services, "a")
    await first.serve(limited(100), 60)
    await services.snapshots.forget("a")
    second = await Process.start(services, "b")
    for account in (OTHER, AccountId("key", "other", "key-1"), AccountId("user", "other", "anna")):
        assert second.ledger.used(account, NOW).tokens_today == 60
    with pytest.raises(BudgetExceeded):
        second.reserve(limited(100), 41)
    second.reserve(limited(100), 40)


async def test_gateways_know_what_the_others_spend_and_hold(services: Services) -> None:
    first, second = await Process.start(services, "a"), await Process.start(services, "b")
    await first.keeper.exchange()
    use_case = limited(1_000)
    await first.serve(use_case, 300)
    held = first.reserve(use_case, 100)
    for process in (first, second, first):
        await process.keeper.exchange()
    assert second.ledger.used(OTHER, NOW).tokens_today == 300
    assert first.ledger.used(OTHER, NOW).tokens_today == 300, "what it has shipped itself counts once"
    # 600 are left when they heard of each other, so 300 for each.
    with pytest.raises(BudgetExceeded):
        second.reserve(use_case, 301)
    second.reserve(use_case, 300)
    with pytest.raises(BudgetExceeded):
        first.reserve(use_case, 301)
    first.ledger.settle(held, 0, 0.0, NOW)


async def test_together_they_never_pass_the_limit(services: Services) -> None:
    processes = [await Process.start(services, name) for name in "abc"]
    for process in processes:
        await process.keeper.exchange()
    use_case, served = limited(1_000), 0
    for round_ in range(12):
        for process in processes:
            for _ in range(8):
                try:
                    await process.serve(use_case, 17 + round_)
                except BudgetExceeded:
                    break
                served += 17 + round_
        for process in processes:
            await process.keeper.exchange()
    assert 900 <= served <= 1_000, "and what is left is not wasted either"


async def test_what_a_dead_gateway_held_is_free_again(services: Services) -> None:
    first, second = await Process.start(services, "a"), await Process.start(services, "b")
    first.reserve(limited(1_000), 900)
    for process in (first, first, second):
        await process.keeper.exchange()
    with pytest.raises(BudgetExceeded):
        second.reserve(limited(1_000), 200)
    await services.snapshots.forget("a")
    await second.keeper.exchange()
    second.reserve(limited(1_000), 1_000)


async def test_a_warning_is_stored_once_however_many_give_it(services: Services) -> None:
    first, second = await Process.start(services, "a"), await Process.start(services, "b")
    for process in (first, second):
        await process.keeper.exchange()
        await process.serve(limited(100), 45, estimate=5)
    for process in (first, second, first):
        await process.keeper.exchange()
        process.ledger.settle(process.reserve(limited(10_000), 0), 0, 0.0, NOW)
        process.ledger.settle(process.reserve(limited(100), 0), 0, 0.0, NOW)
        await process.keeper.exchange()
    found = await services.spending.warnings()
    assert [(each.kind, each.use_case, each.meter, each.period, each.used) for each in found] == [
        ("use-case", "other", "tokens_per_day", "2027-05-17", 90)
    ]
    entries = await services.audit.latest(subject=f"budget-warning/{found[0].id}")
    assert [each.action for each in entries] == ["warn"]
    assert "90 of 100 tokens" in entries[0].reason
    assert (await services.audit.verify()).problems == ()


async def test_spending_is_reported_by_every_group_and_unknown_costs_stand_apart(services: Services) -> None:
    def made(**fields: object) -> object:
        base = {"use_case": bank.NAME, "received_at": NOW, "input_tokens": 100, "output_tokens": 10, "cost_usd": 0.25}
        return bank.call(**{**base, **fields})

    calls = [
        made(user_id="anna"),
        made(user_id="anna", received_at=NOW - timedelta(days=1), key_id="key-2"),
        made(user_id="beat", cost_usd=None, target_model="house-model"),
        made(business_unit="operations", received_at=NOW - timedelta(days=40)),
        made(sample=True),
    ]
    await services.calls.ship(calls, gateway="gateway-1")  # type: ignore[arg-type]
    month = NOW.date().replace(day=1)

    async def rows(by: str, **fields: object) -> dict[str, tuple[int, int, float]]:
        report = await services.spending.report(by, since=month, until=NOW.date(), **fields)  # type: ignore[arg-type]
        assert report.total.calls == sum(each.calls for each in report.rows) == 3
        return {each.name: (each.calls, each.unknown_calls, each.usd) for each in report.rows}

    assert await rows("use-case", use_case=bank.NAME) == {bank.NAME: (3, 1, 0.5)}
    assert await rows("unit") == {"retail": (3, 1, 0.5)}
    assert await rows("model") == {
        f"{bank.PROVIDER}/extractive-1": (2, 0, 0.5),
        f"{bank.PROVIDER}/house-model": (1, 1, 0.0),
    }
    assert await rows("key") == {"key-1": (2, 1, 0.25), "key-2": (1, 0, 0.25)}
    assert await rows("user") == {"anna": (2, 0, 0.5), "beat": (1, 1, 0.0)}
    assert await rows("day") == {"2027-05-17": (2, 1, 0.25), "2027-05-16": (1, 0, 0.25)}
    longer = await services.spending.report("unit", since=month - timedelta(days=60), until=NOW.date())
    assert {each.name for each in longer.rows} == {"retail", "operations"}
    assert longer.total.unknown_tokens == 110
    with pytest.raises(InputError):
        await services.spending.report("unit", since=NOW.date(), until=month)
    with pytest.raises(NotFound):
        await services.spending.report("unit", use_case="nobody")


async def test_shipping_a_batch_again_counts_nothing_twice(services: Services) -> None:
    batch = [bank.call(received_at=NOW) for _ in range(3)]
    for _ in range(2):
        await services.calls.ship(batch, gateway="gateway-1")
    report = await services.spending.report("use-case", since=NOW.date(), until=NOW.date())
    assert report.total.calls == 3
