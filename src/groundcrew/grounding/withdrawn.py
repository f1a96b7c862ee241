"""What a speaker takes back in the same breath ("3 centimeters, scratch that, 4 centimeters"): such words are no source.

Only what can be told for certain is taken: a figure, a side, or a word with its number, right before the words that take it back
and followed by another of the same form. Everything else stays.
"""

from __future__ import annotations

import re

#: How far before the words that take something back it may begin, in characters.
REACH = 60

_MARK = re.compile(
    r"(?i)[\s,.;:–-]*\b(?:scratch that|strike that|i correct myself|correction(?=\s*[,:])|no,? (?:sorry|wait|make that|make it)|"
    r"sorry,? (?:make that|make it|no)|i mean|(?:ich )?korrigiere|korrektur(?=\s*[,:])|nein,? (?:sondern|doch|quatsch)|"
    r"besser gesagt|ich meine)\b[\s,.;:–-]*"
)
_FIGURE = r"\d+(?:[.,]\d+)?(?:\s?(?:x|by|mal|×)\s?\d+(?:[.,]\d+)?){0,2}"
_UNIT = (
    r"(?:\s?(?:%|percent|prozent|mm|cm|m|ml|cc|milli?met(?:er|re)s?|centimet(?:er|re)s?|millimeter|zentimeter|degrees?|grad|"
    r"(?-i:[A-Z]{3}))\b)?"
)
#: The forms that an element may have; the first that fits what follows says what is looked for before.
_FORMS = (
    re.compile(rf"(?i)(?:\b(?-i:[A-Z]{{3}})\s)?\b{_FIGURE}{_UNIT}"),
    re.compile(r"(?i)\b[CTLS]\d{1,2}(?:\s?[-/]\s?[CTLS]?\d{1,2})?\b"),
    re.compile(r"(?i)\b(?:segment|level|grade|grad|stage|type|typ|station|zone|class|category|bi-rads|quadrant)\s\d+[a-z]?\b"),
    re.compile(r"(?i)\b(?:left|right|bilateral|links|rechts|beidseits|linke[nrms]?|rechte[nrms]?)\b"),
)


def without_withdrawn(text: str) -> str:
    """`text` with spaces in the place of what was taken back and the words that take it back, so that every offset stays."""
    parts: list[str] = []
    done = 0
    for mark in _MARK.finditer(text):
        start = _taken_back(text, max(done, mark.start() - REACH), mark)
        if start is not None:
            parts.append(text[done:start] + " " * (mark.end() - start))
            done = mark.end()
    return "".join(parts) + text[done:]


def _taken_back(text: str, begin: int, mark: re.Match[str]) -> int | None:
    """Where what is taken back begins; None where it can not be told."""
    for form in _FORMS:
        if form.match(text, mark.end()) is None:
            continue
        before = [each for each in form.finditer(text, begin, mark.start()) if each.group().strip()]
        if before and before[-1].end() == mark.start():
            return before[-1].start()
        return None
    return None
