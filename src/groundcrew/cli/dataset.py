"""`dataset`: registered data sets – what was kept of which records, who may see them – and their exports for other trainers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.domain.data_class import DATA_CLASSES

if TYPE_CHECKING:
    from groundcrew.domain.data_class import DataClass
    from groundcrew.domain.tuning import DataSet
    from groundcrew.services.bundle import Services
    from groundcrew.services.data_sets import DataSetDetails
    from groundcrew.tuning.exports import Exported, Format

#: As in tuning.exports, which is loaded only when something is exported.
FORMATS = ("openai-chat", "hf-chat", "hf-prompt-completion", "classification")
SPLITS = ("train", "validation", "test")


@click.group()
def dataset() -> None:
    """Register, list, show, export and remove curated data sets."""


@dataset.command("register")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--data-class", "data_class", required=True, type=click.Choice(DATA_CLASSES), help="The most sensitive that a record may be."
)
@click.option("--reference", is_flag=True, help="Leave the files where they are; else they are copied into the data folder.")
@click.option("--reason", default="", help="Why a class is lowered; kept in the audit log.")
@as_option
@json_option
@storage_options
def dataset_register(
    folder: Path,
    data_class: DataClass,
    reference: bool,
    reason: str,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Register the curated data set in FOLDER. Its records must be those that it names; a revision is registered once."""

    async def work(services: Services) -> DataSet:
        who = await person(services, as_name)
        return await services.data_sets.register(folder, data_class=data_class, actor=who, reference=reference, reason=reason)

    found = with_services(data, database_url, work, create=True)
    if as_json:
        print_json(found)
        return
    click.secho(f"{found.name}: {found.records:,} records, {found.labels:,} labels", bold=True)
    click.echo(f"  revision {found.revision}")
    click.echo(f"  splits: {_splits(found)}")
    click.echo(f"  may hold {found.data_class}; {'copied to' if found.copied else 'only referred to:'} {found.folder}")


@dataset.command("list")
@json_option
@storage_options
def dataset_list(as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the registered revisions, the newest first."""

    async def work(services: Services) -> list[DataSet]:
        return await services.data_sets.find()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, each.revision[:12], f"{each.records:,}", each.labels, _splits(each), each.data_class, each.registered_by)
        for each in found
    ]
    print_table(("data set", "revision", "records", "labels", "splits", "class", "registered by"), rows, empty="no data sets")


@dataset.command("show")
@click.argument("name", metavar="NAME[@REVISION]")
@click.option("--card", is_flag=True, help="Print the data card.")
@json_option
@storage_options
def dataset_show(name: str, card: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show a data set: where its records come from, how many were kept, what may see them."""

    async def work(services: Services) -> DataSetDetails:
        return await services.data_sets.details(name)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    if card:
        click.echo(found.card or "the folder has no card")
        return
    item = found.data_set
    click.secho(f"{item.name} {item.revision}", bold=True)
    for key in ("source", "licence", "consent"):
        click.echo(f"  {key}: {getattr(item, key) or 'not said'}")
    learned = f"{item.label_field} ({item.labels:,} labels)" if item.label_field else "nothing"
    click.echo(f"  may hold {item.data_class}; to learn: {learned}; splits: {_splits(item)}")
    click.echo(f"  files: {item.folder}{'' if found.available else ' (away)'}")
    if item.removed_at is not None:
        click.echo(f"  removed by {item.removed_by} at {item.removed_at:%Y-%m-%d %H:%M:%S} UTC: {item.removal_reason}")
    if found.funnel is not None:
        click.echo(f"  kept {found.funnel.kept:,} of {found.funnel.records:,} records")
        rows = [(each.reason, f"{each.dropped:,}", f"{each.remaining:,}") for each in found.funnel.steps]
        print_table(("check", "dropped", "left"), rows, empty="no checks")


@dataset.command("export")
@click.argument("name", metavar="NAME[@REVISION]")
@click.option("--format", "format_", required=True, type=click.Choice(FORMATS), help="Who is to learn from it.")
@click.option(
    "--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Which splits.  [default: train and validation]"
)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option("--prompt", type=click.Path(path_type=Path, dir_okay=False), help="A file with the system message of chats.")
@as_option
@json_option
@storage_options
def dataset_export(
    name: str,
    format_: Format,
    splits: tuple[str, ...],
    output: Path,
    prompt: Path | None,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Write a data set for another trainer. The same data set, splits and prompt give the same bytes; the export is on record."""

    async def work(services: Services) -> Exported:
        from groundcrew.tuning.exports import read_prompt

        who = await person(services, as_name)
        chosen = splits or ("train", "validation")
        text = read_prompt(prompt) if prompt is not None else None
        return await services.data_sets.export(name, format_, chosen, output, actor=who, prompt=text)

    exported = with_services(data, database_url, work)
    if as_json:
        print_json(exported)
        return
    for each in exported.files:
        click.echo(f"{output / each.name}" + (f"  {each.rows:,} examples" if each.rows else ""))
    click.echo(f"digest {exported.digest}")


@dataset.command("remove")
@click.argument("name", metavar="NAME@REVISION")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@json_option
@storage_options
def dataset_remove(
    name: str, reason: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Remove the copy of a data set for good. That it was there, and what was learned from it, stays on record."""

    async def work(services: Services) -> DataSet:
        return await services.data_sets.remove(name, reason=reason, actor=await person(services, as_name))

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    click.echo(f"the records of {found.name}@{found.revision[:12]} are removed")


def _splits(item: DataSet) -> str:
    return ", ".join(f"{name} {item.splits[name]:,}" for name in SPLITS if name in item.splits) or "none"
