"""`knowledge`: what answers may rest on, and the person who said so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.knowledge import Revision
    from groundcrew.services.bundle import Services

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
                f"{each.added_at:%Y-%m-%d %H:%M} {each.added_by}",
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
