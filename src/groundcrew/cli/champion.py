"""`champion`: who carries the use cases of each unit; appoint, let lapse, hand over; read the playbook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.champion import Champion, PlaybookPage
    from groundcrew.services.bundle import Services
    from groundcrew.services.champions import Coverage
    from groundcrew.services.playbook import PageVersions


@click.group()
def champion() -> None:
    """Who carries the use cases of each business unit, and by which playbook."""


@champion.command("list")
@click.option("--units", is_flag=True, help="List the business units and who covers them instead.")
@json_option
@storage_options
def champion_list(units: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List champions and what each carries."""

    async def work(services: Services) -> Coverage:
        return await services.champions.coverage()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    if units:
        print_table(
            ("unit", "champions", "live use cases", "carried by nobody who can"),
            [
                (
                    each.business_unit,
                    ", ".join(each.champions) or "none",
                    len(each.use_cases),
                    "; ".join(f"{name} ({why})" for name, why in each.uncarried) or "–",
                )
                for each in found.units
            ],
            empty="no use case is live, and no champion is appointed",
        )
        return
    print_table(
        ("champion", "state", "unit", "carries", "of"),
        [
            (
                each.standing.name,
                "not appointed" if each.standing.state == "unrecorded" else each.standing.state,
                each.standing.business_unit or "not known",
                ", ".join(each.use_cases) or "–",
                f"{len(each.use_cases)} of {found.load_max}",
            )
            for each in found.champions
        ],
        empty="nobody is champion of anything yet",
    )


@champion.command("appoint")
@click.argument("name")
@click.option("--unit", required=True, help="The business unit whose champion they are.")
@click.option("--account", default="", help="Their account, where it has another name.")
@click.option("--reason", default="", help="Why; it is kept in the audit log.")
@as_option
@storage_options
def champion_appoint(**given: Any) -> None:
    """Make NAME, an e-mail address or an account as use cases name them, the champion of a unit."""

    async def work(services: Services) -> Champion:
        return await services.champions.appoint(
            given["name"],
            business_unit=given["unit"],
            account=given["account"],
            reason=given["reason"],
            actor=await person(services, given["as_name"]),
        )

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"{found.name} is champion of {found.business_unit}")


@champion.command("lapse")
@click.argument("name")
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@as_option
@storage_options
def champion_lapse(**given: Any) -> None:
    """Say that NAME is no champion any more. Hand over what they carry."""

    async def work(services: Services) -> Champion:
        who = await person(services, given["as_name"])
        return await services.champions.lapse(given["name"], reason=given["reason"], actor=who)

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"{found.name} is no champion any more")


@champion.command("hand-over")
@click.argument("to")
@click.option("--use-case", help="This use case.")
@click.option("--from", "source", help="All live use cases of this champion.")
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@as_option
@storage_options
def champion_hand_over(**given: Any) -> None:
    """Hand a use case, or all of a champion's, to the champion TO of the same unit."""

    async def work(services: Services) -> tuple[str, ...]:
        return await services.champions.hand_over(
            given["to"],
            use_case=given["use_case"],
            source=given["source"],
            reason=given["reason"],
            actor=await person(services, given["as_name"]),
        )

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"{given['to']} carries {', '.join(found)}; change the declaration as well")


@champion.command("playbook")
@click.argument("page", required=False)
@click.option("--version", type=click.IntRange(min=0), help="This version of PAGE; 0 is what ships.")
@json_option
@storage_options
def champion_playbook(page: str | None, version: int | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Print PAGE of the playbook as Markdown, or list the pages."""

    async def work(services: Services) -> PageVersions | list[PlaybookPage]:
        return await services.playbook.get(page, version) if page else await services.playbook.pages()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
    elif isinstance(found, list):
        print_table(
            ("page", "version", "title"), [(each.name, each.version or "ships", each.title) for each in found], empty="no pages"
        )
    else:
        click.echo(f"# {found.page.title}\n\n{found.page.text}")
