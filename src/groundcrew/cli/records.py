"""`export` and `redact`: the record, out of it and away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.audit_options import search_options, wanted_of
from groundcrew.cli.common import actor, json_option, print_json, print_table, storage_options, with_services
from groundcrew.domain.audit_search import SEQUENCE_MAX, Wanted
from groundcrew.errors import AuditBroken, InputError

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services
    from groundcrew.services.retention import Redaction


@click.command()
@click.argument("what", type=click.Choice(["calls", "audit"]))
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="calls: .parquet, .jsonl or .jsonl.gz; audit: .jsonl or .jsonl.gz.",
)
@click.option("--use-case", help="Calls or entries of this use case only.")
@search_options
@click.option("--from-entry", type=click.IntRange(1, SEQUENCE_MAX), default=1, help="audit: from this entry on.")
@click.option("--to-entry", type=click.IntRange(1, SEQUENCE_MAX), help="audit: to this entry.")
@storage_options
def export(what: str, output: Path, use_case: str | None, data: Path | None, database_url: str | None, **given: Any) -> None:
    """Export recorded calls, or the audit log for offline verification. The file appears whole or not at all.

    Beside an audit log lies OUTPUT.manifest.json with the checkpoints and keys that vouch for it. A part of the log verifies as
    the whole does: `groundcrew audit verify --file OUTPUT`, with `--partial` for a part.
    """
    from groundcrew.cli.progress import progress_bar
    from groundcrew.services.audit_export import Exported, Part, export_audit
    from groundcrew.services.exports import export_calls

    wanted = wanted_of(use_case=use_case, **given)
    part = Part(first=given["from_entry"], last=given["to_entry"], wanted=wanted)
    if what == "calls" and (not part.is_whole and part != Part(wanted=Wanted(use_case=use_case))):
        raise InputError("of calls only a use case can be asked for", field="use-case")

    async def work(services: Services) -> Exported | int:
        with progress_bar("exporting") as advance:
            if what == "audit":
                return await export_audit(services.database, services.checkpoints, output, part=part, progress=advance)
            return await export_calls(services.calls, output, use_case=use_case, progress=advance)

    done = with_services(data, database_url, work)
    if isinstance(done, int):
        click.echo(f"{done} rows in {output}")
        return
    click.echo(f"{done.entries} rows in {output}, entries {done.first} to {done.last}, head {done.head}")
    if done.signed_to >= done.last:
        click.echo(f"signed up to its end; what vouches for it is in {done.manifest}")
    else:
        click.echo(f"signed up to entry {done.signed_to} only: another server holds the key; see `groundcrew audit keys`")


@click.command()
@click.option("--days", type=click.IntRange(1, 36_500), help="For use cases that do not say; else GROUNDCREW_RETENTION_DAYS.")
@json_option
@storage_options
def redact(days: int | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Remove the texts of calls, sign-offs and ratings that are older than their use case keeps them, now.

    The server does the same every six hours. What is removed is gone; figures and hashes stay, and the audit log says what
    went. What a legal hold covers stays. Exits 1 when rows are not what the audit log says: those are left alone.
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
        for each in done:
            for hold, number in each.kept.items():
                click.echo(f"{each.use_case}: {number} kept: legal hold {hold}")
    problems = [f"{each.use_case}: {problem}" for each in done for problem in each.problems]
    if problems:
        raise AuditBroken(f"{len(problems)} batches were left alone, first: {problems[0]}")
