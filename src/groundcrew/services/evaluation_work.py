"""A run of an evaluation as a job: so many questions at a time, within a cost ceiling, each one's result and the note that it is
done in one transaction. What is recorded is never asked again, whoever goes on with the run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.evaluation import EvaluationCase, EvaluationOrder, EvaluationResult, EvaluationSuite, result_id
from groundcrew.domain.provider import Target
from groundcrew.errors import GroundcrewError
from groundcrew.services.evaluation_asking import Asking, Prices, Route, RunEnds
from groundcrew.services.jobs import Task
from groundcrew.services.lookups import require, require_use_case
from groundcrew.store import catalog
from groundcrew.store import evaluations as stored
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

KIND = "evaluate"
Question = tuple[EvaluationCase, int]


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Ask what has no result yet. Returns how many results there are of how many, what they cost, and why it ended early."""
    order = msgspec.convert(task.job.arguments["order"], EvaluationOrder)
    async with services.database.read() as connection:
        suite = await require(connection, stored.SUITES, f"{order.suite}@{order.version:06d}")
        done = await stored.results(connection, task.job.id)
        prices = await prices_of(connection, order, suite)
    if services.trials is None:
        raise GroundcrewError("this process can not ask models: evaluations run in a worker of jobs or by the command")
    from groundcrew.grounding.encoder import shipped_encoder

    asking = Asking(
        services.trials,
        job_id=task.job.id,
        order=order,
        content=suite.content,
        encode=lambda texts: shipped_encoder().encode(texts),
    )
    run = _Run(services, task, order, suite, asking, prices, done)
    await task.save({"results": len(done)}, done=len(done), total=len(suite.content.cases) * order.repeats)
    stopped = await run.go()
    return {
        "results": task.done,
        "of": task.total,
        "stopped": stopped,
        "spent_usd": run.spent_usd,
        "is_known": run.is_known,
    }


class _Run:
    """The questions of one run that wait, those under way, and what they have cost."""

    def __init__(
        self,
        services: Services,
        task: Task,
        order: EvaluationOrder,
        suite: EvaluationSuite,
        asking: Asking,
        prices: Prices,
        done: list[EvaluationResult],
    ) -> None:
        self._services, self._task, self._order, self._suite = services, task, order, suite
        self._asking, self._prices = asking, prices
        self._running: dict[asyncio.Task[EvaluationResult], float] = {}
        self.is_known = all(each.cost_usd is not None for each in done)
        cases = {each.id: each for each in suite.content.cases}
        self.spent_usd = sum(
            self._bound(cases[each.case_id]) if each.cost_usd is None else each.cost_usd for each in done if each.case_id in cases
        )
        known = {each.id for each in done}
        self._waiting = (
            (case, repeat)
            for repeat in range(order.repeats)
            for case in suite.content.cases
            if result_id(task.job.id, case.id, repeat) not in known
        )

    async def go(self) -> str:
        """Ask until nothing waits; why it ended before, or ""."""
        stopped = ""
        following = next(self._waiting, None)
        try:
            while self._running or (following is not None and not stopped):
                while following is not None and not stopped and len(self._running) < self._order.concurrency:
                    if not self._fits(following[0]):
                        if not self._running:
                            stopped = f"the ceiling of {self._order.cost_usd_max:g} USD does not cover the next question"
                        break
                    self._start(following)
                    following = next(self._waiting, None)
                if self._running:
                    stopped = await self._collect() or stopped
        finally:
            for each in self._running:
                each.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
        return stopped if following is not None or stopped else ""

    def _fits(self, case: EvaluationCase) -> bool:
        ceiling = self._order.cost_usd_max
        return ceiling is None or self.spent_usd + sum(self._running.values()) + self._bound(case) <= ceiling

    def _bound(self, case: EvaluationCase) -> float:
        return self._asking.cost_usd_max(case, self._prices)

    def _start(self, question: Question) -> None:
        self._running[asyncio.create_task(self._ask(*question))] = self._bound(question[0])

    async def _ask(self, case: EvaluationCase, repeat: int) -> EvaluationResult:
        recorded: Call | None = None
        if self._order.recorded and case.call_id is not None:
            async with self._services.database.read() as connection:
                recorded = await CALLS.get(connection, case.call_id)
        return await self._asking.case(case, repeat, at=self._services.database.clock.now(), recorded=recorded)

    async def _collect(self) -> str:
        """Wait for an answer at least and keep what has come in; why nothing more can be asked, or ""."""
        finished, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        rows: list[EvaluationResult] = []
        ends = ""
        for each in finished:
            bound = self._running.pop(each)
            try:
                row = each.result()
            except RunEnds as end:
                ends = str(end)
                continue
            rows.append(row)
            self.spent_usd += bound if row.cost_usd is None else row.cost_usd
            self.is_known = self.is_known and row.cost_usd is not None
            if row.status == "failed":
                self._task.fail_row(f"case {row.case_id}", row.error_code or "failed")
        if rows:
            done = self._task.done + len(rows)
            async with self._task.step({"results": done}, done=done) as writer:
                await stored.insert(writer, rows, self._task.job.id)
        return ends


async def prices_of(connection: Connection, order: EvaluationOrder, suite: EvaluationSuite) -> Prices:
    """Who may answer what a run asks."""
    use_case = await require_use_case(connection, order.use_case)
    asked = tuple(await _routes(connection, order.model or use_case.model))
    if order.target is not None:
        provider = await catalog.PROVIDERS.get(connection, order.target[0])
        found = tuple(await _routes(connection, order.model or use_case.model, only=order.target))
        fresh = () if provider is None else ((provider, Target(provider=order.target[0], model=order.target[1])),)
        asked = found or fresh
    judges = {each.name: tuple(await _routes(connection, each.model)) for each in suite.content.judges}
    return Prices(asked=asked, prompt_bytes=len(use_case.prompt.encode()), judges=judges)


async def _routes(connection: Connection, alias: str, *, only: tuple[str, str] | None = None) -> list[Route]:
    """Who may answer an alias, or what it declares of the target `only`, alternates included."""
    model = await catalog.MODELS.get(connection, alias)
    if model is None:
        return []
    named = [each for each in (*model.targets, *model.alternates) if (each.provider, each.model) == only]
    found: list[Route] = []
    for target in [each for each in model.targets if each.role != "shadow"] if only is None else named[:1]:
        provider = await catalog.PROVIDERS.get(connection, target.provider)
        if provider is not None:
            found.append((provider, target))
    return found
