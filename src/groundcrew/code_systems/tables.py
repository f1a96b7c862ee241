"""Code systems in tables whose first row names the columns: a plain one of code, title and parent, and CHOP as its Swiss
publisher gives it out, where notes stand in rows of their own under their code."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from groundcrew.code_systems.building import Row, Table, build, read_tables
from groundcrew.code_systems.system import Code, CodeSystem
from groundcrew.errors import InputError

#: What a column may be called, in small letters. Another name is given with --column.
COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("code", "zcode", "z-code", "kode", "chop", "chopcode"),
    "title": ("title", "titel", "text", "label", "bezeichnung", "titre", "titolo"),
    "parent": ("parent", "parentcode", "superclass", "übergeordnet"),
    "usable": ("usable", "codable", "kodierbar", "codifiable", "terminal", "leaf", "billable"),
    "item": ("item", "item type", "itemtype", "type", "typ", "elementtyp"),
    "chapter": ("chapter", "kapitel", "chapitre", "capitolo"),
}
CELL_CHARACTERS_MAX = 100_000
_YES = frozenset({"1", "true", "yes", "y", "j", "ja", "oui", "sì", "si", "t", "x"})
_NO = frozenset({"0", "false", "no", "n", "nein", "non", ""})
#: The kinds of rows of CHOP: T or nothing is the title of a code; inclusions and exclusions belong to the code above them, as do
#: notes (N), descriptions (B) and hints to code further ones (S), which name nothing.
_TITLE, _INCLUSION, _EXCLUSION, _NOTES = ("t", ""), "i", "x", ("n", "b", "s", "l")


def load_csv(path: Path, *, name: str, release: str, language: str = "", columns: Mapping[str, str] | None = None) -> CodeSystem:
    """The code system in the CSV file at `path`, separated by semicolons, commas or tabs. Raises InputError naming the line.

    Where no column says so, a code is usable when none lies under it; where none names the parent, it is the longest code that
    this one begins with.
    """
    tables = read_tables(path)
    if len(tables) != 1:
        raise InputError("holds no table" if not tables else "holds more than one table; name the file", file=str(path))
    if not release:
        raise InputError("a table does not say its edition: say it with --release", file=str(path))
    rows = list(_rows(tables[0], columns or {}))
    system = build(name, release, language or "und", (row for row, _ in rows), file=tables[0].name)
    told = {row.entry.code for row, says in rows if says}
    above = {each.parent for each in system.codes.values()}
    last = [
        msgspec.structs.replace(row.entry, usable=row.entry.code not in above and row.entry.kind == "code")
        if row.entry.code not in told
        else row.entry
        for row, _ in rows
    ]
    final = (msgspec.structs.replace(row, entry=entry) for (row, _), entry in zip(rows, last, strict=True))
    return build(name, release, language or "und", final, file=tables[0].name)


def _rows(table: Table, named: Mapping[str, str]) -> Iterator[tuple[Row, bool]]:
    """The entries, each with whether the table itself says that it is usable."""
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    first = table.text.partition("\n")[0]
    reader = csv.reader(table.text.split("\n"), delimiter=max(";,\t", key=first.count), strict=True)
    places: dict[str, int] | None = None
    waiting: tuple[Row, bool] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise InputError(f"is no readable row: {error}", file=table.name, line=line) from error
        if places is None:
            places = _places(cells, named, table.name)
            continue
        if not any(each.strip() for each in cells):
            continue
        cell = {key: cells[place].strip() if place < len(cells) else "" for key, place in places.items()}
        item = cell.get("item", "").lower()[:1]
        if item in (_INCLUSION, _EXCLUSION, *_NOTES) and waiting is not None:
            waiting = (_with_note(waiting[0], item, cell["title"]), waiting[1])
            continue
        if waiting is not None:
            yield waiting
        waiting = _entry(cell, places, table.name, line)
    if waiting is not None:
        yield waiting


def _places(cells: list[str], named: Mapping[str, str], file: str) -> dict[str, int]:
    found = {each.strip().lower().lstrip("\ufeff"): place for place, each in enumerate(cells)}
    places: dict[str, int] = {}
    for column, names in COLUMNS.items():
        wanted = (named[column].lower(),) if column in named else names
        place = next((found[each] for each in wanted if each in found), None)
        if place is not None:
            places[column] = place
        elif column in named or column in ("code", "title"):
            told = f"no column {named[column]!r}" if column in named else f"no column for the {column} ({', '.join(names)})"
            raise InputError(f"{told}; the first row has {', '.join(each for each in found if each)[:200]}", file=file, line=1)
    return places


def _entry(cell: dict[str, str], places: Mapping[str, int], file: str, line: int) -> tuple[Row, bool]:
    says = cell.get("usable", "").lower()
    if says not in _YES | _NO:
        raise InputError(f"{says[:20]!r} is neither yes nor no", file=file, line=line, field="usable")
    entry = Code(
        code=cell["code"],
        title=cell["title"],
        usable=says in _YES,
        chapter=cell.get("chapter", ""),
        # CHOP's chapters are C0 to C18, and no code of a system of such tables has one letter and one or two digits.
        kind="chapter" if cell["code"][:1] in "Cc" and cell["code"][1:].isdigit() and len(cell["code"]) <= 3 else "code",
    )
    return Row(entry=entry, file=file, line=line, parent=cell["parent"] if "parent" in places else None), "usable" in places


def _with_note(row: Row, item: str, text: str) -> Row:
    field = {_INCLUSION: "inclusions", _EXCLUSION: "excludes"}.get(item)
    if field is None or not text:
        return row
    kept = (*getattr(row.entry, field), text)
    return msgspec.structs.replace(row, entry=msgspec.structs.replace(row.entry, **{field: kept}))
