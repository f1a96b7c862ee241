"""`drift` for use cases: how the monitors stand, references, alarms."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import actor, json_option, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.drift import DriftAlarm
    from groundcrew.services.bundle import Services
    from groundcrew.services.drift import DriftStatus

RESOLUTIONS = ("expected", "fixed", "new-reference")
DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


@click.command("status")
@click.argument("use_case", required=False)
@click.option("--version", help="The version whose digest starts so.  [default: the current one]")
@json_option
@storage_options
def drift_status(use_case: str | None, version: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show how the drift monitors stand, of all use cases or in detail of USE_CASE."""

    async def work(services: Services) -> list[DriftStatus]:
        names = [use_case] if use_case else [each.name for each in await services.use_cases.find()]
        return [await services.drift.status(each, version=version) for each in names]

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found[0] if use_case else found)
        return
    print_table(
        ("use case", "version", "reference", "windows", "waiting", "open alarms", "looked at"),
        [_row(each) for each in found],
        empty="no use case is registered",
    )
    if use_case and (newest := next(iter(found[0].windows[::-1]), None)) is not None:
        click.echo("\nThe newest window:")
        print_table(
            ("feature", "drifted", "statistic", "p", "words"),
            [
                (each.feature, _told(each.drifted), each.statistic_name, _p(each.p_value), each.words or each.reason)
                for each in newest.features
            ],
            empty=newest.reason,
        )


@click.command("reference")
@click.argument("use_case")
@click.option("--since", type=DAY, help="The first day (UTC) of the calls to take.  [default: now]")
@click.option("--until", type=DAY, help="The day before which they end.  [default: when there are enough]")
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@storage_options
def drift_reference(
    use_case: str,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Ask for a new reference of USE_CASE's current version, and make it unless a running server does."""

    async def work(services: Services) -> tuple[int, bool]:
        # What was recorded last may not be read yet.
        await services.drift.keep()
        found = await services.drift.ask_reference(use_case, since=_utc(since), until=_utc(until), actor=actor(), reason=reason)
        turn = await services.drift.keep()
        await services.drift.leave()
        made = (await services.drift.status(use_case)).reference if turn.leading else None
        return found, made is not None

    found, made = with_services(data, database_url, work)
    if made:
        click.echo("the reference is made")
    else:
        click.echo(f"a reference is asked for; {found} of its calls were found so far. `groundcrew drift status {use_case}`")


@click.command("alarms")
@click.argument("use_case", required=False)
@click.option("--all", "with_closed", is_flag=True, help="Acknowledged ones, too.")
@json_option
@storage_options
def drift_alarms(use_case: str | None, with_closed: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List drift alarms, newest first."""

    async def work(services: Services) -> list[DriftAlarm]:
        if with_closed:
            return await services.drift.alarms(use_case)
        if use_case:
            await services.use_cases.get(use_case)
        return await services.drift.open_alarms(use_case)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "use case", "kind", "since", "what changed", "state"),
        [
            (each.id, each.use_case, each.kind, f"{each.since:%Y-%m-%d %H:%M UTC}", each.words, each.resolution or each.state)
            for each in found
        ],
        empty="no drift alarm is open" if not with_closed else "no drift alarm was ever raised",
    )


@click.command("acknowledge")
@click.argument("alarm")
@click.option(
    "--as-what",
    "resolution",
    type=click.Choice(RESOLUTIONS),
    default="expected",
    show_default=True,
    help="A change that is expected, one whose cause is fixed, or what is usual from now on.",
)
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@storage_options
def drift_acknowledge(alarm: str, resolution: str, reason: str, data: Path | None, database_url: str | None) -> None:
    """Say what ALARM comes to."""

    async def work(services: Services) -> DriftAlarm:
        said: Any = resolution.replace("-", "_")
        return await services.drift.acknowledge(alarm, said, actor=actor(), reason=reason)

    done = with_services(data, database_url, work)
    click.echo(f"the alarm of {done.use_case} is acknowledged: {resolution}")


def _row(each: DriftStatus) -> tuple[object, ...]:
    head = each.reference
    if not each.rule.enabled:
        reference = "monitors are off"
    elif head is None:
        reference = f"not enough calls yet: {each.waiting} of {each.needed}"
    else:
        reference = f"{head.calls} calls, {head.since:%Y-%m-%d} to {head.until:%Y-%m-%d}"
    return (
        each.use_case,
        each.version_digest[:12],
        reference,
        len(each.windows),
        f"{each.waiting} of {each.needed}" if head is not None and each.rule.window_s is None else each.waiting,
        sum(alarm.state == "open" for alarm in each.alarms),
        f"{each.read_at:%Y-%m-%d %H:%M UTC}" if each.read_at else "never",
    )


def _told(drifted: bool | None) -> str:
    return "unknown" if drifted is None else ("yes" if drifted else "no")


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None


COMMANDS: tuple[click.Command, ...] = (drift_status, drift_reference, drift_alarms, drift_acknowledge)
