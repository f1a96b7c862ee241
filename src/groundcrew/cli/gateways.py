"""`gateways`: say that one which is not heard of any more is gone, so that no stop waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.enforcement_point import EnforcementPoint
    from groundcrew.services.bundle import Services


@click.group()
def gateways() -> None:
    """Look after the list of gateways that stops wait for."""


@gateways.command("forget")
@click.argument("gateway_id", metavar="ID")
@click.option("--reason", required=True, help="How you know that it has ended; kept in the audit log.")
@as_option
@json_option
@storage_options
def gateways_forget(
    gateway_id: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Say that a gateway is gone: its process, container or machine has ended.

    Stops wait for it no more. Look first: one that is merely cut off may go on serving, and this would hide it.
    """

    async def work(services: Services) -> EnforcementPoint:
        name = await person(services, as_name)
        return await services.kill_switches.forget_gateway(gateway_id, actor=name, reason=reason)

    point = with_services(data, database_url, work)
    if as_json:
        print_json(point)
    else:
        click.echo(f"{point}: forgotten; it had been silent for {point.silent_s:.0f} s")
