"""Texts as numbers: hashes of their words and shingles, in batches, the same on every machine and in every process.

A shingle is a run of words without case and punctuation. Two texts are as like as their sets of shingles are (Broder 1997, On the
resemblance and containment of documents). MinHash signatures find candidates; Daft computes them.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

#: Hash functions of a signature, and the share of pairs at the threshold that must become candidates.
SIGNATURE: Final = 128
RECALL_MIN: Final = 0.99
#: Words of a text that are looked at; a longer text is told by its beginning.
WORDS_OF_TEXT_MAX = 20_000
#: Words whose hashes a process remembers.
REMEMBERED_MAX = 1_000_000

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

_WORD = re.compile(r"[^\W_]+")
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_THIRD = np.uint64(0x94D049BB133111EB)


class Sets(msgspec.Struct, frozen=True, kw_only=True):
    """One set of hashes per text: those of text i are `values[starts[i]:starts[i + 1]]`, sorted, each once."""

    values: U32
    starts: I64

    def of(self, index: int) -> U32:
        return self.values[self.starts[index] : self.starts[index + 1]]


class Bands(msgspec.Struct, frozen=True, kw_only=True):
    """How a signature is cut: texts that agree in all `rows` hashes of any of the `count` bands are candidates."""

    count: int
    rows: int


def bands_for(threshold: float) -> Bands:
    """The most selective cut that still finds a pair at `threshold` (0 to 1) with a chance of RECALL_MIN.

    A pair of similarity s is found with chance 1 - (1 - s^rows)^count (Leskovec, Rajaraman, Ullman 2014, Mining of Massive
    Datasets, 3.4).
    """
    for rows in range(16, 1, -1):
        count = SIGNATURE // rows
        if 1 - (1 - threshold**rows) ** count >= RECALL_MIN:
            return Bands(count=count, rows=rows)
    return Bands(count=SIGNATURE, rows=1)


class _Remembered(dict[str, int]):
    """The hashes of words, each computed when it is first asked for."""

    def __missing__(self, word: str) -> int:
        code = zlib.crc32(word.encode(errors="replace"))
        if len(self) < REMEMBERED_MAX:
            self[word] = code
        return code


class Words:
    """Splits texts into words and hashes them; remembers the hashes of words that it has seen."""

    def __init__(self) -> None:
        self._known = _Remembered()

    def split(self, text: str) -> list[str]:
        """The words of a text: letters and digits, without case and the compatibility forms of letters."""
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        return _WORD.findall(text.casefold())[:WORDS_OF_TEXT_MAX]

    def hashes(self, texts: Sequence[Sequence[str]]) -> tuple[U32, I64]:
        """The hash of every word of all texts, one after another, and where each text begins (one more than texts)."""
        found = list(map(self._known.__getitem__, chain.from_iterable(texts)))
        starts = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum([len(words) for words in texts], out=starts[1:])
        return np.array(found, dtype=np.uint32), starts


def mixed(values: U64) -> U64:
    """Each value scrambled, so that near values are far apart (the finaliser of SplitMix64, Steele and others 2014)."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * _SECOND
        values = (values ^ (values >> np.uint64(27))) * _THIRD
        return values ^ (values >> np.uint64(31))


def shingles(hashes: U32, starts: I64, size: int) -> Sets:
    """The shingles of `size` words of every text. A text of fewer words is one shingle of all of them; one of none has none."""
    lengths = np.diff(starts)
    owners = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    places = np.arange(len(hashes), dtype=np.int64) - starts[:-1][owners]
    runs = np.minimum(size, lengths)[owners]
    begins = np.flatnonzero(places + runs <= lengths[owners])
    whole = runs[begins]
    wide, code = hashes.astype(np.uint64), np.zeros(len(begins), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for step in range(size):
            inside = whole > step
            following = np.minimum(begins + step, max(len(wide) - 1, 0))
            code = np.where(inside, mixed(code * _FIRST + wide[following] + np.uint64(1)), code)
    return as_sets(owners[begins], code, len(lengths))


def as_sets(owners: I64, codes: U64, count: int) -> Sets:
    """Sets of 32-bit hashes from (text, code) pairs in any order."""
    keys = np.sort((owners.astype(np.uint64) << np.uint64(32)) | (codes >> np.uint64(32)))
    keys = keys[np.concatenate((np.ones(min(len(keys), 1), dtype=bool), keys[1:] != keys[:-1]))]
    starts = np.searchsorted(keys, np.arange(count + 1, dtype=np.uint64) << np.uint64(32)).astype(np.int64)
    return Sets(values=(keys & np.uint64(0xFFFFFFFF)).astype(np.uint32), starts=starts)


def fingerprints(sets: Sets) -> npt.NDArray[np.void]:
    """128 bits that tell a set from all others, whatever its order; zero for an empty set."""
    count = len(sets.starts) - 1
    found = np.zeros((count, 2), dtype=np.uint64)
    some = np.diff(sets.starts) > 0
    if some.any():
        wide = sets.values.astype(np.uint64)
        with np.errstate(over="ignore"):
            for column, factor in enumerate((_FIRST, _THIRD)):
                scrambled = mixed(wide * factor + np.uint64(column + 1))
                found[some, column] = np.add.reduceat(scrambled, sets.starts[:-1][some])
    return found.view("V16").reshape(count)


def band_keys(daft: Any, texts: Sequence[Sequence[str]], words: int, seed: int, bands: Bands) -> U64:
    """One key per text and band (texts × bands). Texts with fewer words than a shingle have has none: their keys are 0."""
    import pyarrow as pa

    keys = np.zeros((len(texts), bands.count), dtype=np.uint64)
    long = [index for index, each in enumerate(texts) if len(each) >= words]
    if not long:
        return keys
    series = daft.Series.from_arrow(pa.array([" ".join(texts[index]) for index in long], type=pa.large_string()))
    signatures = series.minhash(num_hashes=SIGNATURE, ngram_size=words, seed=seed % 2**32, hash_function="xxhash").to_arrow()
    table = np.asarray(signatures.flatten(), dtype=np.uint64).reshape(len(long), SIGNATURE)
    with np.errstate(over="ignore"):
        for band in range(bands.count):
            code = np.full(len(long), band + 1, dtype=np.uint64)
            for row in range(bands.rows):
                code = mixed(code * _FIRST + table[:, band * bands.rows + row])
            keys[long, band] = np.maximum(code, 1)
    return keys
