"""Durable jobs: taken by one worker at a time, gone on with after a loss, their steps' effects exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.services import bank

from groundcrew.domain.feedback import Rating
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.jobs.worker import JobWorker
from groundcrew.services.bundle import Services
from groundcrew.services.job_runner import Kind, run
from groundcrew.services.jobs import ATTEMPTS_MAX, LEASE_S, WAITING_MAX, LeaseLost, Task
from groundcrew.store import catalog
from groundcrew.store.feedback import RATINGS
from groundcrew.testing import FakeClock

STEPS = 6
ASKED_BY = "user:anna"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, clock) as services:
        yield services


def rating(task: Task, number: int) -> Rating:
    return Rating(
        id=f"{task.job.id}-{number}", use_case=bank.NAME, stars=5, rater="job", at=task.job.asked_at, version_digest="0" * 64
    )


async def count_up(services: Services, task: Task) -> dict[str, Any]:
    """Six steps, each with an effect in the database; `dies_at` loses the process there, after the effect, before its note."""
    for number in range(task.checkpoint.get("next", 0), STEPS):
        async with task.step({"next": number + 1}, done=number + 1, total=STEPS) as writer:
            assert await RATINGS.get(writer.connection, rating(task, number).id) is None, "a step was done twice"
            await RATINGS.put(writer, rating(task, number), "rate")
            if task.job.arguments.get("dies_at") == number and task.attempts == 1:
                raise RuntimeError("the process is gone")
            if task.job.arguments.get("fails_at") == number:
                raise InputError("is not there", file="input.jsonl", line=number)
    return {"steps": STEPS}


REGISTRY = {"count": Kind("counts", count_up)}


async def effects(services: Services) -> list[str]:
    async with services.database.read() as connection:
        return [each.id for each in await RATINGS.find(connection, use_case=bank.NAME)]


async def submit(services: Services, **arguments: Any) -> str:
    return (await services.jobs.submit("count", bank.NAME, arguments, actor=ASKED_BY)).id


def worker(services: Services) -> JobWorker:
    return JobWorker(services, registry=REGISTRY, poll_s=0.01)


async def test_a_job_is_done_once_and_says_so(services: Services) -> None:
    job_id = await submit(services)
    assert (await services.jobs.get(job_id)).phase == "queued"
    assert await worker(services).drain() == 1
    view = await services.jobs.get(job_id)
    assert (view.phase, view.progress.done, view.progress.total) == ("done", STEPS, STEPS)
    assert (view.job.result, view.job.asked_by, view.job.attempts) == ({"steps": STEPS}, ASKED_BY, 1)
    assert await worker(services).drain() == 0
    assert (await services.audit.verify()).problems == ()


async def test_what_a_dead_worker_left_is_gone_on_with_and_no_step_counts_twice(services: Services, clock: FakeClock) -> None:
    job_id = await submit(services, dies_at=3)
    assert await worker(services).work_once()
    stopped = await services.jobs.get(job_id)
    assert (stopped.phase, stopped.progress.done) == ("running", 3), "its lease has not run out"
    assert await effects(services) == [f"{job_id}-{each}" for each in range(3)], "a step without its note is no step"
    assert not await worker(services).work_once(), "nobody else may take it yet"
    clock.advance(LEASE_S + 1)
    assert (await services.jobs.get(job_id)).phase == "queued"
    assert await worker(services).work_once()
    view = await services.jobs.get(job_id)
    assert (view.phase, view.job.attempts) == ("done", 2)
    assert await effects(services) == [f"{job_id}-{each}" for each in range(STEPS)]
    assert (await services.audit.verify()).problems == ()


async def test_a_worker_that_lost_its_lease_changes_nothing_any_more(services: Services, clock: FakeClock) -> None:
    job_id = await submit(services)
    slow = await services.jobs.claim(["count"])
    assert slow is not None
    clock.advance(LEASE_S + 1)
    quick = await services.jobs.claim(["count"])
    assert quick is not None
    assert quick.attempts == 2
    with pytest.raises(LeaseLost):
        async with slow.step({"next": 1}, done=1) as writer:
            await RATINGS.put(writer, rating(slow, 0), "rate")
    for late in (slow.hold(), slow.save({}, done=6), slow.finish()):
        with pytest.raises(LeaseLost):
            await late
    assert await effects(services) == []
    assert (await run(services, quick, registry=REGISTRY)) is not None
    assert (await services.jobs.get(job_id)).phase == "done"


async def test_workers_that_ask_at_once_take_different_jobs(services: Services) -> None:
    for _ in range(5):
        await submit(services)
    claimed = await asyncio.gather(*(services.jobs.claim(["count"]) for _ in range(8)))
    taken = [each.job.id for each in claimed if each is not None]
    assert len(taken) == len(set(taken)) == 5


async def test_a_failure_names_its_reason_and_is_final(services: Services) -> None:
    job_id = await submit(services, fails_at=2)
    await worker(services).drain()
    view = await services.jobs.get(job_id)
    assert (view.phase, view.job.error, view.progress.done) == ("failed", "input.jsonl:2: is not there", 2)


async def test_a_job_that_kills_its_workers_is_given_up(services: Services, clock: FakeClock) -> None:
    job_id = await submit(services)
    for _ in range(ATTEMPTS_MAX):
        assert await services.jobs.claim(["count"]) is not None
        clock.advance(LEASE_S + 1)
    assert await services.jobs.claim(["count"]) is None
    view = await services.jobs.get(job_id)
    assert (view.phase, view.job.error) == ("failed", f"its worker ended {ATTEMPTS_MAX} times before the job did")


async def test_cancelling(services: Services) -> None:
    waiting, running = await submit(services), await submit(services)
    assert (await services.jobs.cancel(waiting, actor="user:beat", reason="not needed")).phase == "cancelled"
    with pytest.raises(Conflict, match="is cancelled already"):
        await services.jobs.cancel(waiting, actor="user:beat")
    task = await services.jobs.claim(["count"], job_id=running)
    assert task is not None
    assert (await services.jobs.cancel(running, actor="user:beat")).phase == "cancelling"
    await run(services, task, registry=REGISTRY)
    view = await services.jobs.get(running)
    assert (view.phase, view.progress.done, len(await effects(services))) == ("cancelled", 1, 1)
    with pytest.raises(NotFound):
        await services.jobs.cancel("nothing", actor="user:beat")
    assert (await services.audit.verify()).problems == ()


async def test_a_server_that_stops_lets_its_job_go(services: Services) -> None:
    reached = asyncio.Event()

    async def wait(_services: Services, task: Task) -> dict[str, Any]:
        await task.save({"at": 1}, done=1)
        reached.set()
        await asyncio.Event().wait()
        return {}

    job_id = await submit(services)
    working = asyncio.create_task(JobWorker(services, registry={"count": Kind("waits", wait)}).run())
    await asyncio.wait_for(reached.wait(), 10)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    view = await services.jobs.get(job_id)
    assert (view.phase, view.progress.attempts, view.progress.done) == ("queued", 0, 1)
    again = await services.jobs.claim(["count"])
    assert again is not None
    assert again.checkpoint == {"at": 1}


async def test_a_job_that_needs_files_stays_with_its_folder(services: Services) -> None:
    job = await services.jobs.submit("count", "file", {}, actor=ASKED_BY, local=True)
    assert await services.jobs.claim(["count"], place="another folder") is None
    task = await services.jobs.claim(["count"])
    assert task is not None
    assert task.job == job


async def test_one_at_a_time_where_asked_and_a_bound_on_what_waits(services: Services) -> None:
    first = await services.jobs.submit("count", "base", {}, actor=ASKED_BY, alone=True)
    assert await services.jobs.submit("count", "base", {}, actor="user:beat", alone=True) == first
    assert await services.jobs.submit("count", "other", {}, actor=ASKED_BY, alone=True) != first
    async with services.database.write("system:test") as writer:
        for each in range(WAITING_MAX - 2):
            await catalog.JOBS.put(writer, bank.job(id=f"job-{each:04d}"), "submit")
    with pytest.raises(Conflict, match="wait already"):
        await submit(services)


async def test_the_newest_come_first_and_may_be_chosen(services: Services) -> None:
    first, second = await submit(services), await submit(services)
    await worker(services).drain()
    assert [each.job.id for each in await services.jobs.list()] == [second, first]
    assert await services.jobs.list(kind="other") == []
    newest = await services.jobs.latest_done("count", bank.NAME)
    assert newest is not None
    assert newest.id == second
