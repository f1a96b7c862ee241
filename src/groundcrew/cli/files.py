"""`trust score`, `guard scan`, `experiment plan` and `experiment analyze`: work on files, without any database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from groundcrew.cli import trust_labels
from groundcrew.cli.common import actor, json_option, parse_duration, print_json, print_table, storage_options
from groundcrew.cli.trust_files import trust_calibrate, trust_guarantee
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.job import Job
    from groundcrew.services.bundle import Services


@click.group()
def trust() -> None:
    """Score answers against their sources, and measure the scores on labels."""


for _command in (trust_calibrate, trust_guarantee, trust_labels.labels, trust_labels.recalibrate, trust_labels.report):
    trust.add_command(_command)


@trust.command("score")
@click.option(
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help='Rows {"id", "sources", "answer", "question"?}; .gz too.',
)
@click.option("--output", type=click.Path(path_type=Path), help="Where the scored rows go; .gz too.")
@click.option(
    "--declarations",
    "declared",
    type=click.Path(path_type=Path),
    help="Let the verifiers declared in this YAML file or folder decide what the shipped stack leaves open.",
)
@click.option("--verifier", "names", multiple=True, help="Which of them, in turn; without it those of the only use case there.")
@click.option(
    "--job", "as_job", is_flag=True, help="Leave it to the server as a durable job instead; it takes a copy of the file."
)
@storage_options
def trust_score(
    source: Path,
    output: Path | None,
    declared: Path | None,
    names: tuple[str, ...],
    as_job: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Score each answer: trust, claims with their quotes, unsupported spans.

    A bad row is named by its line: it ends the command, and is left out by a job."""
    if as_job:
        if declared is not None or names:
            raise click.UsageError("A job scores with the shipped stack: leave out --declarations and --verifier.")
        _submit_scoring(source, output, data, database_url)
        return
    if output is None:
        raise click.UsageError("Missing option '--output' (or --job).")
    if declared is not None:
        _score_with_verifiers(source, output, declared, names)
        return
    if names:
        raise InputError("names a declared verifier: say where with --declarations", field="--verifier")
    from groundcrew.cli.progress import progress_bar
    from groundcrew.grounding.batch import score_file

    with progress_bar("scoring") as advance:
        rows = score_file(source, output, lambda done: advance(done, 0))
    click.echo(f"{rows} answers scored into {output}")


def _score_with_verifiers(source: Path, output: Path, declared: Path, names: tuple[str, ...]) -> None:
    from groundcrew.cli.progress import progress_bar
    from groundcrew.cli.verifiers import cascade_of
    from groundcrew.grounding.batch import score_file
    from groundcrew.grounding.cascaded import CascadedScorer
    from groundcrew.grounding.trust import TrustScorer
    from groundcrew.services.declarations import load

    problems: dict[str, int] = {}

    def failed(name: str, why: str) -> None:
        problems[f"{name}: {why}"] = problems.get(f"{name}: {why}", 0) + 1

    scorer = CascadedScorer(TrustScorer.shipped(), cascade_of(load([declared]), names), failed)
    try:
        with progress_bar("scoring") as advance:
            rows = score_file(source, output, lambda done: advance(done, 0), scorer=scorer)
    finally:
        scorer.close()
    click.echo(f"{rows} answers scored into {output}")
    for problem, count in sorted(problems.items()):
        click.echo(f"  left open in {count} answers: {problem}")


def _submit_scoring(source: Path, output: Path | None, data: Path | None, database_url: str | None) -> None:
    from groundcrew.cli.jobs import do_here
    from groundcrew.services import file_scoring, job_files

    if output is not None:
        raise click.UsageError("A job writes its result where `groundcrew jobs show` says: leave out --output.")

    async def submit(services: Services) -> Job:
        name = job_files.adopt(services.jobs.folder, source)
        return await file_scoring.submit(services.jobs, name, actor=actor(), packed=source.name.endswith(".gz"))

    view = do_here(data, database_url, "scoring", submit, only_submit=True)
    click.echo(f"job {view.job.id} waits: groundcrew jobs show {view.job.id}")


@trust.command("rescore")
@click.argument("use_case")
@click.option("--since", help="Calls received in this time only, such as 30d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True, help="The newest so many calls.")
@click.option("--verifier", default="shipped", show_default=True, help="What scores them.")
@click.option("--job", "as_job", is_flag=True, help="Leave it to the server; do not wait.")
@json_option
@storage_options
def trust_rescore(
    use_case: str,
    since: str | None,
    limit: int,
    verifier: str,
    as_job: bool,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Score recorded calls of USE_CASE again with the present stack. The records stay; the new scores stand beside them.

    Shows how many crossed the threshold, the largest moves, and, where people signed answers off, which score tells more.
    """
    from groundcrew.cli.jobs import do_here, print_rescoring

    async def submit(services: Services) -> Job:
        start = services.database.clock.now() - parse_duration(since, "--since") if since else None
        return await services.rescoring.submit(use_case, actor=actor(), since=start, limit=limit, verifier=verifier)

    view = do_here(data, database_url, "scoring", submit, quiet=as_json, only_submit=as_job)
    if as_json:
        print_json(view)
    elif as_job:
        click.echo(f"job {view.job.id} waits: groundcrew jobs show {view.job.id}")
    else:
        print_rescoring(view)


@click.group()
def guard() -> None:
    """Scan texts with a guard."""


@guard.command("scan")
@click.argument("name")
@click.option(
    "--input", "source", required=True, type=click.Path(path_type=Path), help='Rows {"id", "text", "context"?}; .gz too.'
)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Where the verdicts go; .gz too.")
@click.option(
    "--policy",
    "declared",
    type=click.Path(path_type=Path),
    help="Take the guard's settings from its rule in this YAML file; a row's context goes before them.",
)
def guard_scan(name: str, source: Path, output: Path, declared: Path | None) -> None:
    """Scan each text with the guard NAME (commitment, language, pii, prompt_injection, schema, secrets, topic).

    It may be a guard of an installed package, too."""
    from groundcrew.cli.progress import progress_bar
    from groundcrew.guards.batch import scan_file

    settings = _settings_of(name, declared) if declared is not None else {}
    with progress_bar("scanning") as advance:
        summary = scan_file(name, source, output, settings=settings, progress=lambda done: advance(done, 0))
    click.echo(
        f"{summary.rows} texts scanned into {output}: {summary.passed} pass, {summary.flagged} flag, {summary.blocked} block"
        + (f"; {summary.partial} not as a whole" if summary.partial else "")
    )


def _settings_of(guard: str, path: Path) -> dict[str, Any]:
    """What the rules of a file's policies tell `guard` to look for; InputError where there is none, or they differ."""
    from groundcrew.services.declarations import load

    told = [
        {name: value for name, value in rule.settings.items() if name not in ("restore", "text")}
        for policy in load([path]).policies
        for rule in policy.value.guards
        if rule.guard == guard
    ]
    if not told:
        raise InputError(f"holds no policy with a rule for the guard {guard}", file=str(path))
    if any(each != told[0] for each in told):
        raise InputError(f"holds rules for the guard {guard} with different settings: name a file with one", file=str(path))
    return told[0]


@click.group()
def experiment() -> None:
    """Plan, run, analyze and conclude experiments."""


@experiment.command("plan")
@click.argument("plan_file", metavar="PLAN.yaml", type=click.Path(path_type=Path))
@json_option
def experiment_plan(plan_file: Path, as_json: bool) -> None:
    """Say how many units and days PLAN.yaml needs, and what the gate will ask. Exits 1 while the plan can not pass it."""
    from groundcrew.metrics.plan import plan
    from groundcrew.services.declarations import load_plan

    report = plan(load_plan(plan_file))
    if as_json:
        print_json(report)
    else:
        click.secho(f"{report.name}: {report.monitoring} monitoring, unit {report.unit or 'not declared'}", bold=True)
        print_table(
            ("metric", "role", "required n"),
            [(each.name, each.role, "–" if each.required_n is None else each.required_n) for each in report.metrics],
            empty="no metrics",
        )
        planned = "not declared" if report.planned_n is None else str(report.planned_n)
        click.echo(
            f"required n over both arms: {report.required_n if report.required_n is not None else 'unknown'}; planned: {planned}"
        )
        days = "unknown" if report.days_needed is None else f"{report.days_needed:.0f}"
        click.echo(f"days needed: {days}; window: {report.duration_days if report.duration_days is not None else 'not declared'}")
        for heading, lines in (
            ("to register", report.problems),
            ("assumed", report.assumptions),
            ("the gate will ask", report.gate),
        ):
            for line in lines:
                click.echo(f"  {heading}: {line}")
    if report.problems or not report.sufficient or not report.feasible:
        raise click.exceptions.Exit(1)


@experiment.command("analyze")
@click.argument("plan_file", metavar="PLAN.yaml", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV: unit_id,arm,metric,value,time[,cluster,covariate,denominator].",
)
@click.option(
    "--economics",
    "economics_file",
    type=click.Path(path_type=Path),
    help="YAML with hourly_cost_usd, cases_per_month, tokens_per_case_usd and the like: adds the return on investment.",
)
@json_option
def experiment_analyze(plan_file: Path, source: Path, economics_file: Path | None, as_json: bool) -> None:
    """Decide the experiment that PLAN.yaml describes on the observations: invalid, rollback, supported or hold."""
    from groundcrew.cli.governance import investment_of, print_investment
    from groundcrew.metrics.analysis import analyze
    from groundcrew.metrics.observations import read_observations
    from groundcrew.services.declarations import load_plan

    declared = load_plan(plan_file)
    report = analyze(declared, read_observations(source, declared))
    earned = investment_of(economics_file, declared, report) if economics_file is not None else None
    if as_json:
        print_json(report if earned is None else {**msgspec.structs.asdict(report), "return_on_investment": earned})
        return
    probability = "–" if report.srm_p_value is None else f"{report.srm_p_value:.3g}"
    click.secho(f"{report.verdict} (evidence grade {report.evidence_grade}, sample ratio p = {probability})", bold=True)
    print_table(
        ("metric", "role", "estimate", "interval", "n", "required n"),
        [
            (
                each.name,
                each.role,
                _number(each.estimate),
                f"{_number(each.lower)} to {_number(each.upper)}",
                each.n,
                "–" if each.required_n is None else each.required_n,
            )
            for each in report.metrics
        ],
        empty="no metrics",
    )
    for reason in report.reasons:
        click.echo(f"  {reason}")
    if earned is not None:
        print_investment(earned, "return on investment")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
