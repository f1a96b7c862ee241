"""`legal-hold`: say what may not be removed, and lift that again with two people of legal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.audit_options import moment
from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groundcrew.domain.legal_hold import LegalHold
    from groundcrew.services.bundle import Services


@click.group("legal-hold")
def legal_hold() -> None:
    """Place, list and lift legal holds: what may not be removed."""


@legal_hold.command("place")
@click.argument("matter")
@click.option("--reason", required=True, help="Why.")
@click.option("--use-case", "use_cases", multiple=True, help="Of this use case only; may be given several times.")
@click.option("--case", "cases", multiple=True, help="Of this business case only; may be given several times.")
@click.option("--person", "persons", multiple=True, help="Of this person or unit only; may be given several times.")
@click.option("--call", "calls", multiple=True, help="Of this call only; may be given several times.")
@click.option("--from", "since", help="Of calls from this time on.")
@click.option("--until", help="Of calls before this time; without it also what is still to come.")
@as_option
@json_option
@storage_options
def legal_hold_place(matter: str, reason: str, **given: Any) -> None:
    """Place a hold. Without --use-case, --case, --person and --call it keeps everything. Takes an account of legal (--as)."""
    from groundcrew.services.legal_holds import NewHold

    wanted = NewHold(
        matter=matter,
        reason=reason,
        use_cases=given["use_cases"],
        cases=given["cases"],
        persons=given["persons"],
        calls=given["calls"],
        received_from=moment(given["since"], "from"),
        received_until=moment(given["until"], "until"),
    )

    async def work(services: Services) -> LegalHold:
        return await services.legal_holds.place(wanted, actor=await person(services, given["as_name"]))

    _told(with_services(given["data"], given["database_url"], work), given["as_json"])


@legal_hold.command("list")
@click.option("--use-case", help="That cover this use case.")
@json_option
@storage_options
def legal_hold_list(use_case: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the holds, the newest first."""

    async def work(services: Services) -> list[LegalHold]:
        return await services.legal_holds.find(use_case=use_case)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.id, each.matter, each.state.replace("_", " "), "; ".join(_kept(each)) or "everything", each.placed_by)
        for each in found
    ]
    print_table(("hold", "matter", "state", "keeps", "placed by"), rows, empty="no hold was ever placed")


@legal_hold.command("lift")
@click.argument("hold_id")
@click.option("--reason", required=True, help="Why; it is kept in the log.")
@click.option("--confirm", is_flag=True, help="As the second person: lift what another one has asked to be lifted.")
@as_option
@json_option
@storage_options
def legal_hold_lift(hold_id: str, reason: str, confirm: bool, **given: Any) -> None:
    """Ask that a hold be lifted, or confirm it as the second person. Each takes an account of legal (--as)."""

    async def work(services: Services) -> LegalHold:
        step = services.legal_holds.lift if confirm else services.legal_holds.request_lift
        return await step(hold_id, actor=await person(services, given["as_name"]), reason=reason)

    _told(with_services(given["data"], given["database_url"], work), given["as_json"])


@legal_hold.command("keep")
@click.argument("hold_id")
@click.option("--reason", required=True, help="Why; it is kept in the log.")
@as_option
@json_option
@storage_options
def legal_hold_keep(hold_id: str, reason: str, **given: Any) -> None:
    """Say no to a lift that was asked for: the hold goes on."""

    async def work(services: Services) -> LegalHold:
        return await services.legal_holds.keep(hold_id, actor=await person(services, given["as_name"]), reason=reason)

    _told(with_services(given["data"], given["database_url"], work), given["as_json"])


def _kept(hold: LegalHold) -> Iterator[str]:
    """What narrows it, one text for each that is named."""
    for what, named in (("use cases", hold.use_cases), ("cases", hold.cases), ("persons", hold.persons), ("calls", hold.calls)):
        if named:
            yield f"{what} {', '.join(named)}"
    if hold.received_from is not None:
        yield f"from {hold.received_from:%Y-%m-%d %H:%M UTC}"
    if hold.received_until is not None:
        yield f"before {hold.received_until:%Y-%m-%d %H:%M UTC}"


def _told(hold: LegalHold, as_json: bool) -> None:
    if as_json:
        print_json(hold)
    else:
        click.echo(f"hold {hold.id} ({hold.matter}) is {hold.state.replace('_', ' ')}")
