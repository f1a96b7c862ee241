"""Files of outcomes (CSV, Parquet, JSON Lines, also gzipped): read as columns in batches and checked by column, so that a million
rows take seconds. The first row that is wrong is named with its line and field."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, repeat
from pathlib import Path
from typing import IO, Any, Literal, cast

import msgspec

from groundcrew.errors import InputError
from groundcrew.guards.masking import personal_kinds
from groundcrew.services import job_files
from groundcrew.services.outcomes import CLOCK_SKEW_S_MAX, NAME_LENGTH_MAX, NewOutcome

Format = Literal["csv", "parquet", "jsonl"]

#: Rows of one file; more are imported as several files.
ROWS_MAX = 5_000_000
BATCH_ROWS = 10_000
#: Bytes of CSV that are read at once, and of lines of JSON.
BLOCK_BYTES = 4 * 1024 * 1024
REQUIRED = ("metric", "value", "case_id")
TEXTS = ("metric", "case_id", "unit", "unit_id", "arm", "cluster", "call_id")
TIMES = ("at", "as_of")
COLUMNS = ("metric", "value", "case_id", "unit", "unit_id", "arm", "cluster", "call_id", "at", "as_of", "sample")
#: What an identifier holds that a pattern of personal data could be found in; never too little, so that only few are looked at
#: one by one: signs of addresses, numbers and their words, characters beyond ASCII.
_SUSPICIOUS = (
    r"(?i)[@\\]|[^\x00-\x7f]|^\s*(?:\+|00)|\d{3}[- ]\d{2}[- ]\d{4}|756[. ]?\d{4}|[a-z]{2}\d{2}(?:[ -]?[a-z0-9]){11}"
    r"|ssn|social|ahv|avs|oasi|mrn|mr ?#|record|hospital|patient|chart|unit ?(?:id|n|#)|fall-?n|pat\.|dossier|cartella"
    r"|health|insurance|medicare|medicaid|member|subscriber|beneficiary|plan|versichert|kvnr|assur|assicur"
)
_TRUE, _FALSE = ("true", "1"), ("false", "0")


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of JSON; unknown fields are ignored."""

    metric: str
    value: float
    case_id: str
    unit: str | None = None
    unit_id: str | None = None
    arm: str | None = None
    cluster: str | None = None
    call_id: str | None = None
    at: datetime | None = None
    as_of: datetime | None = None
    sample: bool | None = None


class _BadRow(Exception):
    """Row `row` (from 0, of the batch) can not be recorded."""

    def __init__(self, row: int, message: str, field: str | None) -> None:
        self.row, self.message, self.field = row, message, field
        super().__init__(message)


class Batch(msgspec.Struct, frozen=True):
    """Checked rows of a file from row `start` (from 0) on, as an Arrow table with `COLUMNS`."""

    start: int
    table: Any

    def outcomes(self, rows: Any = None) -> list[NewOutcome]:
        """The rows, or those of them that stand at the places `rows` (an array of integers)."""
        table = self.table if rows is None else self.table.take(rows)
        columns = [_values(table.column(name), name) for name in COLUMNS]
        return [
            NewOutcome(
                metric=metric,
                value=value,
                case_id=case_id,
                unit=unit or "",
                unit_id=unit_id,
                arm=arm,
                cluster=cluster,
                call_id=call_id,
                at=at,
                as_of=as_of,
                sample=bool(sample),
            )
            for metric, value, case_id, unit, unit_id, arm, cluster, call_id, at, as_of, sample in zip(*columns, strict=True)
        ]


def _values(column: Any, name: str) -> Iterable[Any]:
    """The values of a column as Python has them, quickly."""
    if column.null_count == len(column):
        return repeat(None, len(column))
    if name not in TIMES:
        return cast(list[Any], column.to_pylist())
    moments = column.to_numpy().astype("datetime64[us]").tolist()
    return [moment if moment is None else moment.replace(tzinfo=UTC) for moment in moments]


def format_of(name: str) -> Format:
    """The format that a file's name tells; InputError for another."""
    plain = name.lower().removesuffix(".gz")
    for ending, found in ((".csv", "csv"), (".jsonl", "jsonl"), (".ndjson", "jsonl"), (".parquet", "parquet")):
        if plain.endswith(ending):
            if found == "parquet" and plain != name.lower():
                break
            return found  # type: ignore[return-value]
    raise InputError("name the file .csv, .jsonl (each also with .gz) or .parquet", file=name)


def read_batches(path: Path, kind: Format, *, name: str, now: datetime) -> Iterator[Batch]:
    """Every row of the file, checked, in order. InputError names `name`, the line (in Parquet the row, from 1) and the field of
    the first row that is wrong; nothing before it says that the rows after it are fine."""
    start = 0
    try:
        for table, lines in _tables(path, kind):
            for offset in range(0, table.num_rows, BATCH_ROWS):
                part = table.slice(offset, BATCH_ROWS)
                try:
                    checked = _checked(part, now)
                except _BadRow as error:
                    line = lines[offset + error.row] if lines else _line(path, kind, start + error.row)
                    raise InputError(error.message, line=line, field=error.field) from None
                yield Batch(start, checked)
                start += part.num_rows
                if start > ROWS_MAX:
                    raise InputError(f"holds more than {ROWS_MAX} rows: import it as several files")
        if not start:
            raise InputError("holds no rows")
    except _BadRow as error:
        raise InputError(error.message, file=name, line=error.row, field=error.field) from None
    except InputError as error:
        raise InputError(error.message, file=name, line=error.line, field=error.field) from None
    except (OSError, EOFError) as error:
        raise InputError(getattr(error, "strerror", None) or _first_line(error), file=name) from None


def _tables(path: Path, kind: Format) -> Iterator[tuple[Any, list[int]]]:
    """(Arrow table of the columns as they stand in the file, line of each row or [] where that follows from the row)."""
    import pyarrow as pa

    try:
        if kind == "parquet":
            yield from _parquet(path)
        elif kind == "csv":
            yield from _csv(path)
        else:
            yield from _json(path)
    except pa.ArrowInvalid:
        # What the reader says may hold a row's text, and errors are kept.
        raise InputError(f"can not be read as {kind}" + ("" if kind == "parquet" else " in UTF-8")) from None


def _parquet(path: Path) -> Iterator[tuple[Any, list[int]]]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        _check_header(file.schema_arrow.names)
        wanted = [name for name in file.schema_arrow.names if name in COLUMNS]
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
            yield pa.Table.from_batches([batch]), []


def _csv(path: Path) -> Iterator[tuple[Any, list[int]]]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = next(_records(path), (1, []))[1]
    _check_header(header)
    wrong: list[_BadRow] = []

    def note(row: Any) -> str:
        wrong.append(_BadRow(row.number or 0, f"has {row.actual_columns} fields, and the header {row.expected_columns}", None))
        return "error"

    with path.open("rb") as raw, _unpacked(raw) as stream:
        try:
            reader = arrow_csv.open_csv(
                stream,
                # One thread: only then a row that is no row has its number.
                read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
                parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=[each for each in header if each in COLUMNS],
                    column_types=dict.fromkeys(COLUMNS, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
            for batch in reader:
                yield pa.Table.from_batches([batch]), []
        except pa.ArrowInvalid:
            if wrong:
                raise _BadRow(_line_of_record(path, header), wrong[0].message, None) from None
            raise


def _json(path: Path) -> Iterator[tuple[Any, list[int]]]:
    import pyarrow as pa

    decoder = msgspec.json.Decoder(_Line)
    found = ((number, line) for number, line in job_files.lines(path) if line is None or line.strip())
    while some := list(islice(found, BATCH_ROWS)):
        numbers = [number for number, _ in some]
        try:
            if any(line is None for _, line in some):
                raise msgspec.DecodeError
            rows = [decoder.decode(line) for _, line in some if line is not None]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _bad_line(some, decoder) from None
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            values = [getattr(row, name) for row in rows]
            if name in TIMES:
                for place, moment in enumerate(values):
                    if moment is not None and moment.tzinfo is None:
                        raise _BadRow(numbers[place], "a time needs its offset, such as 2027-01-31T08:00:00Z", name)
            columns[name] = pa.array(values, _types()[name])
        yield pa.table(columns), numbers


def _bad_line(some: Sequence[tuple[int, bytes | None]], decoder: Any) -> _BadRow:
    for number, line in some:
        if line is None:
            return _BadRow(number, f"longer than {job_files.LINE_BYTES_MAX} bytes", None)
        try:
            decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            message, _, place = str(error).partition(" - at `$.")
            field = place.rstrip("`") or None
            if field is None and (missing := message.partition("missing required field `")[2]):
                field = missing.rstrip("`")
            return _BadRow(number, message, field)
    raise AssertionError("every line can be read")


def _types() -> dict[str, Any]:
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    return {**dict.fromkeys(TEXTS, pa.string()), "value": pa.float64(), **dict.fromkeys(TIMES, moment), "sample": pa.bool_()}


def _check_header(names: Sequence[str]) -> None:
    if missing := [each for each in REQUIRED if each not in names]:
        raise InputError("the first line names the columns, and this one is missing", line=1, field=missing[0])
    if repeated := [each for each in names if each in COLUMNS and list(names).count(each) > 1]:
        raise InputError("the column stands there twice", line=1, field=repeated[0])


def _checked(table: Any, now: datetime) -> Any:
    """`table` with exactly `COLUMNS`, of their types; _BadRow for the first row that can not be recorded."""
    import pyarrow as pa

    bad: list[_BadRow] = []
    columns = []
    for name in COLUMNS:
        column = table.column(name).combine_chunks() if name in table.column_names else pa.nulls(table.num_rows)
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        columns.append(_column(name, column, bad))
    made = pa.table(dict(zip(COLUMNS, columns, strict=True)))
    _check_values(made, now, bad)
    if bad:
        raise min(bad, key=lambda each: each.row)
    # Without its zone, which every time of it shares, a time becomes one of Python at a fraction of the cost.
    for name in TIMES:
        place = COLUMNS.index(name)
        made = made.set_column(place, name, made.column(name).cast(pa.timestamp("us")))
    return made


def _column(name: str, column: Any, bad: list[_BadRow]) -> Any:
    """The column in its type; what can not be read is noted in `bad` and null."""
    import pyarrow as pa

    wanted = _types()[name]
    if column.type == wanted or pa.types.is_null(column.type):
        return column.cast(wanted)
    if pa.types.is_dictionary(column.type):
        return _column(name, column.dictionary_decode(), bad)
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if name in TEXTS and not (is_text or pa.types.is_integer(column.type)):
        bad.append(_BadRow(0, f"a column of {column.type}, and text is wanted", name))
        return pa.nulls(len(column), wanted)
    if name in TIMES and pa.types.is_timestamp(column.type) and column.type.tz is None:
        bad.append(_BadRow(0, "a column of times without an offset: write them in UTC with their zone", name))
        return pa.nulls(len(column), wanted)
    if name == "sample" and is_text:
        return _booleans(column, bad)
    try:
        # Times that are finer than a microsecond are cut, numbers are not.
        return column.cast(wanted, safe=name not in TIMES or is_text)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        place = next((place for place in range(len(column)) if not _casts(column.slice(place, 1), wanted)), 0)
        what = (
            "a number" if name == "value" else "a time with its offset, such as 2027-01-31T08:00:00Z" if name in TIMES else wanted
        )
        bad.append(_BadRow(place, f"is not {what}", name))
        return pa.nulls(len(column), wanted)


def _booleans(column: Any, bad: list[_BadRow]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    lowered = pc.utf8_lower(column)
    place = pc.index(pc.is_in(lowered, pa.array([*_TRUE, *_FALSE, None])), False).as_py()
    if place >= 0:
        bad.append(_BadRow(place, "is neither true nor false", "sample"))
    return pc.is_in(lowered, pa.array([*_TRUE]))


def _casts(value: Any, wanted: Any) -> bool:
    import pyarrow as pa

    try:
        value.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _check_values(table: Any, now: datetime, bad: list[_BadRow]) -> None:
    """The rules of `check_outcome`, a column at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def note(mask: Any, message: str, field: str) -> None:
        place = pc.index(mask, True).as_py()
        if place >= 0:
            bad.append(_BadRow(place, message, field))

    noted = {each.field for each in bad}
    if "value" not in noted:
        value = table.column("value")
        note(pc.or_(pc.is_null(value), pc.invert(pc.fill_null(pc.is_finite(value), True))), "a value is a finite number", "value")
    for name in TEXTS:
        if name in noted:
            continue
        column = table.column(name)
        if name in ("metric", "case_id"):
            blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(column, ""))), 0)
            note(blank, "name the metric" if name == "metric" else "name the business case", name)
        unique = pc.unique(column.combine_chunks())
        long = pc.or_(pc.greater(pc.utf8_length(unique), NAME_LENGTH_MAX), pc.match_substring(unique, "\x00"))
        if pc.any(pc.fill_null(long, False)).as_py():
            note(
                pc.is_in(column, unique.filter(pc.fill_null(long, False))),
                f"at most {NAME_LENGTH_MAX} characters, none of them NUL",
                name,
            )
        suspicious = unique.filter(pc.fill_null(pc.match_substring_regex(unique, _SUSPICIOUS), False)).to_pylist()
        if personal := [each for each in suspicious if personal_kinds(each)]:
            place = pc.index(pc.is_in(column, pa.array(personal, pa.string())), True).as_py()
            kinds = ", ".join(personal_kinds(column[place].as_py()))
            bad.append(_BadRow(place, f"it holds personal data ({kinds}); use an identifier", name))
    latest = pa.scalar(now + timedelta(seconds=CLOCK_SKEW_S_MAX), pa.timestamp("us", tz="UTC"))
    real = pc.invert(pc.fill_null(table.column("sample"), False))
    for name in TIMES:
        ahead = pc.and_(real, pc.fill_null(pc.greater(table.column(name), latest), False))
        place = pc.index(ahead, True).as_py()
        if place >= 0:
            bad.append(_BadRow(place, f"{table.column(name)[place].as_py().isoformat()} lies in the future", name))


def _line(path: Path, kind: Format, row: int) -> int:
    """The line on which row `row` (from 0; header and blank lines apart) of a CSV file ends; of Parquet, the row from 1."""
    if kind != "csv":
        return row + 1
    return next(islice(_records(path), row + 1, None), (0, []))[0]


def _line_of_record(path: Path, header: Sequence[str]) -> int:
    """The line of the first record that has not as many fields as the header."""
    return next((line for line, record in _records(path) if len(record) != len(header)), 0)


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line on which it ends, fields) of each record of a CSV file that is not blank."""
    with path.open("rb") as raw, _unpacked(raw) as stream:
        import io

        reader = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline=""))
        try:
            for record in reader:
                if record:
                    yield reader.line_num, record
        except csv.Error as error:
            raise InputError(str(error), line=reader.line_num) from None


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[return-value]


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
