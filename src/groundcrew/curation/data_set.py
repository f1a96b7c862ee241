"""Builds a data set from a recipe and files into a folder that appears whole or not at all, named by its content."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from groundcrew.curation.fields import Fields, fields_of
from groundcrew.curation.pipeline import Curated, curate_records, load_daft
from groundcrew.curation.recipe import FieldType, Recipe
from groundcrew.curation.report import EXAMPLES_MAX, Funnel, build_funnel, data_card, example, funnel_html
from groundcrew.curation.sources import Found, find_files, sha256_of
from groundcrew.errors import Conflict, InputError

RECORDS, DROPPED, CARD, REVISION = "records.parquet", "dropped.parquet", "CARD.md", "revision.json"
FUNNEL, PAGE = "funnel.json", "funnel.html"
FILES = (RECORDS, DROPPED, FUNNEL, PAGE, CARD, REVISION)
ROWS_AT_A_TIME = 10_000
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


def curate(recipe: Recipe, inputs: Sequence[Path], output: Path, *, force: bool = False) -> Outcome:
    """Curate `inputs` into the folder `output`.

    A folder that holds this revision is left alone; one with another revision is replaced with `force`. Raises InputError where
    an input can not be read or no record is kept, Conflict where the folder is taken; then nothing is written.
    """
    _refuse_overlap(inputs, output)
    existing = _existing(output)
    load_daft()
    found = find_files(inputs)
    curated = curate_records(recipe, found)
    output = Path(os.path.abspath(output))
    output.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".building", dir=output.parent))
    try:
        funnel = _write(recipe, found, curated, building)
        if existing is not None and existing == curated.revision:
            return Outcome(output=str(output), state="unchanged", funnel=funnel)
        if existing is not None and not force:
            held = f"revision {existing[:12]}" if existing else "a damaged revision"
            raise Conflict(f"{output} holds {held}, this run made {curated.revision[:12]}: replace it with --force")
        _publish(building, output, replace=existing is not None)
        return Outcome(output=str(output), state="written" if existing is None else "replaced", funnel=funnel)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _refuse_overlap(inputs: Sequence[Path], output: Path) -> None:
    """A folder that is read from must not be written to: the next run would read its own output."""
    target = output.resolve()
    for path in inputs:
        source = path.resolve()
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


def _write(recipe: Recipe, found: Found, curated: Curated, folder: Path) -> Funnel:
    """Write all files of the data set into `folder`, flushed to disk."""
    counts, examples = _write_dropped(curated, folder / DROPPED)
    if not curated.kept_count:
        most = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common(REASONS_SHOWN_MAX))
        first = next((each for reason, _ in counts.most_common(1) for each in examples[reason]), None)
        told = f" ({most}; the first is {first})" if first else ": the input is empty"
        raise InputError(f"no record was kept of {curated.read_count:,}{told}", file=", ".join(e.name for e in found.files[:3]))
    _write_records(recipe, curated, folder / RECORDS)
    funnel = build_funnel(recipe, found, curated.revision, curated.kept_count, dict(counts), examples)
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
    folder.chmod(0o755)  # A temporary folder is made for its owner alone.
    for name in FILES:
        _sync(folder / name)
    _sync(folder)
    return funnel


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


def _write_records(recipe: Recipe, curated: Curated, path: Path) -> None:
    import pyarrow as pa

    kinds: dict[FieldType | None, Any] = {
        None: pa.string(),
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
    }
    schema = pa.schema([(field, kinds[recipe.type_of(field)]) for field in recipe.fields])
    days = [field for field in recipe.fields if recipe.type_of(field) == "date"]

    def row(judged: dict[str, Any]) -> dict[str, Any]:
        record: dict[str, Any] = msgspec.json.decode(judged["record"])
        for field in days:
            if field in record:
                record[field] = date.fromisoformat(record[field])
        return record

    _write_parquet(path, schema, curated.kept.iter_rows(), row)


def _write_dropped(curated: Curated, path: Path) -> tuple[Counter[str], dict[str, list[str]]]:
    """Write the dropped records; return how many there are per reason, and examples."""
    import pyarrow as pa

    schema = pa.schema([("id", pa.string()), ("reason", pa.string()), ("detail", pa.string()), ("source", pa.string())])
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}

    def row(judged: dict[str, Any]) -> dict[str, Any]:
        reason = judged["reason"]
        counts[reason] += 1
        if counts[reason] <= EXAMPLES_MAX:
            examples.setdefault(reason, []).append(example(judged["id"], judged["source"], judged["line"]))
        place = f"{judged['source']}:{judged['line']}"
        return {"id": judged["id"], "reason": reason, "detail": judged["detail"], "source": place}

    _write_parquet(path, schema, curated.dropped.iter_rows(), row)
    return counts, examples


def _write_parquet(path: Path, schema: Any, rows: Iterable[dict[str, Any]], shape: Callable[[dict[str, Any]], object]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for chunk in _chunks(rows):
            writer.write_table(pa.Table.from_pylist([shape(each) for each in chunk], schema=schema))


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == ROWS_AT_A_TIME:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _sync(path: Path) -> None:
    """Flush a file or a folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
