"""Evaluations: suites and their versions, runs of them, and two runs side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from groundcrew.domain.evaluation import (
    CONCURRENCY_MAX,
    REPEATS_MAX,
    EvaluationOrder,
    EvaluationResult,
    EvaluationSuite,
    JudgeRule,
)
from groundcrew.domain.job import Job, JobView
from groundcrew.errors import InputError, NotFound
from groundcrew.metrics.evaluation_comparison import RunComparison, compare_runs
from groundcrew.metrics.evaluation_figures import figure_rules
from groundcrew.metrics.evaluation_report import RunFigures, run_figures
from groundcrew.metrics.judge_agreement import JudgeAgreement, RepeatVariance, judge_agreement, repeat_variance
from groundcrew.services.evaluation_suites import Picking, pick
from groundcrew.services.evaluation_work import KIND
from groundcrew.services.jobs import Jobs
from groundcrew.services.lookups import current_digest, nearest, require, require_use_case
from groundcrew.store import catalog
from groundcrew.store import evaluations as stored
from groundcrew.store.database import Connection, Database
from groundcrew.store.feedback import RATINGS

#: Stars from which on people's rating counts as a yes beside a judge that says yes or no.
YES_STARS_MIN = 4.0


class SuiteView(msgspec.Struct, frozen=True, kw_only=True):
    """A suite, its versions (newest first) and its newest runs."""

    suite: EvaluationSuite
    versions: tuple[EvaluationSuite, ...]
    runs: tuple[JobView, ...]


class JudgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """One judge of a run: how many answers it judged, what it could not, its variance over repeats, what it cost (None: unknown),
    and how far it agrees with people's ratings of the same answers (None: nobody rated one)."""

    name: str
    model: str
    scale: str
    judged: int
    problems: dict[str, int]
    repeats: RepeatVariance
    cost_usd: float | None
    agreement: JudgeAgreement | None


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """A run as far as it has come. `stopped` says why it ended early; `is_whole` that every question has its result.
    `spent_usd` counts what has no known price at its highest; `cost_is_known` tells whether that was ever so."""

    run: JobView
    order: EvaluationOrder
    suite: EvaluationSuite
    figures: RunFigures
    judges: tuple[JudgeReport, ...]
    stopped: str
    is_whole: bool
    spent_usd: float | None
    cost_is_known: bool


class ComparedRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs side by side; `same_version` tells whether they asked the same version of the suite."""

    first: RunReport
    second: RunReport
    same_version: bool
    comparison: RunComparison


class Evaluations:
    """The evaluation suites and runs of one database."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database, self._jobs = database, jobs

    async def suites(self) -> list[SuiteView]:
        """Every suite in its newest version, by name, with its newest run."""
        async with self._database.read() as connection:
            found = await stored.newest_of_each(connection)
        runs = {each.content.name: await self._jobs.list(kind=KIND, subject=each.content.name, limit=1) for each in found}
        return [SuiteView(suite=each, versions=(each,), runs=tuple(runs[each.content.name])) for each in found]

    async def suite(self, name: str, *, runs: int = 20) -> SuiteView:
        """One suite with all its versions and its newest runs; NotFound names the nearest."""
        async with self._database.read() as connection:
            suite = await self._newest(connection, name)
            versions = await stored.SUITES.find(connection, name=name, newest_first=True, limit=100)
        found = await self._jobs.list(kind=KIND, subject=name, limit=runs)
        return SuiteView(suite=suite, versions=tuple(versions), runs=tuple(found))

    async def pick(
        self, name: str, use_case: str, *, picking: Picking, limit: int, actor: str, title: str = ""
    ) -> EvaluationSuite:
        """Recorded calls as cases; see `evaluation_suites.pick`."""
        return await pick(self._database, name, use_case, picking=picking, limit=limit, actor=actor, title=title)

    async def submit(
        self,
        name: str,
        *,
        actor: str,
        use_case: str | None = None,
        model: str | None = None,
        target: tuple[str, str] | None = None,
        recorded: bool = False,
        repeats: int = 1,
        concurrency: int = 4,
        cost_usd_max: float | None = None,
    ) -> Job:
        """Ask for a run of the suite's newest version. InputError for a model, provider or use case that is not declared."""
        if not 1 <= repeats <= REPEATS_MAX:
            raise InputError(f"1 to {REPEATS_MAX}", field="repeats")
        if not 1 <= concurrency <= CONCURRENCY_MAX:
            raise InputError(f"1 to {CONCURRENCY_MAX}", field="concurrency")
        if cost_usd_max is not None and not 0 <= cost_usd_max < float("inf"):
            raise InputError("expected a sum from 0 on", field="cost-max")
        async with self._database.read() as connection:
            suite = await self._newest(connection, name)
            item = await require_use_case(connection, use_case or suite.content.use_case)
            await _check_target(connection, model, target)
            digest = await current_digest(connection, item)
        if recorded and (model is not None or target is not None or repeats != 1):
            raise InputError("recorded answers are looked at as they are: name no model, target or repeats", field="recorded")
        if recorded and not any(each.recorded for each in suite.content.cases):
            raise InputError(f"no case of {name} was picked from a recorded call", field="recorded")
        order = EvaluationOrder(
            suite=name,
            version=suite.version,
            digest=suite.digest,
            use_case=item.name,
            model=model,
            target=target,
            recorded=recorded,
            repeats=repeats,
            concurrency=concurrency,
            cost_usd_max=cost_usd_max,
            version_digest=digest,
        )
        return await self._jobs.submit(KIND, name, {"order": msgspec.to_builtins(order)}, actor=actor)

    async def report(self, run: str, confidence: float = 0.95) -> RunReport:
        """A run as far as it has come; NotFound where `run` is no evaluation."""
        return (await self._report(run, confidence))[0]

    async def compare(
        self, first: str, second: str, *, margins: Mapping[str, float] | None = None, confidence: float = 0.95
    ) -> ComparedRuns:
        """Two runs of the same suite, case by case. InputError for runs of different suites and for margins of no figure."""
        one, first_rows = await self._report(first, confidence)
        other, second_rows = await self._report(second, confidence)
        if one.order.suite != other.order.suite:
            names = f"{first} asked {one.order.suite} and {second} asked {other.order.suite}"
            raise InputError(f"{names}: no case is in both", field="second")
        judges = tuple(each for each in one.suite.content.judges if each in other.suite.content.judges)
        unknown = sorted(set(margins or {}) - figure_rules(judges).keys())
        if unknown:
            raise InputError(f"there is no figure {unknown[0]!r}{nearest(unknown[0], figure_rules(judges))}", field="margin")
        if one.order.digest != other.order.digest:
            # A case that was changed between the versions is another question.
            before = {each.id: each for each in one.suite.content.cases}
            same = {each.id for each in other.suite.content.cases if before.get(each.id) == each}
            first_rows = [each for each in first_rows if each.case_id in same]
            second_rows = [each for each in second_rows if each.case_id in same]
        comparison = await asyncio.to_thread(
            compare_runs, first_rows, second_rows, judges=judges, margins=margins, confidence=confidence
        )
        return ComparedRuns(first=one, second=other, same_version=one.order.digest == other.order.digest, comparison=comparison)

    async def _report(self, run: str, confidence: float) -> tuple[RunReport, list[EvaluationResult]]:
        view = await self._jobs.get(run)
        if view.job.kind != KIND:
            raise NotFound(f"job {run} is no evaluation: it is {view.job.kind} of {view.job.subject}")
        order = msgspec.convert(view.job.arguments["order"], EvaluationOrder)
        async with self._database.read() as connection:
            suite = await require(connection, stored.SUITES, f"{order.suite}@{order.version:06d}")
            rows = await stored.results(connection, run)
            stars = await _people(connection, order, rows) if suite.content.judges else {}
        figures = await asyncio.to_thread(run_figures, suite.content.cases, rows, suite.content.judges, confidence)
        costs = [each.cost_usd for each in rows]
        known = all(each is not None for each in costs)
        report = RunReport(
            run=view,
            order=order,
            suite=suite,
            figures=figures,
            judges=tuple([await asyncio.to_thread(_judge, each, rows, stars, confidence) for each in suite.content.judges]),
            stopped=view.job.result.get("stopped", "") or view.job.error,
            is_whole=len(rows) == len(suite.content.cases) * order.repeats,
            spent_usd=view.job.result.get("spent_usd", sum(each or 0.0 for each in costs)),
            cost_is_known=known,
        )
        return report, rows

    @staticmethod
    async def _newest(connection: Connection, name: str) -> EvaluationSuite:
        suite = await stored.newest(connection, name)
        if suite is None:
            names = [each.content.name for each in await stored.newest_of_each(connection)]
            known = nearest(name, names) or (f"; there are {', '.join(names[:10])}" if names else "; none is declared")
            raise NotFound(f"no evaluation suite {name!r}{known}")
        return suite


async def _check_target(connection: Connection, model: str | None, target: tuple[str, str] | None) -> None:
    if model is not None and await catalog.MODELS.get(connection, model) is None:
        names = [each.name for each in await catalog.MODELS.find(connection)]
        raise InputError(f"no model named {model!r}{nearest(model, names)}", field="model")
    if target is not None and await catalog.PROVIDERS.get(connection, target[0]) is None:
        names = [each.name for each in await catalog.PROVIDERS.find(connection)]
        raise InputError(f"no provider named {target[0]!r}{nearest(target[0], names)}", field="target")


async def _people(connection: Connection, order: EvaluationOrder, rows: list[EvaluationResult]) -> dict[str, float]:
    """Call → the mean of people's stars, for the calls of the run that people rated; sample data apart."""
    calls = {each.call_id for each in rows}
    found: dict[str, list[int]] = {}
    for rating in await RATINGS.find(connection, use_case=order.use_case):
        if rating.call_id in calls and not rating.sample:
            found.setdefault(rating.call_id or "", []).append(rating.stars)
    return {call: sum(each) / len(each) for call, each in found.items()}


def _judge(judge: JudgeRule, rows: list[EvaluationResult], stars: Mapping[str, float], confidence: float) -> JudgeReport:
    said = [(row, each) for row in rows for each in row.judgements if each.judge == judge.name]
    problems: dict[str, int] = {}
    for _, each in said:
        for problem in each.problems:
            problems[problem] = problems.get(problem, 0) + 1
    pairs = [(each.mean, stars[row.call_id]) for row, each in said if each.mean is not None and row.call_id in stars]
    if judge.scale == "yes_no":
        pairs = [(mean, float(people >= YES_STARS_MIN)) for mean, people in pairs]
    categories = (1, 2, 3, 4, 5) if judge.scale == "stars" else (0, 1)
    costs = [each.cost_usd for _, each in said]
    return JudgeReport(
        name=judge.name,
        model=judge.model,
        scale=judge.scale,
        judged=sum(bool(each.scores) for _, each in said),
        problems=problems,
        repeats=repeat_variance([each.scores for _, each in said]),
        cost_usd=None if any(each is None for each in costs) else sum(each or 0.0 for each in costs),
        agreement=judge_agreement(pairs, categories=categories, confidence=confidence) if pairs else None,
    )
