"""Which language a text is in: counts of groups of letters and of words, learnt from texts that were written for this
(models/language). Says nothing where it can not be told."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.guards.language_names import LATIN, SCRIPTS, SHARED_SCRIPTS

FOLDER = Path(__file__).resolve().parents[1] / "models" / "language"
#: Longer texts (code points) are looked at in their first and last half of that.
TEXT_LENGTH_MAX = 20_000
#: Places that groups of letters are counted in, by a hash; a power of two.
PLACES = 1 << 15
GROUPS = (1, 2, 3, 4)
#: Added to every count: what was never seen is rare, not impossible.
SMOOTHING = {1: 0.5, 2: 0.2, 3: 0.05, 4: 0.02}
WORD_SMOOTHING = 0.05
#: How much a group of each length, and a word, counts.
WEIGHTS = {1: 0.3, 2: 0.5, 3: 0.7, 4: 0.7}
WORD_WEIGHT = 2.0
#: Letters that a script needs to be told by, and its share among all letters.
SCRIPT_LETTERS_MIN, SCRIPT_SHARE_MIN = 4, 0.5
#: Fewer letters or words than that, or shorter words, are in no language in particular.
LETTERS_MIN, WORDS_MIN, WORD_LENGTH_MIN = 12, 3, 2
#: Words that have to be left without names.
KEPT_WORDS_MIN = 4
#: How much likelier the best language must be than the next one: in all, and for each letter.
LEAD_MIN, LEAD_EACH_MIN = 8.0, 0.12
#: The lead, in leads that are just enough, from which there is no doubt.
SURE_LEADS = 6
#: Letters among everything that is no space: below that, a text is code or numbers.
LETTER_SHARE_MIN = 0.6

_Table: TypeAlias = npt.NDArray[np.float32]
_WORD = re.compile(r"[^\W\d_]+")
#: What is written in no language: code, addresses, words with digits or underscores, markup, words in capitals.
_NOISE = re.compile(
    r"```.{0,20000}?(?:```|$)|`[^`\n]{1,200}`|\b(?:https?|ftp)://\S{1,2000}|\b\S{1,64}@\S{1,200}|<[^<>\n]{1,200}>|\b\w*[\d_]\w*\b"
    r"|\b[A-Z]{2,12}\b|[{}\[\]()<>=|\\^~*/#\"]",
    re.S,
)


class Told(msgspec.Struct, frozen=True):
    """The language of a text, None where it can not be told, how surely (0..1), and by how many letters."""

    language: str | None
    confidence: float = 0.0
    letters: int = 0


_UNTOLD = Told(None)


class _Profiles(msgspec.Struct, frozen=True):
    """Logarithms of likelihoods: groups of letters (lengths, places, languages), words (words, languages), unknown words last."""

    groups: dict[int, _Table]
    words: dict[str, int]
    word_table: _Table


def tell_language(text: str) -> Told:
    """The language of `text`, by its script or by its letters and words."""
    half = TEXT_LENGTH_MAX // 2
    sample = text if len(text) <= TEXT_LENGTH_MAX else f"{text[:half]} {text[-half:]}"
    if not sample.isascii() and (by_script := _by_script(sample)) is not None:
        return by_script
    plain = _NOISE.sub(" ", sample)
    found = _WORD.findall(plain)
    if sum(map(len, found)) < LETTER_SHARE_MIN * (len(sample) - sample.count(" ") - sample.count("\n")):
        return _UNTOLD
    words = _without_names(found)
    letters = sum(map(len, words))
    if letters < LETTERS_MIN or len(words) < WORDS_MIN or letters < WORD_LENGTH_MIN * len(words):
        return Told(None, letters=letters)
    scores = _scores(words)
    best, second = np.argsort(scores)[-1:-3:-1]
    lead = float(scores[best] - scores[second])
    if lead < LEAD_MIN or lead < LEAD_EACH_MIN * letters:
        return Told(None, letters=letters)
    # Half the way at the least lead, the other half when it is SURE_LEADS times as long.
    confidence = 0.5 + 0.5 * min(lead / (SURE_LEADS * LEAD_MIN), lead / (SURE_LEADS * LEAD_EACH_MIN * letters))
    return Told(LATIN[int(best)], round(min(1.0, confidence), 3), letters)


def _without_names(words: list[str]) -> list[str]:
    """`words` in lower case without those that are written with a capital, the first one excepted: names have no language, and
    what goes with them has enough. All words where hardly any would be left."""
    kept = [lowered for index, word in enumerate(words) if (lowered := word.lower()) == word or not index]
    return kept if len(kept) >= KEPT_WORDS_MIN else [word.lower() for word in words]


def _by_script(text: str) -> Told | None:
    """The language of a script that is not Latin, where most letters are in it."""
    counts: dict[str, int] = {}
    letters = sum(map(str.isalpha, text))
    for name, pattern in SCRIPTS:
        if found := len(pattern.findall(text)):
            counts[name] = found
    for special, common in SHARED_SCRIPTS.items():
        if special in counts and (special == "ja" or common in counts):
            counts[special] = counts[special] + counts.pop(common, 0)
    if not counts:
        return None
    name = max(counts, key=counts.__getitem__)
    share = counts[name] / max(1, letters)
    if counts[name] < SCRIPT_LETTERS_MIN or share < SCRIPT_SHARE_MIN:
        return None
    return Told(name, round(min(1.0, share), 3), letters)


def _scores(words: list[str]) -> npt.NDArray[np.float32]:
    """(languages,): the weighted logarithm of how likely `words` are in each."""
    profiles = _profiles()
    unknown = len(profiles.words)
    rows = [profiles.words.get(word, unknown) for word in words]
    total: npt.NDArray[np.float32] = WORD_WEIGHT * profiles.word_table[rows].sum(axis=0)
    for length, places in _places(words):
        total += profiles.groups[length][places].sum(axis=0)
    return total


def _places(words: list[str]) -> Iterator[tuple[int, npt.NDArray[np.uint32]]]:
    """The places of all groups of each length (the hash of Fowler, Noll and Vo over code points)."""
    codes = np.frombuffer(f" {' '.join(words)} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    hashed = np.full(len(codes), 2_166_136_261, dtype=np.uint32)
    for length in GROUPS:
        count = len(codes) - length + 1
        hashed = (hashed[:count] ^ codes[length - 1 :]) * np.uint32(16_777_619)
        yield length, (hashed ^ (hashed >> np.uint32(15))) & np.uint32(PLACES - 1)


@functools.cache
def _profiles() -> _Profiles:
    words_of: list[list[str]] = []
    for name in LATIN:
        path = FOLDER / f"{name}.txt"
        try:
            words_of.append([word.lower() for word in _WORD.findall(path.read_text(encoding="utf-8"))])
        except OSError as error:
            raise InputError("a language's text is missing; reinstall groundcrew", file=str(path)) from error
    groups: dict[int, _Table] = {}
    places_of = [dict(_places(words)) for words in words_of]
    for length in GROUPS:
        counts = np.stack([np.bincount(places[length], minlength=PLACES) for places in places_of], axis=1)
        groups[length] = WEIGHTS[length] * _logarithms(counts, SMOOTHING[length])
    numbers = {word: row for row, word in enumerate(sorted({word for words in words_of for word in words}))}
    table = np.zeros((len(numbers) + 1, len(LATIN)))
    for column, words in enumerate(words_of):
        for word in words:
            table[numbers[word], column] += 1
    logarithms = _logarithms(np.minimum(table, 3), WORD_SMOOTHING)
    logarithms -= logarithms.max(axis=1, keepdims=True)
    logarithms = np.maximum(logarithms, -4.0)
    logarithms[-1] = 0.0  # an unknown word tells nothing; its letters do
    return _Profiles(groups, numbers, logarithms)


def _logarithms(counts: npt.NDArray[np.float64] | npt.NDArray[np.intp], smoothing: float) -> _Table:
    """Logarithms of smoothed shares; a language with a shorter text is not more surprised by what it never saw."""
    shares = counts / np.maximum(counts.sum(axis=0, keepdims=True), 1)
    floor = smoothing / counts.sum(axis=0).max()
    table: _Table = np.log(shares + floor).astype(np.float32)
    return table


def warm() -> None:
    """Count the texts, which takes some hundredths of a second."""
    _profiles()
