"""`curate`: builds a data set from messy files by a recipe, and says where records were dropped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import json_option, print_json, print_table
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.curation.recipe import Recipe


@click.command()
@click.argument("recipe", metavar="RECIPE.yaml", type=click.Path(path_type=Path))
@click.argument("more", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--input",
    "inputs",
    metavar="PATH...",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Files or folders: JSON Lines (.gz too), CSV (.gz too), Parquet.",
)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The folder of the data set.")
@click.option("--force", is_flag=True, help="Replace a data set of another revision.")
@json_option
def curate(recipe: Path, more: tuple[Path, ...], inputs: tuple[Path, ...], output: Path, force: bool, as_json: bool) -> None:
    """Build a data set by RECIPE.yaml: every record is kept, or dropped for one named reason.

    The revision names the content: the same recipe and records give the same one, in any order and on any machine.
    """
    from groundcrew.curation.data_set import curate as build
    from groundcrew.curation.report import percent

    # `--input a b`: the option takes the first, what follows arrives as arguments.
    outcome = build(_recipe(recipe), (*inputs, *more), output, force=force)
    funnel = outcome.funnel
    if as_json:
        print_json(outcome)
        return
    print_table(
        ("check", "dropped", "left", "examples"),
        [(each.reason, f"{each.dropped:,}", f"{each.remaining:,}", ", ".join(each.examples)) for each in funnel.steps],
        empty="no checks",
    )
    share = percent(funnel.kept, funnel.records)
    click.secho(f"{funnel.name}: {funnel.kept:,} of {funnel.records:,} records kept ({share})", bold=True)
    if funnel.ignored_files:
        click.echo(f"  not read, other formats: {len(funnel.ignored_files)} files (funnel.json lists them)")
    click.echo(f"  revision {funnel.revision}")
    click.echo(
        f"  {outcome.output}: {'holds this revision already, left alone' if outcome.state == 'unchanged' else outcome.state}"
    )


def _recipe(path: Path) -> Recipe:
    from groundcrew.curation.recipe_reading import parse_recipe
    from groundcrew.services.declaration_fields import lines_by_field
    from groundcrew.services.declaration_yaml import plain, read_documents

    documents = read_documents(path, str(path))
    if len(documents) != 1:
        raise InputError(f"expected one recipe, found {len(documents)}", file=str(path))
    return parse_recipe(plain(documents[0]), file=str(path), lines=lines_by_field(documents[0]), folder=path.parent)
