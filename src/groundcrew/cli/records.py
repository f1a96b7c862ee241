"""`audit verify`, `export` and `redact`: the record, out of it and away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import actor, json_option, print_json, print_table, storage_options, with_services
from groundcrew.errors import AuditBroken

if TYPE_CHECKING:
    from groundcrew.services.audit import AuditReport
    from groundcrew.services.bundle import Services
    from groundcrew.services.retention import Redaction


@click.group()
def audit() -> None:
    """Verify the audit chain."""


@audit.command("verify")
@click.option("--file", type=click.Path(path_type=Path), help="Verify an exported chain instead, offline.")
@json_option
@storage_options
def audit_verify(file: Path | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Check the hash chain, and every audited row against it. Exits 1 when anything was edited, removed or inserted."""
    if file is not None:
        from groundcrew.services.audit import verify_file

        report = verify_file(file)
    else:

        async def work(services: Services) -> AuditReport:
            return await services.audit.verify()

        report = with_services(data, database_url, work)
    if as_json:
        print_json(report)
    else:
        for problem in report.problems:
            click.echo(f"  {problem}")
        if not report.problems:
            click.echo(f"{report.entries} entries verify; the newest hash is {report.head or 'none'}")
    if report.problems:
        raise AuditBroken(f"the audit log does not verify: {len(report.problems)} problems, first: {report.problems[0]}")


@click.command()
@click.argument("what", type=click.Choice(["calls", "audit"]))
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="calls: .parquet, .jsonl or .jsonl.gz; audit: .jsonl or .jsonl.gz.",
)
@click.option("--use-case", help="Calls of this use case only.")
@storage_options
def export(what: str, output: Path, use_case: str | None, data: Path | None, database_url: str | None) -> None:
    """Export recorded calls, or the audit log for offline verification. The file appears whole or not at all."""
    from groundcrew.cli.progress import progress_bar
    from groundcrew.services.exports import export_audit, export_calls

    async def work(services: Services) -> int:
        if what == "audit":
            return await export_audit(services.audit, output)
        with progress_bar("exporting") as advance:
            return await export_calls(services.calls, output, use_case=use_case, progress=advance)

    rows = with_services(data, database_url, work)
    click.echo(f"{rows} rows in {output}")


@click.command()
@click.option("--days", type=click.IntRange(1, 36_500), help="For use cases that do not say; else GROUNDCREW_RETENTION_DAYS.")
@json_option
@storage_options
def redact(days: int | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Remove the texts of calls, sign-offs and ratings that are older than their use case keeps them, now.

    The server does the same every six hours. What is removed is gone; figures and hashes stay, and the audit log says what
    went. Exits 1 when rows are not what the audit log says: those are left alone.
    """
    from groundcrew.settings import load

    days_default = load().retention_days if days is None else days

    async def work(services: Services) -> list[Redaction]:
        return await services.retention.run(days_default=days_default, actor=actor())

    done = with_services(data, database_url, work)
    if as_json:
        print_json(done)
    else:
        rows = [(each.use_case, each.days, each.calls, each.sign_offs, each.ratings, each.labels) for each in done]
        print_table(("use case", "days kept", "calls", "sign-offs", "ratings", "labels"), rows, empty="nothing is old enough")
    problems = [f"{each.use_case}: {problem}" for each in done for problem in each.problems]
    if problems:
        raise AuditBroken(f"{len(problems)} batches were left alone, first: {problems[0]}")
