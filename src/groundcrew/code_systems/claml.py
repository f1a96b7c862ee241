"""Code systems in ClaML (EN 14463), the XML in which ICD-10-GM, OPS and other editions are published: classes with a heading
above them, rubrics, and modifiers, whose classes are further characters of a code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, XMLParser, fromstring

from groundcrew.code_systems.building import Row, build, read_tables
from groundcrew.code_systems.system import Code, CodeSystem, Kind
from groundcrew.errors import InputError

_KINDS: dict[str, Kind] = {"chapter": "chapter", "block": "block", "category": "code"}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_USES = ("Para301", "Para295")
_NOT_FOR_CODING = "V"
MODIFIERS_OF_CLASS_MAX = 4


class _Step(NamedTuple):
    """A class of a modifier: what it adds to a code and to its title, and after which it must not stand."""

    modifier: str
    code: str
    title: str
    barred_after: frozenset[str]


def load_claml(path: Path, *, name: str, release: str, language: str = "") -> CodeSystem:
    """The code system in the ClaML file at `path`, or in the one of a folder or ZIP archive. Raises InputError."""
    tables = [each for each in read_tables(path) if "<ClaML" in each.text[:20_000]]
    if len(tables) != 1:
        raise InputError("holds no ClaML file" if not tables else "holds more than one ClaML file; name it", file=str(path))
    file, text = tables[0].name, tables[0].text
    if "<!ENTITY" in text:
        # None is needed in ClaML, and few of them can stand for a text that fills the memory.
        raise InputError(
            "declares XML entities, which are not read", file=file, line=text.count("\n", 0, text.index("<!ENTITY")) + 1
        )
    try:
        root = fromstring(text.encode(), parser=XMLParser(encoding="utf-8"))
    except ParseError as error:
        raise InputError(f"is no well-formed XML: {error}", file=file, line=error.position[0]) from error
    title = root.find("Title")
    release = release or (title.get("version", "") if title is not None else "")
    if not release:
        raise InputError("the edition is not in the file: say it with --release", file=file)
    return build(name, release, language or _language(root), _rows(root, file), file=file)


def _language(root: Element) -> str:
    label = next(root.iterfind("Class/Rubric/Label"), None)
    return (label.get(_LANGUAGE, "") if label is not None else "") or "und"


def _rows(root: Element, file: str) -> Iterator[Row]:
    steps: dict[str, dict[str, _Step]] = {}
    for each in root.iterfind("ModifierClass"):
        barred = frozenset(meta.get("value", "") for meta in each.iterfind("Meta[@name='excludeOnPrecedingModifier']"))
        modifier, code = each.get("modifier", ""), each.get("code", "")
        steps.setdefault(modifier, {})[code] = _Step(modifier, code, _preferred(each), barred)
    # ElementTree does not keep lines: the number of the class is told instead, which leads to it as well.
    for number, each in enumerate(root.iterfind("Class"), start=1):
        code = each.get("code", "")
        kind = _KINDS.get(each.get("kind", "category"), "code")
        above = each.find("SuperClass")
        added = [_valid(modified, steps, code, file, number) for modified in each.iterfind("ModifiedBy")]
        last = kind == "code" and each.find("SubClass") is None and not any(added) and not _is_unused(each)
        entry = Code(
            code=code,
            title=_preferred(each),
            usable=last,
            inclusions=tuple(_rubrics(each, "inclusion")),
            excludes=tuple(_rubrics(each, "exclusion")),
            kind=kind,
        )
        yield Row(entry=entry, file=file, line=number, parent=above.get("code", "") if above is not None else "")
        if each.find("SubClass") is None:
            yield from _modified(entry, added[:MODIFIERS_OF_CLASS_MAX], (), file, number)


def _valid(modified: Element, steps: dict[str, dict[str, _Step]], code: str, file: str, number: int) -> list[_Step]:
    known = steps.get(modified.get("code", ""))
    if known is None:
        raise InputError(f"{code} is modified by {modified.get('code', '')!r}, which is not there", file=file, line=number)
    if modified.get("all", "true") == "true" or modified.find("ValidModifierClass") is None:
        return list(known.values())
    named = [each.get("code", "") for each in modified.iterfind("ValidModifierClass")]
    return [known[each] for each in named if each in known]


def _modified(above: Code, added: list[list[_Step]], taken: tuple[_Step, ...], file: str, number: int) -> Iterator[Row]:
    """The codes that come from `above` with one class of each modifier in turn."""
    if not added:
        return
    before = {f"{each.modifier} {each.code}" for each in taken}
    for step in added[0]:
        if step.barred_after & before:
            continue
        entry = Code(code=_joined(above.code, step.code), title=f"{above.title}: {step.title}", usable=len(added) == 1)
        yield Row(entry=entry, file=file, line=number, parent=above.code)
        yield from _modified(entry, added[1:], (*taken, step), file, number)


def _joined(code: str, added: str) -> str:
    # After the third character of a code of ICD a dot stands, whether the modifier says so or not.
    dot = "." if len(code) == 3 and code.isalnum() and code[:1].isalpha() and not added.startswith(".") else ""
    return f"{code}{dot}{added.lstrip('.') if '.' in code else added}"


def _is_unused(element: Element) -> bool:
    uses = {meta.get("value") for meta in element.iterfind("Meta") if meta.get("name") in _USES}
    return uses == {_NOT_FOR_CODING}


def _preferred(element: Element) -> str:
    return next(_rubrics(element, "preferred"), "")


def _rubrics(element: Element, kind: str) -> Iterator[str]:
    for label in element.iterfind(f"Rubric[@kind='{kind}']/Label"):
        text = " ".join("".join(label.itertext()).split())
        if text:
            yield text
