"""Evidence that people marked in one language, carried over to the translations of its cases.

Word by word first, by the lexicon of the parallel cases. Then the cases are asked what each phrase usually came to: where one
came to nothing, to a part of it, or to what no other case says, and the usual stands near, that is taken instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from groundcrew.tuned.coder_phrases import GAP_MAX, Key, key_of
from groundcrew.tuned.coder_text import Words
from groundcrew.tuning.coder_counts import Case, skipped_words
from groundcrew.tuning.coder_parallel import NARROW, Lexicon, project

#: Evidence is carried over where at least this share of its words has a translation at the place.
_CARRIED = 0.5
#: Cases that must say a phrase so, and beyond which more of them tell nothing more. A case that says the code so by another
#: phrase counts half, a term of the code system whole.
_OTHERS, _ENOUGH = 2.0, 4.0
_SAME_CODE, _TERM = 0.5, 2.0
_EXAMPLES_A_TICK = 25

Evidence = tuple[tuple[str, tuple[int, ...]], ...]


class _Carried(msgspec.Struct):
    """One piece of evidence: the target case, the code, the source's phrase, the words found and those among which it must be."""

    case: int
    code: str
    key: Key
    places: tuple[int, ...]
    low: int
    high: int


def carry(
    source: Sequence[Case],
    target: Sequence[Case],
    pairs: Sequence[tuple[int, int]],
    found: Lexicon,
    terms: Mapping[str, Sequence[tuple[str, ...]]],
    tick: Callable[[], None],
) -> list[tuple[int, Evidence]]:
    """For each of `pairs` (places of a case and of its translation) the number of the translation and its evidence. `terms` are
    stems of what is said for codes in the target's language."""
    skipped = skipped_words(source)
    carried = _word_by_word(source, target, pairs, found, skipped, frozenset(), tick)
    # Once more, without the words that so turn out to carry no meaning.
    evidence = _evidence(carried, [each.places for each in carried])
    marked = [msgspec.structs.replace(case, evidence=evidence.get(at, ())) for at, case in enumerate(target)]
    skipped_there = skipped_words(marked)
    carried = _word_by_word(source, target, pairs, found, skipped, skipped_there, tick)
    words = [case.words for case in target]
    known = {code: {key_of(stems, skipped_there) for stems in ways} - {()} for code, ways in terms.items()}
    agreed = _agreed(carried, words, skipped_there, known)
    evidence = _evidence(carried, agreed)
    return [(b, evidence.get(b, ())) for _, b in pairs]


def _word_by_word(
    source: Sequence[Case],
    target: Sequence[Case],
    pairs: Sequence[tuple[int, int]],
    found: Lexicon,
    skipped: frozenset[str],
    skipped_there: frozenset[str],
    tick: Callable[[], None],
) -> list[_Carried]:
    carried = []
    for number, (a, b) in enumerate(pairs):
        if number % _EXAMPLES_A_TICK == 0:
            tick()
        stems, words = source[a].words.stems, target[b].words
        for code, places in source[a].evidence:
            telling = [place for place in places if stems[place] not in skipped] or list(places)
            there = project(found, number, source[a].words, words, telling, skipped_there)
            kept = tuple(there) if len(there) >= _CARRIED * len(telling) else ()
            near = [float(found.places[number][place]) for place in telling]
            low, high = max(0, int(min(near)) - NARROW), min(len(words.stems), int(max(near)) + NARROW + 1)
            carried.append(_Carried(b, code, key_of((stems[place] for place in places), skipped), kept, low, high))
    return carried


def _evidence(carried: Sequence[_Carried], places: Sequence[tuple[int, ...]]) -> dict[int, Evidence]:
    found: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    for each, there in zip(carried, places, strict=True):
        if there:
            found.setdefault(each.case, []).append((each.code, there))
    return {case: tuple(pieces) for case, pieces in found.items()}


def _agreed(
    carried: Sequence[_Carried], words: Sequence[Words], skipped: frozenset[str], terms: Mapping[str, set[Key]]
) -> list[tuple[int, ...]]:
    """The places of each piece of evidence, by what most cases say."""
    keys = [key_of((words[each.case].stems[place] for place in each.places), skipped) for each in carried]
    by_key: dict[Key, Counter[Key]] = {}
    by_code: dict[str, Counter[Key]] = {}
    for each, key in {
        (each.case, each.code, each.key, key): (each, key) for each, key in zip(carried, keys, strict=True)
    }.values():
        if key:
            by_key.setdefault(each.key, Counter())[key] += 1
            by_code.setdefault(each.code, Counter())[key] += 1
    found = []
    for each, key in zip(carried, keys, strict=True):
        own, coded, said = by_key.get(each.key, Counter()), by_code.get(each.code, Counter()), terms.get(each.code, set())
        alone = not key or own[key] < _OTHERS
        weighed = []
        for way in set(own) | set(coded) | said:
            support = own[way] + _SAME_CODE * (coded[way] - own[way]) + _TERM * (way in said)
            if way == key or support < _OTHERS or set(way) < set(key):
                continue
            if not key or set(way) > set(key) or (alone and own[way] >= _OTHERS):
                weighed.append((min(_ENOUGH, support), len(way), support, way))
        there = (_place(words[each.case], way, each.low, each.high) for _, _, _, way in sorted(weighed, reverse=True))
        found.append(next((places for places in there if places), each.places))
    return found


def _place(words: Words, way: Key, low: int, high: int) -> tuple[int, ...]:
    """Where the words of a phrase stand together between two places, nearest to the middle."""
    lists = [[place for place in range(low, high) if words.stems[place] == stem] for stem in way]
    if not all(lists):
        return ()
    middle = (low + high) / 2
    rarest = min(range(len(lists)), key=lambda at: len(lists[at]))
    for anchor in sorted(lists[rarest], key=lambda place: abs(place - middle)):
        places = tuple(sorted({_nearest(each, anchor) for each in lists}))
        if places[-1] - places[0] < len(way) + GAP_MAX and words.sentence[places[0]] == words.sentence[places[-1]]:
            return places
    return ()


def _nearest(places: Sequence[int], anchor: int) -> int:
    return min(places, key=lambda place: abs(place - anchor))
