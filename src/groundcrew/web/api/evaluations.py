"""Evaluation suites and their runs: what is asked, how it went, two runs side by side. People ask for runs; keys do not."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.evaluation import CASES_MAX, CONCURRENCY_MAX, REPEATS_MAX, EvaluationOrder, EvaluationSuite
from groundcrew.domain.identifiers import NAME_LENGTH_MAX
from groundcrew.domain.job import Job
from groundcrew.errors import InputError, NotAllowed, NotFound
from groundcrew.metrics.evaluation_comparison import RunComparison
from groundcrew.services.evaluation_suites import Picking
from groundcrew.services.evaluations import RunReport, SuiteView
from groundcrew.web.api.common import ApiRequest, principal_of, services_of

MARGINS_MAX = 20
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]


class RunOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask, how often, how many at a time, and what it may cost. `target` is PROVIDER/MODEL."""

    use_case: Name | None = None
    model: Name | None = None
    target: Annotated[str, msgspec.Meta(min_length=3, max_length=300)] | None = None
    recorded: bool = False
    repeats: Annotated[int, msgspec.Meta(ge=1, le=REPEATS_MAX)] = 1
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=CONCURRENCY_MAX)] = 4
    cost_usd_max: Annotated[float, msgspec.Meta(ge=0)] | None = None


class CasesToPick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which recorded calls become cases."""

    use_case: Name
    picking: Picking = "newest"
    limit: Annotated[int, msgspec.Meta(ge=1, le=CASES_MAX)] = 50
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""


class SuiteSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A suite without its cases."""

    name: str
    title: str
    use_case: str
    version: int
    digest: str
    cases: int
    newest_run: str | None = None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs side by side; differences are second − first."""

    first: EvaluationOrder
    second: EvaluationOrder
    same_version: bool
    comparison: RunComparison


@get("/evaluations", action="read", tags=["evaluations"], summary="List evaluation suites")
async def list_suites(request: ApiRequest) -> dict[str, list[SuiteSummary]]:
    """Every suite in its newest version, with its newest run."""
    return {"evaluations": [summary(each) for each in await services_of(request).evaluations.suites()]}


@get("/evaluations/{name:str}", action="read_call", tags=["evaluations"], summary="One suite")
async def get_suite(request: ApiRequest, name: FromPath[str]) -> SuiteView:
    """A suite with its cases (masked), its versions and its newest runs."""
    principal = principal_of(request)
    if principal.kind == "key":
        raise NotAllowed("suites are read by people")
    return await services_of(request).evaluations.suite(name)


@post("/evaluations/{name:str}/runs", action="submit_job", status_code=202, tags=["evaluations"], summary="Run a suite")
async def run_suite(request: ApiRequest, name: FromPath[str], data: JSONBody[RunOrder]) -> Job:
    """Ask for a run: a durable job that a worker of the server does."""
    return await services_of(request).evaluations.submit(
        name,
        actor=principal_of(request).actor,
        use_case=data.use_case,
        model=data.model,
        target=target_of(data.target),
        recorded=data.recorded,
        repeats=data.repeats,
        concurrency=data.concurrency,
        cost_usd_max=data.cost_usd_max,
    )


@post("/evaluations/{name:str}/cases", action="submit_job", tags=["evaluations"], summary="Pick recorded calls as cases")
async def pick_cases(request: ApiRequest, name: FromPath[str], data: JSONBody[CasesToPick]) -> EvaluationSuite:
    """Make recorded calls, which are masked, into cases of a new version of the suite."""
    return await services_of(request).evaluations.pick(
        name,
        data.use_case,
        picking=data.picking,
        limit=data.limit,
        actor=principal_of(request).actor,
        title=data.title,
    )


@get("/evaluations/{name:str}/runs/{run_id:str}", action="read", tags=["evaluations"], summary="One run")
async def get_run(request: ApiRequest, name: FromPath[str], run_id: FromPath[str]) -> dict[str, Any]:
    """A run as far as it has come: figures with intervals, judges, worst cases. Without the cases' texts."""
    return shown(await run_of(request, name, run_id))


@get("/evaluations/{name:str}/comparison", action="read", tags=["evaluations"], summary="Compare two runs")
async def compare(
    request: ApiRequest,
    name: FromPath[str],
    first: FromQuery[str],
    second: FromQuery[str],
    margin: Annotated[list[str] | None, QueryParameter(description="METRIC=LOSS, repeatable")] = None,
) -> Compared:
    """The second run against the first, case by case."""
    for each in (first, second):
        await run_of(request, name, each)
    found = await services_of(request).evaluations.compare(first, second, margins=margins_of(margin or []))
    return Compared(
        first=found.first.order, second=found.second.order, same_version=found.same_version, comparison=found.comparison
    )


async def run_of(request: ApiRequest, name: str, run_id: str) -> RunReport:
    """The run of this suite; NotFound where it is one of another."""
    report = await services_of(request).evaluations.report(run_id)
    if report.order.suite != name:
        raise NotFound(f"no run {run_id!r} of {name}")
    return report


def shown(report: RunReport) -> dict[str, Any]:
    """A report without the texts of its suite."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    del found["suite"]
    return found


def summary(view: SuiteView) -> SuiteSummary:
    """A suite in a list."""
    content = view.suite.content
    return SuiteSummary(
        name=content.name,
        title=content.title,
        use_case=content.use_case,
        version=view.suite.version,
        digest=view.suite.digest,
        cases=len(content.cases),
        newest_run=view.runs[0].job.id if view.runs else None,
    )


def target_of(text: str | None) -> tuple[str, str] | None:
    """PROVIDER/MODEL in its two parts."""
    if not text:
        return None
    provider, slash, model = text.partition("/")
    if not slash or not provider or not model:
        raise InputError("expected PROVIDER/MODEL", field="target")
    return provider, model


def margins_of(texts: list[str]) -> dict[str, float]:
    """METRIC=LOSS texts as numbers."""
    if len(texts) > MARGINS_MAX:
        raise InputError(f"more than {MARGINS_MAX}", field="margin")
    found: dict[str, float] = {}
    for text in texts:
        metric, _, value = text.partition("=")
        try:
            found[metric.strip()] = float(value)
        except ValueError:
            raise InputError("expected METRIC=LOSS, such as trust=0.02", field="margin") from None
    return found


HANDLERS = [list_suites, get_suite, run_suite, pick_cases, get_run, compare]
