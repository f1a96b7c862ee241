"""What codes are called in one language, from every source there is: terms, titles, terms of the codes under a heading, and terms
of another language by the words of parallel cases. The sources are kept apart, since they are not to be trusted alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice, product

from groundcrew.code_systems.system import CodeSystem
from groundcrew.tuned.coder_text import fold, read, stem
from groundcrew.tuning.coder_lexicon import Table, form

#: Code → what it is called, as stems in order.
Names = dict[str, list[tuple[str, ...]]]

#: Headings of this form are assigned where so many of the labels are such.
_HEADING_SHARE = 0.002
#: Telling words of a title; a longer one nobody says.
_TITLE_WORDS = 5
#: Translations of a word that are tried, the least probability of one, and phrases made of one term.
_TRANSLATIONS, _LEAST, _WAYS = 2, 0.2, 4
#: What titles add that no text says (en, de, es).
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_TAIL = re.compile(
    r",? (?:unspecified|not elsewhere classified|nos|without|not specified|nicht näher|ohne nähere|no especificad|sin).*$"
)
_IDLE = "unspecified other specified nos elsewhere classified site not sonstige sonstiger nicht naher bezeichnet otros otras"
_FILLERS = frozenset(stem(fold(word)) for word in _IDLE.split(" "))


def terms(system: CodeSystem, language: str) -> Names:
    """The system's terms in `language`."""
    return {code: [tuple(read(term).stems) for term in said] for code, said in system.terms.get(language, {}).items()}


def titles(system: CodeSystem, language: str, wanted: Mapping[str, str]) -> Names:
    """Titles and inclusions of the `wanted` codes, where the system is in `language`, without what nobody says."""
    found: Names = {}
    if system.language == language:
        for code in wanted:
            entry = system.codes.get(code)
            for title in (entry.title, *entry.inclusions) if entry is not None else ():
                whole = title.lower()
                for way in {whole, _TAIL.sub("", _ASIDE.sub(" ", whole))}:
                    stems = tuple(each for each in read(way).stems if each not in _FILLERS)
                    if 0 < len(stems) <= _TITLE_WORDS and stems not in found.setdefault(code, []):
                        found[code].append(stems)
    return found


def headings(system: CodeSystem, names: Names, labels: Counter[str]) -> Names:
    """What is said for the codes under a heading, as said for it. Cases that were coded by another edition, or less exactly than
    this one allows, have headings and codes short of their last sign: only forms of code that their `labels` have are made."""
    shapes = Counter[str]()
    for label, count in labels.items():
        if not system.is_usable(label):
            shapes[form(label)] += count
    wanted = {shape for shape, count in shapes.items() if count >= _HEADING_SHARE * sum(labels.values())}
    found: dict[str, dict[tuple[str, ...], None]] = {}
    for code, ways in names.items() if wanted else ():
        above = [each.code for each in system.parents(code)[:1] if each.kind == "code"]
        for heading in {*above, code[:-1]}:
            if form(heading) in wanted and heading not in names and not system.is_usable(heading):
                found.setdefault(heading, {}).update(dict.fromkeys(ways))
    return {code: list(found[code]) for code in sorted(found)}


def translated(names: Names, table: Table, skipped: frozenset[str]) -> Names:
    """Names of another language by its `table` of words into this one; `skipped` are its words that carry no meaning. A name with
    a word that has no likely translation is left out."""
    likely = {word: [other for other, chance in found[:_TRANSLATIONS] if chance >= _LEAST] for word, found in table.items()}
    made: Names = {}
    for code, ways in names.items():
        kept: dict[tuple[str, ...], None] = {}
        for way in ways:
            words: Sequence[list[str]] = [likely.get(each, []) for each in way if each not in skipped]
            if words:
                kept.update(dict.fromkeys(islice(product(*words), _WAYS)))
        if kept:
            made[code] = list(kept)
    return made
