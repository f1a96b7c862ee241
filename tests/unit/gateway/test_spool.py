"""The spool keeps what it promised: through a kill -9, a full disk, a second process and a broken file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from groundcrew.domain.call import Call
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway import spool as spool_module
from groundcrew.gateway.spool import Spool


def call(identifier: str, **fields: object) -> Call:
    known: dict[str, object] = {
        "id": identifier,
        "use_case": "demo",
        "business_unit": "retail",
        "stage": "pilot",
        "version_digest": "d" * 64,
        "key_id": "key-1",
        "model": "writer",
        "received_at": datetime(2026, 3, 2, tzinfo=UTC),
        "status": "answered",
    }
    return Call(**{**known, **fields})  # type: ignore[arg-type]


def ids(spool: Spool) -> list[str]:
    return [each.id for _, _, each in spool.read_batch()]


def test_records_come_back_in_order_until_they_are_shipped(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    spool.append([("call", call("a", answer="ü")), ("call", call("b"))])
    spool.append([("call", call("c"))])
    batch = spool.read_batch(2)
    assert [(kind, each.id) for _, kind, each in batch] == [("call", "a"), ("call", "b")]
    assert batch[0][2] == call("a", answer="ü")
    assert spool.mark_shipped(batch[-1][0]) == 2
    assert (ids(spool), spool.pending()) == (["c"], 1)
    spool.close()
    again = Spool.open(tmp_path / "spool.db")
    assert (ids(again), again.pending()) == (["c"], 1)
    again.close()


async def test_an_opened_stream_ships_only_when_its_end_will_not_come(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    await spool.record(call("lost", status="opened"), "opened")
    await spool.record(call("ended", status="opened"), "opened")
    await spool.record(call("ended"))
    assert ids(spool) == ["ended"]
    assert spool.mark_shipped(10_000) == 1, "a stream that still runs is not shipped away"
    assert spool.pending() == 1
    spool.close()
    after_a_crash = Spool.open(tmp_path / "spool.db")
    assert [(kind, each.status) for _, kind, each in after_a_crash.read_batch()] == [("opened", "opened")]
    after_a_crash.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")


async def test_an_end_is_shipped_however_late_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    await spool.record(call("slow", status="opened"), "opened")
    real = time.time
    monkeypatch.setattr(spool_module.time, "time", lambda: real() + 86_400.0)
    assert ids(spool) == [], "the database keeps the first record of a call: it must be the end"
    await spool.record(call("slow"))
    assert ids(spool) == ["slow"]
    spool.close()


async def test_the_end_of_a_stream_that_could_not_be_written_comes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "RETRY_S", 0.01)
    spool = Spool.open(tmp_path / "spool.db")
    await spool.record(call("s", status="opened"), "opened")
    (tmp_path / "spool.db").rename(tmp_path / "away.db")
    with pytest.raises(RecorderUnavailable, match="moved or removed"):
        await spool.record(call("s"))
    assert "moved or removed" in (spool.problem() or "")
    spool.later(call("s", status="failed"))
    (tmp_path / "away.db").rename(tmp_path / "spool.db")
    await until(lambda: bool(ids(spool)))
    assert [each.status for _, _, each in spool.read_batch()] == ["failed"]
    await until(lambda: spool.problem() is None)
    assert spool.pending() == 1
    spool.close()


async def test_a_spool_that_failed_finds_out_by_itself_that_it_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "RETRY_S", 0.01)
    spool = Spool.open(tmp_path / "spool.db")
    (tmp_path / "spool.db").rename(tmp_path / "away.db")
    with pytest.raises(RecorderUnavailable):
        await spool.record(call("lost"))
    (tmp_path / "away.db").rename(tmp_path / "spool.db")
    await until(lambda: spool.problem() is None)
    assert ids(spool) == []
    spool.close()


async def test_concurrent_records_share_commits_and_all_arrive(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    await asyncio.gather(*(spool.record(call(f"{number:04}")) for number in range(2_000)))
    assert sorted(ids_of_all(spool)) == [f"{number:04}" for number in range(2_000)]
    spool.close()


def ids_of_all(spool: Spool) -> list[str]:
    found: list[str] = []
    while batch := spool.read_batch(300):
        found += [each.id for _, _, each in batch]
        spool.mark_shipped(batch[-1][0])
    return found


def test_a_second_opening_is_refused_by_name(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    with pytest.raises(RecorderUnavailable, match=f"in use by another process .pid {os.getpid()}"):
        Spool.open(tmp_path / "spool.db")
    spool.close()
    Spool.open(tmp_path / "spool.db").close()


@pytest.mark.parametrize("damage", ["noise", "foreign", "torn"])
def test_a_file_that_is_no_sound_spool_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "spool.db"
    if damage == "noise":
        path.write_bytes(b"this is no database at all, but it is longer than a header" * 100)
    elif damage == "foreign":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE something (else_ TEXT)")
        connection.close()
    else:
        spool = Spool.open(path)
        spool.append([("call", call(f"{number}", request="x" * 500)) for number in range(200)])
        spool.close()
        content = bytearray(path.read_bytes())
        content[4096 * 4 : 4096 * 12] = os.urandom(4096 * 8)
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(RecorderUnavailable, match=r"spool\.db"):
        Spool.open(path)
    assert path.read_bytes() == before


def test_a_folder_that_can_not_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecorderUnavailable, match="can not be opened"):
        Spool.open(tmp_path / "file" / "spool.db")


async def test_a_full_disk_refuses_and_recovers_when_there_is_room_again(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db", file_bytes_max=256 * 1024)
    stored = 0
    problem = ""
    while not problem:
        try:
            await spool.record(call(f"{stored:04}", request="x" * 4_000))
        except RecorderUnavailable as error:
            problem = str(error)
        else:
            stored += 1
    assert "full" in problem
    assert 10 < stored < 100
    assert ids_of_all(spool) == [f"{number:04}" for number in range(stored)], "what was promised is there, and nothing else"
    await spool.record(call("after"))
    assert ids(spool) == ["after"]
    spool.close()


async def test_a_closed_spool_refuses(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool.db")
    spool.close()
    spool.close()
    with pytest.raises(RecorderUnavailable, match="closed"):
        await spool.record(call("late"))


async def test_a_record_beyond_its_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "RECORD_BYTES_MAX", 1_000)
    spool = Spool.open(tmp_path / "spool.db")
    with pytest.raises(RecorderUnavailable, match="larger"):
        await spool.record(call("big", request="x" * 1_000))
    spool.close()


WRITER = """
import asyncio, sys
from pathlib import Path
import msgspec
from groundcrew.domain.call import Call
from groundcrew.gateway.spool import Spool

async def main():
    spool = Spool.open(sys.argv[1])
    template = msgspec.json.decode(sys.argv[2], type=Call)
    async def worker(name):
        for number in range(1_000_000):
            identifier = f"{name}-{number}"
            await spool.record(msgspec.structs.replace(template, id=identifier))
            sys.stdout.write(identifier + "\\n")
            sys.stdout.flush()
    await asyncio.gather(*(worker(name) for name in range(16)))

asyncio.run(main())
"""


def test_what_was_confirmed_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    template = msgspec.json.encode(call("x", request="y" * 800)).decode()
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path), template], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            confirmed = [process.stdout.readline().strip()]
            time.sleep(0.25)
            os.kill(process.pid, signal.SIGKILL)
            confirmed += process.stdout.read().split("\n")[:-1]
        spool = Spool.open(path)
        kept = ids_of_all(spool)
        spool.close()
        assert len(confirmed) > 16
        assert set(confirmed) <= set(kept)
        assert len(kept) == len(set(kept))
