"""Reads the two files of a drift test into columns: kinds are told from both files, and every value is checked once, here.

A file of any length is read; of a long one a seeded sample of rows is kept, which is said and never silent.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from groundcrew.curation.sources import Line, find_files, read_lines
from groundcrew.errors import InputError
from groundcrew.stats.drift.columns import Kind, infer_kind, is_missing

#: Rows kept of each file; where texts are compared, which takes an encoder's time and a matrix of all pairs, fewer.
ROWS_MAX = 20_000
TEXT_ROWS_MAX = 2_000
COLUMNS_OF_FILE_MAX = 1_000
#: Rows between two calls of `progress`.
PROGRESS_EVERY_ROWS = 1_000
#: Cells of CSV that stand for no value; of numbers, these words too.
NO_NUMBER = frozenset({"nan", "na", "n/a", "null", "none", "-"})
TRUTHS = {"true": True, "false": False}
#: Share of a CSV column's cells that make it a column of numbers, in which any other cell is a mistake.
NUMBERS_SHARE = 0.95
#: Columns that name their row, rather than say something of it.
NAMES_OF_ROWS = ("id", "uuid", "guid", "row", "index")
#: Share of different values from which texts without blanks are taken for names of rows.
NAMES_SHARE = 0.99

Progress = Callable[[int], None]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The kept rows of a file in its order with their `lines`, how many rows it has, and its columns; CSV is not `typed`."""

    file: str
    rows: tuple[dict[str, Any], ...]
    lines: tuple[int, ...]
    total: int
    columns: tuple[str, ...]
    typed: bool

    def values(self, column: str) -> list[Any]:
        """The column's cells, None where a row has none."""
        return [row.get(column) for row in self.rows]

    def fault(self, column: str, row: int, message: str) -> InputError:
        """An error that names the cell."""
        return InputError(message, file=self.file, line=self.lines[row], field=column)


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Kind and cells of each column that is tested, and why others are not."""

    kinds: dict[str, Kind]
    reference: dict[str, list[Any]]
    current: dict[str, list[Any]]
    left_out: dict[str, str]


def read_table(path: Path, *, seed: int, wanted: Sequence[str] = (), progress: Progress | None = None) -> Table:
    """The file's rows, at most ROWS_MAX of them, each as likely. InputError with file and line for a row that is none.

    Of a Parquet file only `wanted` columns are read, all without. Reads JSON Lines and CSV (both also gzipped), and Parquet.
    """
    name = find_files([path]).files[0].name if path.is_file() else _no_file(path)
    rng = np.random.default_rng(seed)
    kept: list[tuple[float, int, int, dict[str, Any]]] = []
    columns: dict[str, None] = {}
    total, typed = 0, True
    for line in _lines(name, wanted or _parquet_columns(path)):
        row = _row(line, name)
        typed = line.typed
        columns.update(dict.fromkeys(row))
        if len(columns) > COLUMNS_OF_FILE_MAX:
            raise InputError(f"more than {COLUMNS_OF_FILE_MAX} columns", file=name, line=line.line)
        total += 1
        place = (-float(rng.random()), total, line.line, row)
        if len(kept) < ROWS_MAX:
            heapq.heappush(kept, place)
        else:
            heapq.heappushpop(kept, place)
        if progress is not None and total % PROGRESS_EVERY_ROWS == 0:
            progress(total)
    if not total:
        raise InputError("holds no rows", file=name)
    kept.sort(key=lambda each: each[1])
    return Table(
        file=name,
        rows=tuple(row for *_, row in kept),
        lines=tuple(line for _, _, line, _ in kept),
        total=total,
        columns=tuple(columns),
        typed=typed,
    )


def sampled(table: Table, rows: int, *, seed: int) -> Table:
    """The table with at most `rows` of its rows, each as likely, in their order."""
    if len(table.rows) <= rows:
        return table
    places = np.sort(np.random.default_rng(seed).choice(len(table.rows), rows, replace=False)).tolist()
    return msgspec.structs.replace(
        table, rows=tuple(table.rows[place] for place in places), lines=tuple(table.lines[place] for place in places)
    )


def choose(
    reference: Table, current: Table, *, wanted: Sequence[str], kinds: Mapping[str, Kind], block: str | None = None
) -> Chosen:
    """The columns to test: `wanted`, or all that both files have and that say something of their rows.

    InputError for a column that only one file has, and, with file, line and field, for a value that does not fit its kind.
    """
    names = list(dict.fromkeys(wanted)) or [
        name for name in dict.fromkeys((*reference.columns, *current.columns)) if name != block
    ]
    for name in (*names, *kinds, *((block,) if block else ())):
        missing = [table.file for table in (reference, current) if name not in table.columns]
        if missing:
            raise InputError("is not a column of this file", file=missing[0], field=name)
    found: dict[str, Kind] = {}
    cells: tuple[dict[str, list[Any]], dict[str, list[Any]]] = ({}, {})
    left_out: dict[str, str] = {}
    for name in names:
        why = None if wanted or name in kinds else _says_nothing(name, reference, current)
        if why is not None:
            left_out[name] = why
            continue
        kind, sides = _read_column(name, kinds.get(name), reference, current)
        found[name] = kind
        for side, values in zip(cells, sides, strict=True):
            side[name] = values
    if not found:
        raise InputError(f"has no column to test; left out: {', '.join(left_out)}; name them with --columns", file=current.file)
    return Chosen(kinds=found, reference=cells[0], current=cells[1], left_out=left_out)


def blocks_of(table: Table, column: str) -> list[str]:
    """The block of each row. InputError for a row without one."""
    for place, value in enumerate(table.values(column)):
        if is_missing(value):
            raise table.fault(column, place, "is missing; each row needs its block")
    return [str(value) for value in table.values(column)]


def _no_file(path: Path) -> str:
    raise InputError("is a folder; name one file" if path.is_dir() else "no such file", file=str(path))


def _lines(name: str, fields: Sequence[str]) -> Any:
    try:
        yield from read_lines(name, fields)
    except InputError as error:
        raise InputError(error.message, file=name, line=error.line, field=error.field) from error


def _parquet_columns(path: Path) -> Sequence[str]:
    if not path.name.lower().endswith(".parquet"):
        return ()
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        names: list[str] = parquet.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise InputError("is damaged or no Parquet file", file=str(path)) from error
    return names


def _row(line: Line, name: str) -> dict[str, Any]:
    if line.text is None or line.damage is not None:
        raise InputError(line.damage or line.error or "is not readable", file=name, line=line.line)
    try:
        row = msgspec.json.decode(line.text)
    except msgspec.DecodeError as error:
        raise InputError(f"not JSON: {error}", file=name, line=line.line) from error
    if not isinstance(row, dict):
        raise InputError("must be an object", file=name, line=line.line)
    return row if line.typed else {column: cell if cell.strip() else None for column, cell in row.items()}


def _says_nothing(name: str, reference: Table, current: Table) -> str | None:
    """Why a column that nobody asked for is left out; None where it is tested."""
    if name.lower() in NAMES_OF_ROWS or name.lower().endswith("_id"):
        return "names its row"
    present = [value for table in (reference, current) for value in table.values(name) if not is_missing(value)]
    if any(isinstance(value, dict | list) for value in present):
        return "holds lists or objects"
    texts = [value for value in present if isinstance(value, str)]
    if not texts or len(texts) < len(present) or _looks_numeric(texts):
        return None
    if all(_is_time(value) for value in texts):
        return "holds times, which differ between any two windows"
    if len(set(texts)) >= NAMES_SHARE * len(texts) and not any(" " in value.strip() for value in texts):
        return "holds a different word in each row"
    return None


def _read_column(name: str, asked: Kind | None, reference: Table, current: Table) -> tuple[Kind, tuple[list[Any], list[Any]]]:
    """The column's kind, and its cells on both sides as values of this kind."""
    raw = reference.values(name), current.values(name)
    for table, values in zip((reference, current), raw, strict=True):
        for place, value in enumerate(values):
            if isinstance(value, dict | list):
                raise table.fault(name, place, "must be a number, a text, or true or false")
    if asked != "number" and any(isinstance(value, bool) for values in raw for value in values):
        raw = _truths(raw[0], reference), _truths(raw[1], current)
    cells = [cell for table, values in zip((reference, current), raw, strict=True) if not table.typed for cell in values]
    numeric = _looks_numeric([cell for cell in cells if isinstance(cell, str)])
    if asked == "number" or (asked is None and numeric):
        sides = tuple(_numbers(table, name, values) for table, values in zip((reference, current), raw, strict=True))
        return "number", (sides[0], sides[1])
    try:
        kind: Kind = asked or infer_kind(*raw)
    except InputError as error:
        raise _mixed(name, reference, current) or InputError(error.message, file=current.file, field=name) from error
    if kind in ("category", "text"):
        return kind, ([_text(value) for value in raw[0]], [_text(value) for value in raw[1]])
    return kind, raw


def _truths(values: list[Any], table: Table) -> list[Any]:
    """Cells of CSV that say true or false as such: the other file's column holds truth values, which CSV only has as words."""
    if table.typed:
        return values
    return [TRUTHS.get(cell.strip().lower(), cell) if isinstance(cell, str) else cell for cell in values]


def _mixed(name: str, reference: Table, current: Table) -> InputError | None:
    """The first cell of another type than the first cell."""
    first: type | None = None
    for table in (reference, current):
        for place, value in enumerate(table.values(name)):
            if is_missing(value):
                continue
            here = bool if isinstance(value, bool) else float if isinstance(value, int | float) else str
            first = first or here
            if here is not first:
                words = {bool: "true or false", float: "a number", str: "a text"}
                message = f"is {words[here]} where others are {words[first]}; say which with --kind {name}=category"
                return table.fault(name, place, message)
    return None


def _numbers(table: Table, name: str, values: list[Any]) -> list[float | None]:
    numbers: list[float | None] = []
    for place, value in enumerate(values):
        if isinstance(value, str) and (not value.strip() or value.strip().lower() in NO_NUMBER):
            numbers.append(None)
            continue
        try:
            numbers.append(None if value is None else float(value))
        except (ValueError, OverflowError):
            hint = f"is {value!r:.40}, which is no number; were these categories, say --kind {name}=category"
            raise table.fault(name, place, hint) from None
    return numbers


def _text(value: Any) -> str | None:
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _looks_numeric(cells: Sequence[str]) -> bool:
    known = [cell for cell in cells if cell.strip().lower() not in NO_NUMBER]
    return bool(known) and sum(_is_number(cell) for cell in known) >= NUMBERS_SHARE * len(known)


def _is_number(cell: str) -> bool:
    try:
        return not math.isnan(float(cell))
    except ValueError:
        return False


def _is_time(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return True
