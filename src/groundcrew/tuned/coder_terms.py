"""Clinical terms of codes in the text's own language: which of them a text says, and how far each is to be trusted.

What terms came to in training cases tells for each term, code, family and chapter how often it is right; a code that no training
case has is judged by its relatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from groundcrew.tuned.coder_phrases import Key, Mention, Text, key_of
from groundcrew.tuned.coder_text import Words

#: What one level of terms counts of the level above it, as cases: all terms, letter, family, code, term.
_LETTER, _FAMILY, _CODE, _TERM = 5.0, 3.0, 2.0, 1.5
#: What a mention counts by its kind: whole, part of a longer one, with words between, both.
KIND_WEIGHT = (1.0, 0.6, 0.4, 0.25)

TERM = (
    "term_rate", "term_kind", "term_gap", "term_words", "term_letters", "term_codes", "term_seen", "term_right", "term_kin_rate",
    "term_code_rate", "term_family_rate", "term_letter_rate", "term_terms", "term_mentions", "term_first", "term_in_order",
    "term_known_most", "term_known_least", "term_evidence_most", "term_evidence_least", "term_capital", "term_second",
    "term_rank", "term_source", "term_family_cases", "term_rarity",
)  # fmt: skip


#: The sources of what codes are called.
TITLE = 1


class Named(msgspec.Struct, omit_defaults=True):
    """A term: its words as a phrase, the ways that they are ordered, its codes with the source of each (0 a term, 1 a title, 2 a
    term of a code under it, 3 one of another language); training cases that say it (`seen`), and of these those with each of the
    codes (`right`) or with one of its family (`kin`)."""

    key: tuple[str, ...]
    written: list[tuple[str, ...]]
    codes: list[str]
    sources: list[int]
    seen: int = 0
    right: list[int] = []
    kin: list[int] = []


class Said(msgspec.Struct, frozen=True):
    """A term of a code that a text says."""

    rate: float
    weight: float
    named: Named
    at: int
    mentions: list[Mention]


def named_terms(sources: Sequence[Mapping[str, Sequence[tuple[str, ...]]]], skipped: frozenset[str], longest: int) -> list[Named]:
    """What codes are called (as stems, by source) as phrases without the words that carry no meaning; longer ones are left out. A
    code counts by the first source that calls it so."""
    found: dict[Key, Named] = {}
    called = [(source, code, way) for source, names in enumerate(sources) for code, ways in names.items() for way in ways]
    for source, code, stems in called:
        key = key_of(stems, skipped)
        if not key or len(key) > longest:
            continue
        named = found.setdefault(key, Named(key, [], [], []))
        written = tuple(stem for stem in stems if stem not in skipped)
        if written not in named.written:
            named.written.append(written)
        if code not in named.codes:
            named.codes.append(code)
            named.sources.append(source)
    return [found[key] for key in sorted(found)]


class Trust:
    """How often terms were right in training cases: of all, by the first letter of the code, by its family and by code."""

    def __init__(self, terms: Sequence[Named], family: Mapping[str, str]) -> None:
        self._family = family
        counts: dict[str, list[int]] = {}
        for named in terms:
            if named.seen:
                for code, source, right in zip(named.codes, named.sources, named.right, strict=True):
                    for level in self._levels(code, source):
                        held = counts.setdefault(level, [0, 0])
                        held[0] += named.seen
                        held[1] += right
        self._counts = counts
        self._kept: dict[str, tuple[float, float, float]] = {}

    def of(self, code: str, source: int) -> tuple[float, float, float]:
        """How often terms of codes with this letter, of this family and of this code are right (0..1)."""
        kept = f"{source}{code}"
        if kept not in self._kept:
            levels = self._levels(code, source)
            whole = self._rate(levels[0], 0.5, 2.0)
            letter = self._rate(levels[1], whole, _LETTER)
            kin = self._rate(levels[2], letter, _FAMILY)
            self._kept[kept] = (letter, kin, self._rate(levels[3], kin, _CODE))
        return self._kept[kept]

    def _levels(self, code: str, source: int) -> tuple[str, str, str, str]:
        return f"{source}", f"{source}1{code[:1]}", f"{source}2{self._family[code]}", f"{source}3{code}"

    def term(self, named: Named, at: int) -> float:
        """How often this term is right for its code number `at`."""
        whole = self.of(named.codes[at], named.sources[at])[2]
        return ((named.right[at] if named.seen else 0) + _TERM * whole) / (named.seen + _TERM)

    def kin(self, named: Named, at: int) -> float:
        """How often a case that says the term has a code of the family."""
        whole = self.of(named.codes[at], named.sources[at])[1]
        return ((named.kin[at] if named.seen else 0) + _TERM * whole) / (named.seen + _TERM)

    def _rate(self, level: str, above: float, weight: float) -> float:
        seen, right = self._counts.get(level, (0, 0))
        return (right + weight * above) / (seen + weight)


def said(named: Named, mentions: list[Mention], trust: Trust) -> list[tuple[str, Said]]:
    """The codes of a term that the text says."""
    weight = KIND_WEIGHT[mentions[0].kind]
    found = []
    for at, code in enumerate(named.codes):
        rate = trust.term(named, at)
        found.append((code, Said(rate, rate * weight, named, at, mentions)))
    return found


def in_order(text: Text, each: Said) -> bool:
    """Whether a mention has the words as the term does, side by side."""
    stems = text.words.stems
    return any(
        mention.gap == 0 and tuple(stems[place] for place in mention.places) in each.named.written for mention in each.mentions
    )


def capitals(words: Words, mention: Mention) -> bool:
    """Whether the words of a mention stand in capitals, as abbreviations do."""
    return all(words.capital[place] for place in mention.places)
