"""`stop`, `resume` and `drill`: the kill switch from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, storage_options, with_services
from groundcrew.domain.kill_switch import parse_scope

if TYPE_CHECKING:
    from groundcrew.domain.kill_switch import KillSwitch
    from groundcrew.services.bundle import Services
    from groundcrew.services.kill_switches import StopReport

_SCOPES = "SCOPE is all, use-case:NAME, model:NAME, provider:NAME, unit:NAME or key:ID."


def _print_report(report: StopReport, as_json: bool) -> None:
    if as_json:
        print_json(report)
    elif report.silent:
        click.secho(
            f"STOP FAILED for {report.switch.scope}: {', '.join(report.silent)} did not acknowledge in {report.seconds:.1f} s. "
            "Stop these processes by hand.",
            fg="red",
            bold=True,
            err=True,
        )
    else:
        where = f"{report.gateways} gateways" if report.gateways != 1 else "the gateway"
        confirmed = (
            f"confirmed by {where} in {report.seconds:.2f} s" if report.gateways else "no gateway is running, none will serve it"
        )
        click.echo(f"{report.switch.scope}: stopped, {confirmed}")


@click.command(epilog=_SCOPES)
@click.argument("scope")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@json_option
@storage_options
def stop(scope: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Trip the kill switch of SCOPE. Exits 1 when a running gateway does not acknowledge in time."""
    parsed = parse_scope(scope)

    async def work(services: Services) -> StopReport:
        return await services.kill_switches.stop(parsed, actor=await person(services, as_name), reason=reason)

    report = with_services(data, database_url, work)
    _print_report(report, as_json)
    if report.silent:
        raise click.exceptions.Exit(1)


@click.command(epilog=_SCOPES)
@click.argument("scope")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@json_option
@storage_options
def resume(scope: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Reset a tripped kill switch: the first person asks, a second one confirms with the same command (see --as)."""
    parsed = parse_scope(scope)

    async def work(services: Services) -> KillSwitch:
        return await services.kill_switches.resume(parsed, actor=await person(services, as_name), reason=reason)

    switch = with_services(data, database_url, work)
    if as_json:
        print_json(switch)
    elif switch.denies:
        click.echo(
            f"{scope}: reset asked for by {switch.reset_requested_by}, still stopped. "
            f"A second person confirms: groundcrew resume {scope} --as NAME --reason …"
        )
    else:
        click.echo(f"{scope}: running again")


@click.command(epilog=_SCOPES)
@click.argument("scope")
@click.option("--reason", default="drill", show_default=True, help="Kept in the audit log.")
@as_option
@json_option
@storage_options
def drill(scope: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Trip SCOPE, measure until every gateway has stopped it, arm it again. Calls in scope are refused meanwhile."""
    parsed = parse_scope(scope)

    async def work(services: Services) -> StopReport:
        return await services.kill_switches.drill(parsed, actor=await person(services, as_name), reason=reason)

    report = with_services(data, database_url, work)
    _print_report(report, as_json)
    if not report.silent and not as_json:
        click.echo(f"{scope}: armed again; the time is recorded as evidence")
    if report.silent:
        raise click.exceptions.Exit(1)
