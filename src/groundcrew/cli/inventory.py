"""`inventory`: what scans found, who settles it until when, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.domain.inventory import STATES, UNSETTLED, WHY

if TYPE_CHECKING:
    from groundcrew.domain.inventory import InventoryFinding
    from groundcrew.services.bundle import Services
    from groundcrew.services.inventory import InventoryOverview

DATE = click.DateTime(("%Y-%m-%d",))


@click.group()
def inventory() -> None:
    """Settle what scans found: every finding gets an owner and a deadline, and becomes a use case or goes."""


@inventory.command("list")
@click.option("--state", type=click.Choice(STATES), help="In one state.  [default: open and assigned]")
@click.option("--all", "every", is_flag=True, help="Settled ones as well.")
@click.option("--overdue", is_flag=True, help="Past their deadline only.")
@click.option("--service", help="Of one service, such as openai.")
@click.option("--owner", help='Of one owner; "" lists what has none.')
@click.option("--unit", help='Of one business unit; "" lists what has none.')
@click.option("--root", help="Of one root that was scanned.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@json_option
@storage_options
def inventory_list(**given: Any) -> None:
    """List findings: what is overdue first, then what waits for somebody, the worst first."""

    async def work(services: Services) -> tuple[list[InventoryFinding], InventoryOverview]:
        today = services.database.clock.now().date()
        every = given["every"] or given["state"] is not None
        found = await services.inventory.find(
            state=given["state"],
            wants=lambda each: each.overdue(today) if given["overdue"] else every or each.state in UNSETTLED,
            service=given["service"],
            owner=given["owner"],
            unit=given["unit"],
            root=given["root"],
            limit=given["limit"],
        )
        return found, await services.inventory.overview()

    found, overview = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    print_table(
        ("id", "severity", "state", "service", "where", "owner", "deadline", "root"),
        [
            (
                each.id,
                each.found.severity,
                each.state.replace("_", " "),
                each.found.service,
                each.found.place or each.found.fragment,
                each.owner or "",
                each.deadline or "",
                each.root,
            )
            for each in found
        ],
        empty="nothing waits: `groundcrew scan --code PATH --record` looks again"
        if overview.scans
        else "nothing was scanned yet",
    )
    if overview.overdue:
        click.echo(f"{overview.overdue} overdue")


@inventory.command("show")
@click.argument("finding_id")
@json_option
@storage_options
def inventory_show(finding_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show FINDING_ID: what was found, why it matters, what became of it."""

    async def work(services: Services) -> InventoryFinding:
        return await services.inventory.get(finding_id)

    item = with_services(data, database_url, work)
    if as_json:
        print_json(item)
        return
    found = item.found
    click.secho(f"{found.service}: {found.kind.replace('_', ' ')}, {found.severity}", bold=True)
    click.echo(f"  {found.place or found.fragment}  ({item.root})")
    if found.path and found.fragment:
        click.echo(f"  {found.fragment}")
    click.echo(f"  {found.reason}")
    click.echo(f"  {WHY[found.kind]}")
    said = [item.state.replace("_", " ")]
    said += [f"{item.owner}, by {item.deadline}"] if item.owner and item.deadline else []
    said += [f"use case {item.use_case}"] if item.use_case else []
    said += [f"until {item.until}"] if item.until else []
    said += [item.reason] if item.reason else []
    said += [f"not seen since {item.gone_at:%Y-%m-%d}"] if item.gone_at else []
    click.echo(f"  {'; '.join(said)}")
    click.echo(
        f"  found first on {item.first_found_at:%Y-%m-%d}" + (f", came back {item.reopened} times" if item.reopened else "")
    )


@inventory.command("assign")
@click.argument("finding_ids", nargs=-1, required=True, metavar="FINDING_ID...")
@click.option("--owner", required=True, help="Who settles it.")
@click.option("--deadline", required=True, type=DATE, help="By which day, as YYYY-MM-DD.")
@click.option("--unit", default="", help="The business unit that it belongs to.")
@as_option
@storage_options
def inventory_assign(**given: Any) -> None:
    """Give findings an owner and a deadline."""

    async def work(services: Services) -> list[InventoryFinding]:
        who = await person(services, given["as_name"])
        return [
            await services.inventory.assign(each, given["owner"], given["deadline"].date(), unit=given["unit"], actor=who)
            for each in given["finding_ids"]
        ]

    for each in with_services(given["data"], given["database_url"], work):
        click.echo(f"finding {each.id}: {each.owner} settles it by {each.deadline}")


@inventory.command("retire")
@click.argument("finding_id")
@click.option("--reason", required=True, help="What was taken away, and how.")
@as_option
@storage_options
def inventory_retire(**given: Any) -> None:
    """Say that FINDING_ID was taken away. The next recorded scan confirms that, or opens it again."""

    async def work(services: Services) -> InventoryFinding:
        return await services.inventory.retire(
            given["finding_id"], given["reason"], actor=await person(services, given["as_name"])
        )

    click.echo(f"finding {with_services(given['data'], given['database_url'], work).id} is retired: scan again to confirm it")


@inventory.command("accept")
@click.argument("finding_id")
@click.option("--reason", required=True, help="Why it may stay as it is.")
@click.option("--until", required=True, type=DATE, help="Until which day, as YYYY-MM-DD; then it is open again.")
@as_option
@storage_options
def inventory_accept(**given: Any) -> None:
    """Let FINDING_ID stay as it is until a day. Takes a person's account: --as NAME."""

    async def work(services: Services) -> InventoryFinding:
        who = await person(services, given["as_name"])
        return await services.inventory.accept(given["finding_id"], given["reason"], given["until"].date(), actor=who)

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"finding {found.id} is accepted until {found.until}")


@inventory.command("draft")
@click.argument("finding_id")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the draft to this file instead.")
@storage_options
def inventory_draft(finding_id: str, output: Path | None, data: Path | None, database_url: str | None) -> None:
    """Print a use case for FINDING_ID as YAML, to fill in: `apply` refuses it until people said what only they know."""

    async def work(services: Services) -> str:
        return await services.inventory.draft(finding_id)

    text = with_services(data, database_url, work)
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    click.echo(f"wrote {output}")


@inventory.command("register")
@click.argument("finding_id")
@click.option("--use-case", required=True, help="The registered use case that it belongs to now.")
@as_option
@storage_options
def inventory_register(**given: Any) -> None:
    """Say which registered use case FINDING_ID belongs to. Takes a person's account: --as NAME."""

    async def work(services: Services) -> InventoryFinding:
        who = await person(services, given["as_name"])
        return await services.inventory.register(given["finding_id"], given["use_case"], actor=who)

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"finding {found.id} belongs to the use case {found.use_case}")


@inventory.command("reopen")
@click.argument("finding_id")
@click.option("--reason", required=True, help="Why it is not settled.")
@as_option
@storage_options
def inventory_reopen(**given: Any) -> None:
    """Open FINDING_ID again."""

    async def work(services: Services) -> InventoryFinding:
        return await services.inventory.reopen(
            given["finding_id"], given["reason"], actor=await person(services, given["as_name"])
        )

    click.echo(f"finding {with_services(given['data'], given['database_url'], work).id} is open again")
