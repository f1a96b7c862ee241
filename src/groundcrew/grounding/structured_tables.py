"""Reads tables (Markdown, HTML, tabs, CSV) into rows, each with the offsets that it rests on, and finds the lists of keys
between them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from groundcrew.grounding.structured_keys import read_keys
from groundcrew.grounding.structured_rows import (
    ROWS_MAX,
    Box,
    Line,
    Row,
    as_words,
    is_name_key,
    leads_with_figure,
    row_text,
    with_unit,
)

CELLS_MAX = 60
#: Rows that make a table of commas.
COMMA_ROWS_MIN = 3

_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:[|+][ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_UNDERLINE = re.compile(r"[ \t]*[-=]{3,}[ \t]*$")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+(.+?)[ \t#]*$")
_HTML_ROW = re.compile(r"(?i)<tr\b[^>]{0,200}>(.*?)(?=</tr|<tr\b|</table|\Z)", re.DOTALL)
_HTML_CELL = re.compile(r"(?i)<(td|th)\b[^>]{0,200}>(.*?)(?=</t[dh]|<t[dh]\b|</tr|\Z)", re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,200}>")
_WORD = re.compile(r"[^\W\d_]{2,}")
_GENERIC_HEADERS = frozenset({"value", "wert", "valeur", "valore"})

Span = tuple[int, int]


class Cells(msgspec.Struct, frozen=True):
    """The cells of one row, and the words of the source that the row rests on."""

    spans: list[Span]
    start: int
    end: int


def table_regions(source: str, begin: int, end: int) -> list[tuple[int, int, list[Row]]]:
    """Every table and list of keys in `source[begin:end]` as (start, end, rows), in order. Time is linear in the text."""
    regions = _html(source, begin, end)
    if regions:
        return regions
    lines = _lines(source, begin, end)
    box, position, rows = Box(), 0, 0
    while position < len(lines) and rows < ROWS_MAX:
        size, found = _read(source, lines, position, box)
        if found:
            regions.append((lines[position].start, lines[position + size - 1].end, found))
            rows += len(found)
        elif source[lines[position].start : lines[position].end].strip():
            box = _box(source, lines, position, box)
        position += max(1, size)
    return regions


def _lines(source: str, begin: int, end: int) -> list[Line]:
    lines, start = [], begin
    for raw in source[begin:end].splitlines(keepends=True):
        lines.append(Line(start, start + len(raw.rstrip("\r\n"))))
        start += len(raw)
    return lines


def _box(source: str, lines: Sequence[Line], position: int, box: Box) -> Box:
    """A heading or underlined title names what stands below it; prose ends that."""
    text = source[lines[position].start : lines[position].end]
    heading = _HEADING.match(text)
    if heading:
        return Box(subject=heading.group(1))
    following = lines[position + 1] if position + 1 < len(lines) else None
    if following is not None and _UNDERLINE.match(source, following.start, following.end) and len(text.split()) <= 15:
        return Box(subject=text.strip())
    return box if _UNDERLINE.match(text) else Box()


def _read(source: str, lines: Sequence[Line], position: int, box: Box) -> tuple[int, list[Row]]:
    """Lines that are read at `position` and their rows; no rows where they are prose, 0 lines where nothing is known of them."""
    for reader in (_piped, _delimited):
        size, table, header = reader(source, lines, position)
        if size:
            return size, _table_rows(source, table, header, box) if table else []
    return read_keys(source, lines, position, box)


def _piped(source: str, lines: Sequence[Line], position: int) -> tuple[int, list[Cells], bool]:
    """A table of pipes: with a rule below its header, or at least two rows of as many cells. No cells where it is none."""
    table: list[Cells] = []
    rule_at, size = -1, 0
    for line in lines[position : position + ROWS_MAX]:
        text = source[line.start : line.end]
        if "|" not in text:
            break
        if _RULE.match(text):
            rule_at = size if rule_at < 0 else rule_at
        else:
            table.append(_cells(source, line, "|"))
        size += 1
    if rule_at > 1:
        return rule_at - 1, [], False
    ruled = rule_at == 1 and len(table) >= 2
    even = len(table) >= 2 and len(table[0].spans) >= 2 and all(len(row.spans) == len(table[0].spans) for row in table)
    return size, table if ruled or even else [], ruled or _is_header(source, table)


def _delimited(source: str, lines: Sequence[Line], position: int) -> tuple[int, list[Cells], bool]:
    """A table of tabs, semicolons, commas or wide gaps: the same number of cells in every row, under a header of words."""
    first = source[lines[position].start : lines[position].end].strip()
    prose = 0
    for mark, rows_min in (("\t", 2), (";", 2), (",", COMMA_ROWS_MIN), ("  ", 3)):
        if mark not in first:
            continue
        head = _cells(source, lines[position], mark)
        if len(head.spans) < 2 or not _are_names(source, head):
            continue
        table = [head]
        for line in lines[position + 1 : position + ROWS_MAX]:
            cells = _cells(source, line, mark)
            if len(cells.spans) != len(head.spans):
                break
            table.append(cells)
        if len(table) >= rows_min:
            if (
                mark in ("\t", ";")
                or _has_figures(source, table)
                or not _is_spaced(source, lines[position : position + len(table)], mark)
            ):
                return len(table), table, True
            prose = max(prose, len(table) - 1)
    return prose, [], False


def _is_spaced(source: str, lines: Sequence[Line], mark: str) -> bool:
    """Whether commas are followed by white space as in prose."""
    return any(f"{mark} " in source[line.start : line.end] for line in lines)


def _has_figures(source: str, table: Sequence[Cells]) -> bool:
    """Whether one column is a figure in every row but the header."""
    columns = range(len(table[0].spans))
    return any(all(_is_figure(source[slice(*row.spans[column])]) for row in table[1:]) for column in columns)


def _is_figure(cell: str) -> bool:
    return any(char.isdigit() for char in cell) and len(_WORD.findall(cell)) <= 2


def _is_header(source: str, table: Sequence[Cells]) -> bool:
    return len(table) >= 2 and _are_names(source, table[0])


def _are_names(source: str, cells: Cells) -> bool:
    """Short cells of words without figures, as columns are called."""
    texts = [source[slice(*span)].strip('" ') for span in cells.spans]
    return all(
        _WORD.search(text) and len(text.split()) <= 5 and not text.endswith((".", "!", "?")) and not text[:1].isdigit()
        for text in texts
    )


def _cells(source: str, line: Line, mark: str) -> Cells:
    """The cells of one line without outer white space; quotes protect a separator, outer pipes are no cells."""
    text = source[line.start : line.end]
    if mark == "  ":
        spans = [match.span() for match in re.finditer(r"\S+(?: \S+)*", text)]
    else:
        spans, start, quoted = [], 0, False
        for offset, char in enumerate(text):
            if char == '"':
                quoted = not quoted and text[start:offset].strip() == ""
            elif char == mark and not quoted and text[offset - 1 : offset] != "\\":
                spans.append((start, offset))
                start = offset + 1
        spans.append((start, len(text)))
        if mark == "|":
            spans = [span for number, span in enumerate(spans) if text[slice(*span)].strip() or 0 < number < len(spans) - 1]
    cells = []
    for start, end in spans[:CELLS_MAX]:
        piece = text[start:end]
        lead = len(piece) - len(piece.lstrip())
        cells.append((line.start + start + lead, line.start + start + max(lead, len(piece.rstrip()))))
    return Cells(cells, *_trimmed(source, (line.start, line.end)))


def _table_rows(source: str, table: Sequence[Cells], header: bool, box: Box) -> list[Row]:
    names = [_cell(source, span) for span in table[0].spans] if header else []
    subject_at = next((number for number, name in enumerate(names) if is_name_key(name)), 0)
    rows: list[Row] = []
    for cells in table[1 if header else 0 :]:
        if len(rows) >= ROWS_MAX:
            break
        start, end = cells.start, cells.end
        texts = [_cell(source, span) for span in cells.spans]
        if not texts:
            continue
        if not names or len(texts) < 2:
            rows.append(Row(start=start, end=end, text=f"{texts[0]}: {', '.join(texts[1:])}" if len(texts) > 1 else texts[0]))
            continue
        at = subject_at if subject_at < len(texts) else 0
        subject = f"{names[at]} {texts[at]}" if leads_with_figure(texts[at]) and at < len(names) else texts[at]
        for number, text in enumerate(texts):
            if number == at:
                continue
            name = names[number] if number < len(names) else ""
            name = box.title if name.lower() in _GENERIC_HEADERS and box.title else name
            key, value = with_unit(as_words(name), text)
            rows.append(Row(start=start, end=end, text=row_text(key, subject, value)))
    return [row for row in rows if row.text and row.start < row.end]


def _cell(source: str, span: Span) -> str:
    return " ".join(_TAG.sub(" ", source[slice(*span)]).replace("**", "").split()).strip('"')


def _html(source: str, begin: int, end: int) -> list[tuple[int, int, list[Row]]]:
    """HTML tables, whole or cut off."""
    table: list[Cells] = []
    headed = False
    first, last = -1, begin
    for match in _HTML_ROW.finditer(source, begin, end):
        cells = [(cell.start(2), cell.end(2)) for cell in _HTML_CELL.finditer(source, match.start(1), match.end(1))][:CELLS_MAX]
        if not cells or len(table) >= ROWS_MAX:
            continue
        headed = headed or (not table and "<th" in match.group().lower() and "<td" not in match.group().lower())
        table.append(Cells([_trimmed(source, span) for span in cells], cells[0][0], cells[-1][1]))
        first, last = (match.start() if first < 0 else first), match.end()
    if len(table) < 2:
        return []
    rows = _table_rows(source, table, headed or _is_header(source, table), Box())
    return [(first, last, rows)] if rows else []


def _trimmed(source: str, span: Span) -> Span:
    piece = source[slice(*span)]
    lead = len(piece) - len(piece.lstrip())
    return span[0] + lead, span[0] + max(lead, len(piece.rstrip()))
