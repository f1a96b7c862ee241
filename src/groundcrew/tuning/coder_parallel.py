"""Word translation from parallel cases: carries evidence that people marked in one language over to its translation.

Model 1 of Brown et al. 1993 over words that stand at like places of both texts; words that look alike start ahead. The places are
made right from the longest rising chain of sure pairs, then the lexicon is learned again in a narrow band around it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.tuned.coder_text import Words

#: Half width of the band, as a share of the text in the first round and in words in the second.
_WIDE, NARROW = 0.06, 12
_ROUNDS = (4, 5)
#: Words that look alike at least so much (ratio of `difflib`) start with the weight `_ALIKE`.
_COGNATE, _ALIKE = 0.7, 30.0
#: A pair is sure from this probability on, in both directions' mean.
_SURE = 0.2
#: Translations below it are not kept.
_LEAST = 0.02
#: A word is carried over by translations with so much of the best one's probability; by the second, also so many words away.
_LIKELY, _VERY_LIKELY, _REACH = 0.15, 0.5, 60

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Lexicon(msgspec.Struct, frozen=True):
    """Stem → translations with probabilities, most likely first; `places` gives for every pair of texts and every word of the
    source the place in the target where its translation is expected."""

    words: dict[str, list[tuple[str, float]]]
    places: list[Floats]


class _Pairs(msgspec.Struct, frozen=True):
    """All word pairs in the bands: `source` and `target` places in the texts joined, `kind` the number of the pair of stems."""

    source: Ints
    target: Ints
    kind: Ints
    kinds: Ints


def _numbers(texts: Sequence[Words]) -> tuple[list[str], list[Ints]]:
    names = sorted({stem for text in texts for stem in text.stems})
    index = {name: at for at, name in enumerate(names)}
    return names, [np.array([index[stem] for stem in text.stems], dtype=np.int64) for text in texts]


def _band(expected: Floats, size: int, half: float) -> tuple[Ints, Ints]:
    """Every pair (i, j) with j at most `half` from where i's translation is expected."""
    low = np.clip(np.floor(expected - half), 0, max(0, size - 1)).astype(np.int64)
    high = np.clip(np.ceil(expected + half) + 1, 0, size).astype(np.int64)
    lengths = np.maximum(high - low, 0)
    i = np.repeat(np.arange(len(expected)), lengths)
    j = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(low, lengths)
    return i, j


def _pairs(source: list[Ints], target: list[Ints], places: list[Floats], halves: list[float], width: int) -> _Pairs:
    first, second, kinds = [], [], []
    before_source = before_target = 0
    for left, right, expected, half in zip(source, target, places, halves, strict=True):
        i, j = _band(expected, len(right), half)
        first.append(i + before_source)
        second.append(j + before_target)
        kinds.append(left[i] * width + right[j])
        before_source += len(left)
        before_target += len(right)
    names, kind = np.unique(np.concatenate(kinds), return_inverse=True)
    return _Pairs(np.concatenate(first), np.concatenate(second), kind, names)


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < 4 or one[0] != other[0] or abs(len(one) - len(other)) > 4 or one[:2] != other[:2]:
        return False
    return SequenceMatcher(None, one, other).ratio() >= _COGNATE


def _learn(pairs: _Pairs, start: Floats, width: int, rounds: int, step: Callable[[], None]) -> Floats:
    """Probability of the target word given the source word, for every kind of pair: expectation-maximisation."""
    probability = start
    sources = pairs.kinds // width
    words = int(pairs.target.max()) + 1
    for _ in range(rounds):
        step()
        weight = probability[pairs.kind]
        weight = weight / np.bincount(pairs.target, weights=weight, minlength=words)[pairs.target]
        counts = np.bincount(pairs.kind, weights=weight, minlength=len(pairs.kinds))
        probability = counts / np.bincount(sources, weights=counts)[sources]
    return probability


def _rising(anchors: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest chain of anchors that rises in both texts."""
    anchors = sorted(anchors, key=lambda pair: (pair[0], -pair[1]))
    tails: list[int] = []
    ends: list[int] = []
    back: list[int] = []
    for at, (_, j) in enumerate(anchors):
        place = bisect_left(tails, j)
        back.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(j)
            ends.append(at)
        else:
            tails[place], ends[place] = j, at
    chain: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(anchors[at])
        at = back[at]
    return chain[::-1]


def _places(
    source: list[Ints], target: list[Ints], places: list[Floats], halves: list[float], sure: dict[int, float], width: int
) -> list[Floats]:
    """Where the translation of every source word is expected, from the sure pairs of each text."""
    found = []
    for left, right, expected, half in zip(source, target, places, halves, strict=True):
        i, j = _band(expected, len(right), half)
        kinds = left[i] * width + right[j]
        anchors = [(int(a), int(b)) for a, b, kind in zip(i, j, kinds, strict=True) if int(kind) in sure]
        chain = [(-1, -1), *_rising(anchors), (len(left), len(right))]
        found.append(np.interp(np.arange(len(left)), [a for a, _ in chain], [b for _, b in chain]))
    return found


def learn(source: Sequence[Words], target: Sequence[Words], step: Callable[[], None] = lambda: None) -> Lexicon:
    """The lexicon of texts and their translations, pair by pair. `step` is called once a round."""
    names, left = _numbers(source)
    others, right = _numbers(target)
    width = len(others)
    places = [np.linspace(0, max(0, len(b) - 1), len(a)) if len(a) else np.zeros(0) for a, b in zip(left, right, strict=True)]
    halves = [max(NARROW, _WIDE * len(b)) for b in right]
    pairs = _pairs(left, right, places, halves, width)
    alike = np.array([_alike(names[kind // width], others[kind % width]) for kind in pairs.kinds.tolist()])
    start = np.where(alike, _ALIKE, 1.0)
    probability = _learn(pairs, start, width, _ROUNDS[0], step)
    sure = {int(kind): float(p) for kind, p in zip(pairs.kinds, probability, strict=True) if p >= _SURE}
    places = _places(left, right, places, halves, sure, width)
    narrow = [float(NARROW)] * len(right)
    second = _pairs(left, right, places, narrow, width)
    known = dict(zip(pairs.kinds.tolist(), probability.tolist(), strict=True))
    start = np.array([known.get(kind, 0.0) for kind in second.kinds.tolist()]) + 1e-4
    probability = _learn(second, start, width, _ROUNDS[1], step)
    words: dict[str, list[tuple[str, float]]] = {}
    for kind, p in zip(second.kinds.tolist(), probability.tolist(), strict=True):
        if p >= _LEAST:
            words.setdefault(names[kind // width], []).append((others[kind % width], p))
    for found in words.values():
        found.sort(key=lambda pair: (-pair[1], pair[0]))
    return Lexicon(words, places)


def project(
    lexicon: Lexicon, number: int, source: Words, target: Words, words: Sequence[int], skipped: frozenset[str] = frozenset()
) -> list[int]:
    """The words of the `number`th target text that translate the source words `words` (indices), in order; those without a
    likely translation near their place, or a very likely one within reach, are left out, and so are words that are `skipped`."""
    found: set[int] = set()
    for at in words:
        chances = {word: chance for word, chance in lexicon.words.get(source.stems[at], ()) if word not in skipped}
        top = max(chances.values(), default=0.0)
        expected = float(lexicon.places[number][at])
        for reach, share in ((NARROW, _LIKELY), (_REACH, _VERY_LIKELY)):
            low, high = max(0, int(expected) - reach), min(len(target.stems), int(expected) + reach + 1)
            best, place = 0.0, -1
            for j in range(low, high):
                chance = chances.get(target.stems[j], 0.0)
                if chance >= max(_LEAST, share * top) and chance / (1 + abs(j - expected) / NARROW) > best:
                    best, place = chance / (1 + abs(j - expected) / NARROW), j
            if place >= 0:
                found.add(place)
                break
    return sorted(found)


def common(texts: Sequence[Words], share: float, longest: int) -> frozenset[str]:
    """Stems of at most `longest` letters that stand in at least `share` of the texts: words that carry no phrase."""
    counts = Counter(stem for text in texts for stem in set(text.stems))
    least = max(2.0, share * len(texts))
    return frozenset(stem for stem, count in counts.items() if count >= least and len(stem) <= longest and not stem.isdigit())
