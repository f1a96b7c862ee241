"""No gate is passed with a criterion unknown, whatever is tried; and nothing ever passes on evidence of another version."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.postgres import run_apart
from tests.unit.services import bank, stages, watching
from tests.unit.services.prepared import Prepared

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.evidence import state_at
from groundcrew.domain.use_case import Hold
from groundcrew.errors import Conflict, GateNotPassed, GroundcrewError, InputError
from groundcrew.services import declarations
from groundcrew.services.bundle import Services
from groundcrew.services.declared import DeclarationErrors
from groundcrew.services.use_cases import UseCases
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

DECLARATION = """
kind: UseCase
name: assistant
title: E-mail assistant
owner: maria@bank.example
business_unit: retail
purpose: Draft answers
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal]
model: writer
"""


@pytest.mark.parametrize("line", ["stage: scale", "run_state: running", "ramp: {steps: []}", "holds: []", "version_digest: x"])
def test_nothing_that_is_earned_can_be_declared(tmp_path: Path, line: str) -> None:
    file = tmp_path / "assistant.yaml"
    file.write_text(DECLARATION + line + "\n")
    with pytest.raises(DeclarationErrors, match=line.partition(":")[0]):
        declarations.load([file])


async def test_a_hold_and_a_race_stop_an_open_gate(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("ready", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        await stages.put_in(services, "discovery", holds=(Hold(kind="veto", reason="biased", since=clock.now()),))
        with pytest.raises(Conflict, match="while held: biased"):
            await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="go")
        await stages.put_in(services, "discovery", holds=())
        second = UseCases(services.database, services.gates)

        async def move(use_cases: UseCases) -> object:
            return await use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="go")

        results = await asyncio.gather(move(services.use_cases), move(second), return_exceptions=True)
        assert sum(isinstance(each, Conflict) for each in results) == 1, "two at once are one"
        assert await bank.stage_of(services) == "pilot"


async def test_a_prompt_that_changes_beside_the_advance_is_seen_by_it(
    sqlite_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    """Whichever comes first: a use case that stands in pilot was moved there on the version that was evaluated."""
    clock = prepared.copy("ready", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        before = await bank.digest_of(services)
        change = bank.apply(services, use_cases=[bank.use_case(prompt="Answer politely!")])
        move = services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="go")
        results = await asyncio.gather(change, move, return_exceptions=True)
        if await bank.stage_of(services) == "pilot":
            certification = await services.certifications.of(bank.NAME)
            assert certification is not None
            assert (certification.version_digest, certification.state) == (before, "warning")
        else:
            assert isinstance(results[1], GateNotPassed)


async def test_the_whole_way_to_optimization(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("results", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        who = {"actor": "user:maria", "reason": "open"}
        await services.use_cases.advance(bank.NAME, "production_readiness", **who)
        await stages.without(services, "scale", "model_swap")
        await stages.approve_all(services)
        for subject in ("impact_assessment", "validation_report", "load_test", "least_privilege", "rollback"):
            with pytest.raises(GateNotPassed):
                await services.use_cases.advance(bank.NAME, "scale", **who)
            await services.evidence.attest(bank.NAME, subject, actor="user:tess", statement="seen")
        with pytest.raises(InputError, match="computed from recorded data"):
            await services.evidence.attest(bank.NAME, "drift_reference", actor="user:tess", statement="somebody looks")
        with pytest.raises(GateNotPassed):
            await services.use_cases.advance(bank.NAME, "scale", **who)
        await watching.watched(services)
        await services.use_cases.advance(bank.NAME, "scale", **who)
        use_case = await services.use_cases.get(bank.NAME)
        assert use_case.ramp is not None
        assert use_case.ramp.percent == 5, "scale begins with the lowest step, whatever ceiling is declared"
        for to in (25, 50, 100):
            with pytest.raises(GateNotPassed):
                await services.use_cases.advance(bank.NAME, "optimization", **who)
            await stages.measure(services, clock, tag=f"to-{to}")
            await services.ramps.step(bank.NAME, actor="user:maria", reason="guardrails hold", to=to)
        opened = await services.incidents.open(title="A wrong fee", severity=1, use_cases=[bank.NAME], actor="user:tess")
        with pytest.raises(Conflict, match="while held"):
            await services.use_cases.advance(bank.NAME, "optimization", **who)
        await bank.accounts(services, "user:tess", "user:anna")
        await services.incidents.mitigate(opened.id, "stopped", actor="user:tess")
        await services.incidents.close(opened.id, "prompt", "left out", actor="user:tess")
        await services.incidents.review(opened.id, accept=True, comment="seen", actor="user:anna")
        evaluation = await services.use_cases.advance(bank.NAME, "optimization", **who)
        effect = next(each for each in evaluation.results if each.key == "realised_effect")
        assert (effect.lower or 0) > 140
        assert effect.source.startswith("claimed: the verdict of")
        assert (await services.audit.verify()).problems == ()


#: What may happen to a use case; a number varies it. A refusal is as good as a change.
VERBS: dict[str, Callable[[Services, FakeClock, int], Awaitable[object]]] = {
    "prompt": lambda s, c, n: bank.apply(s, use_cases=[bank.use_case(prompt=f"Answer politely{'.' * (n % 3)}")]),
    "policy": lambda s, c, n: bank.apply(
        s, policies=[bank.policy(guards=(msgspec.structs.replace(bank.policy().guards[0], mode=("enforce", "monitor")[n % 2]),))]
    ),
    "knowledge": lambda s, c, n: bank.approve_knowledge(s, "ab"[n % 2] * 64),
    "attest": lambda s, c, n: s.evidence.attest(
        bank.NAME, ("rollback", "load_test")[n % 2], actor=("user:tess", "user:maria")[n % 2], statement="seen"
    ),
    "probe": lambda s, c, n: s.evidence.record_phi_probe(bank.NAME, actor="user:maria", sent=20, denied=20, details=[]),
    "overlap": lambda s, c, n: s.overlaps.scan(bank.NAME, actor="user:maria"),
    "request": lambda s, c, n: s.approvals.request(bank.NAME, actor="user:maria", to="scale"),
    "decide": lambda s, c, n: decide(s, n),
    "evaluate": lambda s, c, n: s.gates.evaluate(bank.NAME, actor="user:maria", to=("pilot", "scale")[n % 2]),
    "advance": lambda s, c, n: s.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="try"),
    "recertify": lambda s, c, n: s.certifications.recertify(bank.NAME, actor="user:maria"),
    "keep": lambda s, c, n: s.certifications.keep(),
    "later": lambda s, c, n: asyncio.to_thread(c.advance, (n % 40) * bank.DAY_S),
}


async def decide(services: Services, number: int) -> object:
    function = FUNCTIONS[number % 4]
    asked = await services.approvals.open_for(bank.NAME, function, "scale")
    return await services.approvals.decide(asked.id, "approved", actor=f"user:{function}", statement="fine")


async def check_everything(services: Services) -> None:
    """Whatever passes now does so on evidence and approvals of the present version, by people who did not build it."""
    async with services.database.read() as connection:
        evidence = await catalog.EVIDENCE.find(connection, use_case=bank.NAME)
        approvals = await catalog.APPROVALS.find(connection, use_case=bank.NAME)
    digest, now = await bank.digest_of(services), services.database.clock.now()
    sound = {each.sha256 for each in evidence if state_at(each, now, digest) == "valid"}
    for stage in ("pilot", "scale"):
        evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to=stage, save=False)  # type: ignore[arg-type]
        assert evaluation.version_digest == digest
        for result in evaluation.results:
            if result.status == "pass":
                assert set(result.evidence) <= sound, result.key
            if result.key == "approvals" and result.status == "pass":
                fresh = {each.function for each in approvals if each.version_digest == digest and each.state == "approved"}
                assert fresh == set(FUNCTIONS)
        assert evaluation.passed == (bool(evaluation.results) and all(each.status == "pass" for each in evaluation.results))
    for kept in await services.gates.evaluations(bank.NAME, limit=3):
        found = await services.gates.kept(kept.id)
        assert found.snapshot is not None
        assert all(each.valid_until > kept.evaluated_at for each in found.snapshot.evidence)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(st.tuples(st.sampled_from(sorted(VERBS)), st.integers(0, 240)), min_size=3, max_size=8))
def test_no_history_passes_on_stale_evidence(prepared: Prepared, steps: list[tuple[str, int]]) -> None:
    async def work(folder: Path) -> None:
        url = f"sqlite:///{folder / 'groundcrew.db'}"
        clock = prepared.copy("ready", url)
        async with bank.opened(url, folder, clock, bare=True) as services:
            for function in FUNCTIONS:
                await stages.account(services, function, function)
            for name, number in steps:
                stage, digest = await bank.stage_of(services), await bank.digest_of(services)
                try:
                    await VERBS[name](services, clock, number)
                except GroundcrewError:
                    assert name != "later"
                if stage == "discovery" and await bank.stage_of(services) == "pilot":
                    moved = (await services.gates.evaluations(bank.NAME, limit=1))[0]
                    assert (name, moved.passed, moved.version_digest) == ("advance", True, digest)
                await check_everything(services)

    with tempfile.TemporaryDirectory() as name:
        run_apart(work(Path(name)))


async def test_sample_rows_never_count_however_they_come(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.record_results(services, clock, sample=True)
        await stages.put_in(services, "scale", percent=5)
        clock.advance(timedelta(days=9).total_seconds())
        with pytest.raises(Conflict, match="no outcomes since the last step"):
            await services.ramps.step(bank.NAME, actor="user:maria", reason="samples are fine")
        found = await services.returns.of(bank.NAME)
        assert found.report is None or found.sample
