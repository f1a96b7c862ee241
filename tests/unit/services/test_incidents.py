"""Incidents: what severity 1 stops, who closes it, and that nothing else gets round it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.incident import CAUSES
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.snapshot import Snapshot
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound, RefusedCall
from groundcrew.gateway.admission import check_running
from groundcrew.services import incident_records
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.services.incident_report import report_of
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

ANNA, BEAT, SYSTEM = "user:anna", "user:beat", "system:alerts"


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("pilot", url), bare=True) as made:
        await bank.accounts(made, ANNA, BEAT)
        yield made


async def opened(services: Services, severity: int = 1) -> str:
    made = await services.incidents.open(title="Wrong sums told", severity=severity, use_cases=[bank.NAME], actor=ANNA)
    return made.id


async def closed(services: Services, incident: str) -> None:
    await services.incidents.mitigate(incident, "the prompt is back at the last version", actor=ANNA)
    await services.incidents.close(incident, "prompt", "a new prompt left the table of fees out", actor=ANNA)
    await services.incidents.review(incident, accept=True, comment="the calls show it", actor=BEAT)


async def snapshot(services: Services) -> Snapshot:
    return await services.snapshots.build()


async def test_severity_1_stops_calls_and_every_gate_until_it_is_closed_with_a_cause(services: Services) -> None:
    await bank.record_results(services, services.database.clock)  # type: ignore[arg-type]
    incident = await opened(services)
    use_case = (await snapshot(services)).use_cases[bank.NAME].use_case
    with pytest.raises(RefusedCall, match=f"on hold .incident.: an incident of severity 1 is open: {incident}"):
        check_running(use_case)
    assert (use_case.run_state, use_case.stage) == ("running", "pilot"), "a hold is neither the kill switch nor a move"
    with pytest.raises(Conflict, match="can not advance while held"):
        await services.use_cases.advance(bank.NAME, "production_readiness", actor="user:maria", reason="the gate is open")
    await closed(services, incident)
    use_case = (await snapshot(services)).use_cases[bank.NAME].use_case
    check_running(use_case)
    assert use_case.holds == ()
    await services.use_cases.advance(bank.NAME, "production_readiness", actor="user:maria", reason="the gate is open")
    assert (await services.audit.verify()).problems == ()


@pytest.mark.parametrize("severity", [2, 3, 4])
async def test_others_stop_nothing(services: Services, severity: int) -> None:
    await opened(services, severity)
    assert (await services.use_cases.get(bank.NAME)).holds == ()


async def test_the_hold_goes_with_the_last_of_several(services: Services) -> None:
    first, second = await opened(services), await opened(services)
    (hold,) = (await services.use_cases.get(bank.NAME)).holds
    assert first in hold.reason
    assert second in hold.reason
    assert hold.reason.startswith("2 incidents")
    await closed(services, first)
    (hold,) = (await services.use_cases.get(bank.NAME)).holds
    assert second in hold.reason
    assert first not in hold.reason
    await closed(services, second)
    assert (await services.use_cases.get(bank.NAME)).holds == ()


async def test_nobody_clears_it_by_applying_again_nor_by_a_reset_or_a_demotion(services: Services) -> None:
    await opened(services)
    await bank.apply(services, use_cases=[bank.use_case(holds=(), title="Another title")])
    assert len((await services.use_cases.get(bank.NAME)).holds) == 1
    async with bank.gateway(services):
        await services.kill_switches.stop(Scope("use-case", bank.NAME), actor=ANNA, reason="odd")
        await services.kill_switches.resume(Scope("use-case", bank.NAME), actor=ANNA, reason="fine")
        await services.kill_switches.resume(Scope("use-case", bank.NAME), actor=BEAT, reason="fine")
    after = await services.use_cases.get(bank.NAME)
    assert after.run_state == "running"
    assert len(after.holds) == 1
    await services.use_cases.demote(bank.NAME, "discovery", actor="user:maria", reason="back to the start")
    assert len((await services.use_cases.get(bank.NAME)).holds) == 1


async def test_a_hold_that_was_lost_is_put_back(services: Services) -> None:
    await opened(services)
    bare = msgspec.structs.replace(await services.use_cases.get(bank.NAME), holds=())
    async with services.database.write("user:somebody") as writer:
        await catalog.USE_CASES.put(writer, bare, "tamper")
    await services.incidents.watch()
    assert len((await services.use_cases.get(bank.NAME)).holds) == 1


async def test_lowering_severity_1_takes_two_people(services: Services) -> None:
    incident = await opened(services)
    asked = await services.incidents.set_severity(incident, 3, actor=ANNA, reason="only a test account")
    assert asked.severity == 1
    assert asked.lowering is not None
    with pytest.raises(Conflict, match="a second person"):
        await services.incidents.set_severity(incident, 3, actor="cli:Anna", reason="only a test account")
    other = await services.incidents.set_severity(incident, 2, actor=BEAT, reason="it did reach customers")
    assert other.lowering is not None
    assert (other.severity, other.lowering.to) == (1, 2), "another severity is another question"
    lowered = await services.incidents.set_severity(incident, 2, actor=ANNA, reason="agreed")
    assert lowered.severity == 2
    assert lowered.lowering is None
    assert (await services.use_cases.get(bank.NAME)).holds == ()
    await services.incidents.set_severity(incident, 4, actor=ANNA, reason="small")
    await services.incidents.mitigate(incident, "done", actor=ANNA)
    waiting = await services.incidents.close(incident, "prompt", "left out", actor=ANNA)
    assert waiting.state == "mitigated", "that it once was severe is not forgotten: closing it is reviewed"
    with pytest.raises(NotAllowed):
        await services.incidents.set_severity(await opened(services), 4, actor=SYSTEM, reason="a machine says so")


async def test_no_program_and_no_name_of_a_host_clears_a_severe_one(services: Services) -> None:
    await bank.accounts(services, "user:bot", "user:second-bot", kind="agent")
    await bank.accounts(services, "user:sam", roles=("auditor",))
    incident, others = await opened(services), ("user:bot", "user:second-bot", "user:sam", "key:1", SYSTEM)
    incidents = services.incidents
    for actor in others:
        with pytest.raises(NotAllowed):
            await incidents.set_severity(incident, 3, actor=actor, reason="fine")
    await incidents.set_severity(incident, 3, actor="cli:root", reason="a test account")
    for actor in (*others, "cli:beat"):
        with pytest.raises(NotAllowed):
            await incidents.set_severity(incident, 3, actor=actor, reason="fine")
    await incidents.mitigate(incident, "rolled back", actor=ANNA)
    for actor in others:
        with pytest.raises(NotAllowed):
            await incidents.close(incident, "prompt", "left out", actor=actor)
    await incidents.close(incident, "prompt", "left out", actor="cli:root")
    for actor in (*others, "cli:beat"):
        for accept in (True, False):
            with pytest.raises(NotAllowed):
                await incidents.review(incident, accept=accept, comment="fine", actor=actor)
    assert len((await services.use_cases.get(bank.NAME)).holds) == 1
    assert (await incidents.review(incident, accept=True, comment="fine", actor=BEAT)).state == "closed"
    assert (await services.use_cases.get(bank.NAME)).holds == ()


async def test_a_full_timeline_takes_no_note_and_keeps_nobody_from_closing_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_records, "EVENTS_MAX", 2)
    incident = await opened(services)
    other = await opened(services, 4)
    await services.incidents.note(incident, "customers call", actor=BEAT)
    for decision in (False, True):
        with pytest.raises(Conflict, match="2 lines"):
            await services.incidents.note(incident, "another one calls", actor=BEAT, decision=decision)
    with pytest.raises(Conflict, match="2 lines"):
        await services.incidents.link(incident, f"incident/{other}", actor=BEAT)
    action = await services.incidents.add_action(
        incident, "write a test", owner="maria@bank.example", due=services.database.clock.now().date(), actor=ANNA
    )
    await services.incidents.finish_action(action.id, "it runs", actor=ANNA)
    await services.incidents.set_severity(incident, 2, actor=ANNA, reason="small")
    await services.incidents.set_severity(incident, 2, actor=BEAT, reason="small")
    await closed(services, incident)
    view = await services.incidents.get(incident)
    assert view.incident.state == "closed"
    assert view.events[-1].kind == "closed", "what happened to it is on the record whole"
    assert (await services.use_cases.get(bank.NAME)).holds == ()


async def test_closing_a_severe_one_takes_somebody_else(services: Services) -> None:
    incident = await opened(services, 2)
    with pytest.raises(Conflict, match="say first that it is mitigated"):
        await services.incidents.close(incident, "prompt", "left out", actor=ANNA)
    await services.incidents.mitigate(incident, "rolled back", actor=ANNA)
    with pytest.raises(InputError, match="in words"):
        await services.incidents.close(incident, "prompt", "  ", actor=ANNA)
    with pytest.raises(InputError, match="expected one of"):
        await services.incidents.close(incident, "weather", "rain", actor=ANNA)
    with pytest.raises(Conflict, match="nobody has asked"):
        await services.incidents.review(incident, accept=True, comment="fine", actor=BEAT)
    await services.incidents.close(incident, "prompt", "left out", actor=ANNA)
    with pytest.raises(Conflict, match="somebody else"):
        await services.incidents.review(incident, accept=True, comment="fine", actor=ANNA)
    back = await services.incidents.review(incident, accept=False, comment="which calls?", actor=BEAT)
    assert back.closing is None
    assert back.state == "mitigated"
    await services.incidents.close(incident, "prompt", "left out of 12 answers", actor=ANNA)
    done = await services.incidents.review(incident, accept=True, comment="fine", actor=BEAT)
    assert (done.state, done.closed_by, done.reviewed_by, done.category) == ("closed", ANNA, BEAT, "prompt")
    with pytest.raises(Conflict, match="is closed"):
        await services.incidents.set_severity(incident, 1, actor=ANNA, reason="worse after all")


async def test_a_minor_one_is_closed_by_one_person_with_a_cause(services: Services) -> None:
    incident = await opened(services, 3)
    await services.incidents.mitigate(incident, "restarted", actor=ANNA)
    done = await services.incidents.close(incident, "infrastructure", "a disk was full", actor=ANNA)
    assert done.state == "closed"
    assert done.cause == "a disk was full"
    assert done.category in CAUSES


async def test_the_timeline_is_appended_to_and_points_at_what_there_is(services: Services) -> None:
    call = bank.call()
    await services.calls.ship([call], gateway="g")
    incident = await opened(services, 3)
    await services.incidents.note(incident, "customers call the desk", actor=BEAT)
    await services.incidents.note(incident, "we tell the customers by letter", actor=ANNA, decision=True)
    assert await services.incidents.link(incident, f"call/{call.id}", actor=BEAT, text="the first wrong answer")
    assert not await services.incidents.link(incident, f"call/{call.id}", actor=ANNA), "once is enough"
    with pytest.raises(NotFound):
        await services.incidents.link(incident, "call/none", actor=BEAT)
    with pytest.raises(InputError, match="KIND/ID"):
        await services.incidents.link(incident, "file:///etc/passwd", actor=BEAT)
    view = await services.incidents.get(incident)
    assert [(each.kind, each.by) for each in view.events] == [
        ("opened", ANNA),
        ("note", BEAT),
        ("decision", ANNA),
        ("linked", BEAT),
    ]
    assert [each.at for each in view.events] == sorted(each.at for each in view.events)


async def test_personal_data_in_what_people_write_is_masked(services: Services) -> None:
    incident = await opened(services, 3)
    await services.incidents.note(incident, "write to jane.doe@example.org or call +41 44 668 18 00", actor=ANNA)
    kept = (await services.incidents.get(incident)).events[-1].text
    assert "jane.doe" not in kept
    assert "668" not in kept


async def test_actions_have_an_owner_and_a_day_and_hold_the_last_gate_when_late(services: Services) -> None:
    clock: FakeClock = services.database.clock  # type: ignore[assignment]
    incident = await opened(services, 3)
    today = clock.now().date()
    with pytest.raises(InputError, match="is past"):
        await services.incidents.add_action(
            incident, "write a test", owner="maria@bank.example", due=today - timedelta(days=1), actor=ANNA
        )
    action = await services.incidents.add_action(
        incident, "write a test for fees", owner="maria@bank.example", due=today, actor=ANNA
    )
    await services.incidents.mitigate(incident, "stopped", actor=ANNA)
    await services.incidents.close(incident, "process", "no test", actor=ANNA)
    assert (await criterion(services)).status == "pass"
    clock.advance(86_400)
    found = await criterion(services)
    assert found.status == "fail"
    assert "maria@bank.example" in found.missing
    assert (await services.incidents.get(incident)).overdue == (action.id,)
    assert [each.id for each, _ in (await services.incidents.now()).overdue] == [action.id]
    await services.incidents.finish_action(action.id, "it runs every night", actor=BEAT)
    with pytest.raises(Conflict, match="done already"):
        await services.incidents.finish_action(action.id, "twice", actor=BEAT)
    assert (await criterion(services)).status == "pass"


async def criterion(services: Services):  # type: ignore[no-untyped-def]
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:x", to="optimization", save=False)
    return next(each for each in evaluation.results if each.key == "incidents")


async def test_no_attestation_passes_the_criterion(services: Services) -> None:
    """Also where the policy is an older one that asked for somebody's word."""
    incident = await opened(services)
    with pytest.raises(InputError, match="nobody's word"):
        await services.evidence.attest(bank.NAME, "incidents", statement="there are none", actor=BEAT)
    found = await criterion(services)
    assert found.status == "fail"
    assert incident in found.missing
    async with services.database.write("user:admin") as writer:
        (policy,) = await catalog.GATE_POLICIES.find(writer.connection, stage="optimization", state="published")
        asked = tuple(
            msgspec.structs.replace(each, check="attestation") if each.key == "incidents" else each for each in policy.criteria
        )
        await catalog.GATE_POLICIES.put(writer, msgspec.structs.replace(policy, criteria=asked), "publish")
    await services.evidence.attest(bank.NAME, "incidents", statement="there are none", actor=BEAT)
    assert (await criterion(services)).status == "fail"
    await closed(services, incident)
    assert (await criterion(services)).status == "pass"


async def test_a_rating_that_says_harm_opens_one_and_further_ones_join_it(services: Services) -> None:
    calls = [bank.call(), bank.call(), bank.call()]
    await services.calls.ship(calls, gateway="g")
    for each, harm, sample in zip(calls, (True, True, True), (False, False, True), strict=True):
        await services.feedback.rate(
            NewRating(stars=1, rater="beat", call_id=each.id, critical_harm=harm, sample=sample), actor=BEAT
        )
    await services.feedback.rate(NewRating(stars=5, rater="carl", call_id=calls[0].id, critical_harm=False), actor="user:carl")
    (incident,) = await services.incidents.find()
    assert incident.origin == "critical_harm"
    assert incident.severity == 2
    linked = [each.reference for each in (await services.incidents.get(incident.id)).events if each.kind == "linked"]
    assert [each for each in linked if each.startswith("call/")] == [f"call/{calls[0].id}", f"call/{calls[1].id}"]


async def test_a_stop_that_failed_opens_one_of_severity_1_once(services: Services) -> None:
    now = services.database.clock.now()
    switch = KillSwitch(scope=Scope("unit", "retail"), state="stop_failed", tripped_by=ANNA, tripped_at=now)
    async with services.database.write(ANNA) as writer:
        await catalog.KILL_SWITCHES.put(writer, switch, "stop_failed")
    assert len(await services.incidents.watch()) == 1
    assert await services.incidents.watch() == []
    (incident,) = await services.incidents.find()
    assert (incident.origin, incident.severity, incident.use_cases) == ("stop_failed", 1, (bank.NAME,))
    await closed(services, incident.id)
    assert await services.incidents.watch() == [], "the same trip is not opened again once it is closed"
    later = msgspec.structs.replace(switch, tripped_at=now + timedelta(hours=1))
    async with services.database.write(ANNA) as writer:
        await catalog.KILL_SWITCHES.put(writer, later, "stop_failed")
    assert len(await services.incidents.watch()) == 1


async def test_one_more_use_case_is_concerned(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="second")])
    incident = await opened(services)
    wider = await services.incidents.add_use_case(incident, "second", actor=ANNA, reason="the same prompt")
    assert wider.use_cases == (bank.NAME, "second")
    assert [each.kind for each in (await services.use_cases.get("second")).holds] == ["incident"]
    with pytest.raises(NotFound):
        await services.incidents.add_use_case(incident, "third", actor=ANNA, reason="!")


async def test_the_report_tells_all_of_it(services: Services) -> None:
    incident = await opened(services)
    due = services.database.clock.now().date() + timedelta(days=7)
    await services.incidents.add_action(incident, "test | fees", owner="maria@bank.example", due=due, actor=ANNA)
    await closed(services, incident)
    text = report_of(await services.incidents.get(incident), services.database.clock.now())
    assert text.startswith("# Wrong sums told\n")
    for part in (
        incident,
        "severity 1",
        "prompt",
        "left the table of fees out",
        "anna",
        "beat",
        "test \\| fees",
        f"{due}",
        bank.NAME,
    ):
        assert part in text, part
