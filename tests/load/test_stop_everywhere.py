"""A stop holds over several gateway processes: every stream is cut and counted, nothing passes after the confirmation, a process
that stood still serves nothing when it goes on, restarts change nothing, and without the database a gateway's host stops it."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from bench.oversight.fleet import NAME, Fleet, fleet
from tests import postgres
from tests.integration.server import groundcrew
from tests.unit.services import bank

from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.local_stop import LocalStopFile
from groundcrew.services.local_stops import LocalStops

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SCOPE = Scope("use-case", NAME)
GATEWAYS, STREAMS, TRIPS = 2, 20, 3
#: A loaded machine is no reason to fail; how fast it is, the bench says.
CONFIRM_S = 60.0
AFTER_S_MAX = 180.0
SNAPSHOT_AGE = "GROUNDCREW_SNAPSHOT_AGE_S_MAX"


async def switch_of(running: Fleet) -> KillSwitch:
    return next(each for each in await running.services.kill_switches.find() if each.scope == SCOPE)


async def reaches(running: Fleet, state: str) -> None:
    async def so() -> bool:
        return (await switch_of(running)).state == state

    await bank.until(so, within_s=AFTER_S_MAX, every_s=0.1)


async def test_every_stream_is_cut_and_nothing_passes_after_the_confirmation(postgres_url: str, tmp_path: Path) -> None:
    async with fleet(postgres_url, tmp_path, gateways=GATEWAYS, gap_s=0.05, confirm_s=CONFIRM_S) as running:
        for trip in range(TRIPS):
            await running.fill(STREAMS)
            report = await running.services.kill_switches.stop(SCOPE, actor=bank.PERSON, reason=f"trip {trip}")
            confirmed_s = time.monotonic()
            assert (report.switch.state, report.silent, report.cut) == ("confirmed_stopped", (), STREAMS)
            for gateway in range(GATEWAYS):
                assert await running.probe(gateway, calls=3) == {(503, "kill_switch")}
            await running.ended()
            assert {each.code for each in running.streams} == {"kill_switch"}
            assert max(max(each.words_s) for each in running.streams) < confirmed_s
            await running.start_again(SCOPE)
        entries = await running.services.audit.latest(subject=f"kill-switch/{SCOPE}")
        assert [each.details["cut_calls"] for each in entries if each.action == "confirmed_stopped"] == [STREAMS] * TRIPS


async def test_a_process_that_stood_still_serves_nothing_when_it_goes_on_and_then_confirms(
    postgres_url: str, tmp_path: Path
) -> None:
    """Its use case is one that goes on with an old snapshot, so that only the pause itself can hold it."""
    async with fleet(postgres_url, tmp_path, gateways=GATEWAYS, gap_s=0.05, confirm_s=2.0) as running:
        await running.fill(STREAMS)
        still = running.gateways[1].process
        still.send_signal(signal.SIGSTOP)
        report = await running.services.kill_switches.stop(SCOPE, actor=bank.PERSON, reason="odd answers")
        assert report.switch.state == "stop_failed"
        # On a loaded machine the other one may be late as well; that it enforces the stop is seen next.
        assert any(f"(process {still.pid} on " in each for each in report.silent)
        assert await running.probe(0) == {(503, "kill_switch")}
        waiting = asyncio.create_task(running.probe(1, calls=5))  # they wait in its socket
        await asyncio.sleep(1.0)
        theirs = [each for each in running.streams if each.gateway == 1]
        before = [len(each.words_s) for each in theirs]
        still.send_signal(signal.SIGCONT)
        assert await waiting == {(503, "kill_switch")}
        await running.ended()
        assert [len(each.words_s) for each in theirs] == before, "not a word left after it went on"
        assert {each.code for each in theirs} == {"kill_switch"}
        await reaches(running, "confirmed_stopped")
        switch = await switch_of(running)
        assert (switch.silent, switch.cut_calls) == ((), STREAMS)
        newest = (await running.services.audit.latest(subject=f"kill-switch/{SCOPE}"))[0]
        assert (newest.action, newest.actor) == ("confirmed_stopped", "system:stop-keeper")
        points = {each.process_id: each for each in await running.services.kill_switches.points()}
        assert points[still.pid].paused_s > 2.0, "the page shows how long"


async def test_what_was_stopped_is_stopped_after_every_process_has_started_again(postgres_url: str, tmp_path: Path) -> None:
    async with fleet(postgres_url, tmp_path, gateways=1, gap_s=0.05, confirm_s=CONFIRM_S) as running:
        await running.services.kill_switches.stop(SCOPE, actor=bank.PERSON, reason="odd answers")
        for server in (*running.gateways, running.control):
            server.kill()
    async with fleet(postgres_url, tmp_path, gateways=1, gap_s=0.05, confirm_s=CONFIRM_S) as running:
        assert await running.probe(0, calls=3) == {(503, "kill_switch")}
        assert (await switch_of(running)).state == "confirmed_stopped"


async def test_with_the_database_gone_the_gateways_own_host_stops_it(tmp_path: Path) -> None:
    try:
        made = postgres.restartable_server()
        database = made.__enter__()
    except postgres.Unavailable as error:
        pytest.skip(f"PostgreSQL: {error}")
    try:
        url = database.server.url(database.server.create_database())
        # The first gateway is stopped on its host, however long that takes, and the second by nothing but its old snapshot.
        old = {each: {"GROUNDCREW_STALE_REFUSES": "all", SNAPSHOT_AGE: age} for each, age in enumerate(("600", "8"))}
        async with fleet(url, tmp_path, gateways=2, gap_s=0.05, confirm_s=CONFIRM_S, settings=old) as running:
            await running.fill(STREAMS)
            database.stop()
            local = LocalStops(tmp_path / "gateway-0")
            done = await asyncio.to_thread(
                groundcrew, "stop", str(SCOPE), "--reason", "odd answers", "--data", tmp_path / "gateway-0", "--database-url", url
            )
            assert done.status == 1, done.err
            assert "THE DATABASE COULD NOT BE TOLD" in done.err
            assert f"cut {STREAMS // 2} calls in flight" in done.out
            assert await running.probe(0, calls=3) == {(503, "kill_switch")}
            assert {each.code for each in running.streams if each.gateway == 0} == {"kill_switch"}

            async def refuses() -> bool:
                return await running.probe(1) == {(503, "stale_policy")}

            await bank.until(refuses, within_s=AFTER_S_MAX, every_s=0.2)
            assert local.read()[0].stops[0].carried_version is None
            database.start()

            async def carried() -> bool:
                return local.read()[0].stops[0].carried_version is not None

            await bank.until(carried, within_s=AFTER_S_MAX, every_s=0.1)
            await reaches(running, "confirmed_stopped")
            switch = await switch_of(running)
            assert (switch.tripped_by or "").startswith("cli:")
            assert await running.probe(1) == {(503, "kill_switch")}
            await running.start_again(SCOPE)

            async def released() -> bool:
                return local.read()[0] == LocalStopFile()

            await bank.until(released, within_s=AFTER_S_MAX, every_s=0.1)
            assert (await running.services.audit.verify()).problems == ()
    finally:
        made.__exit__(None, None, None)
