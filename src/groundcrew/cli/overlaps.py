"""`overlap`, `settle-overlap`, `vendor` and `purgatory`: what does the same work, what is sold, and what waits."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import (
    actor,
    as_option,
    json_option,
    person,
    print_json,
    print_table,
    storage_options,
    with_services,
)
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.evidence import Evidence
    from groundcrew.services.bundle import Services
    from groundcrew.services.capabilities import CapabilityView
    from groundcrew.services.changes import Change
    from groundcrew.services.overlaps import OverlapView
    from groundcrew.services.purgatory import Portfolio, WaitingRow


@click.command()
@click.argument("use_case", required=False)
@click.option("--all", "every", is_flag=True, help="Scan every live use case.")
@click.option("--list", "only_list", is_flag=True, help="Scan nothing; list what is on record.")
@json_option
@storage_options
def overlap(
    use_case: str | None, every: bool, only_list: bool, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Compare USE_CASE with every other live one and with what vendors sell; record it as evidence and list what overlaps."""
    if not only_list and (use_case is None) != every:
        raise InputError("name one use case, or give --all, or --list", field="use_case")

    async def work(services: Services) -> tuple[list[Evidence], list[OverlapView]]:
        scanned = []
        if not only_list and use_case is not None:
            scanned = [await services.overlaps.scan(use_case, actor=actor())]
        elif not only_list:
            scanned = list((await services.overlaps.scan_all(actor=actor())).values())
        found = await services.overlaps.find(use_case=use_case)
        return scanned, [each for each in found if each.state != "gone"]

    from groundcrew.services.overlap_languages import said

    scanned, found = with_services(data, database_url, work)
    if as_json:
        print_json({"scanned": [each.content for each in scanned], "overlaps": found})
        return
    for each in scanned:
        content = each.content
        stale = f", {content['capabilities_stale']} of them to be checked again" if content["capabilities_stale"] else ""
        click.echo(
            f"{each.use_case}: compared with {content['compared']} use cases and {content['capabilities']} capabilities{stale}; "
            f"score from {content['score_min']}"
        )
        if note := said(content):
            click.echo(f"  {note}")
    _print_overlaps(found)


def _print_overlaps(found: list[OverlapView]) -> None:
    rows = [
        (
            each.finding.id,
            each.finding.use_case,
            each.other_title if each.capability is not None else each.finding.other,
            f"{each.finding.score:.2f}",
            f"{each.state}, {each.finding.unfound_words}" if each.finding.unfound else each.state,
            ", ".join(each.finding.reason.words) or "–",
        )
        for each in found
    ]
    print_table(("id", "use case", "with", "score", "state", "shared words"), rows, empty="no overlap found")
    if any(each.state == "open" for each in found):
        click.echo("settle one: groundcrew settle-overlap ID DISPOSITION --reason WHY --as NAME", err=True)


@click.command("settle-overlap")
@click.argument("overlap_id")
@click.argument(
    "disposition",
    type=click.Choice(["adopt_vendor", "join_existing", "justified_build", "false_positive", "reopen"]),
)
@click.option("--reason", required=True, help="Why; it is kept in the record.")
@click.option("--until", "until", type=click.DateTime(["%Y-%m-%d"]), help="The last day of a justified build.")
@click.option("--into", help="With join_existing: the use case that goes on.")
@as_option
@storage_options
def settle_overlap(
    overlap_id: str,
    disposition: str,
    reason: str,
    until: object,
    into: str | None,
    as_name: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Decide what becomes of an overlap, as someone who built neither, or open a decided one again (reopen)."""
    from groundcrew.services.overlaps import Terms

    last: date | None = until.date() if hasattr(until, "date") else None

    async def work(services: Services) -> None:
        who = await person(services, as_name)
        if disposition == "reopen":
            await services.overlaps.reopen(overlap_id, reason, actor=who)
            click.echo(f"overlap {overlap_id} is open again")
            return
        terms = Terms(disposition=disposition, reason=reason, expires_on=last, into=into)  # type: ignore[arg-type]
        settled = await services.overlaps.settle(overlap_id, terms, actor=who)
        click.echo(f"overlap {overlap_id}: {settled.state.replace('_', ' ')}")

    with_services(data, database_url, work)


@click.group()
def vendor() -> None:
    """Import and show what vendors sell or plan."""


@vendor.command("import")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--starter", is_flag=True, help="The catalogue that ships: public knowledge of 2025, to be checked.")
@click.option("--dry-run", is_flag=True, help="Show the diff and write nothing.")
@json_option
@storage_options
def vendor_import(
    file: Path | None, starter: bool, dry_run: bool, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Import the capabilities in FILE (YAML or CSV), prints a diff; the same again changes nothing."""
    from groundcrew.cli.registry import print_change
    from groundcrew.services.declaration_capabilities import STARTER, load_capabilities

    if (file is None) != starter:
        raise InputError("name one file, or give --starter", field="file")
    declared = load_capabilities(file if file is not None else STARTER)

    async def work(services: Services) -> list[Change]:
        return await services.capabilities.load(declared, actor=actor(), dry_run=dry_run)

    changes = with_services(data, database_url, work, create=True)
    if as_json:
        print_json(changes)
        return
    for change in changes:
        if change.action != "unchanged":
            print_change(change)
    changed = sum(change.action != "unchanged" for change in changes)
    suffix = " (dry run: nothing written)" if dry_run else ""
    click.echo(f"{changed} changed, {len(changes) - changed} unchanged{suffix}")


@vendor.command("list")
@click.option("--vendor", "name", help="Of this vendor only.")
@json_option
@storage_options
def vendor_list(name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List what vendors sell, with the day on which somebody last read it."""

    async def work(services: Services) -> list[CapabilityView]:
        return await services.capabilities.find(vendor=name)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            each.capability.vendor,
            each.capability.product,
            each.capability.name,
            _status(each),
            f"{each.capability.checked_on}{' – check again' if each.stale else ''}",
            each.overlaps,
        )
        for each in found
    ]
    columns = ("id", "vendor", "product", "name", "status", "checked", "overlaps")
    print_table(columns, rows, empty="none yet: groundcrew vendor import FILE, or --starter")


def _status(view: CapabilityView) -> str:
    item = view.capability
    if item.status != "roadmap":
        return item.status
    return f"roadmap {item.ships_on} ({item.confidence})" + (" – shipped? check" if view.check_shipped else "")


@vendor.command("show")
@click.argument("capability_id")
@json_option
@storage_options
def vendor_show(capability_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show one capability with its source."""

    async def work(services: Services) -> CapabilityView:
        return await services.capabilities.get(capability_id)

    view = with_services(data, database_url, work)
    if as_json:
        print_json(view)
        return
    item = view.capability
    click.echo(f"{item.title}: {item.description}")
    click.echo(f"  status: {_status(view)}")
    click.echo(f"  checked: {item.checked_on}" + (", more than 90 days ago: unknown until checked again" if view.stale else ""))
    click.echo(f"  source: {item.source}")
    click.echo(f"  area: {item.area or '–'}; tags: {', '.join(item.tags) or '–'}; overlaps: {view.overlaps}")


@click.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write CSV to this file.")
@json_option
@storage_options
def purgatory(output: Path | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List what waits before production: for how long, for what and of whom, and what it has cost; dearest and oldest first."""
    from groundcrew.services.purgatory import as_csv

    async def work(services: Services) -> Portfolio:
        return await services.purgatory.portfolio()

    found = with_services(data, database_url, work)
    if output is not None:
        output.write_text(as_csv(found), encoding="utf-8", newline="")
        click.echo(f"{len(found.rows)} use cases written to {output}")
        return
    if as_json:
        print_json(found)
        return
    rows = [
        (each.use_case, each.stage, _age(each.age_days), _age(each.stuck_days), _cost(each), _waits(each)) for each in found.rows
    ]
    columns = ("use case", "stage", "for", "stuck for", "cost so far", "waits for")
    print_table(columns, rows, empty="nothing waits: no use case is in discovery, pilot or production readiness")
    if found.rows:
        unknown = f"; the cost of {found.unknown_rows} leaves something out" if found.unknown_rows else ""
        click.echo(
            f"at least {found.known_usd:,.2f} USD in {len(found.rows)} use case{'' if len(found.rows) == 1 else 's'}{unknown}"
        )


def _age(days: float | None) -> str:
    return "unknown" if days is None else f"{days:.0f} d"


def _cost(row: WaitingRow) -> str:
    return f"{'≥ ' if row.unknown else ''}{row.known_usd:,.2f} USD"


def _waits(row: WaitingRow) -> str:
    groups: dict[str, list[str]] = {}
    for each in row.waits:
        groups.setdefault(each.who, []).append(each.title)
    return "; ".join(f"{who}: {', '.join(titles)}" for who, titles in groups.items()) or "nothing: it can advance"
