"""Experiments as they run: units keep their arms, the log decides who counts, looks are kept, and ends follow the stop rule."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.hypothesis import frozen_digest
from groundcrew.errors import Conflict, GateNotPassed, InputError, NotFound
from groundcrew.jobs.experiment_keeper import APART_S, QUIET_S, WAIT_S_MAX, ExperimentKeeper
from groundcrew.services.bundle import Services
from groundcrew.services.experiment_assignment import Assigned, NewUnit
from groundcrew.services.feedback import NewOutcome
from groundcrew.services.gate_facts import gather
from groundcrew.testing import FakeClock

APP, MARIA = "key:app", "user:maria"
ARMS = {"control": "human", "treatment": "draft_assist", "split": 0.5}


class Bank:
    """Services, their clock, and short ways to run an experiment."""

    def __init__(self, services: Services, clock: FakeClock) -> None:
        self.services, self.clock, self.experiments = services, clock, services.experiments

    async def registered(self, **plan: Any) -> None:
        await bank.apply(self.services, hypothesis=bank.plan(**{"planned_n": 100, "minimum_days": 7, **plan}))
        await self.services.hypotheses.register(bank.NAME, actor=MARIA)

    async def assign(self, *units: str, cluster: str | None = None) -> list[Assigned]:
        asked = [NewUnit(unit_id=each, cluster=cluster) for each in units]
        return await self.experiments.assign(bank.NAME, asked, actor=APP)

    async def exposed(self, n: int, prefix: str = "t") -> list[Assigned]:
        return await self.assign(*(f"{prefix}-{each}" for each in range(n)))

    async def measure(
        self,
        units: Sequence[Assigned],
        *,
        treatment: float = 500.0,
        control: float = 900.0,
        harm: float = 0.0,
        days: float = 10.0,
        arm: str | None = "own",
        seed: int = 5,
    ) -> None:
        """A handle time and a complaint for each unit, spread over the next `days`, for which the clock goes on."""
        numbers = np.random.default_rng(seed)
        rows, start = [], self.clock.now()
        self.clock.advance(days * 86_400 + 60)
        for place, each in enumerate(units):
            mean = treatment if each.arm == "treatment" else control
            more: dict[str, Any] = {
                "case_id": each.unit_id,
                "unit_id": each.unit_id,
                "at": start + timedelta(days=days * (place + 1) / len(units)),
                "arm": each.arm if arm == "own" else arm,
            }
            complains = numbers.random() < (harm if each.arm == "treatment" else 0.0)
            rows.append(NewOutcome(metric="handle_time", value=float(numbers.normal(mean, 200)), unit="s", **more))
            rows.append(NewOutcome(metric="complaint", value=float(complains), **more))
        await self.services.feedback.add_outcomes(bank.NAME, rows, actor=APP)

    async def state(self) -> str:
        return (await self.experiments.status(bank.NAME)).hypothesis.state

    async def conclude(self, **more: Any) -> str:
        return (await self.experiments.conclude(bank.NAME, actor=MARIA, reason="time to decide", **more)).state

    async def is_sound(self) -> None:
        assert (await self.services.audit.verify()).problems == ()


@pytest.fixture
async def on_both(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Bank]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield Bank(services, clock)


@pytest.fixture
async def running(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Bank]:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        yield Bank(services, clock)


async def test_a_unit_is_logged_once_and_keeps_its_arm(on_both: Bank) -> None:
    with pytest.raises(Conflict, match="no registered hypothesis"):
        await on_both.assign("t-1")
    await on_both.registered(arms={**ARMS, "holdout": 0.2})
    assert await on_both.state() == "registered"
    first = await on_both.assign(*(f"t-{each}" for each in range(200)), "t-0")
    assert await on_both.state() == "running"
    assert first[0] == first[-1]
    assert {each.arm for each in first} == {"control", "treatment"}
    held = [each for each in first if not each.enrolled]
    assert held
    assert {(each.arm, each.why, each.name) for each in held} == {("control", "held out", "human")}
    on_both.clock.advance(3_600)
    assert await on_both.assign(*(f"t-{each}" for each in range(200)), "t-0") == first
    status = await on_both.experiments.status(bank.NAME)
    assert sum(status.exposed.values()) == 200
    assert status.exposed["holdout"] == len({each.unit_id for each in held})
    assert status.first_exposed_at == first[0].exposed_at
    newest = await on_both.experiments.exposures(bank.NAME, limit=5)
    assert {each.experiment for each in newest} == {status.hypothesis.digest}
    await on_both.is_sound()
    entries = [each for each in await on_both.services.audit.latest(limit=500) if each.action == "expose"]
    assert [each.details["rows"] for each in entries] == [200], "one entry for the batch, none for what is known"


async def test_what_may_be_asked(running: Bank) -> None:
    await running.registered()
    for unit in ("maria.keller@bank.example", " ", "a\x00b"):
        with pytest.raises(InputError) as wrong:
            await running.assign("t-1", unit)
        assert wrong.value.field == "[1].unit_id"
    with pytest.raises(NotFound):
        await running.experiments.assign("nobody", [NewUnit(unit_id="t-1")], actor=APP)
    assert (await running.experiments.status(bank.NAME)).exposed == {}, "all of them or none"


async def test_a_suspended_use_case_treats_nobody(running: Bank) -> None:
    await running.registered()
    use_case = await running.services.use_cases.get(bank.NAME)
    suspended = msgspec.structs.replace(use_case, run_state="suspended")
    async with running.services.database.write(MARIA) as writer:
        from groundcrew.store import catalog

        await catalog.USE_CASES.put(writer, suspended, "suspend")
    assert {(each.arm, each.enrolled, each.why) for each in await running.exposed(40)} == {
        ("control", False, "the use case is suspended")
    }
    assert (await running.experiments.status(bank.NAME)).exposed == {}


async def test_steps_of_a_wedge_are_by_cluster(running: Bank) -> None:
    today = running.clock.now().date()
    steps = {"zurich": today.isoformat(), "bern": date(today.year + 1, 1, 1).isoformat()}
    await running.registered(design="stepped_wedge", arms={**ARMS, "steps": steps})
    assert [each.arm for each in await running.assign("t-1", cluster="zurich")] == ["treatment"]
    assert [each.arm for each in await running.assign("t-2", cluster="bern")] == ["control"]
    with pytest.raises(InputError, match="steps for other clusters: bern, zurich"):
        await running.assign("t-3", cluster="basel")


async def test_designs_that_time_decides_assign_nobody(running: Bank) -> None:
    await running.registered(design="before_after")
    with pytest.raises(Conflict, match="assigns no units"):
        await running.assign("t-1")


async def test_an_experiment_is_looked_at_and_concluded(on_both: Bank) -> None:
    await on_both.registered(monitoring="sequential", planned_n=400)
    units = await on_both.exposed(400)
    with pytest.raises(Conflict, match="can not be concluded yet"):
        await on_both.conclude()
    await on_both.measure(units)
    before = await on_both.experiments.status(bank.NAME)
    assert before.analysis.as_of is None or before.is_stale
    seen = await on_both.experiments.look(bank.NAME)
    assert seen.report is not None
    assert (seen.report.verdict, seen.assigned_by) == ("supported", "log")
    assert seen.report.units == {"human": before.exposed["control"], "draft_assist": before.exposed["treatment"]}
    assert (await on_both.experiments.look(bank.NAME)).look_id == seen.look_id, "one look for the same data"
    status = await on_both.experiments.status(bank.NAME)
    assert (status.conclusion.state, status.is_stale, status.analysis.look_id) == ("supported", False, seen.look_id)
    with pytest.raises(Conflict, match="concluded as supported by now"):
        await on_both.conclude(expected="refuted")
    assert await on_both.conclude(expected="supported") == "supported"
    with pytest.raises(Conflict, match="nothing to conclude"):
        await on_both.conclude()
    late = await on_both.assign("t-1", "t-new")
    assert {(each.arm, each.enrolled, each.why) for each in late} == {("control", False, "the experiment is over: supported")}
    ended = await on_both.experiments.status(bank.NAME)
    assert (ended.hypothesis.concluded_on, ended.analysis.look_id, ended.hypothesis.intact) == (seen.look_id, seen.look_id, True)
    assert [each.look_id for each in await on_both.experiments.looks(bank.NAME)][-1] == seen.look_id
    await on_both.is_sound()


async def test_outcomes_count_where_their_unit_was_assigned(on_both: Bank) -> None:
    await on_both.registered(planned_n=300, arms={**ARMS, "holdout": 0.1})
    units = await on_both.exposed(400)
    await on_both.measure(units, arm=None)
    joined = await on_both.experiments.look(bank.NAME)
    assert joined.report is not None
    held = joined.exposed["holdout"]
    assert joined.quality.held_out == held > 0
    assert sum(joined.report.units.values()) == 400 - held, "an outcome needs no arm of its own"
    assert joined.report.verdict == "supported"
    strangers = [Assigned(unit_id=f"x-{each}", arm="treatment", name="", enrolled=True) for each in range(10)]
    await on_both.measure(strangers, treatment=0.0, days=1)
    again = await on_both.experiments.look(bank.NAME)
    assert again.quality.unassigned == 10
    assert again.report is not None
    assert again.report.metrics == joined.report.metrics, "who was never exposed is left out"


async def test_crossed_arms_void_the_data(running: Bank) -> None:
    await running.registered(planned_n=400)
    units = await running.exposed(400)
    await running.measure(units)
    good = await running.experiments.look(bank.NAME)
    liars = [msgspec.structs.replace(each, arm="treatment") for each in units if each.arm == "control"][:3]
    await running.measure(liars, days=0.5, treatment=900.0)
    few = await running.experiments.look(bank.NAME)
    assert few.quality.crossed == 3
    assert few.report is not None
    assert good.report is not None
    assert few.report.verdict == good.report.verdict == "supported"
    assert few.report.units == good.report.units, "they stay where they were assigned"
    liars = [msgspec.structs.replace(each, arm="control") for each in units if each.arm == "treatment"][:30]
    await running.measure(liars, days=0.5)
    many = await running.experiments.look(bank.NAME)
    assert many.report is not None
    assert many.report.verdict == "invalid"
    assert "another arm" in many.report.reasons[0]
    assert await running.conclude() == "invalid"


async def test_missing_in_one_arm_voids_the_data(running: Bank) -> None:
    await running.registered(planned_n=400)
    units = await running.exposed(400)
    kept = [each for each in units if each.arm == "control" or hash(each.unit_id[-1]) % 2 or each.unit_id.endswith("7")]
    await running.measure([each for each in kept if each.arm == "control" or int(each.unit_id[2:]) % 2])
    seen = await running.experiments.look(bank.NAME)
    assert seen.report is not None
    assert seen.report.verdict == "invalid"
    assert seen.report.srm_p_value is not None
    assert seen.report.srm_p_value > 0.001, "the split of the exposed holds"
    assert any("missing unequally" in each for each in seen.report.reasons)


async def test_the_order_of_arrival_changes_nothing(running: Bank, tmp_path: Path, prepared: Prepared) -> None:
    await running.registered(planned_n=200)
    units = await running.exposed(200)
    await running.measure(units)
    rows = [
        NewOutcome(metric=each.metric, value=each.value, case_id=each.case_id, unit_id=each.unit_id, arm=each.arm, at=each.at)
        for each in await running.services.feedback.outcomes(bank.NAME)
    ]
    seen = await running.experiments.look(bank.NAME)
    url = f"sqlite:///{tmp_path / 'again.db'}"
    clock = prepared.copy("declared", url)
    async with bank.opened(url, tmp_path / "again", clock, bare=True) as services:
        other = Bank(services, clock)
        await other.registered(planned_n=200)
        again = await other.assign(*(each.unit_id for each in random.Random(4).sample(units, len(units))))
        arms = {each.unit_id: each.arm for each in again}
        assert arms == {each.unit_id: each.arm for each in units}
        clock.advance(11 * 86_400)
        shuffled = random.Random(5).sample(rows, len(rows))
        for start in range(0, len(shuffled), 90):
            await services.feedback.add_outcomes(bank.NAME, shuffled[start : start + 90], actor=APP)
        found = await other.experiments.look(bank.NAME)
    assert found.report is not None
    assert seen.report is not None
    assert found.quality == seen.quality
    for one, two in zip(found.report.metrics, seen.report.metrics, strict=True):
        assert one.estimate == pytest.approx(two.estimate)
        assert one.lower == pytest.approx(two.lower)
        assert (one.n, one.finding) == (two.n, two.finding)


async def test_an_application_may_assign_by_itself(running: Bank) -> None:
    await running.registered(planned_n=400)
    random_arms = random.Random(7)
    units = [
        Assigned(unit_id=f"own-{each}", arm=random_arms.choice(("control", "treatment")), name="", enrolled=True)
        for each in range(400)
    ]
    await running.measure(units)
    seen = await running.experiments.look(bank.NAME)
    assert seen.assigned_by == "application"
    assert seen.report is not None
    assert seen.report.reasons[-1] == f"grade {seen.report.evidence_grade}: assignment declared by the application"
    assert await running.state() == "running", "its first outcomes set it running"


async def test_an_amendment_starts_anew(running: Bank) -> None:
    await running.registered(planned_n=400)
    units = await running.exposed(400)
    await running.measure(units)
    await running.experiments.look(bank.NAME)
    await running.registered(planned_n=200)
    assert (await running.experiments.status(bank.NAME)).hypothesis.version == 2
    again = await running.assign(*(each.unit_id for each in units))
    assert {each.unit_id: each.arm for each in again} != {each.unit_id: each.arm for each in units}, "salted anew"
    await running.measure(again, seed=6)
    seen = await running.experiments.look(bank.NAME)
    assert seen.report is None, "units that met the earlier version never count"
    assert seen.quality.before_registration == 400
    fresh = await running.exposed(200, prefix="new")
    await running.measure(fresh)
    found = await running.experiments.look(bank.NAME)
    assert found.report is not None
    assert sum(found.report.units.values()) == 200
    status = await running.experiments.status(bank.NAME)
    assert [each.hypothesis.version for each in status.earlier] == [1]
    assert status.earlier[0].look is not None
    assert sum(status.earlier[0].exposed.values()) == 400
    assert [(each.hypothesis.version, each.is_newest) for each in await running.experiments.find("handle")] == [
        (2, True),
        (1, False),
    ]
    assert await running.experiments.find("no such thing") == []


async def test_a_fixed_plan_is_read_once(running: Bank) -> None:
    await running.registered(planned_n=400, monitoring="fixed", minimum_days=None)
    units = await running.exposed(390)
    await running.measure(units, treatment=2_000.0)
    with pytest.raises(Conflict, match="a fixed plan is read once: 390 of 400 units"):
        await running.conclude()
    more = await running.exposed(10, prefix="more")
    await running.measure(more, treatment=2_000.0, days=1)
    assert await running.conclude() == "refuted"


async def test_harm_stops_the_treatment_where_the_plan_says_so(on_both: Bank) -> None:
    await on_both.registered(monitoring="sequential", planned_n=400, on_rollback="stop_treatment")
    units = await on_both.exposed(400)
    await on_both.measure(units, treatment=2_000.0)
    assert await on_both.experiments.alarms() == []
    seen = await on_both.experiments.look(bank.NAME)
    assert seen.report is not None
    assert seen.report.verdict == "rollback"
    [alarm] = await on_both.experiments.alarms()
    assert (alarm.use_case, alarm.verdict, alarm.is_treatment_stopped) == (bank.NAME, "rollback", True)
    after = await on_both.exposed(30, prefix="later")
    assert {(each.arm, each.enrolled, each.why) for each in after} == {("control", False, "the treatment is stopped")}
    assert sum((await on_both.experiments.status(bank.NAME)).exposed.values()) == 400
    assert await on_both.conclude() == "refuted"
    assert await on_both.experiments.alarms() == []
    await on_both.is_sound()


async def test_a_person_may_stop_the_treatment(running: Bank) -> None:
    await running.registered()
    await running.exposed(5)
    await running.experiments.stop_treatment(bank.NAME, actor=MARIA, reason="agents are swamped")
    with pytest.raises(Conflict, match="stopped already"):
        await running.experiments.stop_treatment(bank.NAME, actor=MARIA, reason="again")
    assert [each.why for each in await running.assign("t-0")] == ["the treatment is stopped"]
    status = await running.experiments.status(bank.NAME)
    assert status.hypothesis.intact
    assert status.hypothesis.digest == frozen_digest(status.hypothesis)


async def test_effects_too_small_to_matter_refute(running: Bank) -> None:
    await running.registered(monitoring="sequential", planned_n=1_000)
    units = await running.exposed(1_000)
    await running.measure(units, treatment=890.0, control=900.0)
    status = await running.experiments.status(bank.NAME)
    assert status.conclusion.state == "refuted"
    assert "smallest worth having" in status.conclusion.reasons[0]
    assert await running.conclude() == "refuted"


async def test_the_end_of_the_window_ends_it(running: Bank) -> None:
    await running.registered(monitoring="sequential", planned_n=400, duration_days=20)
    units = await running.exposed(30)
    await running.measure(units, treatment=850.0, days=9)
    with pytest.raises(Conflict, match="the window ends on"):
        await running.conclude()
    running.clock.advance(12 * 86_400)
    assert await running.conclude() == "inconclusive"


async def test_sample_data_conclude_nothing(running: Bank) -> None:
    await running.registered()
    start = running.clock.now()
    running.clock.advance(21 * 86_400)
    await running.services.feedback.add_outcomes(bank.NAME, bank.outcomes(start, sample=True), actor=APP)
    assert (await running.experiments.look(bank.NAME)).sample
    assert await running.state() == "registered"
    with pytest.raises(Conflict, match="sample data only"):
        await running.conclude()


async def test_the_gate_reads_a_look_only_where_it_counts_everything(running: Bank) -> None:
    await running.registered(planned_n=400)
    units = await running.exposed(400)
    await running.measure(units)
    kept = await running.experiments.look(bank.NAME)
    async with running.services.database.read() as connection:
        use_case, now = await running.services.use_cases.get(bank.NAME), running.clock.now()
        assert (await gather(connection, use_case, now)).analysis.look_id == kept.look_id
    await running.measure(units[:1], treatment=1.0, days=0.1)
    async with running.services.database.read() as connection:
        fresh, page = await gather(connection, use_case, now), await gather(connection, use_case, now, recompute=False)
    assert (fresh.analysis.look_id, page.analysis.look_id) == (None, kept.look_id)
    with pytest.raises((GateNotPassed, Conflict)):
        await running.services.use_cases.advance(bank.NAME, "production_readiness", actor=MARIA, reason="now")


async def test_the_keeper_looks_once_a_burst_is_over(running: Bank) -> None:
    await running.registered(planned_n=400)
    seconds = 0.0
    keeper = ExperimentKeeper(running.experiments, clock_s=lambda: seconds)
    units = await running.exposed(40)
    assert await keeper.turn() == 0
    seconds += QUIET_S
    assert await keeper.turn() == 1
    assert await keeper.turn() == 0
    for place in range(int(WAIT_S_MAX / 10) + 1):
        await running.measure(units[place : place + 1], days=0.01)
        seconds += 10
        if await keeper.turn():
            break
    assert APART_S < seconds - QUIET_S <= WAIT_S_MAX + 10, "a steady flow is looked at now and then"
    assert len([each for each in await running.services.audit.latest(limit=500) if each.action == "look"]) == 2


SECOND = "writer-2"
VARIANTS = {"variants": {"treatment": {"model": SECOND, "prompt": "Be brief."}}}


async def test_arms_that_answer_otherwise_are_part_of_the_version(running: Bank) -> None:
    services = running.services
    before = await bank.digest_of(services)
    await bank.apply(services, hypothesis=bank.plan(arms={**ARMS, **VARIANTS}))
    assert await bank.digest_of(services) == before, "a draft answers nobody"
    with pytest.raises(InputError, match="the model 'writer-2' is not declared"):
        await services.hypotheses.register(bank.NAME, actor=MARIA)
    narrow = bank.provider(name="narrow", data_classes=("public",))
    target = msgspec.structs.replace(bank.model().targets[0], provider="narrow")
    second = bank.model(name=SECOND, targets=(target,))
    await bank.apply(services, providers=(bank.provider(), narrow), models=(bank.model(), second))
    with pytest.raises(InputError, match="may see pii data"):
        await services.hypotheses.register(bank.NAME, actor=MARIA)
    await bank.apply(services, models=(bank.model(), bank.model(name=SECOND)))
    assert (await services.snapshots.build()).use_cases[bank.NAME].experiment is None
    await services.hypotheses.register(bank.NAME, actor=MARIA)
    registered = await bank.digest_of(services)
    assert registered != before
    entry = (await services.snapshots.build()).use_cases[bank.NAME]
    assert entry.version_digest == registered
    assert entry.experiment is not None
    assert entry.experiment.arms.variants["treatment"].model == SECOND
    assert [each.action for each in await services.audit.latest(subject=f"version/{bank.NAME}")] == ["version_changed"]
    await running.experiments.stop_treatment(bank.NAME, actor=MARIA, reason="look at it first")
    stopped = (await services.snapshots.build()).use_cases[bank.NAME].experiment
    assert stopped is not None
    assert stopped.stopped


async def test_calls_of_gateways_expose_their_units(on_both: Bank) -> None:
    await on_both.registered(monitoring="sequential", planned_n=400)
    experiment = (await on_both.experiments.status(bank.NAME)).hypothesis.digest
    now, more = on_both.clock.now(), {"experiment": experiment}
    calls = [
        bank.call(unit_id="t-1", arm="treatment", received_at=now + timedelta(seconds=9), **more),
        bank.call(unit_id="t-1", arm="treatment", received_at=now, details={"cluster": "zurich"}, **more),
        bank.call(unit_id="t-2", arm="holdout", received_at=now, **more),
        bank.call(unit_id="t-3", arm="control", received_at=now, status="refused", error_code="assigned_to_control", **more),
        bank.call(unit_id="t-4", arm="control", received_at=now, shadow_of="x", **more),
        bank.call(unit_id="t-5", arm="control", received_at=now, trial="x", **more),
        bank.call(unit_id="t-6", arm="control", received_at=now, sample=True, **more),
        bank.call(unit_id="t-7", received_at=now),
    ]
    assert await on_both.services.calls.ship(calls, gateway="gateway-1") == len(calls)
    assert await on_both.state() == "running"
    assert await on_both.services.calls.ship([*calls, bank.call(unit_id="t-1", arm="control", **more)], gateway="g-2") == 1
    found = {each.unit_id: each for each in await on_both.experiments.exposures(bank.NAME, limit=10)}
    assert {unit: each.arm for unit, each in found.items()} == {"t-1": "treatment", "t-2": "holdout", "t-3": "control"}
    assert (found["t-1"].exposed_at, found["t-1"].cluster, found["t-1"].call_id) == (now, "zurich", calls[1].id)
    assert [(each.arm, each.enrolled) for each in await on_both.assign("t-1", "t-2")] == [("treatment", True), ("control", False)]
    await on_both.is_sound()
