"""Declaring budgets, rates and exposure: every wrong value names its place, and what a gate asked for is not undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.provider import Target
from groundcrew.domain.use_case import Budget, Exposure, Limits, RateLimits, SpendLimits
from groundcrew.errors import DeclarationError, InputError
from groundcrew.services.bundle import Services
from groundcrew.services.declarations import load

BASE = """\
kind: UseCase
name: letters
title: Letters
owner: maria@bank.example
business_unit: retail
purpose: Draft letters
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal]
model: writer
"""


def declared(folder: Path, text: str) -> object:
    page = folder / "use_case.yaml"
    page.write_text(BASE + text)
    return load([page]).use_cases[0].value


def test_every_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("# the pilot\nanna\n\n beat \n")
    found = declared(
        tmp_path,
        """\
budget: {tokens_per_day: 1, tokens_per_month: 2, usd_per_day: 3, usd_per_month: 4,
         per_user: {usd_per_day: 0.5}, per_key: {tokens_per_month: 9}}
limits: {requests_per_minute: 1, tokens_per_minute: 2, concurrent: 3, per_user: {concurrent: 1},
         per_key: {requests_per_minute: 5}}
exposure: {ceiling_percent: 5, users: {file: users.txt}}
""",
    )
    assert found.budget == Budget(  # type: ignore[attr-defined]
        tokens_per_day=1,
        tokens_per_month=2,
        usd_per_day=3,
        usd_per_month=4,
        per_user=SpendLimits(usd_per_day=0.5),
        per_key=SpendLimits(tokens_per_month=9),
    )
    assert found.limits == Limits(  # type: ignore[attr-defined]
        requests_per_minute=1,
        tokens_per_minute=2,
        concurrent=3,
        per_user=RateLimits(concurrent=1),
        per_key=RateLimits(requests_per_minute=5),
    )
    assert found.exposure == Exposure(ceiling_percent=5, users=frozenset({"anna", "beat"}))  # type: ignore[attr-defined]
    listed = declared(tmp_path, "exposure: {users: [anna, 17]}\n")
    assert listed.exposure == Exposure(users=frozenset({"anna", "17"}))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("budget: {usd_per_day: 0}", "budget.usd_per_day", "above 0"),
        ("budget: {per_user: {tokens_per_week: 5}}", "budget.per_user.tokens_per_week", "unknown"),
        ("budget: {per_key: 5}", "budget.per_key", "expected a mapping"),
        ("limits: {concurrent: 0}", "limits.concurrent", "from 1"),
        ("limits: {requests_per_minute: fast}", "limits.requests_per_minute", "whole number"),
        ("limits: {per_user: {per_user: {}}}", "limits.per_user.per_user", "unknown"),
        ("exposure: {}", "exposure", "ceiling_percent"),
        ("exposure: {users: []}", "exposure.users", "empty list"),
        ("exposure: {users: [anna@bank.example]}", "exposure.users[0]", "personal data"),
        ("exposure: {users: [true]}", "exposure.users[0]", "identifier"),
        ("exposure: {users: {file: missing.txt}}", "exposure.users.file", "does not exist"),
    ],
)
def test_a_wrong_limit_names_its_field(tmp_path: Path, text: str, field: str, words: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declared(tmp_path, text + "\n")
    assert f"{field}" in str(caught.value)
    assert words in str(caught.value)
    assert caught.value.line is not None


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


async def test_what_the_pilot_gate_asked_for_is_not_undone_by_a_declaration(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(exposure=Exposure(ceiling_percent=80))])
    await bank.apply(services, use_cases=[bank.use_case(exposure=Exposure(ceiling_percent=5))])
    await bank.in_pilot(services)
    many = frozenset(f"user-{number}" for number in range(201))
    for exposure in (None, Exposure(ceiling_percent=6), Exposure(ceiling_percent=5, users=many)):
        with pytest.raises(DeclarationError, match="exposure"):
            await bank.apply(services, use_cases=[bank.use_case(exposure=exposure)])
    named = Exposure(ceiling_percent=2, users=frozenset({"anna", "beat"}))
    await bank.apply(services, use_cases=[bank.use_case(exposure=named)])
    again = await bank.apply(services, use_cases=[bank.use_case(exposure=named)])
    assert {each.action for each in again} == {"unchanged"}
    assert (await services.use_cases.get(bank.NAME)).exposure == named


async def test_a_budget_in_usd_over_an_unknown_price_is_pointed_out(services: Services) -> None:
    model = bank.model(targets=(Target(provider=bank.PROVIDER, model="house-model"),))
    provider = bank.provider(api="openai", base_url="https://llm.example/v1")
    changes = await bank.apply(
        services, providers=[provider], models=[model], use_cases=[bank.use_case(budget=Budget(usd_per_month=5))]
    )
    assert any("no known price" in note for each in changes for note in each.notes)


async def test_a_key_keeps_its_limits_and_gateways_hear_of_them(services: Services) -> None:
    made = await services.keys.create(
        bank.NAME, actor=bank.PERSON, budget=SpendLimits(usd_per_day=2), limits=RateLimits(concurrent=3)
    )
    entry = (await services.snapshots.build()).keys[made.key.sha256]
    assert (entry.budget, entry.limits) == (SpendLimits(usd_per_day=2), RateLimits(concurrent=3))
    with pytest.raises(InputError):
        await services.keys.create(bank.NAME, actor=bank.PERSON, budget=SpendLimits(usd_per_day=0))
