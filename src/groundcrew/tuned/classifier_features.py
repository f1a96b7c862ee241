"""Turns a text into hashed features of its words and of their letters, in training and at work alike.

No vocabulary is kept, only 64-bit hashes of it, with the inverse document frequency of each. The hashing trick: Weinberger et
al. 2009. Words with a logarithmic count times inverse document frequency, rows of length 1: Salton & Buckley 1988. Letters
within words, with marked ends, stand typing errors and compounds: Cavnar & Trenkle 1994, Bojanowski et al. 2017.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Hashes: TypeAlias = NDArray[np.uint64]
Indices: TypeAlias = NDArray[np.int64]
#: words: single words and pairs of neighbours; letters: 3 to 5 letters within a word.
Family = Literal["words", "letters"]
FAMILIES: tuple[Family, ...] = ("words", "letters")

#: Characters of a text that are read, and letters of a word that are read as one word.
CHARACTERS_MAX = 16_384
WORD_LETTERS_MAX = 40
LETTERS = (3, 4, 5)
#: Words whose hashes are remembered: most texts consist of few different ones.
WORDS_REMEMBERED = 100_000

_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
#: Odd constants that tell the first word of a pair from the second (the 64-bit golden ratio; Steele et al. 2014).
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


class Words(NamedTuple):
    """The words of a text: where each starts and ends (code points), and its normal form."""

    starts: Indices
    ends: Indices
    forms: tuple[str, ...]


class Occurrences(NamedTuple):
    """Every feature as often as it occurs: its hash, and the first and last word (included) that it consists of."""

    hashes: Hashes
    first: Indices
    last: Indices


class Table(NamedTuple):
    """The features of one family that a model knows: sorted hashes, and the inverse document frequency of each."""

    hashes: Hashes
    idf: Floats


class Row(NamedTuple):
    """A text's known features: their places in the table, and values of length 1 together (Euclid)."""

    places: Indices
    values: Floats


def words_of(text: str) -> Words:
    """The words of the first `CHARACTERS_MAX` characters. Case, accents and which digit it is do not count."""
    starts, ends, forms = [], [], []
    for match in _WORD.finditer(text[:CHARACTERS_MAX]):
        for start in range(match.start(), match.end(), WORD_LETTERS_MAX):
            end = min(start + WORD_LETTERS_MAX, match.end())
            form = _form(text[start:end])
            if form:
                starts.append(start)
                ends.append(end)
                forms.append(form)
    return Words(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64), tuple(forms))


def occurrences(words: Words, family: Family) -> Occurrences:
    """All features of `family` in these words."""
    count = len(words.forms)
    if not count:
        nothing = np.zeros(0, dtype=np.int64)
        return Occurrences(np.zeros(0, dtype=np.uint64), nothing, nothing)
    each = np.arange(count, dtype=np.int64)
    if family == "letters":
        parts = [_letters(form) for form in words.forms]
        owner = np.repeat(each, [part.size for part in parts])
        return Occurrences(np.concatenate(parts), owner, owner)
    single = np.array([_hash(form) for form in words.forms], dtype=np.uint64)
    pairs = single[:-1] * _FIRST + single[1:] * _SECOND
    return Occurrences(np.concatenate((single, pairs)), np.concatenate((each, each[:-1])), np.concatenate((each, each[1:])))


def counted(hashes: Hashes) -> tuple[Hashes, Floats]:
    """Each hash once, in order, with the logarithmic count 1 + ln n."""
    unique, counts = np.unique(hashes, return_counts=True)
    return unique, 1.0 + np.log(counts)


def places_in(table: Table, hashes: Hashes) -> tuple[Indices, NDArray[np.bool_]]:
    """Where each hash stands in the table, and which of them do."""
    if not table.hashes.size:
        return np.zeros(hashes.size, dtype=np.int64), np.zeros(hashes.size, dtype=np.bool_)
    places = np.minimum(np.searchsorted(table.hashes, hashes), table.hashes.size - 1).astype(np.int64)
    return places, table.hashes[places] == hashes


def row_of(table: Table, found: Occurrences) -> Row:
    """The text's row; nothing where it has no known feature."""
    hashes, counts = counted(found.hashes)
    places, known = places_in(table, hashes)
    places = places[known]
    values = counts[known] * table.idf[places]
    length = float(np.sqrt((values * values).sum()))
    return Row(places, values / length if length > 0 else values)


@functools.lru_cache(maxsize=WORDS_REMEMBERED)
def _form(written: str) -> str:
    decomposed = unicodedata.normalize("NFKD", written.casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    return _DIGIT.sub("0", plain)


@functools.lru_cache(maxsize=WORDS_REMEMBERED)
def _hash(form: str) -> int:
    return int.from_bytes(hashlib.blake2b(form.encode("utf-8", "replace"), digest_size=8).digest(), "little")


@functools.lru_cache(maxsize=WORDS_REMEMBERED)
def _letters(form: str) -> Hashes:
    """Hashes of all runs of 3 to 5 letters in the word, its ends marked; a short word is one run. The marks keep these hashes
    apart from those of words, in which no space and no dot can stand."""
    marked = f" {form} "
    runs = [f".{marked[at : at + size]}" for size in LETTERS for at in range(len(marked) - size + 1)]
    return np.array([_hash_once(run) for run in runs or [f".{marked}"]], dtype=np.uint64)


def _hash_once(run: str) -> int:
    return int.from_bytes(hashlib.blake2b(run.encode("utf-8", "replace"), digest_size=8).digest(), "little")
