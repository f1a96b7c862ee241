"""Reads numbers written as words ("one hundred and twenty", "zweihundertfünfzig", "duecento", "anderthalb", "two thirds") in four
languages, by their parts rather than from a list of every number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from groundcrew.grounding.facts.units import FRACTION_WORDS, NUMBER_WORDS
from groundcrew.grounding.lexicon import fold

#: Longer words are no numbers.
NUMERAL_CHARS_MAX = 48
#: Words that one number may take ("three hundred and forty-five thousand").
NUMERAL_WORDS_MAX = 10

_SCALES: dict[str, float] = {"hundred": 100, "cent": 100, "cents": 100, "thousand": 1000, "mille": 1000, "dozen": 12}
#: Numbers only at the start of a compound ("eintausend", "duecento"): alone they are articles or other words.
_PREFIXES: dict[str, float] = {"ein": 1, "eine": 1, "un": 1, "due": 2}
_AND = frozenset(("and", "et", "und"))
_JOINERS = frozenset((" ", "-", "\u00a0", " -", ""))
_GERMAN_PART = re.compile(r"(?P<thousands>.*?)tausend(?:und)?(?P<rest>.*)|(?P<hundreds>.*?)hundert(?:und)?(?P<tail>.*)")
_ITALIAN_PART = re.compile(r"(?P<thousands>.*?)(?:mila|mille)(?P<rest>.*)|(?P<hundreds>.*?)cento(?P<tail>.*)")
_HALVES = re.compile(r"(?P<whole>.*?)und?einhalb$|(?P<plain>.*?)einhalb$")
#: What "and a half" looks like after a number, in the four languages.
AND_A_HALF = re.compile(
    r"[-\s]+(?:and|und|et|e)[-\s]+(?:(?:a|an|ein|une?)[-\s]+)?(?:half|halbe[rs]?|demie?|mezz[oa])\b", re.IGNORECASE
)


@lru_cache(maxsize=8_192)
def word_value(word: str) -> float | None:
    """The number that one word (any case, diacritics or not) stands for, None where it is none."""
    folded = fold(word)
    if len(folded) > NUMERAL_CHARS_MAX:
        return None
    if folded in NUMBER_WORDS:
        return NUMBER_WORDS[folded]
    if folded == "anderthalb":
        return 1.5
    half = _HALVES.fullmatch(folded)
    if half is not None:
        whole = _part(half["whole"] if half["whole"] is not None else half["plain"], _GERMAN_PART)
        return None if whole is None else whole + 0.5
    for marks, pattern in ((("hundert", "tausend"), _GERMAN_PART), (("cento", "mila", "mille"), _ITALIAN_PART)):
        if any(mark in folded for mark in marks):
            return _part(folded, pattern)
    return None


def _part(word: str, pattern: re.Pattern[str]) -> float | None:
    """A compound number by its thousands, hundreds and the rest; None where a part is no number."""
    if word in NUMBER_WORDS:
        return NUMBER_WORDS[word]
    if word in _PREFIXES:
        return _PREFIXES[word]
    match = pattern.fullmatch(word)
    if match is None:
        return None
    scale, before, after = (
        (1000.0, match["thousands"], match["rest"])
        if match["thousands"] is not None
        else (100.0, match["hundreds"], match["tail"])
    )
    left = 1.0 if not before else _part(before, pattern)
    right = 0.0 if not after else _part(after, pattern)
    if left is None or right is None or right >= scale or (scale == 100 and left >= 10):
        return None
    return left * scale + right


def spelled(words: Sequence[re.Match[str]], position: int, text: str) -> tuple[float | None, int]:
    """The value of the run of number words that starts at `words[position]`, and how many words it took (0 for none)."""
    hyphened = _hyphened(words, position, text)
    if hyphened is not None:
        return hyphened
    total = current = 0.0
    used, last_end = 0, -1
    for offset, match in enumerate(words[position : position + NUMERAL_WORDS_MAX]):
        word = fold(match.group())
        if last_end >= 0 and text[last_end : match.start()] not in _JOINERS:
            break
        value = word_value(word)
        if used and word in _SCALES:
            current = (current or 1) * _SCALES[word]
            if _SCALES[word] == 1000:
                total, current = total + current, 0.0
        elif value is not None and (not used or _continues(current, value)):
            current += value
        elif used and word in _AND and current >= 100 and _follows(words, position + offset + 1):
            last_end = match.end()
            continue
        else:
            break
        used, last_end = offset + 1, match.end()
    return (total + current, used) if used else (None, 0)


def _hyphened(words: Sequence[re.Match[str]], position: int, text: str) -> tuple[float, int] | None:
    """ "quatre-vingt-dix": up to four words with hyphens between them that are one number by themselves."""
    for size in (4, 3, 2):
        if position + size <= len(words):
            run = text[words[position].start() : words[position + size - 1].end()]
            if run.count("-") == size - 1 and fold(run) in NUMBER_WORDS:
                return NUMBER_WORDS[fold(run)], size
    return None


def _continues(current: float, value: float) -> bool:
    """ "forty five", "hundred twenty", not "five six": the next part must fit under the last one."""
    if value >= 100:
        return False
    return (current % 100 == 0) if value >= 10 else current % 10 == 0 and current % 100 != 10


def _follows(words: Sequence[re.Match[str]], position: int) -> bool:
    return position < len(words) and word_value(words[position].group()) is not None


def fraction_value(word: str) -> float | None:
    """The part that a word names: "third" and "Drittel" as 1/3, "half" as 1/2."""
    return FRACTION_WORDS.get(fold(word))
