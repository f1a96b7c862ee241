"""The snapshot holds exactly what may serve, and every change that a gateway must know raises its version."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.gate import CriterionResult
from groundcrew.domain.kill_switch import Scope
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.gates import default_policies


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("ready", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


async def test_it_holds_what_the_gateway_decides_by(services: Services) -> None:
    created = await services.keys.create(bank.NAME, actor="user:maria")
    await services.kill_switches.stop(Scope("key", created.key.id), actor=bank.PERSON, reason="leaked")
    snapshot = await services.snapshots.build()
    assert snapshot.version == await services.snapshots.version()
    entry = snapshot.use_cases[bank.NAME]
    assert (entry.version_digest, entry.risk_tier, entry.fails_closed) == (await bank.digest_of(services), "limited", False)
    assert snapshot.keys[created.key.sha256].use_case == bank.NAME
    assert (set(snapshot.models), set(snapshot.providers), set(snapshot.policies)) == (
        {bank.MODEL},
        {bank.PROVIDER},
        {bank.POLICY},
    )
    assert snapshot.knowledge[bank.BASE].revision == bank.REVISION
    assert snapshot.stopped == {Scope("key", created.key.id)}


async def test_a_high_tier_fails_closed(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(risk_answers={"decides_credit": True})])
    assert (await services.snapshots.build()).use_cases[bank.NAME].fails_closed


CHANGES: dict[str, Callable[[Services], Awaitable[object]]] = {
    "apply": lambda s: bank.apply(s, use_cases=[bank.use_case(prompt="Briefly.")]),
    "key": lambda s: s.keys.create(bank.NAME, actor="user:maria"),
    "approve": lambda s: bank.approve_knowledge(s, "b" * 64),
    "advance": lambda s: s.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="open"),
    "stop": lambda s: s.kill_switches.stop(Scope("all"), actor=bank.PERSON, reason="odd"),
    "retire": lambda s: s.use_cases.demote(bank.NAME, "retired", actor="user:maria", reason="enough"),
}
NO_CHANGES: dict[str, Callable[[Services], Awaitable[object]]] = {
    "gate": lambda s: s.gates.evaluate(bank.NAME, actor=bank.PERSON),
    "rate": lambda s: s.feedback.rate_many(bank.ratings(1), actor="user:anna"),
    "ship": lambda s: s.calls.ship([bank.call()], gateway="gateway-1"),
    "attest": lambda s: s.evidence.attest(bank.NAME, "x", actor="user:legal", statement="x"),
}


async def test_what_gateways_must_know_raises_the_version(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    for changes, rises in ((CHANGES, True), (NO_CHANGES, False)):
        for name, change in changes.items():
            clock = prepared.copy("ready", sqlite_url)
            async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
                version = await services.snapshots.version()
                await change(services)
                assert (await services.snapshots.version() > version) == rises, name


async def test_the_gate_into_discovery_and_names_that_do_not_exist(services: Services) -> None:
    evaluation = await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to="discovery")
    assert [(each.key, each.status) for each in evaluation.results] == [
        ("declared", "pass"),
        ("risk_tier", "pass"),
        ("overlap_scan", "pass"),
    ]
    await bank.apply(services, use_cases=[bank.use_case(name="second", owner=" ", affected_persons="")])
    (declared, _, scan) = (await services.gates.evaluate("second", actor=bank.PERSON, to="discovery")).results
    assert (declared.status, declared.missing) == ("fail", "declare owner, affected_persons")
    assert (scan.status, scan.figure) == ("unknown", "not recorded yet")
    with pytest.raises(NotFound, match="did you mean 'assistant'"):
        await services.gates.evaluate("asistant", actor=bank.PERSON)


async def test_every_default_criterion_is_computed_by_something(services: Services) -> None:
    results: list[CriterionResult] = []
    for policy in default_policies():
        evaluation = await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to=policy.stage, save=False)
        assert len(evaluation.results) == len(policy.criteria) > 0
        results += evaluation.results
    assert not [each for each in results if "nothing computes" in each.missing or "could not be computed" in each.missing]
    assert all(each.missing for each in results if each.status != "pass"), "what is missing is always said"
    assert await services.gates.evaluations(bank.NAME) == [], "nothing is kept that was not asked to be kept"


async def test_a_hypothesis_is_registered_once_and_only_when_it_is_complete(services: Services) -> None:
    with pytest.raises(Conflict, match="cannot become registered"):
        await services.hypotheses.register(bank.NAME, actor="user:maria")
    await bank.apply(services, use_cases=[bank.use_case(name="second")])
    with pytest.raises(NotFound, match="has no hypothesis"):
        await services.hypotheses.register("second", actor="user:maria")
    await bank.apply(services, hypothesis=bank.plan(metrics=[], unit=""))
    with pytest.raises(InputError, match=r"unit is missing.*no primary metric.*no guardrail"):
        await services.hypotheses.register(bank.NAME, actor="user:maria")
    assert [each.state for each in await services.hypotheses.find()] == ["registered", "draft"]
