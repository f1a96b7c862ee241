"""`gate`, `advance` and `demote`: how a use case earns its stage, and what its gates ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from groundcrew.cli.common import (
    as_option,
    json_option,
    person,
    print_json,
    print_table,
    storage_options,
    with_services,
)
from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES, Stage
from groundcrew.errors import GateNotPassed

if TYPE_CHECKING:
    from groundcrew.domain.gate import GateEvaluation, GatePolicy
    from groundcrew.services.bundle import Services
    from groundcrew.services.gate_policies import PolicyDifference
    from groundcrew.services.gate_reports import GateReport

_MARKS = {"pass": ("✓ pass", "green"), "fail": ("✗ fail", "red"), "unknown": ("? unknown", "yellow")}


def print_evaluation(evaluation: GateEvaluation) -> None:
    """Print a gate's checklist: each criterion with its figure and bound, and under it what is missing."""
    missing = sum(result.status != "pass" for result in evaluation.results)
    head = "open" if evaluation.passed else f"closed: {missing} of {len(evaluation.results)} criteria are not met"
    if not evaluation.results:
        head = "closed: no policy is published, and an empty policy denies"
    click.secho(f"gate → {evaluation.stage} for {evaluation.use_case}: {head}", bold=True)
    width = max((len(result.title) for result in evaluation.results), default=0)
    for result in evaluation.results:
        label, colour = _MARKS[result.status]
        parts = [part for part in (result.figure, f"({result.bound})" if result.bound else "") if part]
        sample = click.style(" SAMPLE DATA", fg="magenta", bold=True) if result.sample else ""
        click.echo(f"  {click.style(f'{label:<9}', fg=colour)} {result.title:<{width}}  {' '.join(parts)}{sample}".rstrip())
        if result.source:
            click.secho(f"            {result.source}", dim=True)
        if result.missing:
            click.echo(f"            → {result.missing}")
        if result.link:
            click.secho(f"            → console {result.link}", dim=True)


class _GateGroup(click.Group):
    """A group whose first word may be a use case: `gate NAME` is `gate evaluate NAME`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in context.help_option_names):
            args = ["evaluate", *args]
        return super().parse_args(context, args)


@click.group(cls=_GateGroup)
def gate() -> None:
    """Evaluate gates, report on them, and publish what they ask for. `gate USE_CASE` evaluates the next gate."""


@gate.command("evaluate")
@click.argument("use_case")
@click.option("--to", type=click.Choice(STAGES), help="The stage whose entry criteria are evaluated.  [default: the next]")
@json_option
@storage_options
def gate_evaluate(use_case: str, to: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Evaluate the entry criteria of the next (or given) stage of USE_CASE. Exits 1 unless every criterion passes."""

    async def work(services: Services) -> GateEvaluation:
        return await services.gates.evaluate(use_case, actor=await person(services, None), to=cast("Stage | None", to))

    evaluation = with_services(data, database_url, work)
    if as_json:
        print_json(evaluation)
    else:
        print_evaluation(evaluation)
    if not evaluation.passed:
        raise click.exceptions.Exit(1)


@gate.command("report")
@click.argument("use_case")
@click.option("--to", type=click.Choice(STAGES), help="The stage whose gate is reported on.  [default: the next]")
@click.option("--evaluation", help="The id of a kept evaluation.  [default: evaluate the gate now, and keep it]")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A file that ends in .html, .pdf or .json."
)
@storage_options
def gate_report(
    use_case: str, to: str | None, evaluation: str | None, output: Path, data: Path | None, database_url: str | None
) -> None:
    """Write a report of USE_CASE's gate that an auditor can read alone. A closed gate is reported as such; exits 0."""
    from groundcrew.errors import InputError
    from groundcrew.services.gate_report_pages import FORMATS, render, summary_of

    form = output.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise InputError(f"{output} does not end in .html, .pdf or .json", field="output")

    async def work(services: Services) -> GateReport:
        if evaluation is not None:
            found = await services.gate_reports.of(evaluation)
            if found.evaluation.use_case != use_case:
                raise InputError(f"evaluation {evaluation} is of {found.evaluation.use_case}", field="evaluation")
            return found
        who = await person(services, None)
        made = await services.gates.evaluate(use_case, actor=who, to=cast("Stage | None", to))
        return await services.gate_reports.of(made.id)

    report = with_services(data, database_url, work)
    output.write_bytes(render(report, form))
    click.echo(f"{output}: gate into {report.evaluation.stage}. {summary_of(report)}")


@gate.command("verify")
@click.argument("report_file", metavar="REPORT", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def gate_verify(report_file: Path, as_json: bool) -> None:
    """Check a report (.html or .json) offline: every hash, and whether its results give its outcome. Exits 1 if not."""
    from groundcrew.services.gate_reports import read_report, report_problems

    report = read_report(report_file.read_bytes(), str(report_file))
    problems = report_problems(report)
    if as_json:
        print_json({"evaluation": report.evaluation.id, "passed": report.evaluation.passed, "problems": problems})
    elif problems:
        click.secho(f"{report_file}: does not verify", bold=True)
        for problem in problems:
            click.echo(f"  {problem}")
    else:
        outcome = "passed" if report.evaluation.passed else "did not pass"
        click.echo(
            f"{report_file}: verifies. {report.evaluation.use_case} {outcome} the gate into {report.evaluation.stage} on "
            f"{report.evaluation.evaluated_at:%Y-%m-%d}; snapshot {report.evaluation.snapshot}"
        )
    if problems:
        raise click.exceptions.Exit(1)


@gate.group("policy")
def gate_policy() -> None:
    """Show, compare and publish what gates ask for."""


@gate_policy.command("show")
@click.argument("stage", required=False, type=click.Choice(STAGES))
@click.option("--all", "all_versions", is_flag=True, help="Superseded versions too.")
@json_option
@storage_options
def gate_policy_show(stage: str | None, all_versions: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show the policies in force, or the one of STAGE."""

    async def work(services: Services) -> list[GatePolicy]:
        return await services.gate_policies.find(cast("Stage | None", stage), all_versions=all_versions)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    for policy in found:
        click.secho(f"into {policy.stage}: version {policy.version}, {policy.state}, from {policy.source}", bold=True)
        if policy.reason:
            click.echo(f"  looser than the defaults: {policy.reason}")
        print_table(
            ("key", "computed by", "settings"),
            [
                (each.key, each.check, ", ".join(f"{name} {value}" for name, value in each.settings.items()))
                for each in policy.criteria
            ],
            empty="  no criteria: it denies",
        )


def _wanted(source: Path | None, defaults: bool) -> list[GatePolicy]:
    from groundcrew.errors import InputError
    from groundcrew.services.gate_policies import load_policies
    from groundcrew.services.gates import default_policies

    if (source is None) == (not defaults):
        raise InputError("name a FILE.yaml, or give --defaults")
    return default_policies() if source is None else load_policies(source)


@gate_policy.command("diff")
@click.argument("source", metavar="FILE.yaml", required=False, type=click.Path(path_type=Path))
@click.option("--defaults", is_flag=True, help="Compare with the defaults of this release.")
@json_option
@storage_options
def gate_policy_diff(source: Path | None, defaults: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Say what publishing FILE.yaml, or the defaults, would change. Nothing is written."""
    wanted = _wanted(source, defaults)

    async def work(services: Services) -> list[PolicyDifference]:
        return await services.gate_policies.difference(wanted)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    for each in found:
        click.secho(f"into {each.stage}: version {each.version}", bold=True)
        for line in (*each.changes, *(f"looser than the defaults: {line}" for line in each.looser), *each.notes):
            click.echo(f"  {line}")
    if not found:
        click.echo("nothing would change")


@gate_policy.command("publish")
@click.argument("source", metavar="FILE.yaml", required=False, type=click.Path(path_type=Path))
@click.option("--defaults", is_flag=True, help="Publish the defaults of this release.")
@click.option("--reason", default="", help="Why; needed where it asks for less than the defaults.")
@as_option
@storage_options
def gate_policy_publish(
    source: Path | None, defaults: bool, reason: str, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Publish FILE.yaml, or the defaults, as the next version of each stage's policy. What was published is never changed."""
    wanted = _wanted(source, defaults)

    async def work(services: Services) -> list[GatePolicy]:
        return await services.gate_policies.publish(wanted, actor=await person(services, as_name), reason=reason)

    published = with_services(data, database_url, work)
    for each in published:
        click.echo(f"into {each.stage}: version {each.version} is in force, {len(each.criteria)} criteria")
    if not published:
        click.echo("nothing has changed: what is in force stays")


@click.command()
@click.argument("use_case")
@click.option("--to", required=True, type=click.Choice(STAGES), help="The next stage.")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@json_option
@storage_options
def advance(
    use_case: str, to: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Advance USE_CASE one stage. Refused with the full list of what is missing unless its gate opens."""

    async def work(services: Services) -> GateEvaluation:
        who = await person(services, as_name)
        return await services.use_cases.advance(use_case, cast("Stage", to), actor=who, reason=reason)

    try:
        evaluation = with_services(data, database_url, work)
    except GateNotPassed as error:
        if as_json:
            print_json(error.evaluation)
        else:
            print_evaluation(error.evaluation)
        raise
    if as_json:
        print_json(evaluation)
    else:
        click.echo(f"{use_case} is in {to}")


@click.command()
@click.argument("use_case")
@click.option(
    "--to", required=True, type=click.Choice((*STAGES, *TERMINAL_STAGES)), help="An earlier stage, rejected or retired."
)
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@storage_options
def demote(use_case: str, to: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Move USE_CASE to an earlier stage, or reject or retire it."""

    async def work(services: Services) -> None:
        await services.use_cases.demote(use_case, cast("Stage", to), actor=await person(services, as_name), reason=reason)
        click.echo(f"{use_case} is in {to}")

    with_services(data, database_url, work)
