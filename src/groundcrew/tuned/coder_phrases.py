"""Finds known phrases in a text: their words in any order, in one sentence, with few words between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from groundcrew.tuned.coder_text import Words

#: Words that carry meaning which may stand between a phrase's own; up to `TIGHT` the phrase counts as written in one piece.
GAP_MAX, TIGHT = 6, 1
#: Mentions of one phrase that are looked at in one text.
MENTIONS_MAX = 50

Key = tuple[str, ...]


class Mention(msgspec.Struct, frozen=True):
    """A phrase in a text: the `places` of its words, the words between them, and whether a longer phrase covers it."""

    places: tuple[int, ...]
    gap: int
    covered: bool

    @property
    def kind(self) -> int:
        """0 in one piece, 1 so but part of a longer phrase, 2 and 3 the same with words between."""
        return (0 if self.gap <= TIGHT else 2) + self.covered


class Text(msgspec.Struct, frozen=True):
    """A text ready to be searched: the places of each stem that carries meaning, and each place's number among those."""

    words: Words
    places: dict[str, list[int]]
    order: list[int]


def prepare(words: Words, skipped: frozenset[str]) -> Text:
    """`words` without those that carry no meaning."""
    places: dict[str, list[int]] = {}
    order: list[int] = []
    count = 0
    for at, stem in enumerate(words.stems):
        order.append(count)
        if stem not in skipped:
            places.setdefault(stem, []).append(at)
            count += 1
    return Text(words, places, order)


def key_of(stems: Iterable[str], skipped: frozenset[str]) -> Key:
    """The phrase that `stems` make: each once, sorted, those without meaning left out. Empty where nothing is left."""
    return tuple(sorted({stem for stem in stems if stem not in skipped}))


class Phrases:
    """Known phrases, found by their rarest word."""

    def __init__(self, keys: Sequence[Key], frequency: Mapping[str, int]) -> None:
        self._by_anchor: dict[str, list[Key]] = {}
        for key in keys:
            self._by_anchor.setdefault(min(key, key=lambda stem: (frequency.get(stem, 0), stem)), []).append(key)

    def find(self, text: Text, wanted: Callable[[Key], bool] = lambda _: True) -> dict[Key, list[Mention]]:
        """The mentions of every phrase that is `wanted`, the best kind first."""
        loose: list[tuple[Key, tuple[int, ...], int]] = []
        for stem in text.places:
            for key in self._by_anchor.get(stem, ()):
                if wanted(key):
                    loose += [(key, places, gap) for places, gap in _mentions(text, key).items()]
        tight: dict[int, set[tuple[int, ...]]] = {}
        for _, places, gap in loose:
            if gap <= TIGHT:
                for place in places:
                    tight.setdefault(place, set()).add(places)
        found: dict[Key, list[Mention]] = {}
        for key, places, gap in loose:
            own = set(places)
            covered = any(len(other) > len(own) and own <= set(other) for other in tight.get(places[0], ()))
            found.setdefault(key, []).append(Mention(places, gap, covered))
        for mentions in found.values():
            mentions.sort(key=lambda each: (each.kind, each.places))
        return found


def _mentions(text: Text, key: Key) -> dict[tuple[int, ...], int]:
    """Places of the phrase's words → the words between them."""
    lists = [text.places.get(stem) for stem in key]
    if any(each is None for each in lists):
        return {}
    known = [each for each in lists if each is not None]
    if len(known) == 1:
        return {(place,): 0 for place in known[0][:MENTIONS_MAX]}
    found: dict[tuple[int, ...], int] = {}
    sentence = text.words.sentence
    for anchor in min(known, key=len)[:MENTIONS_MAX]:
        inside = [[place for place in each if sentence[place] == sentence[anchor]] for each in known]
        if not all(inside):
            continue
        nearest = [min(each, key=lambda place: abs(place - anchor)) for each in inside]
        places = tuple(sorted(nearest))
        gap = text.order[places[-1]] - text.order[places[0]] + 1 - len(key)
        if gap <= GAP_MAX:
            found[places] = gap
    return found
