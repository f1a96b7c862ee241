"""Word files (.docx): headings, paragraphs, lists and tables in document order; headers, footers and comments are left out."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from groundcrew.errors import InputError
from groundcrew.grounding.readers.extract import Extract, as_paragraph, one_line, table_lines

#: A .docx is a zip archive; a small file that unpacks to more than this is no document.
UNPACKED_BYTES_MAX = 512 * 1024 * 1024
_HEADING_STYLE = re.compile(r"heading ([1-9])$", re.IGNORECASE)
_HEADING_LEVEL_MAX = 6


def read_word(data: bytes, name: str) -> list[Extract]:
    """One document. Its title is the paragraph in style Title, or the file's own title, or the first heading."""
    import docx

    _check_archive(data, name)
    document = docx.Document(io.BytesIO(data))
    lines = list(_lines(document))
    headings = [line.lstrip("# ") for line in lines if line.startswith("#")]
    title = next((line[2:] for line in lines if line.startswith("# ")), "") or one_line(document.core_properties.title or "")
    return [Extract(text="\n".join(lines), title=title or (headings[0] if headings else ""), content=data)]


def _check_archive(data: bytes, name: str) -> None:
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError("is protected by a password or in the old .doc format; save it as an open .docx", file=name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise InputError("is not a readable .docx: the archive is damaged", file=name) from error
    if unpacked > UNPACKED_BYTES_MAX:
        raise InputError(f"unpacks to {unpacked} bytes, limit {UNPACKED_BYTES_MAX}", file=name)


def _lines(container: Any) -> Iterator[str]:
    from docx.table import Table

    was_item = False
    for block in container.iter_inner_content():
        if isinstance(block, Table):
            yield from ("", *_table(block))
            was_item = False
            continue
        item, lines = _paragraph(block)
        if lines:
            if not (item and was_item):
                yield ""
            yield from lines
            was_item = item


def _paragraph(paragraph: Any) -> tuple[bool, list[str]]:
    """(is a list item, its lines)."""
    text = paragraph.text
    if not text.strip():
        return False, []
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    heading = _HEADING_STYLE.match(style)
    if heading or style == "Title":
        level = min(int(heading.group(1)), _HEADING_LEVEL_MAX) if heading else 1
        return False, [f"{'#' * level} {one_line(text)}"]
    properties = paragraph._p.pPr
    if style.startswith("List") or (properties is not None and properties.numPr is not None):
        return True, [f"- {one_line(text)}"]
    return False, [as_paragraph(line) for line in text.split("\n") if line.strip()]


def _table(table: Any) -> list[str]:
    rows = [_cells(row) for row in table.rows]
    if len(rows) < 2:
        return table_lines([], rows)
    return table_lines(rows[0], rows[1:])


def _cells(row: Any) -> list[str]:
    """A merged cell is handed out once a column: the repeats are blanked. Nested tables are read into their cell."""
    cells: list[str] = []
    seen: list[Any] = []
    for cell in row.cells:
        if any(cell._tc is other for other in seen):
            cells.append("")
            continue
        seen.append(cell._tc)
        cells.append(" ".join(line.strip() for line in _lines(cell) if line.strip()))
    return cells
