"""Where records come from: finds the files that were named and reads JSON Lines, CSV and Parquet as one JSON object a record."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypeAlias, cast

import msgspec

from groundcrew.errors import InputError

FILES_MAX = 10_000
RECORDS_OF_FILE_MAX = 10_000_000
#: A longer line or cell is no record of a data set; it is dropped as unreadable.
LINE_BYTES_MAX = 16 * 1_048_576
CELL_CHARACTERS_MAX = 1_000_000
PARQUET_ROWS_AT_A_TIME = 4_096

_UNPACK_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One input file as it was when it was found. `name` is its path as it was given; records and errors name it so."""

    name: str
    size_bytes: int
    sha256: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The input files, in the order of their names, and the names of files in folders that have another format."""

    files: tuple[SourceFile, ...]
    ignored: tuple[str, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it was read: a JSON object as `text`, or why there is none. `line` counts lines (Parquet: rows) from 1."""

    line: int
    text: str | None = None
    typed: bool = True
    error: str | None = None


def find_files(paths: Sequence[Path]) -> Found:
    """All input files under files and folders, hidden ones left out, each once. Raises InputError."""
    files: dict[Path, str] = {}
    ignored: list[str] = []
    for path in paths:
        if path.is_dir():
            inside = (each for each in path.rglob("*") if each.is_file())
            shown = [each for each in inside if not any(part.startswith(".") for part in each.relative_to(path).parts)]
        elif path.is_file():
            if _reader_of(path) is None:
                raise InputError(f"unknown format; readable: {', '.join(READERS)}", file=str(path))
            shown = [path]
        else:
            raise InputError("no such file or folder" if not path.exists() else "not a regular file", file=str(path))
        for each in shown:
            if _reader_of(each) is None:
                ignored.append(str(each))
            else:
                files.setdefault(each.resolve(), str(each))
        if len(files) > FILES_MAX:
            raise InputError(f"more than {FILES_MAX:,} files", file=str(path))
    if not files:
        raise InputError(f"no file to read; readable: {', '.join(READERS)}", file=", ".join(map(str, paths)))
    described = [_describe(name) for name in files.values()]
    return Found(files=tuple(sorted(described, key=lambda each: each.name)), ignored=tuple(sorted(set(ignored))))


def read_lines(name: str, fields: Sequence[str]) -> Iterator[Line]:
    """The records of one file; of Parquet only `fields`. Raises InputError where the file as a whole can not be read."""
    path = Path(name)
    reader = _reader_of(path)
    assert reader is not None
    try:
        for count, line in enumerate(reader(path, fields), start=1):
            if count > RECORDS_OF_FILE_MAX:
                raise InputError(f"more than {RECORDS_OF_FILE_MAX:,} records in one file")
            yield line
    except _UNPACK_ERRORS as error:
        raise InputError("is damaged or no gzip file") from error
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}") from error


def _describe(name: str) -> SourceFile:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError("the file's name is not UTF-8", file=ascii(name)) from error
    return SourceFile(name=name, size_bytes=Path(name).stat().st_size, sha256=sha256_of(Path(name)))


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb"))


def _read_json_lines(path: Path, _fields: Sequence[str]) -> Iterator[Line]:
    with _open(path) as stream:
        number = 0
        while raw := stream.readline(LINE_BYTES_MAX + 1):
            number += 1
            if len(raw) > LINE_BYTES_MAX:
                while raw and not raw.endswith(b"\n"):
                    raw = stream.readline(LINE_BYTES_MAX)
                yield Line(line=number, error=f"longer than {LINE_BYTES_MAX:,} bytes")
                continue
            raw = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).strip()
            if not raw:
                continue
            try:
                yield Line(line=number, text=raw.decode())
            except UnicodeDecodeError as error:
                yield Line(line=number, error=f"is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}")


def _read_csv(path: Path, _fields: Sequence[str]) -> Iterator[Line]:
    """Rows under a first row that names the columns; separated by commas, semicolons or tabs."""
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    with _open(path) as stream:
        separator = _separator(stream.readline(LINE_BYTES_MAX).decode("utf-8", "replace"))
    with _open(path) as stream, io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        columns: list[str] | None = None
        encode = msgspec.json.Encoder().encode
        while True:
            first = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                # Past a misplaced quote the next line is a row again; past any other fault nobody knows where rows begin.
                if columns is None or "expected after" not in str(error):
                    why = f"a cell has more than {CELL_CHARACTERS_MAX:,} characters, or its quote is never closed"
                    raise InputError(f"is not readable CSV: {error}; {why}", line=first) from error
                yield Line(line=first, error=f"is not a readable row: {error}")
                continue
            if columns is None:
                columns = _columns(cells)
            elif len(cells) != len(columns) and cells:
                yield Line(line=first, error=f"has {len(cells)} cells, the first row {len(columns)}")
            elif cells:
                try:
                    row = encode(dict(zip(columns, cells, strict=True)))
                    yield Line(line=first, text=row.decode(), typed=False)
                except UnicodeEncodeError:
                    yield Line(line=first, error="is not UTF-8")
        if columns is None:
            raise InputError("is empty; the first row must name the columns", line=1)


def _separator(first_line: str) -> str:
    return max(",;\t", key=first_line.count)


def _columns(cells: list[str]) -> list[str]:
    columns = [each.strip() for each in cells]
    for column in columns:
        if columns.count(column) > 1:
            raise InputError(f"the first row names the column {column!r} twice", line=1)
    if not all(each.isprintable() for each in columns):
        raise InputError("the first row is not readable UTF-8 text", line=1)
    return columns


def _read_parquet(path: Path, fields: Sequence[str]) -> Iterator[Line]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    encode = msgspec.json.Encoder(decimal_format="number").encode
    number = 0
    try:
        with parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=PARQUET_ROWS_AT_A_TIME):
                for row in batch.select([each for each in batch.schema.names if each in fields]).to_pylist():
                    number += 1
                    try:
                        texts = {key: value.decode() for key, value in row.items() if isinstance(value, bytes)}
                        yield Line(line=number, text=encode({**row, **texts}).decode())
                    except (TypeError, ValueError, OverflowError, UnicodeError) as error:
                        yield Line(line=number, error=f"holds a value that JSON has no form for ({type(error).__name__})")
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError("is damaged or no Parquet file") from error


_Read: TypeAlias = Callable[[Path, Sequence[str]], Iterator[Line]]
READERS: dict[str, _Read] = {
    ".jsonl": _read_json_lines,
    ".jsonl.gz": _read_json_lines,
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".parquet": _read_parquet,
}


def _reader_of(path: Path) -> _Read | None:
    return next((reader for suffix, reader in READERS.items() if path.name.lower().endswith(suffix)), None)
