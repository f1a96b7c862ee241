"""`kill -9` a real worker in the middle of an evaluation; another goes on, and no question that has its result is asked again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from tests.integration.server import environment
from tests.unit.services import bank

from groundcrew.domain.evaluation import EvaluationCase, SuiteContent
from groundcrew.domain.provider import Provider, Target
from groundcrew.services.bundle import Services
from groundcrew.services.declared import Declared
from groundcrew.store import evaluations as stored
from groundcrew.testing import FakeUpstream, Reply

CASES, CONCURRENCY, KILLED_AFTER = 60, 4, 10
WAIT_S_MAX = 60.0
LEASE_S = 1.0


def test_a_killed_worker_costs_no_question(database_url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    command = [sys.executable, "-m", "groundcrew", "jobs", "work", "--data", str(data), "--database-url", database_url]
    settings = environment({"GROUNDCREW_JOB_LEASE_S": str(LEASE_S)})
    with FakeUpstream(Reply(text="It costs CHF 3.", delay_s=0.05)) as upstream:
        job_id = asyncio.run(submit(database_url, data, upstream.url))
        worker = subprocess.Popen(command, env=settings)
        try:
            asyncio.run(some_results(database_url, data, job_id))
        finally:
            worker.kill()
            worker.wait()
        kept = asyncio.run(results(database_url, data, job_id))
        assert KILLED_AFTER <= len(kept) < CASES
        asked_before = len(upstream.requests)
        time.sleep(LEASE_S)
        again = subprocess.run([*command, "--drain"], env=settings, capture_output=True, text=True, check=True)
        assert again.stdout == "1 jobs done\n"
        assert len(upstream.requests) - asked_before == CASES - len(kept), "what is recorded is not asked again"
    asyncio.run(check(database_url, data, job_id, kept))


async def submit(url: str, data: Path, upstream_url: str) -> str:
    async with bank.opened(url, data, bare=True) as services:
        provider = Provider(name=bank.PROVIDER, api="openai", base_url=upstream_url, data_classes=("internal", "pii"))
        model = msgspec.structs.replace(bank.model(), targets=(Target(provider=bank.PROVIDER, model="m-1"),))
        use_case = bank.use_case(grounding=None, mask="patterns", policy=None, budget=None)
        cases = tuple(
            EvaluationCase(
                id=f"case-{each}", messages=({"role": "user", "content": f"How much is {each}?"},), contains=("CHF 3",)
            )
            for each in range(CASES)
        )
        suite = SuiteContent(name="core", use_case=bank.NAME, cases=cases)
        declared = bank.declarations(providers=[provider], models=[model], use_cases=[use_case])
        declared = msgspec.structs.replace(declared, suites=(Declared(value=suite, file="bank.yaml", line=1),))
        await services.registry.apply(declared, actor="user:maria")
        return (await services.evaluations.submit("core", actor=bank.PERSON, concurrency=CONCURRENCY)).id


async def some_results(url: str, data: Path, job_id: str) -> None:
    async with bank.opened(url, data, bare=True) as services:

        async def enough() -> bool:
            return len(await _kept(services, job_id)) >= KILLED_AFTER

        await bank.until(enough, within_s=WAIT_S_MAX, every_s=0.02)


async def results(url: str, data: Path, job_id: str) -> dict[str, str]:
    async with bank.opened(url, data, bare=True) as services:
        return await _kept(services, job_id)


async def _kept(services: Services, job_id: str) -> dict[str, str]:
    """The call of each case that has its result."""
    async with services.database.read() as connection:
        return {each.case_id: each.call_id for each in await stored.results(connection, job_id)}


async def check(url: str, data: Path, job_id: str, kept: dict[str, str]) -> None:
    async with bank.opened(url, data, bare=True) as services:
        view = await services.jobs.get(job_id)
        assert (view.phase, view.job.attempts, view.job.done, view.job.failed) == ("done", 2, CASES, 0)
        found = await _kept(services, job_id)
        assert len(found) == CASES
        assert kept.items() <= found.items(), "results of before stay as they are"
        report = await services.evaluations.report(job_id)
        assert report.is_whole
        for call_id in found.values():
            assert (await services.calls.get(call_id)).trial == job_id
        assert await services.calls.status_counts(bank.NAME) == {}
        assert (await services.audit.verify()).problems == ()
