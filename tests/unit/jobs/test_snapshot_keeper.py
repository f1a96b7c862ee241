"""The snapshot keeper: enforces before it acknowledges, ages while the database is away, and tells when it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.domain.test_pause import Clocks
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.snapshot import Snapshot
from groundcrew.jobs import snapshot_keeper
from groundcrew.jobs.snapshot_keeper import HEARTBEAT_S, Refusal, SnapshotKeeper
from groundcrew.services.bundle import Services
from groundcrew.store import catalog
from groundcrew.store.operations import enforcing

SCOPE = Scope("use-case", bank.NAME)


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


@pytest.fixture
def keeper(services: Services) -> SnapshotKeeper:
    return SnapshotKeeper(services.snapshots, gateway="gateway-1", host=socket.gethostname(), process_id=os.getpid(), poll_ms=5)


@contextlib.asynccontextmanager
async def running(keeper: SnapshotKeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def acknowledged(services: Services) -> int | None:
    async with services.database.read() as connection:
        points = await enforcing(connection)
    return int(points[0].snapshot_version) if points else None


async def change(services: Services, *, tripped: bool = False) -> None:
    """Something that gateways must know, without waiting until they do."""
    async with services.database.write("user:anna") as writer:
        if tripped:
            switch = KillSwitch(scope=SCOPE, state="tripping")
            await catalog.KILL_SWITCHES.put(writer, switch, "trip")
        await writer.touch_snapshot()


async def test_it_follows_every_change(services: Services, keeper: SnapshotKeeper) -> None:
    assert keeper.age_s() == float("inf")
    async with running(keeper):
        report = await services.kill_switches.stop(SCOPE, actor=bank.PERSON, reason="odd answers")
        assert (report.switch.state, report.gateways) in (("confirmed_stopped", 1), ("confirmed_stopped", 0))
        await bank.until(lambda: _is(SCOPE in keeper.current.stopped))
        await bank.until(lambda: _is(keeper.age_s() < 5))  # stops come first, the rest of the snapshot after them
        report = await services.kill_switches.stop(Scope("all"), actor=bank.PERSON, reason="all of it")
        assert (report.switch.state, report.gateways) == ("confirmed_stopped", 1)
        assert keeper.current.stopped == {SCOPE, Scope("all")}
        assert keeper.confirmed_version == keeper.current.version == await services.snapshots.version()


async def _is(condition: bool) -> bool:
    return condition


async def test_nothing_is_acknowledged_before_it_is_enforced(services: Services, keeper: SnapshotKeeper) -> None:
    await keeper.refresh()
    seen: list[tuple[bool, int | None]] = []

    async def enforce() -> dict[str, int]:
        seen.append((SCOPE in keeper.current.stopped, await acknowledged(services)))
        return {}

    keeper.on_change(enforce)
    before = await acknowledged(services)
    await change(services, tripped=True)
    await keeper.refresh()
    assert seen == [(True, before)]
    assert await acknowledged(services) == await services.snapshots.version()


async def test_a_stop_holds_before_the_rest_of_a_change_is_read(
    services: Services, keeper: SnapshotKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, seen = services.snapshots.build, list[tuple[bool, int]]()

    async def slow() -> Snapshot:
        seen.append((SCOPE in keeper.current.stopped, keeper.current.version))
        return await build()

    await keeper.refresh()
    before = keeper.current.version
    await change(services, tripped=True)
    monkeypatch.setattr(services.snapshots, "build", slow)
    await keeper.refresh()
    assert seen == [(True, before)]
    assert keeper.current.version == await services.snapshots.version()


async def test_what_could_not_be_enforced_is_tried_again_and_not_acknowledged(services: Services, keeper: SnapshotKeeper) -> None:
    await keeper.refresh()
    before, failures = await acknowledged(services), [True, True, False]

    async def enforce() -> dict[str, int]:
        if failures.pop(0):
            raise RuntimeError("a stream could not be cut")
        return {}

    keeper.on_change(enforce)
    await change(services)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await keeper.refresh()
        assert await acknowledged(services) == before
    await keeper.refresh()
    assert failures == []
    assert await acknowledged(services) == await services.snapshots.version()


async def test_an_acknowledgement_that_failed_is_sent_by_the_next_refresh(
    services: Services, keeper: SnapshotKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keeper.refresh()
    await change(services)
    with monkeypatch.context() as patched:
        patched.setattr(services.snapshots, "acknowledge", _refused)
        with pytest.raises(ConnectionRefusedError):
            await keeper.refresh()
    await keeper.refresh()
    assert await acknowledged(services) == await services.snapshots.version()


async def _refused(**_: object) -> None:
    raise ConnectionRefusedError("the database is away")


async def test_while_the_database_is_away_the_snapshot_ages_and_stays(
    services: Services, keeper: SnapshotKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> None:
        raise ConnectionRefusedError("the database is away")

    async with running(keeper):
        await bank.until(lambda: _is(keeper.age_s() < 1))
        snapshot = keeper.current
        with monkeypatch.context() as patched:
            patched.setattr(services.snapshots, "version", away)
            await bank.until(lambda: _is(keeper.age_s() > 0.2))
            assert keeper.current is snapshot
        await bank.until(lambda: _is(keeper.age_s() < 0.2))


async def test_a_snapshot_that_can_not_be_built_does_not_count_as_fresh(
    services: Services, keeper: SnapshotKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise ValueError("a row can not be read")

    await keeper.refresh()
    before = keeper.current
    monkeypatch.setattr(services.snapshots, "build", broken)
    await change(services)
    await asyncio.sleep(0.05)
    with pytest.raises(ValueError, match="can not be read"):
        await keeper.refresh()
    assert keeper.current is before
    assert keeper.age_s() >= 0.05


async def test_it_wakes_at_once_for_a_change_of_its_own_process(services: Services) -> None:
    slow = SnapshotKeeper(services.snapshots, gateway="gateway-1", host="here", process_id=1, poll_ms=60_000)
    services.database.on_change(slow.wake)
    await slow.refresh()
    async with running(slow):
        await asyncio.sleep(0.02)
        before = slow.current.version
        await change(services)
        await bank.until(lambda: _is(slow.current.version == before + 1), within_s=20)


async def test_it_shows_that_it_lives_and_says_when_it_leaves(services: Services, keeper: SnapshotKeeper) -> None:
    async def seen_at_s() -> float:
        async with services.database.read() as connection:
            return float((await enforcing(connection))[0].seen_at_s)

    async with running(keeper):
        await bank.until(lambda: acknowledged(services))
        first = await seen_at_s()
        await asyncio.sleep(HEARTBEAT_S + 0.2)
        assert await seen_at_s() > first
    await keeper.leave()
    assert await acknowledged(services) is None


class Still:
    """A keeper in a process that can stand still."""

    def __init__(self, services: Services, refusal: Refusal | None = None) -> None:
        self.clocks = Clocks()
        self.pauses = self.clocks.pauses()
        self.pauses.beat()
        self.keeper = SnapshotKeeper(
            services.snapshots,
            gateway="still",
            host=socket.gethostname(),
            process_id=os.getpid(),
            poll_ms=5,
            pauses=self.pauses,
            refusal=refusal,
        )


async def test_a_pause_is_over_once_what_changed_meanwhile_is_enforced(services: Services) -> None:
    still = Still(services)
    seen: list[bool] = []

    async def enforce() -> dict[str, int]:
        seen.append(still.pauses.pending())
        return {}

    await still.keeper.refresh()
    still.keeper.on_change(enforce)
    await change(services, tripped=True)
    still.clocks.advance(60)
    assert still.pauses.pending()
    await still.keeper.refresh()
    assert (seen, still.pauses.pending()) == ([True], False)
    assert SCOPE in still.keeper.current.stopped
    async with services.database.read() as connection:
        (point,) = await enforcing(connection)
    assert (point.paused_s, point.resumed_at_s) == (60.0, still.clocks.wall_s)


async def test_an_answer_to_a_question_of_before_the_pause_ends_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    still, version = Still(services), services.snapshots.version

    async def slow() -> int:
        found = await version()
        still.clocks.advance(60)  # between the database's word and its being heard
        return found

    monkeypatch.setattr(services.snapshots, "version", slow)
    still.pauses.pending()
    await still.keeper.refresh()
    assert still.pauses.pending()


class Away:
    """A database that does not answer, and what was asked of it meanwhile."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        monkeypatch.setattr(services.snapshots, "version", self._version)

    async def _version(self) -> None:
        self.asked += 1
        raise ConnectionRefusedError("the database is away")


async def test_with_the_database_away_the_snapshots_age_decides_after_some_time(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = Still(services)
    await still.keeper.refresh()
    away = Away(services, monkeypatch)
    still.clocks.advance(60)
    assert still.pauses.pending()
    async with running(still.keeper):
        await bank.until(lambda: _is(away.asked > 10))
        assert still.pauses.pending(), "failures that come at once are no sign that the database is away for long"
        monkeypatch.setattr(snapshot_keeper, "AWAY_AFTER_S", 0.0)
        await bank.until(lambda: _is(not still.pauses.pending()))
    assert 60 <= still.keeper.age_s() < 120, "what it knew is from before the pause"


async def test_where_others_count_on_its_refusing_nothing_goes_on_after_a_long_pause(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = Still(services, Refusal(age_s=30.0, call_s_max=100.0))
    await still.keeper.refresh()
    async with services.database.read() as connection:
        (point,) = await enforcing(connection)
    assert point.refuses_after_s is not None
    assert point.refuses_after_s > 160
    monkeypatch.setattr(snapshot_keeper, "AWAY_AFTER_S", 0.0)
    with monkeypatch.context() as patched:
        away = Away(services, patched)
        still.clocks.advance(60)
        assert still.pauses.pending()
        async with running(still.keeper):
            await bank.until(lambda: _is(away.asked > 5))
            assert still.pauses.pending()
    async with running(still.keeper):
        await bank.until(lambda: _is(not still.pauses.pending()))
    assert still.keeper.age_s() < 60


async def test_where_others_count_on_its_refusing_it_is_as_old_as_its_last_word(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that reads and can not write is not heard of: others take it for refusing after a while."""
    now_s = snapshot_keeper.running_s()
    still = Still(services, Refusal(age_s=30.0, call_s_max=100.0))
    await still.keeper.refresh()
    monkeypatch.setattr(services.snapshots, "acknowledge", _refused)
    monkeypatch.setattr(snapshot_keeper, "running_s", lambda: now_s + 1_000)
    with pytest.raises(ConnectionRefusedError):
        await still.keeper.refresh()
    assert still.keeper.age_s() > 900


async def test_a_database_that_is_away_is_told_once_and_again_when_it_is_back(
    services: Services, keeper: SnapshotKeeper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries, version = [0], services.snapshots.version

    async def away() -> int:
        tries[0] += 1
        if tries[0] <= 20:
            raise ConnectionRefusedError
        return await version()

    monkeypatch.setattr(services.snapshots, "version", away)
    monkeypatch.setattr(snapshot_keeper, "TOLD_AGAIN_S", 600.0)
    async with running(keeper):
        await bank.until(lambda: _is("the snapshot is refreshed again" in caplog.messages))
    assert sum("could not be refreshed" in each for each in caplog.messages) == 1
