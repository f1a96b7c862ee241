"""A spool under pressure: disks that are full, slow, read-only or away, and what comes after."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.test_spool import call, ids, ids_of_all, until

from groundcrew.domain.call import Call, CallHead
from groundcrew.domain.canonical import canonical_json
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway import spool as spool_module
from groundcrew.gateway import spool_file
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.spool import Spool


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "RETRY_S", 0.01)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool.open(tmp_path / "spool.db", record_s_max=0.2)
    yield spool
    spool.close()


class Gate:
    """Stands in front of a file's write: closed, it hangs like an fsync of a dead disk; broken, it fails like a full one."""

    def __init__(self, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.broken, self.waiting = threading.Event(), False, threading.Event()
        self.closes_behind_next = False
        self.open.set()
        for name in ("write", "probe"):
            monkeypatch.setattr(spool._file, name, self._through(getattr(spool._file, name)))

    def _through(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any) -> Any:
            if self.broken:
                raise sqlite3.OperationalError("database or disk is full")
            result = work(*arguments)  # written, and not yet durable
            self.waiting.set()
            assert self.open.wait(30)
            if self.closes_behind_next:
                self.closes_behind_next = False
                self.open.clear()
            return result

        return guarded


async def test_a_disk_that_hangs_does_not_hang_calls(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(spool, monkeypatch)
    gate.open.clear()
    with pytest.raises(RecorderUnavailable, match=r"durable within 0\.2 s"):
        await spool.record(call("hung"))
    assert gate.waiting.is_set()
    await until(lambda: spool.problem() is not None)
    with pytest.raises(RecorderUnavailable, match="does not answer"):
        await spool.record(call("at once"))
    assert "does not answer" in (spool.status().problem or "")
    gate.open.set()
    await until(lambda: spool.problem() is None)
    await spool.record(call("after"))
    assert ids(spool) == ["after"], "a call whose client got an error must not be recorded as answered"
    assert (spool.pending(), spool.mark_shipped(10**9)) == (1, 1)


async def test_of_a_group_only_those_that_nobody_waits_for_are_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path / "patient.db", record_s_max=30.0)
    gate = Gate(spool, monkeypatch)
    gate.open.clear()
    blocker = asyncio.create_task(spool.record(call("first")))
    await until(gate.waiting.is_set)
    others = [asyncio.create_task(spool.record(call(each))) for each in ("kept", "gone", "also kept")]
    await asyncio.sleep(0)
    gate.waiting.clear()
    gate.closes_behind_next = True
    gate.open.set()
    await blocker
    await until(gate.waiting.is_set)
    others[1].cancel()
    await asyncio.gather(others[1], return_exceptions=True)
    gate.open.set()
    await asyncio.gather(others[0], others[2])
    await until(lambda: len(ids(spool)) == 3)
    assert ids(spool) == ["first", "kept", "also kept"]
    assert ids_of_all(spool) == ["first", "kept", "also kept"]
    assert spool.pending() == 0
    spool.close()


async def test_a_hanging_disk_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "CLOSE_S_MAX", 0.05)
    spool = Spool.open(tmp_path / "spool.db", record_s_max=0.05)
    gate = Gate(spool, monkeypatch)
    gate.open.clear()
    with pytest.raises(RecorderUnavailable):
        await spool.record(call("hung"))
    with pytest.raises(RecorderUnavailable, match="does not answer"):
        await asyncio.to_thread(spool.mark_shipped, 10)
    spool.close()
    gate.open.set()
    spool._thread.join(10)


async def test_calls_without_a_record_are_counted_and_the_count_is_durable(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate = Gate(spool, monkeypatch)
    gate.broken = True
    before = datetime.now(UTC)
    for number in range(5):
        with pytest.raises(RecorderUnavailable, match="full"):
            await spool.record(call(f"{number}"))
        spool.missed("demo", "key-1" if number < 3 else "key-2", answered=number != 0)
    await asyncio.sleep(0.05)
    assert not spool.has_gaps()
    assert spool.status().missed == 5
    gate.broken = False
    await until(spool.has_gaps)
    gaps = [gap for _, gap in spool.read_gaps()]
    assert [(each.use_case, each.key_id, each.calls, each.answered) for each in gaps] == [
        ("demo", "key-1", 3, 2),
        ("demo", "key-2", 2, 2),
    ]
    assert all(before <= each.first_at <= each.last_at <= datetime.now(UTC) for each in gaps)
    spool.close()
    again = Spool.open(tmp_path / "spool.db")
    assert [gap for _, gap in again.read_gaps()] == gaps
    again.forget_gaps(again.read_gaps()[0][0])
    assert [gap.key_id for _, gap in again.read_gaps()] == ["key-2"]
    again.forget_gaps(again.read_gaps()[0][0])
    assert not again.has_gaps()
    again.close()


def test_keys_without_number_are_counted_by_use_case(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    Gate(spool, monkeypatch).broken = True
    monkeypatch.setattr(spool_module, "GAP_KEYS_MAX", 2)
    for number in range(6):
        spool.missed("demo", f"key-{number}", answered=True)
    with spool._wake:
        waiting = dict(spool._gaps)
    assert {key for _, key in waiting} <= {"key-0", "key-1", ""}
    assert sum(each.calls for each in waiting.values()) <= 6
    assert spool.status().missed == 6


async def test_a_disk_without_room_to_spare_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path / "spool.db", free_bytes_min=1_000_000)
    free = [10_000_000]
    real = os.statvfs

    def statvfs(path: Any) -> Any:
        found = real(path)
        values = list(found)
        values[1], values[4] = 1, free[0]
        return os.statvfs_result(values)

    monkeypatch.setattr(spool_file.os, "statvfs", statvfs)
    await spool.record(call("before"))
    free[0] = 999_999
    with pytest.raises(RecorderUnavailable, match="less than 1000000 bytes are free"):
        await spool.record(call("full"))
    assert spool.mark_shipped(1) == 1, "what is shipped can still go"
    free[0] = 1_000_000
    await until(lambda: spool.problem() is None)
    await spool.record(call("after"))
    assert ids(spool) == ["after"]
    spool.close()


async def test_a_file_that_may_only_be_read_refuses_and_recovers(spool: Spool) -> None:
    await spool.record(call("before"))
    spool._file._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(RecorderUnavailable, match="readonly"):
        await spool.record(call("lost"))
    spool._file._writer.execute("PRAGMA query_only = OFF")
    await until(lambda: spool.problem() is None)
    await spool.record(call("after"))
    assert ids(spool) == ["before", "after"]


async def test_a_full_spool_takes_records_again_as_soon_as_some_are_shipped(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db", file_bytes_max=512 * 1024, free_bytes_min=0)
    stored: list[str] = []
    for turn in range(3):
        failed = False
        while not failed:
            name = f"{turn}-{len(stored):04}"
            try:
                await spool.record(call(name, request="x" * 20_000))
            except RecorderUnavailable:
                failed = True
            else:
                stored.append(name)
        assert spool.problem() is not None
        half = spool.read_records(len(stored) // 2)
        assert [msgspec.json.decode(each, type=CallHead).id for _, each in half] == stored[: len(half)]
        spool.mark_shipped(half[-1][0])
        del stored[: len(half)]
        await until(lambda: spool.problem() is None)
    assert ids_of_all(spool) == stored, "nothing that was confirmed is lost, in the order that it came"
    assert (tmp_path / "spool.db").stat().st_size <= 512 * 1024
    spool.close()


async def test_its_state_is_told(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spool.status() == spool_module.SpoolStatus(pending=0, bytes=0, oldest_s=0.0, problem=None, missed=0)
    await spool.record(call("a", request="x" * 1_000))
    await spool.record(call("s", status="opened"), "opened")
    status = spool.status()
    assert (status.pending, status.problem) == (2, None)
    assert 1_000 < status.bytes < 3_000
    assert status.oldest_s >= 0.0
    metrics = Metrics()
    metrics.watch_spool(spool.status)
    assert b"groundcrew_spool_pending_records 2.0" in metrics.render()
    assert b"groundcrew_spool_problem 0.0" in metrics.render()
    Gate(spool, monkeypatch).broken = True
    with pytest.raises(RecorderUnavailable):
        await spool.record(call("b"))
    assert b"groundcrew_spool_problem 1.0" in metrics.render()
    spool.mark_shipped(10**9)
    assert (spool.status().bytes, spool.status().oldest_s) == (0, 0.0)


async def test_what_is_shipped_of_a_group_is_not_shipped_again_after_a_restart(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    spool.append([("call", call(each)) for each in "abcde"])
    spool.mark_shipped(spool.read_records(2)[-1][0])
    assert (ids(spool), spool.pending()) == (["c", "d", "e"], 3)
    spool.close()
    again = Spool.open(tmp_path / "spool.db")
    assert (ids(again), again.pending()) == (["c", "d", "e"], 3)
    await again.record(call("f"))
    assert ids_of_all(again) == ["c", "d", "e", "f"]
    again.close()


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """One row for a record, sessions beside them: as it was written before groups."""
    path = tmp_path / "spool.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {spool_file.APPLICATION_ID}")
        connection.execute(
            "CREATE TABLE records (sequence INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, "
            "at_s REAL NOT NULL, kind TEXT NOT NULL, call_id TEXT NOT NULL, body BLOB NOT NULL)"
        )
        connection.execute("CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, at_s REAL NOT NULL)")
        for number in range(1_200):
            item = call(f"{number:04}", status="opened" if number == 7 else "answered")
            row = (1, 0.0, "opened" if number == 7 else "call", item.id, msgspec.json.encode(item))
            connection.execute("INSERT INTO records (session, at_s, kind, call_id, body) VALUES (?, ?, ?, ?, ?)", row)
    connection.close()
    spool = Spool.open(path)
    assert spool.pending() == 1_200
    first = spool.read_records(8)
    assert first[0][1] == canonical_json(call("0000"))
    assert spool.read_batch(8)[-1][1] == "opened"
    assert ids_of_all(spool) == [f"{number:04}" for number in range(1_200)]
    spool.close()


TEXTS = st.text(max_size=30)


@given(request=TEXTS, answer=TEXTS, details=st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53) | st.none(), max_size=4))
def test_a_record_is_its_canonical_json_on_one_line(request: str, answer: str, details: dict[str, Any]) -> None:
    item = call("a", request=request, answer=answer, details=details)
    record = spool_file.encode(item)
    assert record == canonical_json(item)
    assert b"\n" not in record
    assert msgspec.json.decode(record, type=Call) == item


async def test_under_load_a_commit_serves_many_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path / "patient.db", record_s_max=30.0)  # a busy disk may take its time here
    commits: list[int] = []
    write = spool._file.write

    def counted(ended: list[bytes], *rest: Any) -> None:
        commits.append(len(ended))
        write(ended, *rest)

    monkeypatch.setattr(spool._file, "write", counted)

    async def worker(name: int) -> None:
        for number in range(20):
            await spool.record(call(f"{name}-{number}"))

    await asyncio.gather(*(worker(name) for name in range(32)))
    assert sum(commits) == 640
    assert len(commits) < 320
    await spool.record(call("alone"))
    assert commits[-1] == 1
    spool.close()
