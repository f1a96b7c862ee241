"""A running server has its jobs done in a process of its own, and stops with them."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from tests.integration.server import running

from groundcrew.domain.job import JobView
from groundcrew.services import file_scoring, job_files
from groundcrew.services.bundle import Services, open_services

WAIT_S_MAX = 90.0
ROWS = 40


async def follow(data: Path, source: Path) -> JobView:
    """Submit beside the running server, and wait for its worker."""
    services: Services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
    try:
        name = job_files.adopt(services.jobs.folder, source)
        job = await file_scoring.submit(services.jobs, name, actor="user:anna")
        until = time.monotonic() + WAIT_S_MAX
        while (view := await services.jobs.get(job.id)).phase in ("queued", "running"):
            assert time.monotonic() < until, f"the job is {view.phase}"
            await asyncio.sleep(0.1)
        return view
    finally:
        await services.database.close()


def test_a_server_has_its_jobs_done(tmp_path: Path) -> None:
    source = tmp_path / "answers.jsonl"
    row = {"sources": ["Cards are free."], "answer": "Cards are free."}
    source.write_text("".join(json.dumps({"id": each, **row}) + "\n" for each in range(ROWS)))
    with running(tmp_path / "data") as server:
        view = asyncio.run(follow(tmp_path / "data", source))
        assert (view.phase, view.job.done, view.job.attempts) == ("done", ROWS, 1)
        assert server.ready()["status"] == "ready"
        server.process.terminate()
        assert server.process.wait(30) == 0
