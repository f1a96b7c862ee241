"""Where records come from: finds the files that were named and reads JSON Lines, CSV and Parquet as one JSON object a record."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias, cast

import msgspec

from groundcrew.curation.addresses import files_under, is_address, open_bytes, refuse_bad_address
from groundcrew.errors import InputError

FILES_MAX = 10_000
RECORDS_OF_FILE_MAX = 10_000_000
#: A longer line or cell is no record of a data set; it is dropped as unreadable.
LINE_BYTES_MAX = 16 * 1_048_576
CELL_CHARACTERS_MAX = 1_000_000
PARQUET_ROWS_AT_A_TIME = 4_096
#: About so much of one file is read at a time by one worker.
CUT_BYTES = 16 * 1_048_576
_READ_BYTES = 1_048_576

_UNPACK_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One input file as it was when it was found. `name` is its path as it was given, and errors name it so; in a data set it is
    the one that `shown` gives it."""

    name: str
    size_bytes: int
    sha256: str


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """Where a worker may begin to read a file of lines: the byte at which the line with the number `line` begins."""

    offset: int
    line: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The input files, in the order of their names, and the names of files in folders that have another format. `cuts` are the
    places at which files of lines can be divided, the beginning among them."""

    files: tuple[SourceFile, ...]
    ignored: tuple[str, ...]
    cuts: dict[str, tuple[Cut, ...]] = {}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it was read: a JSON object as `text`, or why there is none. `line` counts lines (Parquet: rows) from 1.

    `damage` says what is wrong with bytes that are no UTF-8; `text` is then what could be read of them.
    """

    line: int
    text: str | None = None
    typed: bool = True
    error: str | None = None
    damage: str | None = None


def find_files(paths: Sequence[Path | str], *, advance: Callable[[int, int], None] = lambda _done, _total: None) -> Found:
    """All input files under files, folders and addresses of object stores, hidden ones left out, each once. Every file is read
    once, for its digest; `advance` hears of how many of how many. Raises InputError."""
    files: dict[str, str] = {}
    ignored: list[str] = []
    for given in paths:
        path = str(given)
        for key, each in _files_at(path):
            if _reader_of(each) is None:
                if each == path:
                    raise InputError(f"unknown format; readable: {', '.join(READERS)}", file=path)
                ignored.append(each)
            else:
                files.setdefault(key, each)
        if len(files) > FILES_MAX:
            raise InputError(f"more than {FILES_MAX:,} files", file=path)
    if not files:
        raise InputError(f"no file to read; readable: {', '.join(READERS)}", file=", ".join(map(str, paths)))
    described: list[SourceFile] = []
    cuts: dict[str, tuple[Cut, ...]] = {}
    for name in sorted(files.values()):
        file, found = _describe(name)
        described.append(file)
        if found:
            cuts[name] = found
        advance(len(described), len(files))
    return Found(files=tuple(described), ignored=tuple(sorted(set(ignored))), cuts=cuts)


def shown(found: Found, paths: Sequence[Path | str]) -> Found:
    """`found` with the names that may travel with a data set: under the working folder, or else under what was given, with as
    many folders above it as tell two files apart. Where on somebody's machine they lay is nobody's business."""
    here = Path.cwd()
    folders = sorted((Path(each).resolve() for each in paths if not is_address(str(each))), key=lambda each: -len(each.parts))
    names = [*(each.name for each in found.files), *found.ignored]
    short: dict[str, str] = {}
    least: dict[str, int] = {}
    for name in names:
        place = Path(name).resolve()
        if is_address(name) or not Path(name).is_absolute():
            short[name] = name
        elif place.is_relative_to(here):
            short[name] = str(place.relative_to(here))
        else:
            given = next((each for each in folders if place.is_relative_to(each)), place)
            least[name] = len(place.parts) - len(given.parts) + 1
    while True:
        tried = {name: "/".join(Path(name).parts[1:][-count:]) for name, count in least.items()}
        taken = Counter([*tried.values(), *short.values()])
        alike = [name for name, each in tried.items() if taken[each] > 1 and least[name] < len(Path(name).parts)]
        if not alike:
            break
        for name in alike:
            least[name] += 1
    short |= tried
    files = tuple(msgspec.structs.replace(each, name=short[each.name]) for each in found.files)
    return msgspec.structs.replace(found, files=files, ignored=tuple(sorted(short[each] for each in found.ignored)), cuts={})


def _files_at(path: str) -> list[tuple[str, str]]:
    """What tells each file at `path` from all others, and its name."""
    if is_address(path):
        refuse_bad_address(path)
        return [(each, each) for each in files_under(path)]
    place = Path(path)
    if place.is_dir():
        inside = [each for each in place.rglob("*") if each.is_file()]
        shown = [each for each in inside if not any(part.startswith(".") for part in each.relative_to(place).parts)]
        return [(str(each.resolve()), str(each)) for each in shown]
    if not place.is_file():
        raise InputError("no such file or folder" if not place.exists() else "not a regular file", file=path)
    return [(str(place.resolve()), path)]


def read_lines(name: str, fields: Sequence[str], span: tuple[Cut, int] | None = None) -> Iterator[Line]:
    """The records of one file, or of a part of a file of lines: from a cut up to a byte; of Parquet only `fields`.

    Raises InputError where the file can not be read.
    """
    reader = _reader_of(name)
    assert reader is not None
    try:
        lines = _json_lines(name, *span) if span is not None else reader(name, fields)
        for count, line in enumerate(lines, start=1):
            if count > RECORDS_OF_FILE_MAX:
                raise InputError(f"more than {RECORDS_OF_FILE_MAX:,} records in one file", file=name)
            yield line
    except _UNPACK_ERRORS as error:
        raise InputError("is damaged or no gzip file", file=name) from error
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=name) from error
    except InputError as error:
        raise error if error.file else InputError(error.message, file=name, line=error.line) from error


def _describe(name: str) -> tuple[SourceFile, tuple[Cut, ...]]:
    """A file's size and digest, and, of a file of lines, where it can be cut."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError("the file's name is not UTF-8", file=ascii(name)) from error
    hashed, size, line = hashlib.sha256(), 0, 1
    cuts = [Cut(offset=0, line=1)]
    of_lines = name.lower().endswith(".jsonl")
    with open_bytes(name) as stream:
        while chunk := stream.read(min(_READ_BYTES, CUT_BYTES)):
            hashed.update(chunk)
            if of_lines:
                if size + len(chunk) - cuts[-1].offset >= CUT_BYTES and (last := chunk.rfind(b"\n")) >= 0:
                    cuts.append(Cut(offset=size + last + 1, line=line + chunk.count(b"\n", 0, last + 1)))
                line += chunk.count(b"\n")
            size += len(chunk)
    return SourceFile(name=name, size_bytes=size, sha256=hashed.hexdigest()), tuple(cuts) if of_lines else ()


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _open(name: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked."""
    with open_bytes(name) as stream:
        if not name.lower().endswith(".gz"):
            yield stream
            return
        with gzip.open(stream, "rb") as unpacked:
            yield cast("IO[bytes]", unpacked)


def _read_json_lines(name: str, _fields: Sequence[str]) -> Iterator[Line]:
    return _json_lines(name, Cut(offset=0, line=1), None)


def _json_lines(name: str, cut: Cut, end: int | None) -> Iterator[Line]:
    with _open(name) as stream:
        if cut.offset:
            stream.seek(cut.offset)
        number, place = cut.line - 1, cut.offset
        while (end is None or place < end) and (raw := stream.readline(LINE_BYTES_MAX + 1)):
            number += 1
            place += len(raw)
            if len(raw) > LINE_BYTES_MAX:
                while raw and not raw.endswith(b"\n"):
                    raw = stream.readline(LINE_BYTES_MAX)
                    place += len(raw)
                yield Line(line=number, error=f"longer than {LINE_BYTES_MAX:,} bytes")
                continue
            raw = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).strip()
            if not raw:
                continue
            try:
                yield Line(line=number, text=raw.decode())
            except UnicodeDecodeError as error:
                damage = f"is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}"
                yield Line(line=number, text=raw.decode(errors="replace"), damage=damage)


def _read_csv(name: str, _fields: Sequence[str]) -> Iterator[Line]:
    """Rows under a first row that names the columns; separated by commas, semicolons or tabs."""
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    with _open(name) as stream:
        separator = _separator(stream.readline(LINE_BYTES_MAX).decode("utf-8", "replace"))
    with _open(name) as stream, io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text:
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
                    cells = [each.encode(errors="surrogateescape").decode(errors="replace") for each in cells]
                    row = encode(dict(zip(columns, cells, strict=True)))
                    yield Line(line=first, text=row.decode(), typed=False, damage="is not UTF-8")
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


def _read_parquet(name: str, fields: Sequence[str]) -> Iterator[Line]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    encode = msgspec.json.Encoder(decimal_format="number").encode
    number = 0
    try:
        with open_bytes(name) as stream, parquet.ParquetFile(stream, pre_buffer=False) as table:
            columns = [each for each in table.schema_arrow.names if each in fields]
            # A row group at a time: its columns are decoded in batches, so that no whole group is ever in memory.
            for batch in table.iter_batches(batch_size=PARQUET_ROWS_AT_A_TIME, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    try:
                        texts = {key: value.decode() for key, value in row.items() if isinstance(value, bytes)}
                        yield Line(line=number, text=encode({**row, **texts}).decode())
                    except (TypeError, ValueError, OverflowError, UnicodeError) as error:
                        yield Line(line=number, error=f"holds a value that JSON has no form for ({type(error).__name__})")
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError("is damaged or no Parquet file") from error


_Read: TypeAlias = Callable[[str, Sequence[str]], Iterator[Line]]
READERS: dict[str, _Read] = {
    ".jsonl": _read_json_lines,
    ".jsonl.gz": _read_json_lines,
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".parquet": _read_parquet,
}


def _reader_of(name: str) -> _Read | None:
    return next((reader for suffix, reader in READERS.items() if name.lower().endswith(suffix)), None)
