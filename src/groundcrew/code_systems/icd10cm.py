"""ICD-10-CM from the tabular list that the package simple-icd-10-cm carries: its XML has the codes up to the sixth character
and says by notes which 7th characters follow; they are enumerated here, since a case may only have the whole code."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypedDict
from xml.etree.ElementTree import Element, ParseError, parse

from groundcrew.code_systems.system import Code, CodeSystem, content_digest
from groundcrew.errors import InputError

NAME = "icd-10-cm"
PACKAGE = "simple_icd_10_cm"
#: With fewer characters than these before it, a 7th character has placeholders in front.
SEVENTH_PLACE = 6
PLACEHOLDER = "X"
#: "7th characters D and S do not apply to codes in category S06 with 6th character 7 … or 8 …"
_NOT_APPLIED = re.compile(
    r"(?i)7th characters? (.{1,40}?) do(?:es)? not apply to codes in (?:sub)?category (\w[\w.]{1,7}) with 6th characters? (.+)"
)
_ONE_CHARACTER = re.compile(r"\b[0-9A-Z]\b")
_EDITION = re.compile(r"tabular[-_ ]?(.+)\.xml$", re.IGNORECASE)


class _Notes(TypedDict):
    inclusions: tuple[str, ...]
    excludes: tuple[str, ...]


class _Above(NamedTuple):
    """What an entry inherits: the entry above it, its chapter, and the 7th characters that the nearest note gives."""

    parent: str
    chapter: str
    seventh: tuple[tuple[str, str], ...] = ()
    except_: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


@cache
def load() -> CodeSystem:
    """The edition of ICD-10-CM that is installed; takes about a second of CPU the first time. Raises InputError where the package
    or its files are missing."""
    table, listed = _files()
    try:
        root = parse(table).getroot()
    except (OSError, ParseError) as error:
        raise InputError(f"can not be read: {error}", file=str(table)) from error
    official = frozenset(listed.read_text(encoding="utf-8").split()) if listed is not None else None
    return from_tabular(root, release=_release(table, root), listed=official)


def from_tabular(root: Element, *, release: str, listed: frozenset[str] | None = None) -> CodeSystem:
    """The code system of a tabular list in the XML form of the CDC's National Center for Health Statistics.

    `listed` are the publisher's enumerated codes without dots, where they are known: a whole code that is not among them is left
    out, whatever the notes say.
    """
    codes: dict[str, Code] = {}
    for chapter in root.iterfind("chapter"):
        for each in _chapter(chapter):
            if each.usable and listed and each.code.replace(".", "") not in listed:
                continue
            codes.setdefault(each.code, each)
    return CodeSystem(
        name=NAME, release=release, language="en", digest=content_digest(NAME, release, codes.values()), codes=codes
    )


def _files() -> tuple[Path, Path | None]:
    """The tabular list and the list of codes. The package itself is not imported: that would build a tree of its own."""
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or []) if found is not None else []:
        tables = sorted(Path(place, "data").glob("*tabular*.xml"))
        if tables:
            return tables[-1], next(iter(sorted(Path(place, "data").glob("code-list*.txt"))), None)
    raise InputError("the tabular list of ICD-10-CM is missing: pip install simple-icd-10-cm")


def _release(table: Path, root: Element) -> str:
    match = _EDITION.search(table.name)
    return match.group(1).replace("-", " ") if match else (root.findtext("version") or table.name)


def _chapter(chapter: Element) -> Iterator[Code]:
    name = _text(chapter, "name")
    yield Code(code=name, title=_text(chapter, "desc"), chapter=name, usable=False, kind="chapter", **_notes(chapter))
    for section in chapter.iterfind("section"):
        # A range of a single category is named as the category is.
        block = section.get("id", "")
        block = block if "-" in block else f"{block}-{block}"
        yield Code(
            code=block, title=_text(section, "desc"), parent=name, chapter=name, usable=False, kind="block", **_notes(section)
        )
        for each in section.iterfind("diag"):
            yield from _diagnosis(each, _Above(block, name))


def _diagnosis(element: Element, above: _Above) -> Iterator[Code]:
    """An entry, those under it, and where it ends the branch its 7th characters."""
    code, title = _text(element, "name"), _text(element, "desc")
    notes = _notes(element)
    under = element.findall("diag")
    above = _inherited(element, above)
    whole = not under and (not above.seventh or len(code.replace(".", "")) > SEVENTH_PLACE)
    yield Code(code=code, title=title, parent=above.parent, chapter=above.chapter, usable=whole, **notes)
    if not under and not whole:
        full = code if "." in code else f"{code}."
        full = full.ljust(SEVENTH_PLACE + 1, PLACEHOLDER)
        barred, sixth = above.except_
        for character, meaning in above.seventh:
            if character in barred and full[-1] in sixth:
                continue
            yield Code(code=full + character, title=f"{title}, {meaning}", parent=code, chapter=above.chapter, **notes)
    for each in under:
        yield from _diagnosis(each, above._replace(parent=code))


def _inherited(element: Element, above: _Above) -> _Above:
    definition = element.find("sevenChrDef")
    if definition is not None:
        found = tuple((each.get("char", ""), (each.text or "").strip()) for each in definition.iterfind("extension"))
        above = above._replace(seventh=found, except_=(frozenset(), frozenset()))
    for note in element.iterfind("*/note"):
        match = _NOT_APPLIED.search(note.text or "")
        if match:
            barred, sixth = (frozenset(_ONE_CHARACTER.findall(match.group(each))) for each in (1, 3))
            above = above._replace(except_=(barred, sixth))
    return above


def _notes(element: Element) -> _Notes:
    inclusions = (*element.iterfind("inclusionTerm/note"), *element.iterfind("includes/note"))
    excludes = (*element.iterfind("excludes1/note"), *element.iterfind("excludes2/note"))
    return {
        "inclusions": tuple(each.text.strip() for each in inclusions if each.text),
        "excludes": tuple(each.text.strip() for each in excludes if each.text),
    }


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
