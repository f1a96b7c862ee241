"""`kill -9` a real worker in the middle of a job; another goes on, no row is done twice or missing, and the chain verifies."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.server import environment

from groundcrew.services import file_scoring, job_files
from groundcrew.services.bundle import open_services
from groundcrew.services.file_scoring import BATCH_ROWS

ROWS = BATCH_ROWS * 4
WAIT_S_MAX = 60.0
LEASE_S = 1.0
SOURCE = "A card is replaced within 5 days. The everyday account costs CHF 3 a month. Transfers within Switzerland are free."


def answers(path: Path) -> None:
    lines = (
        {"id": each, "sources": [SOURCE], "answer": f"A card number {each} is replaced within {each % 7} days."}
        for each in range(ROWS)
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_killed_worker_costs_no_row(database_url: str, tmp_path: Path) -> None:
    data, source = tmp_path / "data", tmp_path / "answers.jsonl"
    answers(source)
    data.mkdir()
    job_id = asyncio.run(submit(database_url, data, source))
    command = [sys.executable, "-m", "groundcrew", "jobs", "work", "--data", str(data), "--database-url", database_url]
    settings = environment({"GROUNDCREW_JOB_LEASE_S": str(LEASE_S)})
    worker = subprocess.Popen(command, env=settings)
    try:
        done = wait_for_some_rows(data, job_id)
    finally:
        worker.kill()
        worker.wait()
    assert 0 < done < ROWS
    time.sleep(LEASE_S)
    again = subprocess.run([*command, "--drain"], env=settings, capture_output=True, text=True, check=True)
    assert again.stdout == "1 jobs done\n"
    asyncio.run(check(database_url, data, job_id))


async def submit(url: str, data: Path, source: Path) -> str:
    services = await open_services(url, data)
    try:
        name = job_files.adopt(services.jobs.folder, source)
        return (await file_scoring.submit(services.jobs, name, actor="user:anna")).id
    finally:
        await services.database.close()


async def check(url: str, data: Path, job_id: str) -> None:
    services = await open_services(url, data)
    try:
        view = await services.jobs.get(job_id)
        assert (view.phase, view.job.attempts, view.job.done, view.job.failed) == ("done", 2, ROWS, 0)
        content = b"".join(file_scoring.read_result(services.jobs.folder, view.job))
        assert [json.loads(line)["id"] for line in content.splitlines()] == list(range(ROWS))
        assert (await services.audit.verify()).problems == ()
    finally:
        await services.database.close()


def wait_for_some_rows(data: Path, job_id: str) -> int:
    """Wait until bytes of the result are on the disk; how many rows they are."""
    part = data / "files" / "results" / f".{job_id}.jsonl.part"
    until = time.monotonic() + WAIT_S_MAX
    while not part.exists() or part.stat().st_size == 0:
        assert time.monotonic() < until, "the worker does nothing"
        time.sleep(0.01)
    return part.read_bytes().count(b"\n")
