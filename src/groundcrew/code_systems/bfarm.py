"""ICD-10-GM and OPS from the metadata files of their German publisher: texts without a first line of names, semicolons between
the fields, one file each for chapters, groups, (OPS) three-character headings and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from groundcrew.code_systems.building import Row, Table, build, read_tables
from groundcrew.code_systems.system import Code, CodeSystem
from groundcrew.errors import InputError

_PARTS = ("kapitel", "gruppen", "dreisteller", "kodes")
_YEAR = re.compile(r"(\d{4})syst", re.IGNORECASE)
#: The fields of a line of codes, from 0. ICD-10-GM: 28 fields, OPS: 15 (fewer in editions before 2010).
_TERMINAL, _CHAPTER, _GROUP, _TITLE = 1, 3, 4, 8
_ICD_CODE, _ICD_295, _ICD_301, _OPS_CODE, _OPS_HEADING = 6, 12, 13, 6, 5
_ICD_FIELDS_MIN, _OPS_FIELDS_MIN = 14, 9
#: "Not for coding" in the sectors of §§ 295 and 301 of the Social Code, Book V.
_NOT_FOR_CODING = "V"


def load_metadata(path: Path, *, name: str, release: str, language: str = "de") -> CodeSystem:
    """The code system in the folder or ZIP archive at `path`, or in the file of codes and those beside it. Raises InputError."""
    tables = read_tables(path.parent if path.is_file() and path.suffix.lower() == ".txt" else path)
    parts = {part: each for part in _PARTS for each in tables if each.name.lower().endswith(f"{part}.txt")}
    if "kodes" not in parts:
        raise InputError("holds no file of codes (…syst_kodes.txt)", file=str(path))
    release = release or _release(parts["kodes"].name)
    rows = _Reader(parts).rows()
    return build(name, release, language, rows, file=parts["kodes"].name)


def _release(name: str) -> str:
    match = _YEAR.search(name)
    if match is None:
        raise InputError("the edition is not in the file's name: say it with --release", file=name)
    return match.group(1)


class _Reader:
    def __init__(self, parts: dict[str, Table]) -> None:
        self._parts = parts
        #: OPS is told by its file of headings, or by its codes, which begin with a digit and a hyphen.
        self._ops = "dreisteller" in parts or re.match(r"\d;[A-Z];[A-Z]?;[^;]*;\d-", parts["kodes"].text) is not None
        self._chapters: dict[str, str] = {}
        self._groups: dict[str, str] = {}

    def rows(self) -> Iterator[Row]:
        for line, (number, title, *_) in self._lines("kapitel", 2):
            self._chapters[number.lstrip("0")] = code = number.lstrip("0") or number
            yield self._row("kapitel", line, Code(code=code, title=title, chapter=code, usable=False, kind="chapter"), "")
        for line, fields in self._lines("gruppen", 4):
            chapter, first, last, title = fields[:4] if self._ops else (fields[2], fields[0], fields[1], fields[3])
            code = f"{first}...{last}" if self._ops else f"{first}-{last}"
            self._groups[first] = code
            above = self._chapters.get(chapter.lstrip("0"), "")
            entry = Code(code=code, title=title, chapter=above, usable=False, kind="block")
            yield self._row("gruppen", line, entry, above)
        for line, (chapter, group, code, title, *_) in self._lines("dreisteller", 4):
            entry = Code(code=code, title=title, chapter=self._chapters.get(chapter.lstrip("0"), ""), usable=False)
            yield self._row("dreisteller", line, entry, self._groups.get(group, ""))
        yield from self._codes()

    def _codes(self) -> Iterator[Row]:
        for line, fields in self._lines("kodes", _OPS_FIELDS_MIN if self._ops else _ICD_FIELDS_MIN):
            if fields[_TERMINAL] not in ("T", "N"):
                raise InputError(
                    f"the second field is T (a last code) or N, found {fields[_TERMINAL][:20]!r}",
                    file=self._parts["kodes"].name,
                    line=line,
                )
            code = fields[_OPS_CODE if self._ops else _ICD_CODE].rstrip("-. +*!")
            used = self._ops or {fields[_ICD_295], fields[_ICD_301]} != {_NOT_FOR_CODING}
            chapter = self._chapters.get(fields[_CHAPTER].lstrip("0"), "")
            group = self._groups.get(fields[_GROUP], "")
            entry = Code(code=code, title=fields[_TITLE], parent=group, chapter=chapter, usable=used and fields[_TERMINAL] == "T")
            # Its heading is the longest code that it begins with; a code that begins with none lies in its group.
            yield Row(entry=entry, file=self._parts["kodes"].name, line=line, parent=None)

    def _lines(self, part: str, fields_min: int) -> Iterator[tuple[int, list[str]]]:
        table = self._parts.get(part)
        if table is None:
            return
        for number, line in enumerate(table.text.split("\n"), start=1):
            if not line.strip():
                continue
            fields = [each.strip().strip('"') for each in line.split(";")]
            if len(fields) < fields_min:
                raise InputError(f"has {len(fields)} fields, at least {fields_min} are needed", file=table.name, line=number)
            yield number, fields

    def _row(self, part: str, line: int, entry: Code, parent: str) -> Row:
        return Row(entry=entry, file=self._parts[part].name, line=line, parent=parent)
