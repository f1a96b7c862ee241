"""`scan`: looks for AI that nobody governs in code, logs of the network, expenses and gateway keys."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from groundcrew.cli.common import as_option, json_option, person, print_table, storage_options, with_services
from groundcrew.domain.inventory import SEVERITIES, ScanFinding, ScanReport, at_least

if TYPE_CHECKING:
    from groundcrew.scanning.catalogue import Catalogue
    from groundcrew.scanning.code import CodeScan
    from groundcrew.services.bundle import Services
    from groundcrew.services.inventory_recording import Recorded

#: Folders and services that a summary names; further ones are counted.
NAMED_MAX = 6


@click.command()
@click.option(
    "--code", "folders", multiple=True, metavar="PATH", type=click.Path(path_type=Path), help="A folder or file of code."
)
@click.option(
    "--egress", "logs", multiple=True, metavar="LOG", type=click.Path(path_type=Path), help="A proxy, DNS or Zeek log; .gz too."
)
@click.option("--expenses", multiple=True, metavar="CSV", type=click.Path(path_type=Path), help="A table of expenses.")
@click.option("--keys", is_flag=True, help="The gateway keys of this database: unused, unowned, ending.")
@click.option(
    "--gateway", "gateways", multiple=True, metavar="URL", help="An address of your gateway: calls that go there are governed."
)
@click.option(
    "--gateway-host", "gateway_hosts", multiple=True, metavar="HOST", help="Where the gateway's own calls come from, in --egress."
)
@click.option(
    "--catalogue",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="More services, as YAML; those with a known id replace it.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="A column of --expenses: vendor, description, amount, currency, date, user.",
)
@click.option("--name", metavar="NAME", help="What was scanned, as the inventory names it.  [default: remote, path or file name]")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit 1 where a finding is this severe or worse and not accepted.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report as JSON, to post it to /api/v1/findings/scans.",
)
@click.option("--record", is_flag=True, help="Take the findings into the inventory of this database.")
@as_option
@json_option
@storage_options
def scan(**given: Any) -> None:
    """Find AI use that passes the gateway by. Nothing is run and nothing is sent; secrets are never printed.

    With --json one object a line is printed for each finding.
    """
    from groundcrew.errors import InputError

    if not (given["folders"] or given["logs"] or given["expenses"] or given["keys"]):
        raise click.UsageError("say what to scan: --code PATH, --egress LOG, --expenses CSV or --keys")
    if given["output"] is not None and len(given["folders"]) + len(given["logs"]) + len(given["expenses"]) + given["keys"] != 1:
        raise InputError("one report is written: scan one thing", field="output")
    reports = _reports(given)
    findings = [each for report in reports for each in report.findings]
    if given["as_json"]:
        for each in findings:
            click.echo(msgspec.json.encode(each).decode())
    else:
        _print(findings)
    if given["output"] is not None:
        given["output"].write_bytes(msgspec.json.format(msgspec.json.encode(reports[0]), indent=2) + b"\n")
        click.echo(f"wrote {given['output']}", err=given["as_json"])
    if given["record"]:
        for recorded in _record(given, reports):
            _say_recorded(recorded, given["as_json"])
    least = given["fail_on"]
    if least is not None and any(at_least(each.severity, least) and each.accepted is None for each in findings):
        raise click.exceptions.Exit(1)


def _reports(given: dict[str, Any]) -> list[ScanReport]:
    from groundcrew.scanning.catalogue import load

    catalogue = load(given["catalogue"])
    quiet = given["as_json"]
    return [
        *(_code(each, catalogue, given, quiet) for each in given["folders"]),
        *(_egress(each, catalogue, given, quiet) for each in given["logs"]),
        *(_expenses(each, catalogue, given, quiet) for each in given["expenses"]),
        *([_keys(given)] if given["keys"] else []),
    ]


def _code(folder: Path, catalogue: Catalogue, given: dict[str, Any], quiet: bool) -> ScanReport:
    from groundcrew.cli.progress import progress_bar
    from groundcrew.scanning.code import scan_code

    today = datetime.now(UTC).date()
    with progress_bar(f"scanning {folder.name or folder}") as advance:
        found = scan_code(
            folder, catalogue, today=today, gateways=given["gateways"], name=given["name"], progress=lambda done: advance(done, 0)
        )
    _say_code(found, quiet)
    return found.report


def _say_code(found: CodeScan, quiet: bool) -> None:
    left = found.skipped
    notes = [f"{found.files:,} files read"]
    if left.folders:
        named = ", ".join(left.folders[:NAMED_MAX]) + (
            f" and {len(left.folders) - NAMED_MAX} more" if len(left.folders) > NAMED_MAX else ""
        )
        notes.append(f"folders of others left out: {named}")
    counts = (
        (left.binary, "binary"),
        (left.huge, "too large"),
        (left.links, "links"),
        (left.unreadable, "unreadable"),
        (left.by_rule, "left out by rule"),
    )
    notes += [f"{number:,} {what}" for number, what in counts if number]
    if found.governed:
        notes.append(f"governed: {', '.join(f'{name} ({number})' for name, number in sorted(found.governed.items()))}")
    click.echo("; ".join(notes), err=quiet)
    if left.stopped:
        click.echo(f"not everything was read: {left.stopped}", err=True)
    for note in found.notes:
        click.echo(note, err=True)


def _egress(log: Path, catalogue: Catalogue, given: dict[str, Any], quiet: bool) -> ScanReport:
    from groundcrew.cli.progress import progress_bar
    from groundcrew.scanning.egress import scan_egress

    size = log.stat().st_size if log.is_file() else 0
    with progress_bar(f"reading {log.name}") as advance:
        found = scan_egress(
            log,
            catalogue,
            today=datetime.now(UTC).date(),
            gateway_hosts=given["gateway_hosts"],
            name=given["name"],
            progress=lambda done: advance(done, size),
        )
    notes = [f"{found.lines:,} lines read as {found.format}"]
    if found.governed:
        notes.append(f"{found.governed:,} are the gateway's own")
    if found.malformed:
        notes.append(f"{found.malformed:,} could not be read, the first is line {found.first_malformed}")
    if found.beyond:
        notes.append(f"{found.beyond:,} of further users are not listed")
    click.echo("; ".join(notes), err=quiet)
    return found.report


def _expenses(path: Path, catalogue: Catalogue, given: dict[str, Any], quiet: bool) -> ScanReport:
    from groundcrew.errors import InputError
    from groundcrew.scanning.expenses import COLUMNS, scan_expenses

    columns = {}
    for each in given["columns"]:
        field, mark, name = each.partition("=")
        if field not in COLUMNS or not mark:
            raise InputError(f"expected FIELD=NAME with one of {', '.join(COLUMNS)}, found {each!r}", field="column")
        columns[field] = name
    found = scan_expenses(path, catalogue, columns=columns, name=given["name"])
    notes = [f"{found.rows:,} rows read by {', '.join(f'{field} ({name})' for field, name in found.columns.items())}"]
    if found.malformed:
        notes.append(f"{found.malformed:,} could not be read, the first is line {found.first_malformed}")
    click.echo("; ".join(notes), err=quiet)
    return found.report


def _keys(given: dict[str, Any]) -> ScanReport:
    async def work(services: Services) -> ScanReport:
        report, _ = await services.inventory.scan_keys()
        return report

    return with_services(given["data"], given["database_url"], work)


def _record(given: dict[str, Any], reports: list[ScanReport]) -> list[Recorded]:
    async def work(services: Services) -> list[Recorded]:
        who = await person(services, given["as_name"])
        recorded = []
        for each in reports:
            if each.source == "keys":
                _, taken = await services.inventory.scan_keys(actor=who)
            else:
                taken = await services.inventory.record(each, actor=who)
            recorded += [taken] if taken is not None else []
        return recorded

    return with_services(given["data"], given["database_url"], work)


def _say_recorded(recorded: Recorded, quiet: bool) -> None:
    said = [f"{len(recorded.new)} new"]
    said += [f"{len(recorded.reopened)} open again"] if recorded.reopened else []
    said += [f"{len(recorded.gone)} gone"] if recorded.gone else []
    said += [f"{recorded.known} known"] if recorded.known else []
    said += ["nothing was changed or gone: that takes who may settle findings"] if recorded.only_added else []
    click.echo(f"recorded under {recorded.root}: {', '.join(said)}", err=quiet)


def _print(findings: list[ScanFinding]) -> None:
    # What somebody has accepted comes last: it is reported, and is not what there is to do.
    worst_first = sorted(
        findings,
        key=lambda each: (
            each.accepted is not None,
            -SEVERITIES.index(each.severity),
            each.path or each.user or "",
            each.line or 0,
        ),
    )
    rows = [
        (
            each.severity,
            each.kind,
            each.service,
            each.place or each.fragment,
            each.reason + (f" [accepted: {each.accepted}]" if each.accepted else ""),
        )
        for each in worst_first
    ]
    print_table(("severity", "kind", "service", "where", "why"), rows, empty="nothing found")
    accepted = sum(each.accepted is not None for each in findings)
    if findings:
        counted = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
        click.echo(counted + (f", {accepted} of them accepted in the files" if accepted else ""))
