"""Reads a text as words with their places: what the coder compares phrases by, in any language that writes words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import msgspec

#: Letters or digits in a row; characters of scripts without spaces count one by one.
WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]+|\d+"
)
#: Where a thought ends: no phrase reaches over it.
END = re.compile(r"[.!?。！？]+(?=\s|$)|\n+")
#: Endings of number and gender that many European languages share; at least `_STEM` characters stay.
_ENDING = re.compile(r"(?:es|as|os|a|o|e|s)$")
_STEM = 4
#: Words of one text that are read; what comes after them is not.
MAX_WORDS = 20_000


class Words(msgspec.Struct, frozen=True):
    """The words of a text: `stems` to compare, `folded` as written without case and accents, `spans` in code points, `sentence`
    the number of the sentence that each stands in; `capital` where all of two or more letters are capitals."""

    stems: list[str]
    folded: list[str]
    spans: list[tuple[int, int]]
    sentence: list[int]
    capital: list[bool] = []


@lru_cache(maxsize=200_000)
def fold(word: str) -> str:
    """`word` without case and accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(each for each in apart if not unicodedata.combining(each)) or word


@lru_cache(maxsize=200_000)
def stem(folded: str) -> str:
    """The part of a folded word that its plural and gender share. Light on purpose: over-stemming joins what differs."""
    shorter = _ENDING.sub("", folded)
    return shorter if len(shorter) >= _STEM else folded


def read(text: str) -> Words:
    """The words of `text`, in order."""
    ends = [match.end() for match in END.finditer(text)]
    words = Words([], [], [], [])
    at = 0
    for match in WORD.finditer(text):
        while at < len(ends) and ends[at] <= match.start():
            at += 1
        written = match.group()
        folded = fold(written)
        words.folded.append(folded)
        words.stems.append(stem(folded))
        words.spans.append(match.span())
        words.sentence.append(at)
        words.capital.append(len(written) > 1 and written.isupper())
        if len(words.stems) == MAX_WORDS:
            break
    return words
