"""`stop` on a gateway's own host: through a file in its data folder, with no database. It says what it did and could not do."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import click
import msgspec

from groundcrew.cli.common import actor, print_json
from groundcrew.domain.clock import SystemClock
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.local_stop import LocalPoint, LocalStop
from groundcrew.errors import InputError
from groundcrew.settings import Settings

if TYPE_CHECKING:
    from groundcrew.services.local_stops import LocalStops

#: How often the gateways' answers are looked at.
POLL_S = 0.02


class LocalReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a local stop achieved: `seconds` until the last gateway of this host had said that nothing of it is in flight, the
    `gateways` that there are, those of them that did not say so, calls cut, and keys whose calls it refuses."""

    scope: Scope
    file: str
    seconds: float
    gateways: int
    silent: tuple[str, ...]
    cut: int
    covers: int
    why: str


def stop_locally(settings: Settings, scope: Scope, reason: str, *, as_json: bool, why: str) -> None:
    """Write the stop, wait for the gateways of this data folder, report. Exits 1 where one of them did not confirm."""
    from groundcrew.services.local_stops import LocalStops, unreadable
    from groundcrew.services.lookups import require_reason

    require_reason(reason)
    local = LocalStops(settings.data)
    if not settings.data.is_dir():
        raise InputError("there is no data folder of a gateway here: name it with --data", file=str(settings.data))
    started = time.monotonic()
    before = {each.point: each.cut.get(str(scope), 0) for each in local.points()}
    stop = LocalStop(id=new_id(), scope=scope, reason=reason, by=actor(), at=SystemClock().now(), host=socket.gethostname())
    try:
        local.add(stop)
        points, silent = _confirmed(local, settings.kill_confirm_s_max)
    except (InputError, OSError) as error:
        raise InputError(
            f"the stop could not be written: {unreadable(error)}. A gateway that can not read its file of stops denies every "
            "call until it can; if yours still serves, stop its process by hand",
            file=str(local.path),
        ) from None
    seconds = time.monotonic() - started
    report = LocalReport(
        scope=scope,
        file=str(local.path),
        seconds=round(seconds, 3),
        gateways=len(points),
        silent=tuple(f"{each.point} (process {each.process_id} on {stop.host})" for each in silent),
        cut=sum(max(0, each.cut.get(str(scope), 0) - before.get(each.point, 0)) for each in points),
        covers=max((each.covers.get(str(scope), 0) for each in points), default=0),
        why=why,
    )
    _print(report, as_json)
    if silent:
        raise click.exceptions.Exit(1)


def _confirmed(local: LocalStops, wait_s: float) -> tuple[list[LocalPoint], list[LocalPoint]]:
    """The gateways of this folder, and those that did not say within `wait_s` that they enforce its file."""
    ends_s = time.monotonic() + wait_s
    while True:
        points, digest = local.points(), local.read()[1]
        silent = [each for each in points if each.digest != digest]
        if not silent or time.monotonic() >= ends_s:
            return points, silent
        time.sleep(POLL_S)


def _print(report: LocalReport, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    click.secho(f"{report.why} THIS HOST ONLY: gateways on other hosts were not told, and go on.", fg="red", bold=True, err=True)
    if report.silent:
        click.secho(
            f"STOP FAILED for {report.scope} on this host: {', '.join(report.silent)} did not confirm in {report.seconds:.1f} s. "
            "Stop these processes by hand.",
            fg="red",
            bold=True,
            err=True,
        )
    elif report.gateways:
        where = f"{report.gateways} gateways" if report.gateways != 1 else "the gateway"
        click.echo(
            f"{report.scope}: stopped on this host, confirmed by {where} in {report.seconds:.2f} s, "
            f"cut {report.cut} calls in flight"
        )
        if not report.covers:
            click.secho(f"No key of this host falls under {report.scope}: is the name right?", fg="yellow", err=True)
    else:
        click.echo(f"{report.scope}: no gateway runs on {report.file}; one that starts with this data folder will not serve it")
    click.echo(
        f"It stays in {report.file} over restarts. Once the database is there it is recorded in your name, "
        f"and only two people end it: groundcrew resume {report.scope} --reason …"
    )
