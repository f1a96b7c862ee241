"""The kill switch: anyone stops alone, only acknowledgements confirm it, two people start again, and nothing forgets it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.kill_switch import KillSwitch, Scope, parse_scope
from groundcrew.domain.local_stop import LocalStop
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.alert_metrics import PLATFORM
from groundcrew.services.bundle import Services
from groundcrew.services.kill_switches import ABANDONED_S, KEEPER, KillSwitches, StopReport
from groundcrew.store import catalog, operations
from groundcrew.store.database import Database
from groundcrew.store.tables import enforcement_points
from groundcrew.testing import FakeClock

USE_CASE = Scope("use-case", bank.NAME)
UNIT = Scope("unit", "retail")
DEADLINE_S = 0.15
#: For a trip that has to be still waiting when the test acts: on a loaded machine the short deadline passes first.
PATIENCE_S = 60.0
#: Longer than anything that ends by itself.
LONG_S = 30 * 86_400.0


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    services = Services(await Database.open(database_url, clock), tmp_path, kill_confirm_s=DEADLINE_S)
    await bank.accounts(services, bank.PERSON, bank.SECOND_PERSON, "user:carla")
    yield services
    await services.database.close()


def patient(services: Services) -> KillSwitches:
    """The same switches, whose trips wait until they are cut off."""
    return KillSwitches(services.database, confirm_deadline_s=PATIENCE_S)


def gone_process_id() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


async def switch_of(services: Services, scope: Scope) -> KillSwitch:
    return next(each for each in await services.kill_switches.find() if each.scope == scope)


async def settled_by(services: Services, person: str) -> bool:
    switch = await switch_of(services, USE_CASE)
    return switch.tripped_by == person and switch.state != "tripping"


async def denied(services: Services) -> frozenset[Scope]:
    return (await services.snapshots.build()).stopped


async def run_state(services: Services) -> str:
    return (await services.use_cases.get(bank.NAME)).run_state


async def test_a_trip_without_gateways_denies_and_is_confirmed(services: Services) -> None:
    version = await services.snapshots.version()
    report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert (report.switch.state, report.gateways, report.silent) == ("confirmed_stopped", 0, ())
    assert report.switch.tripped_by == bank.PERSON
    assert await denied(services) == {USE_CASE}
    assert await run_state(services) == "suspended"
    assert await bank.stage_of(services) == "discovery", "a trip never changes the stage"
    assert await services.snapshots.version() > version


async def test_a_trip_is_confirmed_by_every_running_gateway(services: Services) -> None:
    async with bank.gateway(services), bank.gateway(services, process_id=os.getppid()):
        report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert (report.switch.state, report.gateways, report.silent) == ("confirmed_stopped", 2, ())
    assert 0 < report.seconds < DEADLINE_S + 1
    assert (await switch_of(services, USE_CASE)).confirmed_at is not None


async def test_a_silent_gateway_makes_it_stop_failed_and_it_still_denies(services: Services) -> None:
    silent = await bank.silent_gateway(services)
    async with bank.gateway(services, process_id=os.getppid()):
        report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    named = f"{silent} (process {os.getpid()} on {socket.gethostname()})"
    assert (report.switch.state, report.gateways, report.silent) == ("stop_failed", 2, (named,))
    assert report.seconds >= DEADLINE_S
    stored = await switch_of(services, USE_CASE)
    assert (stored.state, stored.confirmed_at) == ("stop_failed", None)
    assert await denied(services) == {USE_CASE}
    assert await run_state(services) == "suspended"


async def test_a_gateway_whose_process_is_gone_does_not_count(services: Services) -> None:
    await bank.silent_gateway(services, process_id=gone_process_id())
    report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert (report.switch.state, report.gateways) == ("confirmed_stopped", 0)


async def test_a_gateway_of_another_host_counts_though_its_process_can_not_be_seen(services: Services) -> None:
    silent = await bank.silent_gateway(services, process_id=gone_process_id(), host="elsewhere.bank.example")
    report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert (report.switch.state, len(report.silent)) == ("stop_failed", 1)
    assert report.silent[0].startswith(silent)
    assert report.silent[0].endswith(" on elsewhere.bank.example)")


async def test_a_gateway_started_again_under_the_same_process_id_replaces_the_dead_one(services: Services) -> None:
    """In a container the server is process 1 before and after."""
    await bank.silent_gateway(services)
    async with bank.gateway(services):
        report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert (report.switch.state, report.gateways) == ("confirmed_stopped", 1)


async def test_one_person_can_not_start_again_alone(services: Services) -> None:
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    pending = await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="fixed")
    assert (pending.state, pending.reset_requested_by) == ("reset_pending", bank.PERSON)
    assert await denied(services) == {USE_CASE}
    for actor in (bank.PERSON, "user:Anna", "cli:anna"):
        with pytest.raises(Conflict, match="a second person must confirm"):
            await services.kill_switches.resume(USE_CASE, actor=actor, reason="really")
    assert await denied(services) == {USE_CASE}
    assert await run_state(services) == "suspended"


async def test_the_second_person_has_shown_who_they_are(services: Services) -> None:
    """A name of the operating system is as many people as its holder wishes; a program and an auditor are none."""
    await bank.accounts(services, "user:bot", kind="agent")
    await bank.accounts(services, "user:sam", roles=("auditor",))
    await bank.accounts(services, "user:left")
    async with services.database.write("system:test") as writer:
        left = await catalog.USERS.get(writer.connection, "left")
        assert left is not None
        await catalog.USERS.put(writer, msgspec.structs.replace(left, disabled=True), "disable")
    refused = ("user:bot", "user:sam", "user:left", "user:nobody", "key:1", "system:helper")
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    for actor in refused:
        with pytest.raises(NotAllowed):
            await services.kill_switches.resume(USE_CASE, actor=actor, reason="fixed")
    assert (await switch_of(services, USE_CASE)).state == "confirmed_stopped"
    await services.kill_switches.resume(USE_CASE, actor="cli:root", reason="fixed")
    for actor in (*refused, "cli:anna"):
        with pytest.raises(NotAllowed):
            await services.kill_switches.resume(USE_CASE, actor=actor, reason="checked")
    assert await denied(services) == {USE_CASE}
    armed = await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="checked")
    assert not armed.denies


async def test_two_people_start_it_again_and_what_it_suspended_runs(services: Services) -> None:
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    await services.kill_switches.resume(USE_CASE, actor=bank.SECOND_PERSON, reason="fixed")
    armed = await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="checked")
    assert armed == KillSwitch(scope=USE_CASE)
    assert await denied(services) == frozenset()
    assert await run_state(services) == "running"
    with pytest.raises(Conflict, match="is not stopped"):
        await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="again")
    entries = await services.audit.latest(subject=f"kill-switch/{USE_CASE}")
    assert [each.action for each in entries] == ["reset", "request_reset", "confirmed_stopped", "trip"]
    assert entries[0].details == {"requested_by": bank.SECOND_PERSON}


async def test_a_new_stop_voids_a_reset_that_was_asked_for(services: Services) -> None:
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    await services.kill_switches.resume(USE_CASE, actor=bank.SECOND_PERSON, reason="fixed")
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="still odd")
    again = await services.kill_switches.resume(USE_CASE, actor="user:carla", reason="now it is")
    assert again.state == "reset_pending"
    assert await denied(services) == {USE_CASE}


async def test_overlapping_scopes_stop_until_the_last_one_is_reset(services: Services) -> None:
    scopes = [USE_CASE, UNIT, Scope("model", bank.MODEL), Scope("provider", bank.PROVIDER), Scope("all")]
    for scope in scopes:
        await services.kill_switches.stop(scope, actor=bank.PERSON, reason="odd answers")
    for remaining in range(len(scopes), 0, -1):
        assert await run_state(services) == "suspended"
        assert await denied(services) == frozenset(scopes[-remaining:])
        scope = scopes[-remaining]
        await services.kill_switches.resume(scope, actor=bank.PERSON, reason="fixed")
        await services.kill_switches.resume(scope, actor=bank.SECOND_PERSON, reason="fixed")
    assert await denied(services) == frozenset()
    assert await run_state(services) == "running"


async def test_a_key_stops_one_caller_and_not_its_use_case(services: Services) -> None:
    created = await services.keys.create(bank.NAME, actor=bank.PERSON)
    scope = Scope("key", created.key.id)
    await services.kill_switches.stop(scope, actor=bank.PERSON, reason="leaked")
    assert await denied(services) == {scope}
    assert await run_state(services) == "running"


async def test_a_retired_use_case_is_not_woken_by_a_reset(services: Services) -> None:
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    await services.use_cases.demote(bank.NAME, "retired", actor=bank.PERSON, reason="gave up")
    await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="tidy up")
    await services.kill_switches.resume(USE_CASE, actor=bank.SECOND_PERSON, reason="tidy up")
    item = await services.use_cases.get(bank.NAME)
    assert (item.stage, item.run_state) == ("retired", "off")


@pytest.mark.parametrize("state", ["confirmed_stopped", "stop_failed", "reset_pending"])
async def test_a_stop_survives_a_restart(services: Services, database_url: str, tmp_path: Path, state: str) -> None:
    if state == "stop_failed":
        await bank.silent_gateway(services)
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    if state == "reset_pending":
        await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="fixed")
    async with bank.opened(database_url, tmp_path, bare=True) as reopened:
        assert (await switch_of(reopened, USE_CASE)).state == state
        assert await denied(reopened) == {USE_CASE}


async def test_a_trip_that_was_never_confirmed_denies_after_a_crash(services: Services) -> None:
    """The process that tripped it died between the trip and its confirmation."""
    await bank.silent_gateway(services)
    task = asyncio.create_task(patient(services).stop(USE_CASE, actor=bank.PERSON, reason="odd answers"))
    await bank.until(lambda: denied(services))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await switch_of(services, USE_CASE)).state == "tripping"
    assert await denied(services) == {USE_CASE}
    await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="fixed")
    await services.kill_switches.resume(USE_CASE, actor=bank.SECOND_PERSON, reason="fixed")
    assert await run_state(services) == "running"


async def acknowledge(services: Services, point: str, *, cut: int = 0, host: str | None = None) -> None:
    await services.snapshots.acknowledge(
        gateway=point,
        host=host or socket.gethostname(),
        process_id=os.getpid(),
        version=await services.snapshots.version(),
        cut={str(USE_CASE): cut},
    )


async def test_calls_that_were_cut_are_counted_from_the_trip_on(services: Services) -> None:
    point = await bank.silent_gateway(services)
    await acknowledge(services, point, cut=5)  # of an earlier trip of the same scope
    stop = asyncio.create_task(patient(services).stop(USE_CASE, actor=bank.PERSON, reason="odd answers"))
    await bank.until(lambda: denied(services))
    await acknowledge(services, point, cut=42)
    report = await stop
    assert (report.switch.state, report.cut, report.switch.cut_calls) == ("confirmed_stopped", 37, 37)
    (entry,) = [each for each in await services.audit.latest(subject=f"kill-switch/{USE_CASE}") if each.action != "trip"]
    assert (entry.action, entry.details["cut_calls"]) == ("confirmed_stopped", 37)


async def test_a_stop_that_had_failed_is_confirmed_once_the_silent_gateway_enforces_it(services: Services) -> None:
    point = await bank.silent_gateway(services)
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert await services.kill_switches.settle() == []
    assert (await switch_of(services, USE_CASE)).silent_points == (point,)
    await acknowledge(services, point, cut=4)
    assert [each.state for each in await services.kill_switches.settle()] == ["confirmed_stopped"]
    switch = await switch_of(services, USE_CASE)
    assert (switch.state, switch.silent, switch.cut_calls) == ("confirmed_stopped", (), 4)
    newest = (await services.audit.latest(subject=f"kill-switch/{USE_CASE}"))[0]
    assert (newest.action, newest.actor, newest.details["cut_calls"]) == ("confirmed_stopped", KEEPER, 4)
    assert await services.kill_switches.settle() == []


async def test_a_gateway_elsewhere_that_is_not_heard_of_any_more_confirms_nothing(services: Services) -> None:
    point = await bank.silent_gateway(services, host="elsewhere.bank.example")
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    await silent_for(services, point, LONG_S)
    assert await services.kill_switches.settle() == []
    assert (await switch_of(services, USE_CASE)).state == "stop_failed"
    await services.snapshots.forget(point)
    assert [each.state for each in await services.kill_switches.settle()] == ["confirmed_stopped"]


async def silent_for(services: Services, point: str, seconds: float) -> None:
    """Let it have been that long since the database heard of a gateway."""
    async with services.database.operate() as connection:
        heard_s = await operations.now_s(connection) - seconds
        await connection.execute(enforcement_points.update().where(enforcement_points.c.id == point).values(seen_at_s=heard_s))


async def test_however_long_a_gateway_elsewhere_is_silent_a_stop_names_it(services: Services) -> None:
    point = await bank.silent_gateway(services, host="elsewhere.bank.example")
    await silent_for(services, point, LONG_S)
    report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert (report.switch.state, report.switch.silent_points, report.gateways) == ("stop_failed", (point,), 1)
    assert [each.id for each in await services.kill_switches.points()] == [point]


@pytest.mark.parametrize(("silent_s", "state"), [(90.0, "stop_failed"), (101.0, "confirmed_stopped")])
async def test_only_one_that_said_so_counts_as_refusing_once_it_is_cut_off(
    services: Services, silent_s: float, state: str
) -> None:
    point = await bank.silent_gateway(services, host="elsewhere.bank.example", refuses_after_s=100.0)
    await silent_for(services, point, silent_s)
    report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert report.switch.state == state
    newest = (await services.audit.latest(subject=f"kill-switch/{USE_CASE}"))[0]
    assert bool(newest.details.get("refusing")) == (state == "confirmed_stopped")
    assert [each.id for each in await services.kill_switches.points()] == [point], "it is shown all the same"
    await silent_for(services, point, 101.0)
    await services.kill_switches.settle()
    assert (await switch_of(services, USE_CASE)).state == "confirmed_stopped"


async def test_a_gateway_that_ended_elsewhere_is_forgotten_by_a_person(services: Services) -> None:
    point = await bank.silent_gateway(services, host="elsewhere.bank.example")
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    with pytest.raises(Conflict, match="was heard of 0 s ago"):
        await services.kill_switches.forget_gateway(point, actor=bank.PERSON, reason="it is off")
    with pytest.raises(NotFound):
        await services.kill_switches.forget_gateway("another", actor=bank.PERSON, reason="it is off")
    await silent_for(services, point, LONG_S)
    with pytest.raises(InputError):
        await services.kill_switches.forget_gateway(point, actor=bank.PERSON, reason=" ")
    await services.kill_switches.forget_gateway(point, actor=bank.PERSON, reason="the machine was sold")
    (entry,) = await services.audit.latest(subject=f"gateway/{point}")
    assert (entry.action, entry.actor, entry.reason) == ("forget", bank.PERSON, "the machine was sold")
    assert entry.details["host"] == "elsewhere.bank.example"
    assert [each.state for each in await services.kill_switches.settle()] == ["confirmed_stopped"]
    await acknowledge(services, point)
    assert [each.id for each in await services.kill_switches.points()] == [point], "it counts again once it is heard of again"


async def test_when_a_gateway_was_heard_of_is_told_by_the_database(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1.0)
    await bank.silent_gateway(services)
    (point,) = await services.kill_switches.points()
    assert point.silent_s < 60
    assert point.seen_at_s > 1_700_000_000


async def test_two_containers_of_one_name_and_number_do_not_erase_each_other(services: Services) -> None:
    """Both are process 1 on a host of the same name."""
    for point, machine in (("one", "boot a pid:[1]"), ("two", "boot a pid:[2]"), ("three", ""), ("four", "")):
        await services.snapshots.acknowledge(gateway=point, host=socket.gethostname(), process_id=1, version=1, on=machine)
    assert {each.id for each in await services.kill_switches.points()} == {"one", "two", "three", "four"}
    await services.snapshots.acknowledge(gateway="again", host="renamed", process_id=1, version=1, on="boot a pid:[2]")
    assert {each.id for each in await services.kill_switches.points()} == {"one", "again", "three", "four"}


async def test_a_process_that_took_over_a_number_is_not_the_one_of_before(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("groundcrew.services.snapshots.process_started", lambda _: "long ago")
        await bank.silent_gateway(services, process_id=os.getppid())
    report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    assert (report.switch.state, report.gateways) == ("confirmed_stopped", 0)


async def test_asking_for_the_reset_of_a_stop_that_failed_hides_nothing(services: Services) -> None:
    point = await bank.silent_gateway(services)
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    pending = await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="fixed")
    assert (pending.state, pending.failed, pending.silent_points) == ("reset_pending", True, (point,))
    assert (await services.alerts.figures("stop-failed"))[PLATFORM].estimate == 1
    assert [each.origin for each in await services.incidents.watch()] == ["stop_failed"]
    (asked, *_) = await services.audit.latest(subject=f"kill-switch/{USE_CASE}")
    assert asked.details == {"silent": list(pending.silent)}
    assert await services.kill_switches.settle() == []
    await acknowledge(services, point, cut=4)
    (settled,) = await services.kill_switches.settle()
    assert (settled.state, settled.failed, settled.silent, settled.cut_calls) == ("reset_pending", False, (), 4)
    assert settled.confirmed_at is not None
    assert (await services.audit.latest(subject=f"kill-switch/{USE_CASE}"))[0].action == "confirmed_stopped"
    assert (await services.alerts.figures("stop-failed"))[PLATFORM].estimate == 0
    assert await services.kill_switches.settle() == []
    await services.kill_switches.resume(USE_CASE, actor=bank.SECOND_PERSON, reason="checked")
    assert await denied(services) == frozenset()


async def test_the_reset_of_a_stop_that_failed_says_who_is_silent_still(services: Services) -> None:
    await bank.silent_gateway(services)
    report = await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    for person in (bank.PERSON, bank.SECOND_PERSON):
        await services.kill_switches.resume(USE_CASE, actor=person, reason="fixed")
    (reset, *_) = await services.audit.latest(subject=f"kill-switch/{USE_CASE}")
    assert (reset.action, reset.details) == ("reset", {"requested_by": bank.PERSON, "silent": list(report.silent)})


async def test_a_reset_that_is_asked_for_while_a_trip_waits_does_not_swallow_that_it_failed(services: Services) -> None:
    point = await bank.silent_gateway(services)
    task = asyncio.create_task(services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers"))
    await bank.until(lambda: denied(services))
    await services.kill_switches.resume(USE_CASE, actor=bank.SECOND_PERSON, reason="fixed")
    await task
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    clock.advance(DEADLINE_S + ABANDONED_S + 1)
    await services.kill_switches.settle()
    switch = await switch_of(services, USE_CASE)
    assert (switch.state, switch.failed, switch.silent_points) == ("reset_pending", True, (point,))


async def test_a_drill_that_comes_just_behind_a_stop_leaves_it_alone(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop comes between the drill's look and its trip."""
    trip = services.kill_switches._trip

    async def late(scope: Scope, *, actor: str, reason: str, drill: bool) -> StopReport:
        if drill:
            await services.kill_switches.carry(LOCAL, cut=1)
        return await trip(scope, actor=actor, reason=reason, drill=drill)

    monkeypatch.setattr(services.kill_switches, "_trip", late)
    async with bank.gateway(services):
        with pytest.raises(Conflict, match="stopped already"):
            await services.kill_switches.drill(USE_CASE, actor=bank.PERSON)
    switch = await switch_of(services, USE_CASE)
    assert (switch.drill, switch.local_stops, switch.tripped_by) == (False, (LOCAL.id,), LOCAL.by)
    assert await denied(services) == {USE_CASE}


async def test_a_trip_whose_tripper_died_is_settled_by_whoever_looks(services: Services) -> None:
    point = await bank.silent_gateway(services)
    task = asyncio.create_task(patient(services).stop(USE_CASE, actor=bank.PERSON, reason="odd answers"))
    await bank.until(lambda: denied(services))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await services.kill_switches.settle() == [], "its tripper may still wait"
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    clock.advance(DEADLINE_S + ABANDONED_S + 1)
    (failed,) = await services.kill_switches.settle()
    assert (failed.state, failed.silent_points) == ("stop_failed", (point,))


LOCAL = LocalStop(
    id="local-1", scope=USE_CASE, reason="nobody answers", by="cli:root", at=datetime(2026, 3, 1, tzinfo=UTC), host="gateway-7"
)


async def test_a_local_stop_is_recorded_with_its_person_and_time_and_only_once(services: Services) -> None:
    version = await services.kill_switches.carry(LOCAL, cut=3)
    assert version == await services.snapshots.version()
    assert await services.kill_switches.carry(LOCAL, cut=3) == version
    switch = await switch_of(services, USE_CASE)
    assert (switch.state, switch.tripped_by, switch.tripped_at, switch.cut_calls) == ("tripping", "cli:root", LOCAL.at, 3)
    assert await run_state(services) == "suspended"
    (entry,) = await services.audit.latest(subject=f"kill-switch/{USE_CASE}")
    assert (entry.action, entry.actor, entry.details["host"]) == ("trip_local", "cli:root", "gateway-7")
    await services.kill_switches.resume(USE_CASE, actor="cli:root", reason="over")
    armed = await services.kill_switches.resume(USE_CASE, actor=bank.SECOND_PERSON, reason="over")
    assert armed.local_stops == (LOCAL.id,), "so that its file is told of the reset"
    await services.kill_switches.carry(LOCAL, cut=3)
    assert await denied(services) == frozenset(), "a stop that was reset does not come back from its file"


async def test_a_local_stop_voids_a_reset_and_may_name_what_is_not_there(services: Services) -> None:
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="fixed")
    await services.kill_switches.carry(LOCAL, cut=0)
    assert (await switch_of(services, USE_CASE)).reset_requested_by is None
    nowhere = Scope("use-case", "no-such-thing")
    await services.kill_switches.carry(msgspec.structs.replace(LOCAL, id="local-2", scope=nowhere), cut=0)
    assert await denied(services) == {USE_CASE, nowhere}


async def test_a_drill_measures_arms_again_and_becomes_evidence(services: Services) -> None:
    async with bank.gateway(services):
        report = await services.kill_switches.drill(UNIT, actor=bank.PERSON)
    assert (report.switch.state, report.gateways) == ("confirmed_stopped", 1)
    assert await denied(services) == frozenset()
    assert await run_state(services) == "running"
    found = [each for each in await services.evidence.find(bank.NAME) if each.evidence.kind == "kill_switch_drill"]
    assert [each.state for each in found] == ["valid"]
    assert found[0].evidence.content["gateways"] == 1
    assert found[0].evidence.content["seconds"] == pytest.approx(report.seconds, abs=0.001)


async def test_a_drill_that_not_every_gateway_acknowledges_proves_it(services: Services) -> None:
    await bank.silent_gateway(services)
    report = await services.kill_switches.drill(USE_CASE, actor=bank.PERSON)
    assert report.switch.state == "stop_failed"
    assert await denied(services) == frozenset()
    evaluation = await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to="pilot")
    assert next(each for each in evaluation.results if each.key == "kill_switch").status == "fail"


async def test_a_drill_needs_a_gateway_and_something_that_runs(services: Services) -> None:
    with pytest.raises(Conflict, match="no gateway is running"):
        await services.kill_switches.drill(USE_CASE, actor=bank.PERSON)
    async with bank.gateway(services):
        await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
        with pytest.raises(Conflict, match="stopped already"):
            await services.kill_switches.drill(USE_CASE, actor=bank.PERSON)
    assert await denied(services) == {USE_CASE}


async def test_a_drill_does_not_undo_a_stop_of_a_wider_scope(services: Services) -> None:
    await services.kill_switches.stop(UNIT, actor=bank.PERSON, reason="odd answers")
    async with bank.gateway(services):
        await services.kill_switches.drill(USE_CASE, actor=bank.SECOND_PERSON)
    assert await denied(services) == {UNIT}
    assert await run_state(services) == "suspended"


async def test_a_real_stop_during_a_drill_stays(services: Services) -> None:
    point = await bank.silent_gateway(services)
    drill = asyncio.create_task(patient(services).drill(USE_CASE, actor=bank.PERSON))
    await bank.until(lambda: denied(services))
    stop = asyncio.create_task(services.kill_switches.stop(USE_CASE, actor=bank.SECOND_PERSON, reason="this is no drill"))
    await bank.until(lambda: settled_by(services, bank.SECOND_PERSON))
    await services.snapshots.forget(point)  # the drill need wait no longer
    with pytest.raises(Conflict, match="was stopped during the drill"):
        await drill
    assert (await stop).switch.state == "stop_failed"
    switch = await switch_of(services, USE_CASE)
    assert (switch.tripped_by, switch.drill, switch.denies) == (bank.SECOND_PERSON, False, True)
    assert await denied(services) == {USE_CASE}
    assert await run_state(services) == "suspended"


async def test_a_reset_during_a_slow_stop_has_the_last_word(services: Services) -> None:
    """What the gateways were told last and what the database says must be the same."""
    point = await bank.silent_gateway(services)
    stop = asyncio.create_task(patient(services).stop(USE_CASE, actor=bank.PERSON, reason="odd answers"))
    await bank.until(lambda: denied(services))
    await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason="wrong button")
    await services.snapshots.forget(point)
    await stop
    assert (await switch_of(services, USE_CASE)).state == "reset_pending"
    assert await denied(services) == {USE_CASE}


async def test_every_move_needs_a_reason(services: Services) -> None:
    reason = " \n"
    with pytest.raises(InputError, match="reason"):
        await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason=reason)
    assert await denied(services) == frozenset()
    await services.kill_switches.stop(USE_CASE, actor=bank.PERSON, reason="odd answers")
    with pytest.raises(InputError, match="reason"):
        await services.kill_switches.resume(USE_CASE, actor=bank.PERSON, reason=reason)


async def test_a_scope_that_is_not_there_is_refused_and_the_nearest_named(services: Services) -> None:
    for scope in ("use-case:asistant", "unit:retial", "model:writr", "provider:quote", "key:01"):
        with pytest.raises(NotFound) as raised:
            await services.kill_switches.stop(parse_scope(scope), actor=bank.PERSON, reason="odd answers")
        if not scope.startswith("key:"):
            assert "did you mean" in str(raised.value)
    assert await services.kill_switches.find() == []
