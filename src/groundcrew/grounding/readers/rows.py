"""Bases that come as rows, JSON Lines or CSV: one document a row, for thousands of short entries."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import msgspec

from groundcrew.errors import InputError
from groundcrew.grounding.readers.extract import Extract, decode_utf8, one_line

#: Longest cell of a CSV file, in characters.
CELL_CHARACTERS_MAX = 1_000_000


def read_json_lines(data: bytes, name: str) -> list[Extract]:
    """Rows `{"id", "text", "title"?}`; null counts as absent, unknown fields are ignored, blank lines skipped."""
    decode_utf8(data, name)
    extracts: list[Extract] = []
    seen: dict[str, int] = {}
    decoder = msgspec.json.Decoder(dict[str, object])
    for line, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            row = decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"is not a JSON object: {error}", file=name, line=line) from error
        extracts.append(_extract(row, raw.strip(), name, line, seen))
    return extracts


def read_csv(data: bytes, name: str) -> list[Extract]:
    """Columns `id`, `text` and optionally `title`, named in the first row; separated by commas, semicolons or tabs."""
    text = decode_utf8(data, name)
    first_line = text.split("\n", 1)[0]
    separator = max(",;\t", key=first_line.count)
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True, restval="")
    extracts: list[Extract] = []
    seen: dict[str, int] = {}
    line = 1
    try:
        missing = [column for column in ("id", "text") if column not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"the first row names no column {missing[0]!r}", file=name, line=1)
        line = reader.line_num + 1
        for row in reader:
            if None in row:
                raise InputError("has more cells than the first row", file=name, line=line)
            content = "\0".join(f"{key}={value}" for key, value in sorted(row.items())).encode("utf-8", "replace")
            extracts.append(_extract(row, content, name, line, seen))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"is not readable CSV: {error}", file=name, line=line) from error
    return extracts


def _extract(row: Mapping[str, object], content: bytes, name: str, line: int, seen: dict[str, int]) -> Extract:
    key, text, title = (_text_field(row, field, name, line) for field in ("id", "text", "title"))
    for field, value in (("id", key), ("text", text)):
        if not value.strip():
            raise InputError("is missing or empty", file=name, line=line, field=field)
    key = one_line(key)
    if key in seen:
        raise InputError(f"{key!r} stands in line {seen[key]} already", file=name, line=line, field="id")
    seen[key] = line
    return Extract(text=text, title=one_line(title), key=key, content=content)


def _text_field(row: Mapping[str, object], field: str, name: str, line: int) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and field == "id":
        return str(value)
    if not isinstance(value, str):
        raise InputError("must be text", file=name, line=line, field=field)
    return value
