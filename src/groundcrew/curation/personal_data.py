"""Masks personal data in records in bulk, with the recognisers of the guard `pii`: patterns on every text, the network where a
cheap look can not rule out that a name or a place stands in it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal, TypeAlias, get_args

import msgspec

from groundcrew.curation.ordinary_words import ABBREVIATIONS, EPONYMS, NAMES_TOO, is_ordinary
from groundcrew.curation.recipe import NetworkUse, PersonalData
from groundcrew.domain.guard import Finding
from groundcrew.guards import pii
from groundcrew.guards.redaction import OffsetMap, Pseudonyms, redact

#: When the network looks at a text: at every one, where the look before it can not rule a name out, or at none.
NETWORK_USES: tuple[NetworkUse, ...] = get_args(NetworkUse)
#: Tags with a number for every further value of a type in one text, or the type alone.
Tags: TypeAlias = Literal["numbered", "plain"]

#: Words with a capital, and of those in capitals alone the ones that are too long for an abbreviation.
_CAPITAL = re.compile(r"(?<![^\W_])([A-ZÀ-ÖØ-ÞĀ-Ž][^\W\d_]*)((?:[’'][a-z]{1,2}(?![^\W\d_]))?)")
_ABBREVIATION_LENGTH_MAX = 3
_ANY_WORD = re.compile(r"[^\W\d_]{4,}")
#: Symbols of chemistry and the like (Hb, Fe, SpO, IgE, EtOH), which are shorter than names that stand alone.
_SYMBOL = re.compile(r"[A-Z][a-z]|[A-Z][a-z]?[A-Z]+[a-z]?[₀-₉]?|[A-Z]{2,4}s")
#: Titles, and words that are followed by a name in forms and in capitals and small letters alike.
_TITLE = re.compile(
    r"(?i)\b(?:mr|mrs|(?-i:Ms|ms)|miss|dr|prof|mme|mlle|monsieur|madame|herrn?|frau|sig(?:nor|nora|\.ra)?|dott|dr\.ssa"
    r"|señora?|sra?|don|doña)\b\.?[ \u00a0]+[^\W\d_]"
)
#: What the network finds of numbers beyond the patterns: seven digits that may belong together, and letters among digits.
_NUMBER = re.compile(
    r"\d(?:[ \u00a0()./\-–]{0,2}\d){6}|\b(?=[A-Za-z\-]{0,8}\d)[A-Z]{1,6}-?\d[\dA-Z\-]{4,}"
    r"|\b(?=[A-Z\-]*\d)[\dA-Z]{3,}(?:-[\dA-Z]{3,})+\b"
)
_STREET = re.compile(
    r"(?i)\b\d{1,5}[a-z]?,? (?:[^\W\d_.]+\.? ){0,3}(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|court|boulevard|blvd|way"
    r"|place|terrace|highway|apt|suite|unit)\b|\b(?:p\.? ?o\.? box|[^\W\d_]{3,}(?:strasse|straße|str\.|gasse|weg|platz) \d)"
    r"|\b[A-Z]{2} \d{5}\b|\bzip\b"
)
#: Before a word here it is the first one of a sentence, a line, a list or a quotation.
_START = re.compile(r"(?:^|[.!?:;|(\[\"“„/=>*•\n]|--?|[–—])[ \t\"“(\-]*$")
_START_LENGTH = 6
#: What bears a name in medicine.
_NAMED_THING = re.compile(
    r"(?i)(?:[’']s)?[ \t]+(?:palsy|disease|syndrome|sign|test|score|scale|manoeuvre|maneuver|phenomenon|ulcer|cyst|fracture"
    r"|lymphoma|contracture|ha?ematoma|nodes?|thyroiditis|o?esophagus|sarcoma|catheter|stain|criteria|classification)\b"
)
_NEXT_SMALL = re.compile(r"[ \t]+[a-zß-ÿ]")


#: What the network counts among dates and what tells nobody apart: days of the week and times of the day.
_NO_DAY = re.compile(r"(?i)(?:mon|tues|wednes|thurs|fri|satur|sun)days?|\d{1,2}[:.]\d{2}(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?")


class Masked(msgspec.Struct, frozen=True, kw_only=True):
    """A text without what was found in it. `types` are the types found, sorted, each once; `counts` how often each was.
    `offsets` carries a place in the text over to the masked one: `offsets.start(span.start)`, `offsets.end(span.end)`."""

    text: str
    types: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    offsets: OffsetMap = OffsetMap()


class Masker:
    """Masks texts one by one, the same text always in the same way, whatever came before it."""

    def __init__(
        self, *, network: NetworkUse = "prefiltered", tags: Tags = "numbered", types: frozenset[str] | None = None
    ) -> None:
        """`types` are those that are masked, None for all that the guard knows."""
        self._network, self._tags, self._types = network, tags, types

    def mask(self, text: str) -> Masked:
        """`text` with every finding in a tag. Raises InputError where the network's files are needed and missing."""
        findings = self.find(text)
        if not findings:
            return Masked(text=text)
        names: Pseudonyms | None = None
        if self._tags == "numbered":
            names = Pseudonyms()
            names.reserve([text])
            # A name that is found once is masked wherever it stands in this text; tags count in the order of the text.
            for each in sorted(findings, key=lambda finding: (finding.start, -finding.end)):
                names.tag(each.type, text[each.start : each.end])
            findings = names.without_tags(text, [*findings, *names.occurrences(text)])
        masked, offsets = redact(text, findings, names)
        counts = Counter(each.type for each in findings if each.reason != _AGAIN)
        return Masked(text=masked, types=tuple(sorted(counts)), counts=dict(sorted(counts.items())), offsets=offsets)

    def find(self, text: str) -> list[Finding]:
        """What would be masked of `text`."""
        asked = {"always": _always, "prefiltered": may_name, "never": _never}[self._network]
        found = pii.find_where(text, asked)
        if self._types is not None:
            found = [each for each in found if each.type in self._types]
        return [each for each in found if each.type != "DATE" or not _NO_DAY.fullmatch(text, each.start, each.end)]


def masker_of(asked: PersonalData) -> Masker:
    """The masker that a recipe asks for."""
    return Masker(network=asked.network, types=frozenset(asked.types) or None)


#: How a finding says that its value was found elsewhere in the text.
_AGAIN = "found in another text of the call"


def _always(_text: str) -> bool:
    return True


def _never(_text: str) -> bool:
    return False


def may_name(text: str) -> bool:
    """Whether `text` may hold a name, a place or a number that only its surroundings tell. False where every word with a capital
    is an ordinary word of notes, nothing is addressed by a title, and no number is long enough.

    A text in small letters alone, or in capitals alone, gives no sign: there every word has to be an ordinary one.
    """
    if _NUMBER.search(text) is not None or _TITLE.search(text) is not None or _STREET.search(text) is not None:
        return True
    mixed = False
    for match in _CAPITAL.finditer(text):
        word = match.group(1)
        if word.isupper():
            if len(word) <= _ABBREVIATION_LENGTH_MAX or (lowered := word.lower()) in ABBREVIATIONS or is_ordinary(lowered):
                continue
            if text.isupper():
                break
            return True
        if _SYMBOL.fullmatch(word) is not None:
            continue
        mixed = True
        if not _is_nobody(text, match, word.lower()):
            return True
    if mixed:
        return False
    return any(not (is_ordinary(word) or word in NAMES_TOO or word in EPONYMS) for word in _ANY_WORD.findall(text.lower()))


def _is_nobody(text: str, match: re.Match[str], lowered: str) -> bool:
    if is_ordinary(lowered):
        return True
    if lowered in EPONYMS and _NAMED_THING.match(text, match.end()) is not None:
        return True
    if lowered in NAMES_TOO:
        before = text[max(0, match.start() - _START_LENGTH) : match.start()]
        return _START.search(before) is not None and _NEXT_SMALL.match(text, match.end()) is not None
    if lowered in EPONYMS:
        return bool(match.group(2)) or _NEXT_SMALL.match(text, match.end()) is not None
    return False
