"""Files scored as jobs: in order, each row once whatever happens to the worker, bad rows named, and no file from elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.services import bank

from groundcrew.domain.job import JobView
from groundcrew.errors import InputError, NotFound
from groundcrew.jobs.worker import JobWorker
from groundcrew.services import file_scoring, job_files
from groundcrew.services.bundle import Services
from groundcrew.services.jobs import LEASE_S
from groundcrew.testing import FakeClock

SOURCE = "The everyday account costs CHF 3 a month. A card is replaced within 5 days."


def rows(n: int) -> list[str]:
    return [
        json.dumps({"id": each, "sources": [SOURCE], "answer": f"The account costs CHF {each % 5} a month."}) for each in range(n)
    ]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, clock) as services:
        yield services


def put(services: Services, name: str, content: bytes) -> str:
    path = services.jobs.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name


async def scored(services: Services, name: str, **options: Any) -> JobView:
    job = await file_scoring.submit(services.jobs, name, actor="user:anna", **options)
    await JobWorker(services).drain()
    return await services.jobs.get(job.id)


def result(services: Services, view: JobView) -> list[dict[str, Any]]:
    content = b"".join(file_scoring.read_result(services.jobs.folder, view.job))
    text = gzip.decompress(content) if view.job.result["file"].endswith(".gz") else content
    return [json.loads(line) for line in text.splitlines()]


async def test_rows_are_scored_in_order(services: Services) -> None:
    view = await scored(services, put(services, "a.jsonl", "\n\n".join(rows(40)).encode()))
    found = result(services, view)
    assert (view.phase, view.progress.done, view.progress.total) == ("done", 40, 40)
    assert [each["id"] for each in found] == list(range(40))
    assert found[3]["trust"] > 0.5 > found[4]["trust"]


async def test_a_packed_file_gives_a_packed_result(services: Services) -> None:
    view = await scored(services, put(services, "a.jsonl.gz", gzip.compress("\n".join(rows(40)).encode())), packed=True)
    assert [each["id"] for each in result(services, view)] == list(range(40))


async def test_bad_rows_are_named_and_left_out(services: Services) -> None:
    lines = [row.encode() for row in rows(5)]
    lines[1], lines[2], lines[3] = b'{"id": 1, "answer": "A."}', b"\xff\xfe", b"{"
    view = await scored(services, put(services, "a.jsonl", b"\n".join(lines)))
    assert [(each.row, each.reason.partition(":")[0]) for each in view.progress.failures] == [
        ("line 2", "sources"),
        ("line 3", "not UTF-8 text"),
        ("line 4", "not JSON"),
    ]
    assert (view.phase, view.progress.done, view.progress.failed) == ("done", 5, 3)
    assert [each["id"] for each in result(services, view)] == [0, 4]


async def test_a_job_may_be_told_to_stop_at_a_bad_row(services: Services) -> None:
    view = await scored(services, put(services, "a.jsonl", b"\n".join([rows(1)[0].encode(), b"{}"])), stop_at_bad_row=True)
    assert (view.phase, view.job.error) == ("failed", "a.jsonl:2: id: is missing")
    assert not list((services.jobs.folder / "results").glob("*.jsonl"))


async def test_a_file_of_which_no_row_can_be_scored_is_a_failure(services: Services) -> None:
    view = await scored(services, put(services, "a.jsonl", b"{}\n{}"))
    assert (view.phase, view.progress.failed) == ("failed", 2)
    assert view.job.error == "a.jsonl: none of its 2 rows can be scored; line 1: id: is missing"


async def test_a_line_that_is_too_long_is_one_bad_row(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_files, "LINE_BYTES_MAX", 300)
    long = json.dumps({"id": 9, "sources": [SOURCE * 9], "answer": "A."})
    view = await scored(services, put(services, "a.jsonl", "\n".join([*rows(1), long, rows(2)[1]]).encode()))
    assert [(each.row, each.reason) for each in view.progress.failures] == [("line 2", "longer than 300 bytes")]
    assert [each["id"] for each in result(services, view)] == [0, 1]


@pytest.mark.parametrize("packed", [False, True])
async def test_a_worker_after_a_kill_goes_on_behind_the_last_note(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """The process is lost after bytes reached the disk and before that was noted: the bytes are written again, at their place."""
    name = put(services, "a.jsonl", "\n".join(rows(100)).encode())
    job = await file_scoring.submit(services.jobs, name, actor="user:anna", packed=packed)
    scored_lines: list[int] = []
    score = file_scoring.score_lines

    def counted(batch: Any, scorer: Any) -> Any:
        scored_lines.extend(number for number, _ in batch)
        return score(batch, scorer)

    write = file_scoring._Result.write
    writes = iter(range(100))

    def lost(self: Any, position: int, lines: Any) -> int:
        size = write(self, position, lines)
        if next(writes) == 2:
            raise SystemError("the process is gone")
        return size

    monkeypatch.setattr(file_scoring, "score_lines", counted)
    monkeypatch.setattr(file_scoring._Result, "write", lost)
    await JobWorker(services).work_once()
    stopped = await services.jobs.get(job.id)
    assert (stopped.progress.done, len(scored_lines)) == (64, 96)
    clock.advance(LEASE_S + 1)
    await JobWorker(services).work_once()
    view = await services.jobs.get(job.id)
    assert (view.phase, view.progress.done) == ("done", 100)
    assert scored_lines == [*range(1, 97), *range(65, 101)]
    assert [each["id"] for each in result(services, view)] == list(range(100))


async def test_an_input_that_changes_meanwhile_is_refused(services: Services, clock: FakeClock) -> None:
    name = put(services, "a.jsonl", "\n".join(rows(3)).encode())
    job = await file_scoring.submit(services.jobs, name, actor="user:anna")
    task = await services.jobs.claim([file_scoring.KIND])
    assert task is not None
    await task.save({"sha256": "other", "line": 0, "bytes": 0, "rows": 0}, done=0)
    clock.advance(LEASE_S + 1)
    await JobWorker(services).drain()
    assert "has changed" in (await services.jobs.get(job.id)).job.error


@pytest.mark.parametrize(
    "name",
    [
        *("../groundcrew.db", "/etc/passwd", "a/../../x.jsonl", "inputs/../../groundcrew.db", "", ".", ".place", "a\0b"),
        *("..\\x", "inputs", "link.jsonl", "folder/secret.jsonl", "x" * 600),
    ],
)
async def test_no_file_from_elsewhere(services: Services, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.jsonl").write_text("{}")
    put(services, "inputs/a.jsonl", b"{}")
    os.symlink(tmp_path / "secret.jsonl", services.jobs.folder / "link.jsonl")
    os.symlink(tmp_path, services.jobs.folder / "folder")
    services.jobs.place()
    with pytest.raises(InputError):
        await file_scoring.submit(services.jobs, name, actor="user:anna")
    assert await services.jobs.list() == []


async def test_a_missing_file_is_not_found(services: Services) -> None:
    services.jobs.place()
    with pytest.raises(NotFound):
        await file_scoring.submit(services.jobs, "inputs/none.jsonl", actor="user:anna")


async def test_uploads_are_bounded_and_leave_nothing_half(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_files, "UPLOAD_BYTES_MAX", 10)

    async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
        for part in parts:
            await asyncio.sleep(0)
            yield part

    name = await job_files.receive(services.jobs.folder, chunks(b"{}", b"\n{}"))
    assert job_files.find(services.jobs.folder, name).read_bytes() == b"{}\n{}"
    for body in ((b"123456", b"78901"), ()):
        with pytest.raises(InputError):
            await job_files.receive(services.jobs.folder, chunks(*body))
    assert len(list((services.jobs.folder / "inputs").iterdir())) == 1


def test_old_files_are_removed(tmp_path: Path) -> None:
    for kind in ("inputs", "results"):
        (tmp_path / kind).mkdir()
        for name, age_s in (("old.jsonl", job_files.KEPT_S + 60), ("new.jsonl", 60)):
            path = tmp_path / kind / name
            path.write_text("{}")
            os.utime(path, (path.stat().st_mtime - age_s,) * 2)
    assert job_files.sweep(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.rglob("*.jsonl")) == ["new.jsonl", "new.jsonl"]
