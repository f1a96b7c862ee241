"""All records at once, as a few numbers of each: what must be known of every record to judge one. Texts stay on disk.

Records that passed their own checks stand in the order in which one of several stays: by id, digest and place. So nothing that is
decided here depends on how the input was divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.curation.recipe import SPLITS
from groundcrew.curation.words import I64, U64, Sets, fingerprints

I32 = npt.NDArray[np.int32]
#: A category that a record does not have.
NONE = -1


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """The records that passed their own checks (`count` of them), one entry per record in every array.

    `rejected` is an Arrow table of the others (id, source, line, reason, detail). `same_id`, `group`, `stratum` and `label_set`
    number equal values, NONE for none; `labels` holds numbers of `label_names`, which are sorted. `day` counts from 1970;
    `split` numbers SPLITS. `print`, `bands` (records × bands) are None where no texts are compared. `portion` and `row` say where
    the record itself lies.
    """

    count: int
    files: tuple[Path, ...]
    rejected: Any
    ids: Any
    removed: Any
    source: I32
    line: I64
    digest: npt.NDArray[np.void]
    key: npt.NDArray[np.void]
    same_id: I64
    group: I64
    stratum: I64
    stratum_names: list[str]
    day: I64
    split: I64
    labels: Sets
    label_names: list[str]
    label_set: I64
    print: npt.NDArray[np.void] | None
    bands: U64 | None
    portion: I32
    row: I64

    def id_of(self, index: int) -> str:
        return str(self.ids[int(index)].as_py())

    def column(self, name: str, wanted: npt.NDArray[np.int64]) -> Any:
        """The values of a column that stayed on disk, for the records `wanted`, in their order."""
        return read_column(self.files, self.portion[wanted], self.row[wanted], name)

    def sets(self, name: str, wanted: npt.NDArray[np.int64]) -> Sets:
        """A column of hashes for the records `wanted`."""
        if not len(wanted):
            return Sets(values=np.zeros(0, dtype=np.uint32), starts=np.zeros(1, dtype=np.int64))
        return _sets(self.column(name, wanted))


def read_column(files: Sequence[Path], portion: I32, row: I64, name: str) -> Any:
    """The values of a column that lie in the rows `row` of the files with the numbers `portion`, in that order."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    parts: list[Any] = []
    places: list[I64] = []
    for number in np.unique(portion):
        chosen = np.flatnonzero(portion == number)
        values = parquet.read_table(files[number], columns=[name], memory_map=True).column(name).combine_chunks()
        parts.append(values.take(pa.array(row[chosen])))
        places.append(chosen)
    order = np.argsort(np.concatenate(places), kind="stable")
    return pa.concat_arrays(parts).take(pa.array(order))


def load(files: Sequence[Path]) -> Population:
    """The population that lies in the files of examined portions."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as parquet

    tables: list[Any] = []
    for number, path in enumerate(files):
        names = [each for each in parquet.read_schema(path).names if each not in ("record", "shingles", "features")]
        table = parquet.read_table(path, columns=names)
        table = table.append_column("portion", pa.array(np.full(table.num_rows, number, dtype=np.int32)))
        tables.append(table.append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int64))))
    everything = pa.concat_tables(tables)
    passed = pc.is_null(everything.column("reason"))
    rejected = everything.filter(pc.invert(passed)).select(["id", "source", "line", "reason", "detail"])
    rest = everything.filter(passed).drop_columns(["reason", "detail"])
    order = pc.sort_indices(rest, sort_keys=[(name, "ascending") for name in ("id", "digest", "source", "line")])
    rest = rest.take(order).combine_chunks()
    labels, label_names = _labels(rest.column("labels"))
    stratum, stratum_names = _numbered(rest.column("stratum"))
    bands = _fixed(rest, "bands")
    return Population(
        count=rest.num_rows,
        files=tuple(files),
        rejected=rejected,
        ids=rest.column("id"),
        removed=rest.column("removed"),
        source=rest.column("source").to_numpy(),
        line=rest.column("line").to_numpy(),
        digest=_required(_fixed(rest, "digest")),
        key=_required(_fixed(rest, "key")),
        same_id=_numbered(rest.column("id"))[0],
        group=_numbered(rest.column("group"))[0],
        stratum=stratum,
        stratum_names=stratum_names,
        day=_days(rest.column("time")),
        split=_splits(rest.column("split")),
        labels=labels,
        label_names=label_names,
        label_set=_unique(fingerprints(labels)),
        print=_fixed(rest, "print"),
        bands=None
        if bands is None
        else np.frombuffer(bands.tobytes(), dtype=np.uint64).reshape(rest.num_rows, bands.dtype.itemsize // 8),
        portion=rest.column("portion").to_numpy(),
        row=rest.column("row").to_numpy(),
    )


def _fixed(table: Any, name: str) -> npt.NDArray[np.void] | None:
    """A column of values of one width in bytes."""
    if name not in table.column_names:
        return None
    values = table.column(name).combine_chunks()
    values = values.chunk(0) if hasattr(values, "chunk") and values.num_chunks else values
    width = values.type.byte_width
    if not len(values):
        return np.zeros(0, dtype=f"V{width}")
    data = values.buffers()[1]
    return np.frombuffer(data, dtype=f"V{width}", count=len(values), offset=values.offset * width)


def _required(values: npt.NDArray[np.void] | None) -> npt.NDArray[np.void]:
    assert values is not None
    return values


def _numbered(column: Any) -> tuple[I64, list[str]]:
    """Equal texts by number, in the order of the texts, and the texts."""
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(column.combine_chunks())
    encoded = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
    encoded = encoded.chunk(0) if hasattr(encoded, "num_chunks") and encoded.num_chunks else encoded
    if not len(encoded):
        return np.zeros(0, dtype=np.int64), []
    names: list[str] = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[order] = np.arange(len(names))
    rank[len(names)] = NONE
    numbers = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)
    return rank[numbers], [names[each] for each in order]


def _labels(column: Any) -> tuple[Sets, list[str]]:
    """The labels of every record by number, sorted, each once; and their names."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    numbers, names = _numbered(pc.list_flatten(column))
    owners = np.repeat(np.arange(len(column), dtype=np.uint64), lengths)
    keys = np.unique((owners << np.uint64(32)) | numbers.astype(np.uint64))
    starts = np.searchsorted(keys, np.arange(len(column) + 1, dtype=np.uint64) << np.uint64(32)).astype(np.int64)
    return Sets(values=(keys & np.uint64(0xFFFFFFFF)).astype(np.uint32), starts=starts), names


def _days(column: Any) -> I64:
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pc.cast(pc.cast(column, pa.date32()), pa.int32())
    return np.asarray(pc.fill_null(days, NONE), dtype=np.int64)


def _splits(column: Any) -> I64:
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(pc.index_in(column, pa.array(SPLITS)), NONE), dtype=np.int64)


def _unique(values: npt.NDArray[np.void]) -> I64:
    """Equal values by number."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    wide = np.ascontiguousarray(values).view(np.uint64).reshape(len(values), -1)
    order = np.lexsort(wide.T[::-1])
    changes = np.zeros(len(values), dtype=np.int64)
    changes[1:] = (wide[order[1:]] != wide[order[:-1]]).any(axis=1)
    numbers = np.empty(len(values), dtype=np.int64)
    numbers[order] = np.cumsum(changes)
    return numbers


#: Equal values of one width by number; the numbers say nothing else.
unique_numbers = _unique


def _sets(column: Any) -> Sets:
    offsets = np.asarray(column.offsets, dtype=np.int64)
    values = np.asarray(column.values, dtype=np.uint32)
    return Sets(values=values[offsets[0] : offsets[-1]], starts=offsets - offsets[0])
