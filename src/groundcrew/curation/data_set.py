"""Builds a data set from a recipe and files into a folder that appears whole or not at all, named by its content."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from groundcrew.curation.addresses import is_address
from groundcrew.curation.card import data_card
from groundcrew.curation.daft_runs import Where, load_daft
from groundcrew.curation.fields import Fields, fields_of
from groundcrew.curation.funnel_page import funnel_html
from groundcrew.curation.pipeline import Curated, curate_records
from groundcrew.curation.progress import Progress, silent
from groundcrew.curation.recipe import SPLITS, Recipe
from groundcrew.curation.report import LABELS_SHOWN_MAX, Funnel, Makeup, build_funnel
from groundcrew.curation.sources import Found, find_files, sha256_of, shown
from groundcrew.curation.work import Work, work_folder
from groundcrew.curation.writing import labels_of, removed_of, write_dropped, write_kept
from groundcrew.errors import Conflict, InputError

RECORDS, DROPPED, CARD, REVISION = "records.parquet", "dropped.parquet", "CARD.md", "revision.json"
FUNNEL, PAGE = "funnel.json", "funnel.html"
FILES = (RECORDS, DROPPED, FUNNEL, PAGE, CARD, REVISION)
REVISION_FILE_BYTES_MAX = 65_536
#: What a funnel shows of a check that dropped everything, in the error about it.
REASONS_SHOWN_MAX = 3


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What revision.json says. `revision` is the content address; `records_sha256` that of the file records.parquet; `fields`
    says which of its columns mean what. A folder of an older version says neither fields nor where its records come from."""

    name: str
    revision: str
    recipe_digest: str
    records: int
    records_sha256: str
    source: str = ""
    licence: str = ""
    consent: str = ""
    fields: Fields | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did with the output folder, and the funnel."""

    output: str
    state: Literal["written", "unchanged", "replaced"]
    funnel: Funnel


def curate(
    recipe: Recipe,
    inputs: Sequence[Path | str],
    output: Path,
    *,
    force: bool = False,
    fresh: bool = False,
    where: Where | None = None,
    codes_folder: Path | None = None,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda _text: None,
) -> Outcome:
    """Curate `inputs` (paths, and addresses of object stores) into the folder `output`.

    A folder that holds this revision is left alone; one with another revision is replaced with `force`. What a run that did not
    end has finished is used again, unless `fresh`. `tell` hears what a person should know meanwhile. Raises InputError where an
    input can not be read or no record is kept, Conflict where the folder is taken; then nothing is written.
    """
    _refuse_overlap(inputs, output)
    existing = _existing(output)
    load_daft()
    with progress("reading files") as advance:
        found = find_files(inputs, advance=advance)
    output = Path(os.path.abspath(output))
    output.parent.mkdir(parents=True, exist_ok=True)
    with work_folder(output, fresh=fresh) as work:
        curated = curate_records(recipe, found, work, where=where, codes_folder=codes_folder, progress=progress)
        if work.kept:
            tell(f"went on where an earlier run had stopped: {work.kept} finished parts were used, {work.made} made")
        building = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".building", dir=output.parent))
        try:
            funnel = _write(recipe, shown(found, inputs), curated, building, work, progress)
            if existing is not None and existing == curated.revision:
                return Outcome(output=str(output), state="unchanged", funnel=funnel)
            if existing is not None and not force:
                held = f"revision {existing[:12]}" if existing else "a damaged revision"
                raise Conflict(f"{output} holds {held}, this run made {curated.revision[:12]}: replace it with --force")
            _publish(building, output, replace=existing is not None)
            return Outcome(output=str(output), state="written" if existing is None else "replaced", funnel=funnel)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _refuse_overlap(inputs: Sequence[Path | str], output: Path) -> None:
    """A folder that is read from must not be written to: the next run would read its own output."""
    target = output.resolve()
    for path in inputs:
        if is_address(str(path)):
            continue
        source = Path(path).resolve()
        if source.is_relative_to(target) or (source.is_dir() and target.is_relative_to(source)):
            raise InputError(f"the output folder {output} overlaps with this input", file=str(path))


def _existing(output: Path) -> str | None:
    """The revision in `output`, empty where it is damaged; None where there is nothing. Conflict where it is no data set."""
    if not output.exists() and not output.is_symlink():
        return None
    if not output.is_dir() or output.is_symlink():
        raise Conflict(f"{output} is not a folder")
    if not any(output.iterdir()):
        return None
    try:
        with (output / REVISION).open("rb") as stream:
            revision = msgspec.json.decode(stream.read(REVISION_FILE_BYTES_MAX), type=Revision)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        # Never replaced, not even on demand: it may be anything.
        raise Conflict(f"{output} is not empty and holds no data set of groundcrew; choose another folder") from error
    whole = all((output / name).is_file() for name in FILES) and sha256_of(output / RECORDS) == revision.records_sha256
    return revision.revision if whole else ""


def _nothing_kept(curated: Curated, found: Found, counts: Counter[str], examples: dict[str, list[str]]) -> InputError:
    """Which checks dropped most, and what the first of them said of its first record."""
    told = ": the input is empty"
    for reason, _count in counts.most_common(1):
        most = ", ".join(f"{count:,} {each}" for each, count in counts.most_common(REASONS_SHOWN_MAX))
        dropped = curated.dropped()
        detail = dropped.column("detail")[dropped.column("reason").index(reason).as_py()].as_py()
        told = f" ({most}; the first is {examples[reason][0]}{f': {detail}' if detail else ''})"
    return InputError(f"no record was kept of {curated.read_count:,}{told}", file=", ".join(e.name for e in found.files[:3]))


def _write(recipe: Recipe, found: Found, curated: Curated, folder: Path, work: Work, progress: Progress) -> Funnel:
    """Write all files of the data set into `folder`, flushed to disk."""
    counts, examples = write_dropped(curated, found, folder / DROPPED)
    if not curated.kept_count:
        raise _nothing_kept(curated, found, counts, examples)
    empty = write_kept(recipe, curated, folder / RECORDS, work, progress)
    labels, labels_count = labels_of(curated, LABELS_SHOWN_MAX)
    splits = Counter(each for each in curated.splits() if each is not None)
    makeup = Makeup(
        splits={name: splits[name] for name in SPLITS if name in splits},
        labels=labels,
        labels_count=labels_count,
        masked=curated.content.masked,
        labels_removed=removed_of(curated),
        labels_told=curated.judged.labels_told,
        code_system=curated.code_system,
        empty_fields=empty,
    )
    funnel = build_funnel(recipe, found, curated.revision, curated.kept_count, dict(counts), examples, makeup)
    revision = Revision(
        name=recipe.name,
        revision=curated.revision,
        recipe_digest=recipe.digest,
        records=curated.kept_count,
        records_sha256=sha256_of(folder / RECORDS),
        source=recipe.source,
        licence=recipe.licence,
        consent=recipe.consent,
        fields=fields_of(recipe),
    )
    for name, text in (
        (FUNNEL, _json(funnel)),
        (PAGE, funnel_html(recipe, funnel)),
        (CARD, data_card(recipe, funnel)),
        (REVISION, _json(revision)),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    folder.chmod(_usual_mode())  # A temporary folder is made for its owner alone.
    for name in FILES:
        _sync(folder / name)
    _sync(folder)
    return funnel


def _usual_mode() -> int:
    """The mode that a new folder has here: whoever may not see what this user writes sees no records either."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o777 & ~mask


def _publish(building: Path, output: Path, *, replace: bool) -> None:
    """Move the finished folder to its place in one step; the one it replaces is moved aside first and back if that fails."""
    aside: Path | None = None
    if replace:
        aside = building.with_suffix(".replaced")
        output.rename(aside)
    try:
        building.rename(output)
    except OSError as error:
        if aside is not None:
            aside.rename(output)
            raise
        raise Conflict(f"{output} was made by someone else meanwhile") from error
    _sync(output.parent)
    if aside is not None:
        shutil.rmtree(aside)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _sync(path: Path) -> None:
    """Flush a file or a folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
