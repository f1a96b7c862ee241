"""Notebooks: the code of their cells, read as one module, with each line's place in the file; keys stand in outputs too."""

from __future__ import annotations

import json
import re

import msgspec

from groundcrew.scanning.hits import Found, Hit, Surroundings
from groundcrew.scanning.provisions import read_installs
from groundcrew.scanning.python_code import read_python

_MAGIC = re.compile(r"^\s*[%!?]")


class Cells(msgspec.Struct, frozen=True):
    """The code of a notebook: its text, and for each line of it the line in the file and the number of the cell."""

    code: str
    places: list[tuple[int, int]]
    #: Lines of the shell and magic commands, by their number in `code`.
    commands: list[tuple[int, str]] = []


def cells_of(text: str) -> Cells | None:
    """The code cells of a notebook; None where it is none. Lines of the shell and magic commands are blanks."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    cells = read.get("cells") if isinstance(read, dict) else None
    if not isinstance(cells, list):
        return None
    lines: list[str] = []
    commands: list[tuple[int, str]] = []
    places: list[tuple[int, int]] = []
    at = 0
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source")
        joined = "".join(each for each in source if isinstance(each, str)) if isinstance(source, list) else source
        if not isinstance(joined, str):
            continue
        whole_magic = joined.lstrip().startswith("%%")
        for line in joined.split("\n"):
            quoted = json.dumps(line, ensure_ascii=False)[1:-1]
            place = text.find(quoted, at) if line.strip() else at
            if place < 0:
                place = text.find(json.dumps(line)[1:-1], at)
            at = max(place, at)
            lines.append("" if whole_magic else _plain(line))
            if whole_magic or _MAGIC.match(line):
                commands.append((len(lines), line))
            places.append((text.count("\n", 0, at) + 1, number))
    return Cells("\n".join(lines), places, commands)


def _plain(line: str) -> str:
    if not _MAGIC.match(line):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass" if indent else ""


def read_notebook(text: str, around: Surroundings) -> Found | None:
    """What a notebook uses; None where it is none, or its code can not be read."""
    cells = cells_of(text)
    if cells is None:
        return None
    found = read_python(cells.code, around)
    if found is None:
        return None
    installed = read_installs(iter(cells.commands), around)
    return Found(hits=[_placed(each, cells) for each in (*found.hits, *installed)], governed=found.governed)


def _placed(hit: Hit, cells: Cells) -> Hit:
    line, cell = cells.places[min(hit.line, len(cells.places)) - 1]
    return msgspec.structs.replace(hit, line=line, reason=f"{hit.reason} (cell {cell})")
