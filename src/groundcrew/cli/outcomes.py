"""`outcomes`: what the business saw, from a file, as a job that a kill costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import actor, json_option, print_json, storage_options
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.job import Job
    from groundcrew.services.bundle import Services


@click.group()
def outcomes() -> None:
    """Import business outcomes from a file."""


@outcomes.command("import")
@click.argument("use_case")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--input", "source", type=click.Path(path_type=Path), help="The file, where it is not given as FILE.")
@click.option("--job", "as_job", is_flag=True, help="Leave it to the server as a durable job; it takes a copy of the file.")
@json_option
@storage_options
def outcomes_import(
    use_case: str,
    file: Path | None,
    source: Path | None,
    as_job: bool,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Import outcomes of USE_CASE from FILE: .csv or .jsonl (each also with .gz) or .parquet.

    Columns: metric, value, case_id; and where known unit, unit_id, arm, cluster, call_id, at (when it happened), as_of (when
    you knew it). A bad row is named by its line and field, and then nothing of the file is recorded. Importing the same file
    again changes nothing; another value supersedes the earlier one. A command that is killed leaves a job that any worker goes
    on with.
    """
    from groundcrew.cli.jobs import do_here
    from groundcrew.services import job_files, outcome_import

    chosen = file or source
    if chosen is None or (file is not None and source is not None):
        raise click.UsageError("Name the file once: groundcrew outcomes import USE_CASE FILE.")
    if not chosen.exists():
        raise InputError("No such file", file=str(chosen))
    if chosen.is_dir():
        raise InputError("Is a directory", file=str(chosen))
    kind = outcome_import.format_of(str(chosen))
    _check(chosen, kind)

    async def submit(services: Services) -> Job:
        await services.use_cases.get(use_case)
        name = job_files.adopt(services.jobs.folder, chosen, ending=f".{kind}")
        return await outcome_import.submit(services.jobs, use_case, name, name=str(chosen), kind=kind, actor=actor())

    view = do_here(data, database_url, "importing outcomes", submit, quiet=as_json, only_submit=as_job)
    if as_json:
        print_json(view)
    elif as_job:
        click.echo(f"job {view.job.id} waits: groundcrew jobs show {view.job.id}")
    else:
        click.echo(words(view.job.result))


def words(result: dict[str, Any]) -> str:
    """What became of the rows, in a line."""
    late = f", {result['outdated']} were out of date" if result["outdated"] else ""
    return f"{result['recorded']} outcomes recorded, {result['unchanged']} were there already{late}"


def _check(path: Path, kind: Any) -> None:
    """Look at every row before anything is asked for: a file that is wrong is no job."""
    from groundcrew.cli.progress import progress_bar
    from groundcrew.domain.clock import SystemClock
    from groundcrew.services import outcome_import

    with progress_bar("checking") as advance:
        outcome_import.check(path, kind, name=str(path), now=SystemClock().now(), progress=lambda rows: advance(rows, 0))
