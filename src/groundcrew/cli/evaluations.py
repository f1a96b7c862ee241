"""`eval`: suites of questions asked of a model or one of its targets, and what the answers are worth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.cli.jobs import do_here, progress_words
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.evaluation import EvaluationSuite
    from groundcrew.domain.job import Job
    from groundcrew.metrics.evaluation_report import Figure, Verdict
    from groundcrew.services.bundle import Services
    from groundcrew.services.evaluation_pairs import PairReport
    from groundcrew.services.evaluation_suites import Picking
    from groundcrew.services.evaluations import ComparedRuns, JudgeReport, RunReport, SuiteView
    from groundcrew.stats.intervals import Interval


@click.group("eval")
def eval() -> None:
    """Run evaluation suites against a model, and compare runs."""


@eval.command("list")
@json_option
@storage_options
def eval_list(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the suites: how many cases each has, and how its newest run went."""

    async def work(services: Services) -> list[SuiteView]:
        return await services.evaluations.suites()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(
            [
                {
                    "name": each.suite.content.name,
                    "use_case": each.suite.content.use_case,
                    "version": each.suite.version,
                    "digest": each.suite.digest,
                    "cases": len(each.suite.content.cases),
                    "run": each.runs[0] if each.runs else None,
                }
                for each in found
            ]
        )
        return
    rows = [
        (
            each.suite.content.name,
            each.suite.content.use_case,
            f"{each.suite.version} ({each.suite.digest[:12]})",
            len(each.suite.content.cases),
            f"{each.runs[0].phase}, {progress_words(each.runs[0])}: {each.runs[0].job.id}" if each.runs else "never run",
        )
        for each in found
    ]
    empty = "no evaluation suites yet: declare one (kind: EvaluationSuite) and apply it, or pick recorded calls with eval pick"
    print_table(("suite", "use case", "version", "cases", "newest run"), rows, empty=empty)


@eval.command("show")
@click.argument("name", metavar="SUITE_OR_RUN")
@json_option
@storage_options
def eval_show(name: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show a suite with its runs, or one run's figures and worst cases."""

    async def work(services: Services) -> SuiteView | RunReport:
        if _is_run(name):
            return await services.evaluations.report(name)
        return await services.evaluations.suite(name)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
    elif _is_run(name):
        print_report(found)  # type: ignore[arg-type]
    else:
        _print_suite(found)  # type: ignore[arg-type]


@eval.command("pick")
@click.argument("suite", metavar="SUITE")
@click.option("--use-case", required=True, help="Whose recorded calls become cases.")
@click.option(
    "--from",
    "picking",
    type=click.Choice(["newest", "low-stars", "disagreements"]),
    default="newest",
    show_default=True,
    help="Which calls: the newest, those that people rated low, or those where people and trust disagree.",
)
@click.option("--limit", type=click.IntRange(1, 2_000), default=50, show_default=True, help="How many.")
@as_option
@storage_options
def eval_pick(
    suite: str, use_case: str, picking: str, limit: int, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Make recorded calls into cases of SUITE, beside those that it has. Their texts are masked already."""
    chosen: Picking = picking.replace("-", "_")  # type: ignore[assignment]

    async def work(services: Services) -> EvaluationSuite:
        actor = await person(services, as_name)
        return await services.evaluations.pick(suite, use_case, picking=chosen, limit=limit, actor=actor)

    made = with_services(data, database_url, work)
    click.echo(f"{suite} version {made.version} ({made.digest[:12]}): {len(made.content.cases)} cases")


@eval.command("run")
@click.argument("suite", metavar="SUITE")
@click.option("--use-case", help="Ask under this use case instead of the suite's own.")
@click.option("--model", help="Ask this model alias instead of the use case's own.")
@click.option("--target", metavar="PROVIDER/MODEL", help="Ask this one target, whether or not the alias has it.")
@click.option("--recorded", is_flag=True, help="Look at the answers recorded with picked cases; only judges are asked.")
@click.option("--repeats", type=click.IntRange(1, 20), default=1, show_default=True, help="How often each case is asked.")
@click.option("--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, help="Questions at a time.")
@click.option("--cost-max", type=float, metavar="USD", help="End before the run costs more than this.")
@click.option(
    "--fail-under",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Exit 1 unless the metric reaches the value; where less is better the value is a ceiling. Repeatable.",
)
@click.option("--by-estimate", is_flag=True, help="Hold --fail-under against the estimate instead of the interval's worse end.")
@click.option("--job", is_flag=True, help="Only ask for the run; a server's or another worker does it.")
@json_option
@as_option
@storage_options
def eval_run(
    suite: str,
    use_case: str | None,
    model: str | None,
    target: str | None,
    recorded: bool,
    repeats: int,
    concurrency: int,
    cost_max: float | None,
    fail_under: tuple[str, ...],
    by_estimate: bool,
    job: bool,
    as_json: bool,
    as_name: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Ask every case of SUITE and say what the answers are worth.

    The run is a durable job: killed, it goes on where it stopped with `jobs work`.
    """
    from groundcrew.metrics.evaluation_report import verdicts

    wanted = dict(_pair(each, "fail-under") for each in fail_under)

    async def submit(services: Services) -> Job:
        return await services.evaluations.submit(
            suite,
            actor=await person(services, as_name),
            use_case=use_case,
            model=model,
            target=_target(target),
            recorded=recorded,
            repeats=repeats,
            concurrency=concurrency,
            cost_usd_max=cost_max,
        )

    view = do_here(data, database_url, f"evaluating {suite}", submit, quiet=as_json, only_submit=job)
    if job:
        print_json(view) if as_json else click.echo(f"job {view.job.id} waits: groundcrew eval show {view.job.id}")
        return

    async def work(services: Services) -> RunReport:
        return await services.evaluations.report(view.job.id)

    report = with_services(data, database_url, work)
    found = verdicts(report.figures, wanted, by_estimate=by_estimate)
    if as_json:
        print_json({"report": report, "verdicts": found, "passes": _passes(report, found)})
    else:
        print_report(report)
        _print_verdicts(report, found)
    if found and not _passes(report, found):
        raise click.exceptions.Exit(1)


@eval.command("compare")
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="OTHER_RUN")
@click.option(
    "--margin",
    multiple=True,
    metavar="METRIC=LOSS",
    help="The loss that may be borne in a metric: exit 1 unless the other run is shown to lose less. Repeatable.",
)
@json_option
@storage_options
def eval_compare(
    first: str, second: str, margin: tuple[str, ...], as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Compare OTHER_RUN with RUN, case by case: differences are OTHER_RUN minus RUN."""
    margins = dict(_pair(each, "margin") for each in margin)

    async def work(services: Services) -> ComparedRuns:
        return await services.evaluations.compare(first, second, margins=margins)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(
            {
                "first": found.first.order,
                "second": found.second.order,
                "same_version": found.same_version,
                "comparison": found.comparison,
            }
        )
    else:
        _print_comparison(found)
    findings = {each.paired.name: each.paired.finding for each in found.comparison.figures}
    if any(findings.get(name) not in ("better", "non_inferior") for name in margins):
        raise click.exceptions.Exit(1)


@eval.command("judge")
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="OTHER_RUN")
@click.option("--judge", required=True, help="A judge of the runs' suite.")
@json_option
@as_option
@storage_options
def eval_judge(
    first: str, second: str, judge: str, as_json: bool, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Have a judge say, case by case and in both orders, whether RUN or OTHER_RUN has the better answer."""
    from groundcrew.services import evaluation_pairs

    async def submit(services: Services) -> Job:
        actor = await person(services, as_name)
        return await evaluation_pairs.submit(services.evaluations, services.jobs, first, second, judge, actor=actor)

    view = do_here(data, database_url, "judging", submit, quiet=as_json)

    async def work(services: Services) -> PairReport:
        return await evaluation_pairs.report(services.database, services.jobs, view.job.id)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    wins = f"better in {found.second_wins} cases, worse in {found.first_wins}, neither in {found.neither}"
    click.echo(f"{judge}: the other run is {wins}")
    click.echo(f"  its share of the wins: {_words(found.second_share)}; {found.unknown} cases could not be judged")
    place = found.position
    click.echo(
        f"  in both orders the same: {place.consistent} of {place.pairs}; for the place in front: {_words(place.first_share)}"
    )


def print_report(report: RunReport) -> None:
    """A run: its figures, its judges, its worst cases."""
    order, view = report.order, report.run
    click.secho(f"{order.suite} version {order.version}, asked {order.asked}: {view.phase}", bold=True)
    cost = "" if report.spent_usd is None else f", {report.spent_usd:.4f} USD"
    cost += "" if report.cost_is_known else " at most (a price is unknown)"
    click.echo(f"  run {view.job.id}: {progress_words(view)}{cost}")
    if report.stopped:
        click.secho(f"  it ended early: {report.stopped}", fg="yellow")
    rows = [(each.name, *_figure(each), each.interval.n) for each in report.figures.figures]
    print_table(("metric", "estimate", "95 % interval", "cases"), rows, empty="no case has a result yet")
    for judge in report.judges:
        _print_judge(judge)
    if report.figures.worst:
        click.echo("worst cases:")
        for case in report.figures.worst:
            click.echo(f"  {case.case_id}: {case.score:.2f}  {', '.join(case.failing)}  call {case.call_id}")


def _print_judge(judge: JudgeReport) -> None:
    unable = "".join(f"; {count} times {problem}" for problem, count in judge.problems.items())
    cost = "cost unknown" if judge.cost_usd is None else f"{judge.cost_usd:.4f} USD"
    click.echo(f"judge {judge.name} ({judge.model}): {judge.judged} answers, {cost}{unable}")
    if judge.repeats.variance is not None:
        click.echo(f"  variance over repeats {judge.repeats.variance:.3f} on {judge.repeats.n} answers")
    if judge.agreement is not None:
        found = judge.agreement
        click.echo(f"  with people on {found.n} answers: κ {_words(found.kappa)}, α {_words(found.alpha)}")
    else:
        click.echo("  agreement with people unknown: nobody rated these answers")


def _print_suite(view: SuiteView) -> None:
    content = view.suite.content
    click.secho(f"{content.name} version {view.suite.version} ({view.suite.digest})", bold=True)
    click.echo(f"  use case {content.use_case}, {len(content.cases)} cases, made by {view.suite.made_by}")
    for judge in content.judges:
        click.echo(f"  judge {judge.name}: {judge.model}, {judge.scale}, {judge.repeats} times")
    rows = [(each.job.id, each.phase, progress_words(each), each.job.asked_by) for each in view.runs]
    print_table(("run", "state", "progress", "asked by"), rows, empty=f"never run: groundcrew eval run {content.name}")


def _print_comparison(found: ComparedRuns) -> None:
    click.secho(f"{found.second.order.asked} against {found.first.order.asked}: {found.comparison.cases} cases", bold=True)
    if not found.same_version:
        click.echo("  the runs asked two versions of the suite: only cases that are the same in both are compared")
    rows = []
    for each in found.comparison.figures:
        paired = each.paired
        margin = "" if each.margin is None else f" (margin {each.margin:g})"
        bounds = "unknown" if paired.lower is None or paired.upper is None else f"{paired.lower:+.4g} to {paired.upper:+.4g}"
        change = "unknown" if paired.estimate is None else f"{paired.estimate:+.4g} {each.unit}".strip()
        won = f"{each.wins.second}:{each.wins.first}, {each.wins.ties} ties"
        rows.append((paired.name, change, bounds, paired.n, won, paired.finding.replace("_", "-") + margin))
    columns = ("metric", "difference", "95 % interval", "cases", "wins", "finding")
    print_table(columns, rows, empty="no case has a result in both runs")
    for word, cases in (("worse", found.comparison.worse), ("better", found.comparison.better)):
        for change_of in cases[:5]:
            click.echo(f"  {word}: {change_of.case_id} {change_of.change:+.2f}")


def _print_verdicts(report: RunReport, found: tuple[Verdict, ...]) -> None:
    if found and not report.is_whole:
        click.secho("MISS the run is not whole", fg="red")
    for each in found:
        sign = "≥" if each.direction == "increase" else "≤"
        value = "unknown" if each.value is None else f"{each.value:.4g}"
        click.secho(
            f"{'pass' if each.passes else 'MISS'} {each.metric} {value} {sign} {each.wanted:g}", fg=None if each.passes else "red"
        )


def _passes(report: RunReport, found: tuple[Verdict, ...]) -> bool:
    return report.is_whole and all(each.passes for each in found)


def _figure(figure: Figure) -> tuple[str, str]:
    interval = figure.interval
    if interval.estimate is None:
        return "unknown", ""
    bounds = "unknown" if interval.lower is None or interval.upper is None else f"{interval.lower:.4g} to {interval.upper:.4g}"
    return f"{interval.estimate:.4g} {figure.unit}".strip(), bounds


def _words(interval: Interval) -> str:
    if interval.estimate is None:
        return "unknown"
    if interval.lower is None or interval.upper is None:
        return f"{interval.estimate:.2f} (too few for an interval)"
    return f"{interval.estimate:.2f} [{interval.lower:.2f}, {interval.upper:.2f}]"


def _is_run(name: str) -> bool:
    """Runs have the ids of jobs, which no suite's name looks like."""
    return len(name) == 36 and name.count("-") == 4


def _pair(text: str, field: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not equals or not name or not math.isfinite(number):
        raise InputError(f"{text!r} is not METRIC=VALUE, such as trust=0.8", field=field)
    return name.strip(), number


def _target(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    provider, slash, model = text.partition("/")
    if not slash or not provider or not model:
        raise InputError(f"{text!r} is not PROVIDER/MODEL", field="target")
    return provider, model
