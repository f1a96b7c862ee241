"""`codes`: the code systems that recipes and models name: which there are, what a code means, how further ones are imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from groundcrew.cli.common import json_option, print_json, print_table
from groundcrew.errors import InputError, NotFound
from groundcrew.settings import load

if TYPE_CHECKING:
    from groundcrew.code_systems.catalogue import Format
    from groundcrew.code_systems.system import Code

CHILDREN_SHOWN_MAX = 50
RESULTS_SHOWN = 20


def _data_option(function: Any) -> Any:
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        help="Data folder.  [default: .groundcrew, or GROUNDCREW_DATA]",
    )(function)


def _folder(data: Path | None) -> Path:
    from groundcrew.code_systems.catalogue import FOLDER

    return load(data=data).data / FOLDER


@click.group()
def codes() -> None:
    """List, show, search and import code systems."""


@codes.command("list")
@_data_option
@json_option
def list_systems(data: Path | None, as_json: bool) -> None:
    """List the code systems that ship and those that were imported."""
    from groundcrew.code_systems.catalogue import catalogue

    found = catalogue(_folder(data))
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.release, each.language, f"{each.codes:,}", each.digest[:12]) for each in found]
    print_table(("name", "release", "language", "usable codes", "digest"), rows, empty="no code systems")


@codes.command()
@click.argument("system", metavar="SYSTEM")
@click.argument("code", metavar="CODE")
@_data_option
@json_option
def show(system: str, code: str, data: Path | None, as_json: bool) -> None:
    """Show CODE of SYSTEM (a name, or NAME@RELEASE), however it is written: what it means and what lies above and under it."""
    from groundcrew.code_systems.catalogue import code_system

    found = code_system(system, folder=_folder(data))
    entry = found.find(code)
    if entry is None:
        near = found.search(code, limit=1) if " " in code else []
        hint = f"; `groundcrew codes search {system} {code!r}` finds {near[0].entry.code}" if near else ""
        raise NotFound(f"{code!r} is no code of {found.name} {found.release}{hint}")
    above, under = found.parents(entry.code), found.children(entry.code)
    if as_json:
        print_json(
            {
                "system": found.name,
                "release": found.release,
                "entry": entry,
                "terms": found.terms_of(entry.code),
                "above": above,
                "under": under,
            }
        )
        return
    click.secho(f"{entry.code}  {entry.title}", bold=True)
    click.echo(f"  {_use(entry)} of {found.name} {found.release}")
    for each in reversed(above):
        click.echo(f"  above: {each.code}  {each.title}")
    for label, texts in (("also called", entry.inclusions), ("not", entry.excludes)):
        for text in texts:
            click.echo(f"  {label}: {text}")
    for language, terms in found.terms_of(entry.code).items():
        click.echo(f"  terms ({language}): {' | '.join(terms)}")
    for each in under[:CHILDREN_SHOWN_MAX]:
        click.echo(f"  under: {each.code}  {each.title}")
    if len(under) > CHILDREN_SHOWN_MAX:
        click.echo(f"  and {len(under) - CHILDREN_SHOWN_MAX} more under it (--json lists all)")


def _use(entry: Code) -> str:
    if entry.usable:
        return "a code that a case may have"
    return {"chapter": "a chapter", "block": "a range"}.get(entry.kind, "a heading, which no case may have")


@codes.command()
@click.argument("system", metavar="SYSTEM")
@click.argument("words", metavar="WORDS", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 200), default=RESULTS_SHOWN, show_default=True, help="Hits to show.")
@click.option("--usable", is_flag=True, help="Only codes that a case may have.")
@_data_option
@json_option
def search(system: str, words: tuple[str, ...], limit: int, usable: bool, data: Path | None, as_json: bool) -> None:
    """Search SYSTEM by WORDS, of which the beginnings suffice; the best hits first."""
    from groundcrew.code_systems.catalogue import code_system
    from groundcrew.code_systems.system import RESULTS_MAX

    hits = code_system(system, folder=_folder(data)).search(" ".join(words), limit=RESULTS_MAX)
    hits = [each for each in hits if each.entry.usable or not usable][:limit]
    if as_json:
        print_json(hits)
        return
    rows = [(each.entry.code, each.entry.title, "" if each.entry.usable else "heading") for each in hits]
    print_table(("code", "title", ""), rows, empty=f"nothing in {system} has these words")


@codes.command("import")
@click.argument("system", metavar="SYSTEM")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--format",
    "format_",
    type=click.Choice(("metadata", "claml", "chop", "csv")),
    required=True,
    help="metadata: semicolon texts of BfArM (ICD-10-GM, OPS); claml: XML; chop: the Swiss table as CSV; csv: code;title;parent.",
)
@click.option("--release", default="", help="The edition, such as 2026; needed where the file does not say it.")
@click.option("--language", default="", help="The language of the titles, such as de.")
@click.option("--column", "columns", metavar="COLUMN=NAME", multiple=True, help="What a column is called: code=ZCODE.")
@_data_option
@json_option
def import_(
    system: str,
    path: Path,
    format_: str,
    release: str,
    language: str,
    columns: tuple[str, ...],
    data: Path | None,
    as_json: bool,
) -> None:
    """Import the table at PATH (a file, a folder, or a ZIP archive as it was published) as SYSTEM."""
    from groundcrew.code_systems.catalogue import import_system
    from groundcrew.code_systems.tables import COLUMNS

    named: dict[str, str] = {}
    for each in columns:
        column, separator, name = each.partition("=")
        if not separator or column not in COLUMNS or not name.strip():
            raise InputError(f"{each!r} is no COLUMN=NAME; columns: {', '.join(COLUMNS)}", field="--column")
        named[column] = name.strip()
    entry = import_system(
        system,
        path,
        format=cast("Format", format_),
        release=release,
        language=language,
        folder=_folder(data),
        columns=named,
    )
    if as_json:
        print_json(entry)
        return
    click.secho(f"{entry.name} {entry.release}: {entry.codes:,} usable codes", bold=True)
    click.echo(f"  digest {entry.digest}")
    click.echo(f"  {entry.path}")


@codes.command("add-terms")
@click.argument("system", metavar="SYSTEM")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_data_option
@json_option
def add_terms_(system: str, path: Path, data: Path | None, as_json: bool) -> None:
    """Add what people say for codes of SYSTEM: lines of CODE, language and terms (term | term) in FILE, tabs between them."""
    from groundcrew.code_systems.catalogue import add_terms

    added = add_terms(system, path, folder=_folder(data))
    if as_json:
        print_json(added)
        return
    click.secho(f"{added.system}: {added.terms:,} terms in {', '.join(added.languages)} for {added.codes:,} codes", bold=True)
    click.echo(f"  {added.path}")
