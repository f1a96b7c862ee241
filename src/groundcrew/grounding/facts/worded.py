"""Reads quantities that are written as words: "twenty francs", "half an hour", "zwei Drittel", "dreimonatig", "a week"."""

from __future__ import annotations

import re

from groundcrew.grounding.facts.measures import AFTER_WORDS, Quantity, is_rate, quantity_at, unit_after, with_unit
from groundcrew.grounding.facts.numerals import AND_A_HALF, fraction_value, spelled, word_value
from groundcrew.grounding.facts.units import AMBIGUOUS_PARTS, DOSE_TIMES, DURATION_ENDINGS, ORDINAL_WORDS, UNITS
from groundcrew.grounding.lexicon import fold
from groundcrew.grounding.wordlists import word_set

_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
_TIMES_PER = re.compile(
    r"\s+(?:a|an|per|each|every|daily|weekly|monthly|yearly|annually|pro|im|am|täglich|monatlich|"
    r"jährlich)\b",
    re.IGNORECASE,
)
_ARTICLES = word_set("a an ein eine einen einem einer un une uno una")
_LOW_ONES = word_set("one eins ein eine einen einem einer un une uno una a an")
_DURATION = re.compile(rf"(?P<number>[^\W\d_]+?)(?P<unit>{'|'.join(DURATION_ENDINGS)})(?:e[nrms]?)?$")
_OF = re.compile(r"\s+(?:of|der|des|von|vom|du|de|des|della|del|dei)\b", re.IGNORECASE)
_OF_A_UNIT = re.compile(r"[-\s]+(?:(?:of\s+)?(?:an?|one|une?|ein(?:e[rn]?)?)\s+)?(?P<unit>[^\W\d_]+)", re.IGNORECASE)
_QUARTER_HOUR = {"viertelstunde": 900.0, "dreiviertelstunde": 2700.0}
_ELIDED_HOUR = re.compile(r"(?i)mezz['’]ora\b|\bdemi-heure\b|\bdemi-journée\b")
_PERIODS = ("duration", "months", "working_day")


def worded(text: str, taken: list[tuple[int, int]]) -> list[Quantity]:
    """Numbers written as words, parts, ordinals and articles before a period, outside the spans `taken`."""
    found: list[Quantity] = []
    taken = list(taken)
    for match in _ELIDED_HOUR.finditer(text):
        found.append(quantity_at(text, match.start(), match.end(), (30.0,), "duration", 60.0))
        taken.append((match.start(), match.end()))
    words = [
        match for match in _WORD.finditer(text) if all(match.end() <= first or match.start() >= last for first, last in taken)
    ]
    position = 0
    while position < len(words):
        quantity, used = _read(words, position, text)
        if quantity is not None:
            found.append(quantity)
            used = max(used, sum(match.start() < quantity.end for match in words[position:]))
        position += max(1, used)
    return found


def _read(words: list[re.Match[str]], position: int, text: str) -> tuple[Quantity | None, int]:
    """The quantity that starts with `words[position]`, and how many words were read for it."""
    word = fold(words[position].group())
    before = fold(words[position - 1].group()) if position else ""
    part = _part(words, position, text)
    if part is not None:
        return part
    value, used = spelled(words, position, text)
    if value is None:
        return _without_number(words[position], text, word, before), 1
    if word in ("once", "einmal") and not _TIMES_PER.match(text, words[position].end()):
        return None, 1  # "once you have …" is no number
    start, end = words[position].start(), words[position + used - 1].end()
    following = words[position + used] if position + used < len(words) else None
    if following is not None and text[end : following.start()] in (" ", "-") and _is_part(following, text, counted=True):
        parts = value * (fraction_value(following.group()) or 0.0)
        return quantity_at(text, start, following.end(), (parts,), "fraction", 1.0), used + 1
    half = AND_A_HALF.match(text, end)
    if half is not None:
        value, end = value + 0.5, half.end()
    quantity = with_unit(text, start, end, (value,), "")
    if word in _LOW_ONES and used == 1 and not quantity.dimension:
        return None, 1
    return quantity, used


def _part(words: list[re.Match[str]], position: int, text: str) -> tuple[Quantity, int] | None:
    """ "half an hour", "eine halbe Stunde", "ein Drittel", "a quarter of"; None where no part stands here."""
    start, first = words[position].start(), position
    if fold(words[position].group()) in _LOW_ONES and position + 1 < len(words):
        first = position + 1
        if text[words[position].end() : words[first].start()] not in (" ", "-"):
            return None
    hyphened = first > position and text[words[position].end() : words[first].start()] == "-"
    if not _is_part(words[first], text, counted=False, hyphened=hyphened) or (
        first == position and _is_bare_ordinal(words[first])
    ):
        return None
    value, end = fraction_value(words[first].group()) or 0.0, words[first].end()
    unit = _OF_A_UNIT.match(text, end)
    if unit is not None:
        named = UNITS.get(fold(unit["unit"]))
        if named is not None and named[0] in _PERIODS:
            return quantity_at(text, start, unit.end(), (value,), named[0], named[1]), first - position + 1
    return quantity_at(text, words[first].start(), end, (value,), "fraction", 1.0), first - position + 1


def _is_part(match: re.Match[str], text: str, *, counted: bool, hyphened: bool = False) -> bool:
    """Whether the word names a part here: an ordinal or "quarter" does after a number, or before "of" or a period."""
    word = fold(match.group())
    if fraction_value(word) is None:
        return False
    if word not in AMBIGUOUS_PARTS:
        return True
    if hyphened or (counted and word.endswith("s")):
        return True
    return _OF.match(text, match.end()) is not None


def _is_bare_ordinal(match: re.Match[str]) -> bool:
    word = fold(match.group())
    return word in ORDINAL_WORDS and word in AMBIGUOUS_PARTS


def _without_number(match: re.Match[str], text: str, word: str, before: str) -> Quantity | None:
    following = AFTER_WORDS.match(text, match.end())
    following_word = fold(following["one"]) if following else ""
    duration = _DURATION.fullmatch(word)
    if duration is not None:
        number = 1.0 if duration["number"] in ("ein", "ganz") else word_value(duration["number"])
        number = 0.5 if duration["number"] == "halb" else number
        if number is not None:
            dimension, factor = UNITS[DURATION_ENDINGS[duration["unit"]]]
            return quantity_at(text, match.start(), match.end(), (number,), dimension, factor)
    if _QUARTER_HOUR.get(word):
        return quantity_at(text, match.start(), match.end(), (_QUARTER_HOUR[word],), "duration", 1.0)
    if word in DOSE_TIMES and (word != "bid" or before in UNITS):
        return quantity_at(text, match.start(), match.end(), (float(DOSE_TIMES[word]),), "", 1.0)
    if word in ORDINAL_WORDS and not (word == "second" and following_word in ("", "s")):
        return quantity_at(text, match.start(), match.end(), (float(ORDINAL_WORDS[word]),), "ordinal", 1.0)
    if word in _ARTICLES and before not in ("once", "twice", "times", "mal", "per"):
        unit, end = unit_after(text, match.end())
        if unit is not None and unit[0] in _PERIODS and not is_rate(text, match.start()):
            return quantity_at(text, match.start(), end, (1.0,), unit[0], unit[1], is_article=True)
    return None
