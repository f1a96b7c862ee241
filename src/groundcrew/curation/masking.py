"""Masks personal data in the records that stay, as the last step: what is dropped or not drawn costs nothing.

Everything before it compares and judges the texts as they came. What the data set holds, and what its revision names, is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.curation.examining import RECORD
from groundcrew.curation.personal_data import Masked, Masker, masker_of
from groundcrew.curation.population import I32, Population, read_column
from groundcrew.curation.recipe import PersonalData, Recipe
from groundcrew.curation.words import I64
from groundcrew.curation.work import whole
from groundcrew.domain.canonical import digest, sha256_hex

#: Records that one worker masks at a time.
ROWS_MAX: Final = 2_000
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Records that one worker masks: the rows `rows` of a file of examined records, which are the kept ones with the numbers
    `places`."""

    file: Path
    rows: I64
    places: I64

    @property
    def digest(self) -> str:
        """Names what is masked, wherever it lies."""
        return digest([self.file.name, sha256_hex(self.rows.tobytes())])


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The kept records as they are written, in the order of their ids: where each lies (the row `row` of the file with the
    number `portion`), its SHA-256, and how much was masked in all of them, by kind."""

    files: tuple[Path, ...]
    portion: I32
    row: I64
    digest: npt.NDArray[np.void]
    masked: dict[str, int] = {}

    def records(self, places: I64) -> Any:
        """The records with the numbers `places`, as an Arrow array of JSON."""
        return read_column(self.files, self.portion[places], self.row[places], RECORD)


def unmasked(people: Population, kept: I64) -> Content:
    """The content of a recipe that masks nothing."""
    return Content(files=people.files, portion=people.portion[kept], row=people.row[kept], digest=people.digest[kept])


def shares_of(people: Population, kept: I64) -> list[Share]:
    """The kept records by the files that they lie in, at most ROWS_MAX each."""
    shares: list[Share] = []
    of_portion = people.portion[kept]
    for number in np.unique(of_portion):
        places = np.flatnonzero(of_portion == number)
        for begin in range(0, len(places), ROWS_MAX):
            some = places[begin : begin + ROWS_MAX]
            shares.append(Share(file=people.files[number], rows=people.row[kept[some]], places=some))
    return shares


def gathered(shares: Sequence[Share], files: Sequence[Path], count: int) -> Content:
    """The content that lies in the files of masked shares."""
    import pyarrow.parquet as parquet

    portion, row = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int64)
    digests = np.zeros(count, dtype="V32")
    masked: dict[str, int] = {}
    for number, (share, path) in enumerate(zip(shares, files, strict=True)):
        portion[share.places], row[share.places] = number, np.arange(len(share.places))
        table = parquet.read_table(path, columns=["digest", "masked"])
        digests[share.places] = np.frombuffer(b"".join(table.column("digest").to_pylist()), dtype="V32")
        for told in table.column("masked").drop_null().to_pylist():
            for kind, found in msgspec.json.decode(told).items():
                masked[kind] = masked.get(kind, 0) + found
    return Content(files=tuple(files), portion=portion, row=row, digest=digests, masked=dict(sorted(masked.items())))


def mask_rows(recipe: Recipe, file: Path, rows: Sequence[int], path: Path) -> int:
    """Mask some records of a file and write them to `path`, in the order of `rows`; returns how many. Raises InputError."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    assert recipe.personal_data is not None
    masker = _masker(msgspec.json.encode(recipe.personal_data))
    values = parquet.read_table(file, columns=[RECORD], memory_map=True).column(RECORD).combine_chunks()
    records: list[str] = []
    digests: list[bytes] = []
    counts: list[str | None] = []
    for text in values.take(pa.array(rows, type=pa.int64())).to_pylist():
        record, found = mask_record(recipe, masker, text)
        records.append(record.decode())
        digests.append(bytes.fromhex(sha256_hex(record)))
        counts.append(msgspec.json.encode(found).decode() if found else None)
    table = pa.table(
        {
            RECORD: pa.array(records, type=pa.large_string()),
            "digest": pa.array(digests, type=pa.binary(32)),
            "masked": pa.array(counts, type=pa.string()),
        }
    )
    with whole(path) as building:
        parquet.write_table(table, building, compression="zstd", write_statistics=False)
    return len(records)


@lru_cache(maxsize=2)
def _masker(asked: bytes) -> Masker:
    return masker_of(msgspec.json.decode(asked, type=PersonalData))


def mask_record(recipe: Recipe, masker: Masker, record: str) -> tuple[bytes, dict[str, int]]:
    """The JSON of a record with its personal data masked and its evidence moved along; and how much of each kind there was."""
    values, counts = msgspec.json.decode(record), dict[str, int]()
    for field in recipe.masked_fields:
        text = values.get(field)
        if not isinstance(text, str):
            continue
        masked = masker.mask(text)
        if masked.text != text:
            values[field] = masked.text
            if recipe.evidence is not None and field == recipe.text[0]:
                _move(values.get(recipe.evidence) or (), masked)
        for kind, count in masked.counts.items():
            counts[kind] = counts.get(kind, 0) + count
    return _ENCODER.encode(values), counts


def _move(spans: Sequence[dict[str, Any]], masked: Masked) -> None:
    for span in spans:
        span["start"], span["end"] = masked.offsets.start(span["start"]), masked.offsets.end(span["end"])
