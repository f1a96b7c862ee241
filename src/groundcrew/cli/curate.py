"""`curate`: builds a data set from messy files by a recipe, and says where records were dropped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from groundcrew.cli.common import json_option, print_json, print_table
from groundcrew.cli.progress import progress_bar
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.curation.data_set import Outcome
    from groundcrew.curation.recipe import Recipe


@click.command()
@click.argument("recipe", metavar="RECIPE.yaml", type=click.Path(path_type=Path))
@click.argument("more", metavar="[PATH]...", nargs=-1)
@click.option(
    "--input",
    "inputs",
    metavar="PATH...",
    multiple=True,
    required=True,
    help="Files, folders or addresses (s3://BUCKET/FOLDER): JSON Lines (.gz too), CSV (.gz too), Parquet.",
)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The folder of the data set.")
@click.option("--force", is_flag=True, help="Replace a data set of another revision.")
@click.option("--fresh", is_flag=True, help="Begin anew instead of going on where a run that was stopped had come to.")
@click.option("--runner", type=click.Choice(("native", "ray")), default="native", show_default=True, help="This machine, or Ray.")
@click.option("--ray-address", metavar="ADDRESS", help="The Ray cluster; one on this machine is started otherwise.")
@click.option(
    "--workers", type=click.IntRange(0, 1_024), default=0, metavar="N", help="Processes at a time; 0 for as many as cores."
)
@click.option(
    "--code-systems",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of imported code systems.",
)
@json_option
def curate(
    recipe: Path,
    more: tuple[str, ...],
    inputs: tuple[str, ...],
    output: Path,
    force: bool,
    fresh: bool,
    runner: Literal["native", "ray"],
    ray_address: str | None,
    workers: int,
    code_systems: Path | None,
    as_json: bool,
) -> None:
    """Build a data set by RECIPE.yaml: every record is kept, or dropped for one named reason.

    The revision names the content: the same recipe and records give the same one, in any order and on any machine. A run that was
    stopped goes on where it was when it is started again.
    """
    from groundcrew.curation.daft_runs import Where
    from groundcrew.curation.data_set import curate as build

    if ray_address is not None and runner != "ray":
        raise InputError("--ray-address needs --runner ray")
    # `--input a b`: the option takes the first, what follows arrives as arguments.
    outcome = build(
        _recipe(recipe),
        (*inputs, *more),
        output,
        force=force,
        fresh=fresh,
        where=Where(runner=runner, address=ray_address, workers=workers),
        codes_folder=code_systems,
        progress=progress_bar,
        tell=lambda text: click.echo(f"  {text}", err=True),
    )
    if as_json:
        print_json(outcome)
    else:
        _show(outcome)


def _show(outcome: Outcome) -> None:
    from groundcrew.curation.report import percent

    funnel = outcome.funnel
    print_table(
        ("check", "dropped", "left", "examples"),
        [(each.reason, f"{each.dropped:,}", f"{each.remaining:,}", ", ".join(each.examples)) for each in funnel.steps],
        empty="no checks",
    )
    share = percent(funnel.kept, funnel.records)
    click.secho(f"{funnel.name}: {funnel.kept:,} of {funnel.records:,} records kept ({share})", bold=True)
    if funnel.splits:
        click.echo("  " + ", ".join(f"{name} {count:,}" for name, count in funnel.splits.items()))
    if funnel.masked:
        click.echo("  masked in them: " + ", ".join(f"{kind} {count:,}" for kind, count in funnel.masked.items()))
    if funnel.empty_fields:
        click.echo(
            f"  no record has {', '.join(map(repr, funnel.empty_fields))}; fields are named as in the records, letter by letter"
        )
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
