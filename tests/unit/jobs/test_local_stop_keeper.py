"""A gateway is held to the stops of its own host: at once, without a database too, over restarts, until two people reset them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.local_stop import LocalStop, LocalStopFile
from groundcrew.jobs.local_stop_keeper import LocalStopKeeper
from groundcrew.jobs.snapshot_keeper import SnapshotKeeper
from groundcrew.services.bundle import Services
from groundcrew.services.local_stops import LocalStops

SCOPE, EVERYTHING = Scope("use-case", bank.NAME), Scope("all")
STOP = LocalStop(id="local-1", scope=SCOPE, reason="odd", by="cli:root", at=datetime(2026, 3, 1, tzinfo=UTC), host="gateway-1")


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.accounts(services, "user:anna", "user:luca")
        yield services


class Here:
    """One gateway's keepers over a data folder; `enforced` is every set of stopped scopes that it enforced."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.local = LocalStops(folder)
        self.snapshots = SnapshotKeeper(services.snapshots, gateway="here", host="host", process_id=1, poll_ms=5)
        self.enforced: list[frozenset[Scope]] = []
        self.fails = False
        self.snapshots.on_change(self._enforce)
        self.keeper = LocalStopKeeper(self.local, self.snapshots, services.kill_switches, gateway="here", covers=lambda _scope: 2)

    async def _enforce(self) -> Mapping[str, int]:
        if self.fails:
            raise RuntimeError("a stream could not be cut")
        self.enforced.append(self.snapshots.current.stopped)
        return {str(scope): 3 for scope in self.snapshots.current.stopped}

    @property
    def stopped(self) -> frozenset[Scope]:
        return self.snapshots.current.stopped


async def test_it_is_enforced_and_only_then_said(services: Services, tmp_path: Path) -> None:
    here = Here(services, tmp_path)
    await here.keeper.look()
    await here.snapshots.refresh()
    (point,) = here.local.points()
    assert point.digest == ""
    digest, here.fails = here.local.add(STOP), True
    with pytest.raises(RuntimeError):
        await here.keeper.look()
    assert here.stopped == {SCOPE}, "new calls are refused all the same"
    assert here.local.points() == [point], "nothing is said that is not so"
    here.fails = False
    await here.keeper.look()
    (point,) = here.local.points()
    assert (point.digest, point.cut, point.covers) == (digest, {str(SCOPE): 3}, {str(SCOPE): 2})
    looks = len(here.enforced)
    await here.keeper.look()
    assert len(here.enforced) == looks, "nothing new is no work"


async def test_it_needs_no_database_and_survives_a_restart(services: Services, tmp_path: Path) -> None:
    LocalStops(tmp_path).add(STOP)
    for _ in range(2):
        here = Here(services, tmp_path)
        await here.keeper.look()  # before the registry was ever asked
        assert here.stopped == {SCOPE}
        await here.snapshots.refresh()
        assert here.stopped == {SCOPE}, "nor does the registry, which knows of no stop, lift it"


async def test_it_is_carried_once_and_goes_when_two_people_reset_it(services: Services, tmp_path: Path) -> None:
    here = Here(services, tmp_path)
    here.local.add(STOP)
    await here.keeper.look()
    for _ in range(2):
        await here.keeper.carry()
        await here.keeper.look()
    (entry,) = await services.audit.latest(subject=f"kill-switch/{SCOPE}")
    assert (entry.action, entry.actor, entry.details["cut_calls"]) == ("trip_local", "cli:root", 3)
    await here.snapshots.refresh()
    assert here.local.read()[0].scopes == {SCOPE}, "as long as the registry stops it, so does the file"
    await services.kill_switches.resume(SCOPE, actor="user:anna", reason="over")
    await here.snapshots.refresh()
    assert here.local.read()[0].scopes == {SCOPE}, "one person resets nothing"
    await services.kill_switches.resume(SCOPE, actor="user:luca", reason="over")
    await here.snapshots.refresh()
    assert here.local.read()[0].stops == ()
    assert here.stopped == frozenset()
    await here.keeper.carry()
    assert (await services.snapshots.build()).stopped == frozenset()


async def test_a_reset_of_another_stop_of_that_scope_does_not_release_what_nobody_knew_of(
    services: Services, tmp_path: Path
) -> None:
    here = Here(services, tmp_path)
    await services.kill_switches.stop(SCOPE, actor="user:anna", reason="odd")
    here.local.add(STOP)
    await here.keeper.look()
    for person in ("user:anna", "user:luca"):
        await services.kill_switches.resume(SCOPE, actor=person, reason="over")
    await here.snapshots.refresh()
    assert here.stopped == {SCOPE}
    await here.keeper.carry()
    assert (await services.snapshots.build()).stopped == {SCOPE}


async def test_what_can_not_be_read_denies_everything_until_it_can(services: Services, tmp_path: Path) -> None:
    here = Here(services, tmp_path)
    await here.snapshots.refresh()
    here.local.add(STOP)
    await here.keeper.look()
    good = here.local.path.read_bytes()
    here.local.path.write_bytes(b"{")
    await here.keeper.look()
    assert here.stopped == {SCOPE, EVERYTHING}
    assert "is no file of local stops" in (here.keeper.problem or "")
    assert here.local.points()[0].digest == "", "and it is not said that the file is enforced"
    fresh = Here(services, tmp_path)
    await fresh.keeper.look()
    assert fresh.stopped == {EVERYTHING}
    here.local.path.write_bytes(good)
    await here.keeper.look()
    assert (here.stopped, here.keeper.problem) == ({SCOPE}, None)


async def test_a_stop_that_nobody_reset_comes_back_when_its_file_is_taken_away(services: Services, tmp_path: Path) -> None:
    here = Here(services, tmp_path)
    here.local.add(STOP)
    here.local.add(msgspec.structs.replace(STOP, id="local-2", scope=EVERYTHING))
    await here.keeper.look()
    here.local.path.unlink()
    await here.keeper.look()
    assert here.stopped == {SCOPE, EVERYTHING}
    assert {each.id for each in here.local.read()[0].stops} == {"local-1", "local-2"}
    here.local.remove(["local-2"])
    await here.keeper.look()
    assert here.stopped == {SCOPE, EVERYTHING}


async def test_who_edits_the_file_undoes_nothing(services: Services, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    here = Here(services, tmp_path)
    await here.snapshots.refresh()
    here.local.add(STOP)
    await here.keeper.look()
    narrower = msgspec.structs.replace(STOP, scope=Scope("key", "k1"))
    here.local.path.write_bytes(msgspec.json.encode(LocalStopFile(stops=(narrower,))))
    await here.keeper.look()
    assert here.stopped == {SCOPE}
    assert here.local.read()[0].stops == (STOP,)
    assert str(SCOPE) in caplog.text
    # Nor does saying that the registry knows of it, and then taking it out.
    forged = msgspec.structs.replace(STOP, carried_version=1)
    here.local.path.write_bytes(msgspec.json.encode(LocalStopFile(stops=(forged,))))
    await here.keeper.look()
    await here.keeper.release(here.snapshots.registry)
    assert here.stopped == {SCOPE}
    here.local.path.write_bytes(msgspec.json.encode(LocalStopFile()))
    await here.keeper.look()
    assert here.stopped == {SCOPE}


async def test_a_file_that_says_the_registry_knows_is_not_believed_after_a_restart(services: Services, tmp_path: Path) -> None:
    LocalStops(tmp_path).add(msgspec.structs.replace(STOP, carried_version=1))
    here = Here(services, tmp_path)
    await here.snapshots.refresh()
    await here.keeper.look()
    await here.keeper.carry()
    assert here.stopped == {SCOPE}
    assert (await services.snapshots.build()).stopped == {SCOPE}, "the registry did not know of it, and does now"


async def test_what_was_reset_while_the_gateway_was_away_goes_when_it_is_back(services: Services, tmp_path: Path) -> None:
    here = Here(services, tmp_path)
    here.local.add(STOP)
    await here.keeper.look()
    await here.keeper.carry()
    for person in ("user:anna", "user:luca"):
        await services.kill_switches.resume(SCOPE, actor=person, reason="over")
    back = Here(services, tmp_path)
    await back.snapshots.refresh()
    await back.keeper.look()
    await back.keeper.carry()
    assert back.stopped == frozenset()
    assert back.local.read()[0].stops == ()
    assert (await services.snapshots.build()).stopped == frozenset()
