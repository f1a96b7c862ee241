"""`channel`: where messages go, whether they get there, and what became of each."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.domain.delivery import DeliveryState

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services
    from groundcrew.services.deliveries import ChannelView, DeliveryView

#: How often a test is looked at while it is under way.
LOOK_S = 0.25
STATES = ("pending", "delivered", "failed")


@click.group()
def channel() -> None:
    """List and try channels, look at deliveries, and send one again."""


@channel.command("list")
@json_option
@storage_options
def channel_list(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the channels, and how many of their deliveries wait, were taken and failed."""

    async def work(services: Services) -> list[ChannelView]:
        return await services.deliveries.channels()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.channel.name,
            each.channel.kind,
            each.channel.url or ", ".join(each.channel.to),
            each.pending,
            each.delivered,
            each.failed,
        )
        for each in found
    ]
    print_table(
        ("channel", "kind", "leads to", "waiting", "delivered", "failed"),
        rows,
        empty="no channel is declared: `kind: Channel` in a file for `groundcrew apply`",
    )


@channel.command("test")
@click.argument("name")
@click.option("--wait", "wait_s", type=click.IntRange(1, 600), default=30, show_default=True, help="Seconds to wait for it.")
@as_option
@storage_options
def channel_test(name: str, wait_s: int, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Send a message that only tries channel NAME, and wait until it was taken; a running server sends it. Exits 1 if not."""

    async def work(services: Services) -> DeliveryView:
        sent = await services.deliveries.test(name, actor=await person(services, as_name))
        ends_s = time.monotonic() + wait_s
        while True:
            view = await services.deliveries.get(sent.id)
            if view.delivery.state != "pending" or time.monotonic() >= ends_s:
                return view
            await asyncio.sleep(LOOK_S)

    view = with_services(data, database_url, work)
    if view.delivery.state == "delivered":
        click.echo(f"{name} took it at attempt {view.attempts}")
        return
    if view.attempts:
        click.echo(f"{name} has not taken it after {view.attempts} attempts: {view.last_error}", err=True)
    else:
        click.echo(f"nothing has tried to send it within {wait_s} s: is a server running (`groundcrew up`)?", err=True)
    raise click.exceptions.Exit(1)


@channel.command("deliveries")
@click.option("--state", type=click.Choice(STATES), help="Those in this state only.")
@click.option("--channel", "name", help="Those of this channel only.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="How many, newest first.")
@json_option
@storage_options
def channel_deliveries(
    state: str | None, name: str | None, limit: int, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """List the newest deliveries: what waits, what failed and why."""

    async def work(services: Services) -> list[DeliveryView]:
        return await services.deliveries.find(channel=name, state=cast("DeliveryState | None", state), limit=limit)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    print_table(
        ("delivery", "channel", "event", "state", "attempts", "last error"),
        [
            (
                each.delivery.id,
                each.delivery.channel,
                each.delivery.event,
                each.delivery.state,
                each.attempts,
                each.last_error,
            )
            for each in found
        ],
        empty="no deliveries",
    )


@channel.command("replay")
@click.argument("delivery_id", metavar="DELIVERY")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@storage_options
def channel_replay(delivery_id: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Send DELIVERY again, at once and under its id: a receiver that knows it already does nothing twice."""

    async def work(services: Services) -> DeliveryView:
        return await services.deliveries.replay(delivery_id, actor=await person(services, as_name), reason=reason)

    view = with_services(data, database_url, work)
    click.echo(f"{view.delivery.id} is {view.delivery.state}")


@channel.command("secret")
def channel_secret() -> None:
    """Print a new secret for a webhook's channel and its receiver. It is not kept anywhere."""
    from groundcrew.domain.webhook import new_secret

    click.echo(new_secret())
