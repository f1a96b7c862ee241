"""Writes the records of a data set: the kept ones by id with their content, the dropped ones with the reason and no content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from groundcrew.curation.pipeline import Curated
from groundcrew.curation.progress import Progress
from groundcrew.curation.recipe import SPLIT_FIELD, FieldType, Recipe
from groundcrew.curation.report import EXAMPLES_MAX, example
from groundcrew.curation.sources import Found
from groundcrew.curation.work import Work, read_arrow

ROWS_AT_A_TIME = 10_000
#: Kept records that are put in order in memory at a time.
BLOCK_ROWS = 50_000


def write_kept(recipe: Recipe, curated: Curated, path: Path, work: Work, progress: Progress) -> tuple[str, ...]:
    """Write the kept records to a Parquet file, in the order of their ids; return the fields that none of them has."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    schema = schema_of(recipe)
    empty = dict.fromkeys(schema.names)
    with progress("writing") as advance, parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        splits = curated.splits()
        done = 0
        for records in _blocks(curated, work):
            for begin in range(0, len(records), ROWS_AT_A_TIME):
                rows = [msgspec.json.decode(each) for each in records[begin : begin + ROWS_AT_A_TIME]]
                if recipe.split is not None:
                    for row, split in zip(rows, splits[done : done + len(rows)], strict=True):
                        row[SPLIT_FIELD] = split
                columns = [pa.array(_values(rows, each.name, each.type), type=each.type) for each in schema]
                empty = {name: None for name in empty if columns[schema.get_field_index(name)].null_count == len(rows)}
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                done += len(rows)
                advance(done, curated.kept_count)
    return tuple(empty)


def schema_of(recipe: Recipe) -> Any:
    """The columns of records.parquet: the fields of the recipe, and the split."""
    import pyarrow as pa

    kinds: dict[FieldType | None, Any] = {
        None: pa.string(),
        "string": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "strings": pa.list_(pa.string()),
        "spans": pa.list_(pa.struct([("label", pa.string()), ("start", pa.int64()), ("end", pa.int64())])),
    }
    brought = recipe.split.field if recipe.split else None
    fields = [(field, kinds[recipe.type_of(field)]) for field in recipe.fields if field != brought]
    return pa.schema([*fields, *([(SPLIT_FIELD, pa.string())] if recipe.split is not None else [])])


def _values(rows: list[dict[str, Any]], field: str, kind: Any) -> list[Any]:
    import pyarrow as pa

    values = [row.get(field) for row in rows]
    if pa.types.is_date32(kind):
        return [None if each is None else date.fromisoformat(each) for each in values]
    return values


def _blocks(curated: Curated, work: Work) -> Iterator[list[str]]:
    """The kept records in their order, some at a time.

    They lie in the order of the input. One pass over it deals them out to the blocks that they belong to, so that only one block
    is ever in memory.
    """
    content, kept = curated.content, curated.kept
    if len(kept) <= BLOCK_ROWS:
        yield content.records(np.arange(len(kept))).to_pylist() if len(kept) else []
        return
    blocks = [work.folder / f"block-{number:05d}.arrow" for number in range(-(-len(kept) // BLOCK_ROWS))]
    _deal(curated, blocks)
    for path in blocks:
        table = read_arrow(path)
        order = np.argsort(table.column("place").to_numpy())
        yield table.column("record").take(order).to_pylist()
        del table
        path.unlink()


def _deal(curated: Curated, blocks: list[Path]) -> None:
    import pyarrow as pa

    content = curated.content
    schema = pa.schema([("place", pa.int64()), ("record", pa.large_string())])
    sinks = [pa.OSFile(str(path), "wb") for path in blocks]
    writers = [pa.ipc.new_file(sink, schema) for sink in sinks]
    try:
        for number in np.unique(content.portion):
            places = np.flatnonzero(content.portion == number)
            records = content.records(places)
            of_block = places // BLOCK_ROWS
            for block in np.unique(of_block):
                chosen = np.flatnonzero(of_block == block)
                batch = [pa.array(places[chosen]), records.take(pa.array(chosen))]
                writers[block].write_batch(pa.RecordBatch.from_arrays(batch, schema=schema))
    finally:
        for writer, sink in zip(writers, sinks, strict=True):
            writer.close()
            sink.close()


def write_dropped(curated: Curated, found: Found, path: Path) -> tuple[Counter[str], dict[str, list[str]]]:
    """Write the dropped records, by place; return how many there are per reason, and examples."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    names = [each.name for each in found.files]
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    schema = pa.schema([("id", pa.string()), ("reason", pa.string()), ("detail", pa.string()), ("source", pa.string())])
    table = curated.dropped()
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in table.to_batches(max_chunksize=ROWS_AT_A_TIME):
            ids, sources, lines, reasons, details = (batch.column(each).to_pylist() for each in range(5))
            for key, source, line, reason in zip(ids, sources, lines, reasons, strict=True):
                counts[reason] += 1
                if counts[reason] <= EXAMPLES_MAX:
                    examples.setdefault(reason, []).append(example(key, names[source], line))
            places = [f"{names[source]}:{line}" for source, line in zip(sources, lines, strict=True)]
            columns = [pa.array(each, type=pa.string()) for each in (ids, reasons, details, places)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return counts, examples


def removed_of(curated: Curated) -> dict[str, int]:
    """How many labels were taken out of the kept records, by the reason for which each is not valid."""
    import pyarrow as pa

    counts: Counter[str] = Counter()
    told = curated.people.removed.take(pa.array(curated.kept)).drop_null()
    for each in told.value_counts().to_pylist():
        for kind, count in msgspec.json.decode(each["values"]).items():
            counts[kind] += count * each["counts"]
    return dict(sorted(counts.items()))


def labels_of(curated: Curated, shown_max: int) -> tuple[dict[str, int], int]:
    """How many kept records have each of the most frequent labels, most first; and how many labels there are."""
    people = curated.people
    inside = np.zeros(people.count, dtype=bool)
    inside[curated.kept] = True
    owners = np.repeat(np.arange(people.count), np.diff(people.labels.starts))
    counts = np.bincount(people.labels.values[inside[owners]].astype(np.int64), minlength=len(people.label_names))
    order = np.argsort(-counts, kind="stable")[:shown_max]
    return {people.label_names[each]: int(counts[each]) for each in order if counts[each]}, int(np.count_nonzero(counts))
