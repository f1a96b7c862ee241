"""`knowledge`: what answers may rest on, and the person who said so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import actor, as_option, json_option, person, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.job import Job
    from groundcrew.domain.knowledge import Revision
    from groundcrew.domain.knowledge_quality import Finding
    from groundcrew.services.bundle import Services
    from groundcrew.services.knowledge_quality import Decision, Quality

_SNIPPET_LENGTH_MAX = 300


@click.group()
def knowledge() -> None:
    """Add, approve, list and search knowledge bases."""


@knowledge.command("add")
@click.argument("base")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@as_option
@json_option
@storage_options
def knowledge_add(
    base: str, paths: tuple[Path, ...], as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Read the documents at PATHS (or the declared ones) into a new revision of BASE. It serves once it is approved."""
    from groundcrew.cli.progress import progress_bar

    async def work(services: Services) -> Revision:
        who = await person(services, as_name)
        with progress_bar("indexing", quiet=as_json) as advance:
            return await services.knowledge.add(base, paths, actor=who, progress=advance)

    revision = with_services(data, database_url, work)
    if as_json:
        print_json(revision)
        return
    click.echo(
        f"revision {revision.id[:12]} of {base}: {revision.documents} documents, {revision.passages} passages, {revision.state}"
    )
    if revision.state != "approved":
        click.echo(f"a person approves it: groundcrew knowledge approve {base} {revision.id[:12]}")


@knowledge.command("approve")
@click.argument("base")
@click.argument("revision")
@as_option
@json_option
@storage_options
def knowledge_approve(
    base: str, revision: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Let REVISION (or its first characters) of BASE serve until its next review is due."""

    async def work(services: Services) -> Revision:
        return await services.knowledge.approve(base, revision, actor=await person(services, as_name))

    approved = with_services(data, database_url, work)
    if as_json:
        print_json(approved)
    else:
        click.echo(f"revision {approved.id[:12]} of {base} serves until {approved.expires_at:%Y-%m-%d}")


@knowledge.command("withdraw")
@click.argument("base")
@click.argument("revision")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@storage_options
def knowledge_withdraw(
    base: str, revision: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Stop REVISION of BASE from serving, at once."""

    async def work(services: Services) -> Revision:
        return await services.knowledge.withdraw(base, revision, actor=await person(services, as_name), reason=reason)

    withdrawn = with_services(data, database_url, work)
    click.echo(f"revision {withdrawn.id[:12]} of {base} is withdrawn")


@knowledge.command("list")
@click.argument("base", required=False)
@json_option
@storage_options
def knowledge_list(base: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the revisions, of BASE where given."""

    async def work(services: Services) -> list[Any]:
        return list(await services.knowledge.revisions(base))

    revisions = with_services(data, database_url, work)
    if as_json:
        print_json(revisions)
        return
    print_table(
        ("base", "revision", "state", "documents", "passages", "added", "approved by", "expires"),
        [
            (
                each.knowledge_base,
                each.id[:12],
                each.state,
                each.documents,
                each.passages,
                f"{each.added_at:%Y-%m-%d %H:%M UTC} {each.added_by}",
                each.approved_by or "–",
                f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "–",
            )
            for each in revisions
        ],
        empty="no revisions yet: `groundcrew knowledge add BASE PATH…`",
    )


@knowledge.command("search")
@click.argument("base")
@click.argument("query")
@click.option("--revision", help="Search this revision instead of the serving one.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 50), help="Show so many passages.")
@json_option
@storage_options
def knowledge_search(
    base: str, query: str, revision: str | None, limit: int, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Show the passages of BASE that are nearest to QUERY."""

    async def work(services: Services) -> list[Any]:
        return list(await services.knowledge.search(base, query, revision=revision, limit=limit))

    hits = with_services(data, database_url, work)
    if as_json:
        print_json(hits)
        return
    if not hits:
        click.echo("nothing found")
    for hit in hits:
        click.secho(f"{hit.score:.3f}  {hit.passage.title} — {hit.passage.heading or hit.passage.document}", bold=True)
        click.echo(f"       {hit.passage.text[:_SNIPPET_LENGTH_MAX]}")


@knowledge.command("quality")
@click.argument("base")
@click.option("--no-run", is_flag=True, help="Show what earlier runs found, without looking again.")
@click.option("--job", "as_job", is_flag=True, help="Leave the run to the server; do not wait.")
@json_option
@storage_options
def knowledge_quality(base: str, no_run: bool, as_job: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Look through the serving revision of BASE, and show what was found.

    Contradictions, stale passages, questions without an answer, documents never used, answers often corrected. Each finding
    has an owner and an action, and keeps its state over runs."""
    from groundcrew.cli.jobs import do_here

    async def submit(services: Services) -> Job:
        return await services.quality.submit(base, actor=actor())

    async def work(services: Services) -> Quality:
        return await services.quality.get(base)

    if not no_run:
        view = do_here(data, database_url, "looking", submit, quiet=as_json, only_submit=as_job)
        if as_job:
            click.echo(f"job {view.job.id} waits: groundcrew jobs show {view.job.id}")
            return
    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
    else:
        _print_quality(found)


@knowledge.command("settle")
@click.argument("base")
@click.argument("finding")
@click.argument("state", type=click.Choice(["done", "dismissed", "open"]))
@click.option("--reason", default="", help="Why; a dismissal needs it.")
@click.option("--owner", help="Hand the finding to somebody else.")
@as_option
@storage_options
def knowledge_settle(
    base: str,
    finding: str,
    state: Decision,
    reason: str,
    owner: str | None,
    as_name: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Call a FINDING about BASE done, dismiss it with a reason, or open it again. A dismissed one stays so while its texts do."""

    async def work(services: Services) -> Finding:
        who = await person(services, as_name)
        return await services.quality.decide(base, finding, state, actor=who, reason=reason, owner=owner)

    decided = with_services(data, database_url, work)
    click.echo(f"{decided.id} is {decided.state}, owner {decided.owner}")


def _print_quality(found: Quality) -> None:
    if found.run is not None:
        result = found.run.result
        apart = f" and {result['samples']} of sample data" if result["samples"] else ""
        click.echo(
            f"{result['passages']} passages, {result['pairs']} pairs of sentences compared, {result['calls']} calls{apart}"
            f" of the last {result['window_days']} days"
        )
    rows = [
        (each.kind, each.count, each.title[:_SNIPPET_LENGTH_MAX], _where(each), each.owner, each.id)
        for each in found.findings
        if each.state == "open"
    ]
    print_table(("kind", "count", "finding", "where", "owner", "id"), rows, empty="nothing was found")
    settled = [each for each in found.findings if each.state != "open"]
    if settled:
        click.echo(f"{len(settled)} settled: groundcrew knowledge quality {found.knowledge_base} --no-run --json")


def _where(finding: Finding) -> str:
    return " / ".join(dict.fromkeys(each.document.rpartition("/")[2] for each in finding.quotes))
