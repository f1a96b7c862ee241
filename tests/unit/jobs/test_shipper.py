"""The shipper: every call reaches the database exactly once, whatever breaks between the spool and it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import CallHead
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway.spool import Spool
from groundcrew.jobs import shipper as jobs
from groundcrew.jobs.shipper import RETRY_PAUSE_S_MAX, Shipper
from groundcrew.services.bundle import Services
from groundcrew.services.calls import Calls


class Crash(Exception):
    """The process ends here."""


class CrashingSpool:
    """A spool whose process dies between the database's commit and the spool's mark, `times` times."""

    def __init__(self, spool: Spool, times: int = 1) -> None:
        self._spool, self._left = spool, times

    def read_records(self, limit: int) -> Sequence[Any]:
        return self._spool.read_records(limit)

    def has_gaps(self) -> bool:
        return self._spool.has_gaps()

    def read_gaps(self) -> Sequence[Any]:
        return self._spool.read_gaps()

    def forget_gaps(self, up_to_sequence: int) -> None:
        self._spool.forget_gaps(up_to_sequence)

    def mark_shipped(self, up_to_sequence: int) -> int:
        if self._left:
            self._left -= 1
            raise Crash
        return self._spool.mark_shipped(up_to_sequence)


class AwayCalls:
    """The database is away for the first `times` tries."""

    def __init__(self, calls: Calls, times: int) -> None:
        self._calls, self.left, self.tries = calls, times, 0

    async def ship_records(self, records: Sequence[bytes], *, gateway: str) -> Sequence[CallHead]:
        self.tries += 1
        if self.left:
            self.left -= 1
            raise ConnectionRefusedError("the database is away")
        return await self._calls.ship_records(records, gateway=gateway)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool.open(tmp_path / "spool" / "spool.db")
    yield spool
    spool.close()


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


def make(spool: Any, calls: Any, **changes: Any) -> Shipper:
    return Shipper(spool, calls, **({"gateway": "gateway-1", "every_ms": 2, "batch_max": 3} | changes))


async def recorded(services: Services) -> list[str]:
    return sorted(each.id for each in await services.calls.latest(limit=1_000))


def fill(spool: Spool, number: int) -> list[str]:
    calls = [bank.call() for _ in range(number)]
    spool.append([("call", each) for each in calls])
    return sorted(each.id for each in calls)


@contextlib.asynccontextmanager
async def running(shipper: Shipper) -> AsyncIterator[None]:
    task = asyncio.create_task(shipper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_ships_everything_in_batches_and_empties_the_spool(services: Services, spool: Spool) -> None:
    told: list[str] = []
    ids = fill(spool, 10)
    await make(spool, services.calls, shipped=lambda calls: told.extend(each.id for each in calls)).flush()
    assert await recorded(services) == sorted(told) == ids
    assert spool.pending() == 0
    batches = [each.details["rows"] for each in await services.audit.latest(subject="calls/gateway-1")]
    assert batches == [1, 3, 3, 3]
    assert (await services.audit.verify()).problems == ()


async def test_before_a_start_everything_is_shipped_however_much_it_is(
    services: Services, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "FLUSH_BATCHES_MAX", 1)
    fill(spool, 7)
    shipper = make(spool, services.calls)
    await shipper.flush()
    assert spool.pending() == 4
    await shipper.drain()
    assert spool.pending() == 0


async def test_a_crash_between_commit_and_mark_ships_nothing_twice(services: Services, spool: Spool) -> None:
    ids = fill(spool, 3)
    with pytest.raises(Crash):
        await make(CrashingSpool(spool), services.calls).flush()
    assert await recorded(services) == ids
    assert spool.pending() == 3
    more = fill(spool, 2)
    await make(spool, services.calls, gateway="gateway-2").flush()
    assert await recorded(services) == sorted([*ids, *more])
    assert spool.pending() == 0
    assert (await services.audit.verify()).problems == ()


async def test_two_processes_may_ship_the_same_batch(services: Services, tmp_path: Path) -> None:
    """A spool that was copied, or one that is shipped while its crashed process still hangs: each id is kept once."""
    calls = [bank.call() for _ in range(20)]
    spools = [Spool.open(tmp_path / f"spool-{each}.db") for each in range(2)]
    for each in spools:
        each.append([("call", call) for call in calls])
    await asyncio.gather(*(make(each, services.calls, batch_max=7).flush() for each in spools))
    assert await recorded(services) == sorted(each.id for each in calls)
    assert (await services.audit.verify()).problems == ()
    for each in spools:
        each.close()


async def test_while_the_database_is_away_calls_go_on_and_none_is_lost(services: Services, spool: Spool) -> None:
    away = AwayCalls(services.calls, times=6)
    ids = fill(spool, 4)
    async with running(make(spool, away)):
        await bank.until(lambda: _is(away.tries >= 3))
        ids += fill(spool, 5)
        await bank.until(lambda: _is(spool.pending() == 0))
    assert await recorded(services) == sorted(ids)
    assert away.left == 0


async def _is(condition: bool) -> bool:
    return condition


async def test_an_hour_without_the_database_loses_nothing_and_keeps_the_order(services: Services, spool: Spool) -> None:
    """Calls go on, batch after batch waits, and all arrive in the order that they came in."""
    away = AwayCalls(services.calls, times=40)
    shipped: list[str] = []
    ids: list[str] = []
    async with running(make(spool, away, batch_max=7, shipped=lambda calls: shipped.extend(each.id for each in calls))):
        for _ in range(40):
            calls = [bank.call() for _ in range(5)]
            await asyncio.gather(*(spool.record(each) for each in calls))
            ids += [each.id for each in calls]
        away.left = 0
        await bank.until(lambda: _is(len(shipped) == len(ids)))
    assert (shipped, await recorded(services)) == (ids, sorted(ids))
    assert (await services.audit.verify()).problems == ()


async def test_what_has_no_record_shows_in_the_audit_log_once(services: Services, spool: Spool) -> None:
    spool.missed("assistant", "key-1", answered=True)
    await bank.until(lambda: _is(spool.has_gaps()))
    gap = spool.read_gaps()[0][1]

    class DiesAfterwards(CrashingSpool):
        def forget_gaps(self, up_to_sequence: int) -> None:
            raise Crash

    with pytest.raises(Crash):
        await make(DiesAfterwards(spool, times=0), services.calls).flush()
    ids = fill(spool, 2)
    await make(spool, services.calls).flush()
    assert (spool.has_gaps(), await recorded(services)) == (False, ids)
    (entry,) = [each for each in await services.audit.latest() if each.action == "gap"]
    assert entry.subject == f"recording-gap/{gap.id}"
    assert entry.reason == "1 calls of use case assistant have no record, 1 of them answered"
    assert (entry.details["calls"], entry.details["key_id"]) == (1, "key-1")
    assert (await services.audit.verify()).problems == ()


async def test_under_load_it_ships_seldom(services: Services, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    done = asyncio.Event()

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 3:
            done.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(jobs.asyncio, "sleep", sleep)
    fill(spool, 70)
    async with running(make(spool, services.calls, every_ms=200, batch_max=50)):
        await asyncio.wait_for(done.wait(), 30)
    assert pauses == [0.0, 1.0, 0.2], "a full batch is followed at once, many calls by a longer pause, none by the usual one"


async def test_its_pause_grows_to_a_bound_and_shrinks_when_it_works(
    services: Services, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    done = asyncio.Event()

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 14:
            done.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(jobs.asyncio, "sleep", sleep)
    fill(spool, 1)
    async with running(make(spool, AwayCalls(services.calls, times=12), every_ms=200)):
        await asyncio.wait_for(done.wait(), 10)
    assert pauses[:3] == [0.4, 0.8, 1.6]
    assert pauses[:12] == sorted(pauses[:12])
    assert pauses[11] == RETRY_PAUSE_S_MAX
    assert pauses[12:] == [0.2, 0.2]


async def test_flush_says_that_the_database_is_away_and_keeps_the_calls(services: Services, spool: Spool) -> None:
    ids = fill(spool, 4)
    shipper = make(spool, AwayCalls(services.calls, times=1))
    with pytest.raises(ConnectionRefusedError):
        await shipper.flush()
    assert spool.pending() == 4
    await shipper.flush()
    assert await recorded(services) == ids


async def test_a_spool_that_can_not_be_read_is_tried_again(services: Services, spool: Spool) -> None:
    class BrokenOnce(CrashingSpool):
        broken = True

        def read_records(self, limit: int) -> Sequence[Any]:
            if self.broken:
                self.broken = False
                raise RecorderUnavailable("the disk hiccups")
            return super().read_records(limit)

    ids = fill(spool, 2)
    async with running(make(BrokenOnce(spool, times=0), services.calls)):
        await bank.until(lambda: _is(spool.pending() == 0))
    assert await recorded(services) == ids


async def test_a_stream_that_never_ended_ships_as_opened_after_a_restart(services: Services, tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    lost, ended = bank.call(status="opened"), bank.call(status="opened")
    spool.append([("opened", lost), ("opened", ended)])
    await make(spool, services.calls).flush()
    assert await recorded(services) == [], "a running stream is not shipped"
    await spool.record(bank.call(id=ended.id, status="answered"))
    spool.close()
    again = Spool.open(tmp_path / "spool.db")
    await make(again, services.calls).flush()
    found = {each.id: each.status for each in await services.calls.latest()}
    assert found == {lost.id: "opened", ended.id: "answered"}
    again.close()


async def test_a_number_that_no_column_holds_does_not_stop_the_others(services: Services, spool: Spool) -> None:
    """What a provider says it used is not ours to believe, and must not keep later calls from the record."""
    absurd = [bank.call(input_tokens=2**63, output_tokens=2**63), bank.call(input_tokens=-5, output_tokens=0)]
    spool.append([("call", each) for each in absurd])
    ids = fill(spool, 2)
    await make(spool, services.calls, batch_max=2).flush()
    assert set(ids) < set(await recorded(services))
    assert (await services.spending.usage(absurd[0].received_at))[bank.NAME].tokens_today > 0
    assert (await services.audit.verify()).problems == ()


async def test_cancelling_it_in_the_middle_loses_nothing(services: Services, spool: Spool) -> None:
    ids = fill(spool, 40)
    for _ in range(6):
        async with running(make(spool, services.calls, batch_max=4)):
            await asyncio.sleep(0.01)
    await make(spool, services.calls, batch_max=4).flush()
    assert await recorded(services) == ids
    assert spool.pending() == 0
    assert (await services.audit.verify()).problems == ()
