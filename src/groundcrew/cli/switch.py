"""`stop`, `resume` and `drill`: the kill switch from the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, storage_options, with_services
from groundcrew.domain.kill_switch import parse_scope
from groundcrew.errors import CAN_NOT_BE_OPENED, GroundcrewError, InputError
from groundcrew.settings import load

if TYPE_CHECKING:
    from groundcrew.domain.kill_switch import KillSwitch
    from groundcrew.services.bundle import Services
    from groundcrew.services.kill_switches import StopReport

#: How long a stop waits for the database to open, and to take the trip, before it goes on without it.
OPEN_S_MAX, TELL_S_MAX = 5.0, 10.0

_SCOPES = "SCOPE is all, use-case:NAME, model:NAME, provider:NAME, unit:NAME or key:ID."


def _print_report(report: StopReport, as_json: bool) -> None:
    if as_json:
        print_json(report)
    elif report.silent:
        click.secho(
            f"STOP FAILED for {report.switch.scope}: {', '.join(report.silent)} did not acknowledge in {report.seconds:.1f} s. "
            f"Stop these processes by hand, or run `groundcrew stop {report.switch.scope} --local` on their hosts; "
            "for one that has ended for certain: `groundcrew gateways forget ID --reason …`. "
            f"Those that did cut {report.cut} calls in flight.",
            fg="red",
            bold=True,
            err=True,
        )
    else:
        cut = f", cut {report.cut} calls in flight" if report.gateways else ""
        where = f"{report.gateways} gateways" if report.gateways != 1 else "the gateway"
        confirmed = (
            f"confirmed by {where} in {report.seconds:.2f} s" if report.gateways else "no gateway is running, none will serve it"
        )
        click.echo(f"{report.switch.scope}: stopped, {confirmed}{cut}")


@click.command(epilog=_SCOPES)
@click.argument("scope")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@click.option("--local", is_flag=True, help="On the gateway's own host, without the database: through a file in its data folder.")
@as_option
@json_option
@storage_options
def stop(
    scope: str, reason: str, local: bool, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Trip the kill switch of SCOPE. Exits 1 when a running gateway does not acknowledge in time.

    Where the database can not be reached, the gateways of this host are stopped through their data folder, and it exits 1 too,
    since nobody else could be told.
    """
    from groundcrew.cli.local_stop import stop_locally

    parsed, settings = parse_scope(scope), load(data=data, database_url=database_url)
    if local:
        if as_name is not None:
            raise InputError("an account's password needs the database: a local stop is in the name of who runs it", field="as")
        stop_locally(settings, parsed, reason, as_json=as_json, why="A local stop.")
        return

    async def work(services: Services) -> StopReport:
        name = await person(services, as_name)
        async with asyncio.timeout(settings.kill_confirm_s_max + TELL_S_MAX):
            return await services.kill_switches.stop(parsed, actor=name, reason=reason)

    try:
        report = with_services(data, database_url, work, open_s_max=OPEN_S_MAX)
    except Exception as error:
        if not _is_away(error):
            raise
        if not settings.data.is_dir():
            raise InputError(
                f"{error}; nothing was stopped. On each gateway's host: groundcrew stop {parsed} --local --data FOLDER"
            ) from None
        why = f"THE DATABASE COULD NOT BE TOLD ({' '.join(str(error).split()) or type(error).__name__})."
        stop_locally(settings, parsed, reason, as_json=as_json, why=why)
        raise click.exceptions.Exit(1) from None
    _print_report(report, as_json)
    if report.silent:
        raise click.exceptions.Exit(1)


def _is_away(error: Exception) -> bool:
    """Whether a stop failed for want of its database. What the services say on purpose, such as a scope that does not exist, is
    an answer; everything else means that nobody was told."""
    if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
        return False
    return not isinstance(error, GroundcrewError) or (
        isinstance(error, InputError) and error.message.startswith(CAN_NOT_BE_OPENED)
    )


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
            f"A second person confirms: groundcrew resume {scope} --as NAME --reason … "
            "(admin, it or on_call; `groundcrew user add NAME --role on_call` makes such an account)"
        )
        if switch.failed:
            click.secho(f"It never stopped everything: {', '.join(switch.silent)} did not confirm.", fg="red", err=True)
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
