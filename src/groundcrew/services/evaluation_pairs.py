"""Two runs judged pair by pair: a judge says which answer is better, in both orders, so that the place decides nothing. A durable
job like a run, and its results lie beside those of runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.evaluation import EvaluationCase, EvaluationOrder, EvaluationResult, JudgeRule
from groundcrew.domain.job import Job, JobView
from groundcrew.errors import GroundcrewError, InputError, NotFound
from groundcrew.metrics.judge_agreement import PositionBias, position_bias, preferred
from groundcrew.services.evaluation_asking import Asking, RunEnds
from groundcrew.services.evaluations import Evaluations
from groundcrew.services.jobs import Jobs, Task
from groundcrew.stats.intervals import Interval, wilson
from groundcrew.store import evaluations as stored
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Database

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

KIND = "judge-pairs"
#: How what was said is kept as a figure, and read again.
CODES = {"first": 0.0, "neither": 0.5, "second": 1.0}
_WORDS = {code: word for word, code in CODES.items()}


class PairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says of two runs, one answer each. An answer wins where it is preferred in both orders; `second_share` is the
    share of wins that the second run has, ½ where the runs are alike. `unknown` pairs could not be judged."""

    run: JobView
    first: str
    second: str
    judge: str
    first_wins: int
    second_wins: int
    neither: int
    unknown: int
    second_share: Interval
    position: PositionBias
    cost_usd: float | None


async def submit(evaluations: Evaluations, jobs: Jobs, first: str, second: str, judge: str, *, actor: str) -> Job:
    """Ask for two runs to be judged by a judge of their suite. InputError where they have no such judge, or different suites."""
    found = await evaluations.compare(first, second)
    rules = {each.name: each for each in found.second.suite.content.judges}
    if judge not in rules:
        raise InputError(f"{found.second.order.suite} has no judge {judge!r}; it has {', '.join(rules) or 'none'}", field="judge")
    arguments = {"first": first, "second": second, "judge": judge}
    return await jobs.submit(KIND, found.second.order.suite, arguments, actor=actor)


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Judge every case of both runs that has no result yet, one at a time."""
    arguments = task.job.arguments
    one = await services.evaluations.report(arguments["first"])
    other = await services.evaluations.report(arguments["second"])
    if services.trials is None:
        raise GroundcrewError("this process can not ask models: judging runs in a worker of jobs or by the command")
    judge = next(each for each in other.suite.content.judges if each.name == arguments["judge"])
    before = {each.id: each for each in one.suite.content.cases}
    cases = [each for each in other.suite.content.cases if before.get(each.id) == each]
    async with services.database.read() as connection:
        done = {each.case_id for each in await stored.results(connection, task.job.id)}
    texts = await _texts(services.database, arguments["first"]), await _texts(services.database, arguments["second"])
    pairs = [each for each in cases if each.id in texts[0] and each.id in texts[1]]
    asking = Asking(
        services.trials, job_id=task.job.id, order=_order(other.order), content=other.suite.content, encode=lambda _texts: _none()
    )
    await task.save({"results": len(done)}, done=len(done), total=len(pairs))
    for case in pairs:
        if case.id in done:
            continue
        try:
            row = await _pair(asking, task, judge, case, (texts[0][case.id], texts[1][case.id]), services.database)
        except RunEnds as end:
            return {"results": task.done, "of": task.total, "stopped": str(end)}
        async with task.step({"results": task.done + 1}, done=task.done + 1) as writer:
            await stored.insert(writer, [row], task.job.id)
    return {"results": task.done, "of": task.total, "stopped": ""}


async def report(evaluations_database: Database, jobs: Jobs, run: str) -> PairReport:
    """What came of it so far; NotFound where `run` judges no pairs."""
    view = await jobs.get(run)
    if view.job.kind != KIND:
        raise NotFound(f"job {run} judges no pairs: it is {view.job.kind} of {view.job.subject}")
    async with evaluations_database.read() as connection:
        rows = await stored.results(connection, run)
    forward = [_WORDS.get(each.figures.get("forward", -1.0)) for each in rows]
    backward = [_WORDS.get(each.figures.get("backward", -1.0)) for each in rows]
    said = [preferred(one, other) for one, other in zip(forward, backward, strict=True)]
    first_wins, second_wins = said.count("first"), said.count("second")
    costs = [each.cost_usd for each in rows]
    return PairReport(
        run=view,
        first=view.job.arguments["first"],
        second=view.job.arguments["second"],
        judge=view.job.arguments["judge"],
        first_wins=first_wins,
        second_wins=second_wins,
        neither=said.count("neither"),
        unknown=said.count(None),
        second_share=wilson(second_wins, first_wins + second_wins),
        position=position_bias(forward, backward),
        cost_usd=None if any(each is None for each in costs) else sum(each or 0.0 for each in costs),
    )


async def _pair(
    asking: Asking, task: Task, judge: JudgeRule, case: EvaluationCase, texts: tuple[str, str], database: Database
) -> EvaluationResult:
    forward, why, cost = await asking.prefer(judge, case, *texts)
    backward, why_back, cost_back = await asking.prefer(judge, case, texts[1], texts[0])
    figures = {name: CODES[word] for name, word in (("forward", forward), ("backward", backward)) if word is not None}
    if len(figures) < 2:
        task.fail_row(f"case {case.id}", why or why_back)
    return EvaluationResult(
        job_id=task.job.id,
        suite=task.job.subject,
        case_id=case.id,
        repeat=0,
        at=database.clock.now(),
        call_id="",
        status="answered",
        cost_usd=None if cost is None or cost_back is None else cost + cost_back,
        figures=figures,
    )


async def _texts(database: Database, run: str) -> dict[str, str]:
    """Case → the answer of its first repeat, as it was recorded; what was removed since is left out."""
    found: dict[str, str] = {}
    async with database.read() as connection:
        for row in await stored.results(connection, run):
            if row.repeat or not row.call_id:
                continue
            call = await CALLS.get(connection, row.call_id)
            if call is not None and (text := call.answer or call.withheld_answer):
                found[row.case_id] = text
            await asyncio.sleep(0)
    return found


def _order(order: EvaluationOrder) -> EvaluationOrder:
    return msgspec.structs.replace(order, cost_usd_max=None)


def _none() -> Any:
    raise AssertionError("nothing is compared by meaning here")
