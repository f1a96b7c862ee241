"""`approval`, `ramp`, `recertify` and `roi`: who approves a version, how far scale has opened, whether a stage still stands, and
what it earns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.cli.gates import print_evaluation
from groundcrew.domain.use_case import STAGES, Stage

if TYPE_CHECKING:
    from groundcrew.domain.hypothesis import HypothesisPlan
    from groundcrew.metrics.analysis import AnalysisReport
    from groundcrew.services.approvals import ApprovalNow
    from groundcrew.services.bundle import Services
    from groundcrew.services.certifications import Recertified
    from groundcrew.services.ramps import RampView
    from groundcrew.services.returns import Investment

BAR_WIDTH = 40


@click.group()
def approval() -> None:
    """Ask for and give approvals of the current version at a gate."""


@approval.command("request")
@click.argument("use_case")
@click.option("--to", type=click.Choice(STAGES), help="The gate.  [default: into the next stage]")
@as_option
@storage_options
def approval_request(use_case: str, to: str | None, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Ask ethics, IT, legal and business about the current version of USE_CASE. Who asks does not approve."""

    async def work(services: Services) -> None:
        who = await person(services, as_name)
        for each in await services.approvals.request(use_case, actor=who, to=cast("Stage | None", to)):
            click.echo(f"{each.function}: {each.state}, version {each.version_digest[:12]}, gate into {each.stage}")

    with_services(data, database_url, work)


@approval.command("list")
@click.argument("use_case")
@json_option
@storage_options
def approval_list(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the approvals of USE_CASE, each with its state now: stale after a change, lapsed where nobody answered."""

    async def work(services: Services) -> list[ApprovalNow]:
        return await services.approvals.find(use_case)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    print_table(
        ("gate", "function", "state", "by", "version", "answer by", "ground"),
        [
            (
                each.approval.stage,
                each.approval.function,
                each.state,
                each.approval.decided_by or "–",
                each.approval.version_digest[:12],
                f"{each.approval.answer_by:%Y-%m-%d}",
                _ground(each),
            )
            for each in found
        ],
        empty=f"nobody was asked: `groundcrew approval request {use_case}`",
    )


def _ground(row: ApprovalNow) -> str:
    """What was said, or why that does not count any more."""
    if row.silent:
        return f"does not count: {row.silent}"
    if row.stale is None:
        return row.approval.statement
    by = f"by {row.stale.by}" if row.stale.by else ""
    parts = f"changed {', '.join(row.stale.parts)}" if row.stale.parts else ""
    return " ".join(each for each in ("stale:", parts, by) if each) if by or parts else row.approval.statement


@approval.command("decide")
@click.argument("use_case")
@click.argument("function", type=click.Choice(("ethics", "it", "legal", "business")))
@click.option(
    "--decision", required=True, type=click.Choice(("approved", "changes_requested", "abstained")), help="What it says."
)
@click.option("--statement", required=True, help="On what ground; kept in the audit log.")
@click.option("--to", type=click.Choice(STAGES), help="The gate.  [default: into the next stage]")
@as_option
@storage_options
def approval_decide(
    use_case: str,
    function: str,
    decision: str,
    statement: str,
    to: str | None,
    as_name: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Say the word of FUNCTION on the current version of USE_CASE, under an account that holds the function (--as NAME)."""

    async def work(services: Services) -> None:
        who = await person(services, as_name)
        asked = await services.approvals.open_for(use_case, function, cast("Stage | None", to))
        decided = await services.approvals.decide(asked.id, decision, actor=who, statement=statement)
        click.echo(f"{function} has {decided.state.replace('_', ' ')} version {decided.version_digest[:12]} of {use_case}")

    with_services(data, database_url, work)


@click.command()
@click.argument("use_case")
@click.option("--to", type=float, help="The share in percent: the next step, or any lower one.  [default: the next step]")
@click.option("--reason", help="Why; kept in the audit log. Without it nothing changes and the ramp is shown.")
@as_option
@json_option
@storage_options
def ramp(
    use_case: str,
    to: float | None,
    reason: str | None,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Show the ramp of USE_CASE in scale, or take its next step: with --reason, and only while every guardrail holds."""
    from groundcrew.errors import InputError

    if to is not None and reason is None:
        raise InputError("say why: a reason is kept in the audit log", field="reason")

    async def work(services: Services) -> RampView:
        if reason is not None:
            await services.ramps.step(use_case, actor=await person(services, as_name), reason=reason, to=to)
        return await services.ramps.of(use_case)

    view = with_services(data, database_url, work)
    if as_json:
        print_json(view)
        return
    if view.ramp is None:
        click.echo(f"{use_case} has no ramp: it begins when the use case enters scale")
        return
    served = "everybody" if view.exposed_percent is None else f"{view.exposed_percent:g} % of its users"
    click.secho(f"{use_case} is at {view.ramp.percent:g} % of its ramp and serves {served}", bold=True)
    print_table(
        ("percent", "since", "by", "guardrails", "reason"),
        [(f"{each.percent:g}", f"{each.at:%Y-%m-%d %H:%M UTC}", each.by, each.figure, each.reason) for each in view.ramp.steps],
        empty="",
    )
    if view.following is not None and view.check is not None:
        ready = "allowed" if view.check.status == "pass" else "not allowed"
        click.echo(f"next step {view.following:g} %: {ready}; {view.check.figure}")
        if view.check.missing:
            click.echo(f"  → {view.check.missing}")


@click.command()
@click.argument("use_case")
@as_option
@json_option
@storage_options
def recertify(use_case: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Evaluate the entry criteria of USE_CASE's own stage again. Passing renews its certification; exits 1 otherwise."""

    async def work(services: Services) -> Recertified:
        return await services.certifications.recertify(use_case, actor=await person(services, as_name))

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
    elif found.evaluation.passed:
        until = found.certification.valid_until
        click.echo(f"{use_case} is certified in {found.certification.stage}" + (f" until {until:%Y-%m-%d}" if until else ""))
    else:
        print_evaluation(found.evaluation)
        click.echo(f"{found.certification.state}; to be renewed:")
        for reason in found.certification.reasons:
            click.echo(f"  {reason}")
    if not found.evaluation.passed:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("use_case")
@json_option
@storage_options
def roi(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show the return on investment of USE_CASE a month: its interval, what was measured, what is assumed, what moves it most."""

    async def work(services: Services) -> Investment:
        return await services.returns.of(use_case)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
    else:
        print_investment(found, use_case)


def print_investment(found: Investment, name: str) -> None:
    """Print a return with its interval, its grounds and its tornado."""
    if found.report is None or found.report.net.estimate is None:
        click.echo(f"{name}: the return on investment is unknown")
        click.echo(f"  → {found.missing}")
        return
    net = found.report.net
    ends = ", ".join("–" if each is None else f"{each:,.0f}" for each in (net.lower, net.upper))
    mark = click.style(" SAMPLE DATA", fg="magenta", bold=True) if found.sample else ""
    click.secho(f"{name}: {net.estimate:,.0f} USD a month [{ends}]", bold=True, nl=False)
    click.echo(mark)
    if found.report.cost_usd is not None:
        ratio = f", {found.report.ratio:.1f} times the cost" if found.report.ratio is not None else ""
        click.echo(f"  cost {found.report.cost_usd:,.0f} USD a month{ratio}")
    for line in found.measured:
        click.echo(f"  measured: {line}")
    for line in found.assumptions:
        click.echo(f"  assumed: {line}")
    print_table(("what moves it", "low", "high", "USD a month", ""), _tornado(found), empty="")


def investment_of(economics_file: Path, plan: HypothesisPlan, report: AnalysisReport) -> Investment:
    """The return of an analysed experiment under the economics in a file."""
    from groundcrew.services.declaration_economics import load_economics
    from groundcrew.services.returns import planned_investment

    economics, tokens = load_economics(economics_file)
    return planned_investment(economics, plan, report, tokens=tokens)


def _tornado(found: Investment) -> list[tuple[Any, ...]]:
    """One row a figure, the widest swing first, with a bar from the worse to the better end."""
    report = found.report
    assert report is not None
    ends = [each for row in report.sensitivity for each in (row.at_lower_usd, row.at_upper_usd)]
    if not ends:
        return []
    low, span = min(ends), (max(ends) - min(ends)) or 1.0
    rows = []
    for each in report.sensitivity:
        first, last = sorted((each.at_lower_usd, each.at_upper_usd))
        start, end = (round((value - low) / span * BAR_WIDTH) for value in (first, last))
        bar = " " * start + "█" * max(1, end - start)
        kind = f"{each.figure.removesuffix('_usd').replace('_', ' ')}{' (assumed ±25 %)' if each.assumed else ''}"
        rows.append((kind, f"{each.lower:,.6g}", f"{each.upper:,.6g}", f"{first:,.0f} to {last:,.0f}", bar))
    return rows
