"""Databases that many tests start from, made once and copied: the bank declared, in pilot, with results, with everything."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import pytest
from tests.databases import Migrated
from tests.postgres import Server, run_apart
from tests.unit.services import bank

from groundcrew.services.bundle import Services
from groundcrew.testing import FakeClock

#: How far the bank has come in each state: the work on top of the state before it.
Work = Callable[[Services, FakeClock], Awaitable[None]]


async def _declared(services: Services, _clock: FakeClock) -> None:
    await bank.apply(services, hypothesis=bank.plan())


async def _ready(services: Services, clock: FakeClock) -> None:
    await _declared(services, clock)
    await bank.ready_for_pilot(services)


async def _in_pilot(services: Services, clock: FakeClock) -> None:
    await _declared(services, clock)
    await bank.in_pilot(services)


async def _with_results(services: Services, clock: FakeClock) -> None:
    await _in_pilot(services, clock)
    await bank.record_results(services, clock)


async def _with_history(services: Services, clock: FakeClock) -> None:
    await _declared(services, clock)
    await bank.full_history(services)


STATES: dict[str, Work] = {
    "declared": _declared,
    "ready": _ready,
    "pilot": _in_pilot,
    "results": _with_results,
    "history": _with_history,
}


class Prepared:
    """Makes each state once for each kind of database, and copies it to where a test wants it."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self._folder, self._request = folder, request
        self._templates: dict[tuple[str, str], tuple[str, datetime]] = {}

    def copy(self, state: str, url: str) -> FakeClock:
        """Let the new database at `url` hold `state`; returns a clock that stands where the state was reached."""
        kind = url.partition(":")[0]
        if (kind, state) not in self._templates:
            place, template_url = self._new(kind, state)
            clock = FakeClock()
            # A data folder of its own: what was signed last in one database is noted there.
            run_apart(_make(template_url, self._folder / f"{kind}-{state}", clock, STATES[state]))
            self._templates[kind, state] = (place, clock.now())
        place, reached = self._templates[kind, state]
        if kind == "sqlite":
            for suffix in ("", "-wal"):
                # What the last connection has not folded in yet belongs to the state too.
                if Path(place + suffix).exists():
                    shutil.copy(place + suffix, url.removeprefix("sqlite:///") + suffix)
        else:
            self._server().replace_database(url.rpartition("/")[2], place)
        return FakeClock(reached)

    def _new(self, kind: str, state: str) -> tuple[str, str]:
        if kind == "sqlite":
            place = str(self._folder / f"{state}.db")
            return place, f"sqlite:///{place}"
        migrated: Migrated = self._request.getfixturevalue("migrated")
        name = self._server().create_database(migrated.postgres(self._server()))
        return name, self._server().url(name)

    def _server(self) -> Server:
        server: Server = self._request.getfixturevalue("postgres_server")
        return server


async def _make(url: str, folder: Path, clock: FakeClock, work: Work) -> None:
    async with bank.opened(url, folder, clock, bare=True) as services:
        await work(services, clock)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Prepared:
    """The states of this test process."""
    return Prepared(tmp_path_factory.mktemp("prepared"), request)
