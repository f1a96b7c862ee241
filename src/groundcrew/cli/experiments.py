"""`experiment list`, `status`, `assign`, `look`, `looks`, `stop-treatment` and `conclude`: experiments as they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import click

from groundcrew.cli.common import actor, as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.cli.files import experiment
from groundcrew.domain.hypothesis import Concluded
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.hypothesis import Hypothesis
    from groundcrew.metrics.experiment_look import Analysis
    from groundcrew.services.bundle import Services
    from groundcrew.services.experiment_assignment import Assigned, NewUnit
    from groundcrew.services.experiments import ExperimentStatus, ExperimentSummary

__all__ = ["experiment"]

LOOKS_DEFAULT = 20


@experiment.command("list")
@click.argument("search", default="")
@json_option
@storage_options
def experiment_list(search: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List every version of every hypothesis, refuted and replaced ones too; those that hold SEARCH where given."""

    async def work(services: Services) -> list[ExperimentSummary]:
        return await services.experiments.find(search)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.use_case,
            each.hypothesis.name,
            f"{each.hypothesis.version}{'' if each.is_newest else ' (replaced)'}",
            each.hypothesis.state,
            each.verdict or "–",
            sum(each.exposed.values()),
        )
        for each in found
    ]
    print_table(("use case", "hypothesis", "version", "state", "newest look", "exposed"), rows, empty="no hypothesis is declared")


@experiment.command("status")
@click.argument("use_case")
@json_option
@storage_options
def experiment_status(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show how the experiment of USE_CASE stands: units, split, each metric with its interval, and what it may end as."""

    async def work(services: Services) -> ExperimentStatus:
        return await services.experiments.status(use_case)

    status = with_services(data, database_url, work)
    if as_json:
        print_json(status)
    else:
        _print_status(status)


def _print_status(status: ExperimentStatus) -> None:
    newest, analysis, ends = status.hypothesis, status.analysis, status.conclusion
    click.secho(f"{newest.name} of {status.use_case}, version {newest.version}: {newest.state}", bold=True)
    if newest.treatment_stopped_at is not None:
        click.secho(f"the treatment is stopped since {newest.treatment_stopped_at:%Y-%m-%d %H:%M} UTC", fg="red")
    exposed = ", ".join(f"{arm} {number}" for arm, number in sorted(status.exposed.items())) or "nobody"
    needed = "unknown" if ends.needed is None else ends.needed
    window = f"; the window ends on {ends.window_ends:%Y-%m-%d}" if ends.window_ends is not None else ""
    click.echo(f"exposed: {exposed}; {ends.units} of {needed} units are compared{window}")
    _print_analysis(analysis)
    if status.is_stale:
        click.echo("  more has arrived since: `groundcrew experiment look` looks again")
    for line in _quality(analysis):
        click.echo(f"  {line}")
    if newest.state in ("registered", "running"):
        if ends.state is None:
            click.echo("it has to go on:")
            for reason in ends.reasons:
                click.echo(f"  {reason}")
        else:
            click.echo(f"it may be concluded as {ends.state}")
    for each in status.earlier:
        said = each.look.report.verdict if each.look is not None and each.look.report is not None else "not analysed"
        click.echo(f"  earlier version {each.hypothesis.version} ({each.hypothesis.state}, {said}): exploratory")


def _print_analysis(analysis: Analysis) -> None:
    report = analysis.report
    as_of = f" as of {analysis.as_of:%Y-%m-%d %H:%M} UTC" if analysis.as_of is not None else ""
    if report is None:
        click.echo(f"nothing is decided{as_of}: {analysis.why}")
        return
    sample = click.style(" SAMPLE DATA", fg="magenta", bold=True) if analysis.sample else ""
    chi = "–" if report.srm_p_value is None else f"{report.srm_p_value:.3g}"
    sequential = "–" if report.srm_e_value is None else f"{report.srm_e_value:.3g}"
    click.echo(f"{report.verdict}{as_of}{sample}, grade {report.evidence_grade}; sample ratio p = {chi}, e-value {sequential}")
    print_table(
        ("metric", "role", "estimate", "interval", "n", "finding"),
        [
            (
                each.name,
                each.role,
                _number(each.estimate),
                f"{_number(each.lower)} to {_number(each.upper)}",
                each.n,
                each.finding,
            )
            for each in report.metrics
        ],
        empty="no metrics",
    )
    for reason in report.reasons:
        click.echo(f"  {reason}")


def _quality(analysis: Analysis) -> list[str]:
    found = analysis.quality
    lines = {
        "units report another arm than they were assigned to": found.crossed,
        "units report an arm and were never assigned": found.unassigned,
        "units are held out": found.held_out,
        "units were seen before the registration": found.before_registration,
        "values were measured before their unit was exposed": found.before_exposure,
        "values can not be ones of their metric": found.unfit,
    }
    return [f"{number} {line}" for line, number in lines.items() if number]


@experiment.command("assign")
@click.argument("use_case")
@click.argument("units", nargs=-1)
@click.option("--cluster", help="The cluster of all these units.")
@click.option("--input", "source", type=click.Path(path_type=Path), help="Rows with unit_id and cluster; .gz too.")
@json_option
@storage_options
def experiment_assign(
    use_case: str,
    units: tuple[str, ...],
    cluster: str | None,
    source: Path | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Say which arm each of UNITS is in. Who is new is logged as exposed; asking again changes nothing."""
    from groundcrew.services.experiment_assignment import UNITS_PER_REQUEST_MAX, NewUnit
    from groundcrew.services.rows import read_rows

    asking: list[NewUnit] = [NewUnit(unit_id=each, cluster=cluster) for each in units]
    if source is not None:
        asking += [row for _, row in read_rows(source, NewUnit)]
    if not asking:
        raise InputError("name a unit, or a file with --input", field="units")

    async def work(services: Services) -> list[Assigned]:
        found: list[Assigned] = []
        for start in range(0, len(asking), UNITS_PER_REQUEST_MAX):
            found += await services.experiments.assign(use_case, asking[start : start + UNITS_PER_REQUEST_MAX], actor=actor())
        return found

    assigned = with_services(data, database_url, work)
    if as_json:
        print_json(assigned)
        return
    rows = [(each.unit_id, each.arm, each.name, "yes" if each.enrolled else f"no: {each.why}") for each in assigned]
    print_table(("unit", "arm", "called", "compared"), rows, empty="no units")


@experiment.command("look")
@click.argument("use_case")
@json_option
@storage_options
def experiment_look(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Analyse what is recorded of USE_CASE now, and keep what is seen. The server does so by itself when data arrive."""

    async def work(services: Services) -> Analysis:
        return await services.experiments.look(use_case, actor=actor())

    analysis = with_services(data, database_url, work)
    if as_json:
        print_json(analysis)
    else:
        _print_analysis(analysis)
        for line in _quality(analysis):
            click.echo(f"  {line}")


@experiment.command("looks")
@click.argument("use_case")
@click.option("--limit", default=LOOKS_DEFAULT, show_default=True, type=click.IntRange(1, 1_000), help="The newest so many.")
@json_option
@storage_options
def experiment_looks(use_case: str, limit: int, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show every kept look at the experiment of USE_CASE, oldest first."""

    async def work(services: Services) -> list[Analysis]:
        return await services.experiments.looks(use_case, limit=limit)

    looks = with_services(data, database_url, work)
    if as_json:
        print_json(looks)
        return
    rows = [
        (
            f"{look.as_of:%Y-%m-%d %H:%M UTC}" if look.as_of is not None else "",
            look.report.verdict,
            each.name,
            each.n,
            _number(each.estimate),
            _interval(each.lower, each.upper),
            each.finding,
        )
        for look in looks
        if look.report is not None
        for each in look.report.metrics
    ]
    print_table(("look", "verdict", "metric", "n", "estimate", "interval", "finding"), rows, empty="nobody has looked yet")


@experiment.command("stop-treatment")
@click.argument("use_case")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@storage_options
def experiment_stop(use_case: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Treat nobody any more in the running experiment of USE_CASE. It can not be taken back: an amendment starts anew."""

    async def work(services: Services) -> None:
        await services.experiments.stop_treatment(use_case, actor=await person(services, as_name), reason=reason)
        click.echo(f"nobody is treated any more in {use_case}")

    with_services(data, database_url, work)


@experiment.command("conclude")
@click.argument("use_case")
@click.option("--reason", required=True, help="Why now; kept in the audit log.")
@click.option("--expect", type=click.Choice(get_args(Concluded)), help="Refuse to end it as anything else.")
@as_option
@json_option
@storage_options
def experiment_conclude(
    use_case: str,
    reason: str,
    expect: str | None,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """End the experiment of USE_CASE as its stop rule allows. Refused with the reasons while it has to go on."""

    async def work(services: Services) -> Hypothesis:
        who = await person(services, as_name)
        return await services.experiments.conclude(use_case, actor=who, reason=reason, expected=cast("Concluded | None", expect))

    ended = with_services(data, database_url, work)
    if as_json:
        print_json(ended)
    else:
        click.echo(f"hypothesis {ended.name!r} of {use_case}, version {ended.version}, is {ended.state}")


def _interval(lower: float | None, upper: float | None) -> str:
    return f"{_number(lower)} to {_number(upper)}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
