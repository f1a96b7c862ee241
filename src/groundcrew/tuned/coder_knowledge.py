"""What the coder knows of one language, as counts: phrases and their codes, words, translations."""

from __future__ import annotations

import msgspec
import numpy as np

from groundcrew.tuned.coder_index import Index
from groundcrew.tuned.coder_phrases import Key, Phrases, Text, key_of, prepare
from groundcrew.tuned.coder_terms import TITLE, Named, Trust
from groundcrew.tuned.coder_text import Words, read

#: Cases that must hold a phrase with its code where nobody marked it as evidence.
MINED_MIN = 2
#: A title's words; longer ones name what no text says in one place.
TITLE_WORDS_MAX = 8
#: Likeness of two words of one language: letters that must begin alike, their least share of the longer word.
_PREFIX, _PREFIX_SHARE = 4, 0.6


class Count(msgspec.Struct):
    """A phrase with one code: cases in which people marked it so, and cases (by kind of mention) that hold the phrase and have
    the code. `mined` where nobody marked it: then `marked` counts the cases that hold both."""

    marked: int = 0
    right: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0, 0])
    mined: bool = False


class Phrase(msgspec.Struct):
    """A phrase: cases that hold it, by kind of mention, and its codes."""

    seen: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0, 0])
    codes: dict[str, Count] = msgspec.field(default_factory=dict)
    families: dict[str, int] = msgspec.field(default_factory=dict)


class Entry(msgspec.Struct):
    """A phrase with its words, as a file holds it."""

    key: tuple[str, ...]
    phrase: Phrase


class Tongue(msgspec.Struct):
    """What is known of one language. `skipped` are words without meaning, `frequent` tell the language, `stems` gives for each
    stem the cases that hold it and those where it is evidence, `translations` the words of titles that it may stand for,
    `synonyms` the words of phrases; `codes` the cases of each code; `terms` are what the code
    system's terms in this language came to."""

    language: str
    cases: int
    skipped: list[str]
    frequent: list[str]
    phrases: list[Entry]
    stems: dict[str, tuple[int, int]]
    translations: dict[str, list[tuple[str, float]]]
    synonyms: dict[str, list[tuple[str, float]]]
    codes: dict[str, int]
    identity: float
    terms: list[Named] = []


class Titles(msgspec.Struct):
    """The names of codes as stems: `codes` and `words` go together, `names` are for people. `heavy` is a stem's weight."""

    codes: list[str]
    words: list[tuple[str, ...]]
    heavy: dict[str, float]
    names: dict[str, str]


def family(code: str) -> str:
    """The group of codes that `code` belongs to: what stands before its dot, else its first three characters."""
    return code.split(".", 1)[0] if "." in code else code[:3]


class Knowledge:
    """A language's counts, ready to be asked."""

    def __init__(self, tongue: Tongue, titles: Titles, index: Index | None = None) -> None:
        self.tongue, self.titles = tongue, titles
        self.skipped = frozenset(tongue.skipped)
        self.phrases: dict[Key, Phrase] = {tuple(entry.key): entry.phrase for entry in tongue.phrases}
        self.keys = list(self.phrases)
        self.terms: dict[Key, Named] = {tuple(named.key): named for named in tongue.terms}
        self.finder = Phrases(sorted({*self.keys, *self.terms}), {stem: count for stem, (count, _) in tongue.stems.items()})
        self.families: dict[str, str] = {code: family(code) for named in tongue.terms for code in named.codes}
        self.trust = Trust(tongue.terms, self.families)
        self.family_cases: dict[str, int] = {}
        for code, cases in tongue.codes.items():
            self.family_cases[family(code)] = self.family_cases.get(family(code), 0) + cases
        weights = {stem: self.rarity(stem) for key in self.keys for stem in key}
        self.near = Index(self.keys, weights)
        # Titles have an index of their own.
        self.term_keys = [key for key, named in self.terms.items() if set(named.sources) != {TITLE}]
        self.near_terms = Index(self.term_keys, {stem: self.rarity(stem) for key in self.term_keys for stem in key})
        self.title_index = index if index is not None else Index(titles.words, titles.heavy)
        self._prefixes, self._term_prefixes = _by_beginning(self.near.stems), _by_beginning(self.near_terms.stems)

    def with_words(
        self, translations: dict[str, list[tuple[str, float]]], synonyms: dict[str, list[tuple[str, float]]]
    ) -> Knowledge:
        """The same counts with other tables of words."""
        other = object.__new__(Knowledge)
        other.__dict__.update(self.__dict__)
        other.tongue = msgspec.structs.replace(self.tongue, translations=translations, synonyms=synonyms)
        return other

    def prepare(self, text: str) -> Text:
        return prepare(read(text), self.skipped)

    def key(self, words: Words, places: list[int]) -> Key:
        return key_of((words.stems[place] for place in places), self.skipped)

    def evidence_rate(self, stem: str) -> float:
        """How often a case that holds the stem has it as evidence (0..1)."""
        seen, evidence = self.tongue.stems.get(stem, (0, 0))
        return (evidence + 0.2) / (seen + 1)

    def like_titles(self, stem: str, rate: float) -> dict[str, float]:
        """Stems of titles that `stem` may stand for; what was only learned counts less where the word is seldom evidence."""
        trusted = min(1.0, 0.25 + 1.5 * rate)
        found = {other: weight * trusted for other, weight in self.tongue.translations.get(stem, ())}
        if stem in self.title_index.number:
            sure = self.tongue.identity if self.tongue.identity == 1.0 else self.tongue.identity * trusted
            found[stem] = max(found.get(stem, 0.0), sure)
        return found

    def like_phrases(self, stem: str) -> dict[str, float]:
        """Stems of known phrases that mean or look like `stem`."""
        return self._alike(stem, self.near, self._prefixes)

    def like_terms(self, stem: str) -> dict[str, float]:
        """Stems of terms that mean or look like `stem`."""
        return self._alike(stem, self.near_terms, self._term_prefixes)

    def _alike(self, stem: str, index: Index, prefixes: dict[str, list[str]]) -> dict[str, float]:
        found = dict(self.tongue.synonyms.get(stem, ()))
        if len(stem) >= _PREFIX:
            for other in prefixes.get(stem[:_PREFIX], ()):
                weight = _looks_like(stem, other)
                if weight > found.get(other, 0.0):
                    found[other] = weight
        if stem in index.number:
            found[stem] = 1.0
        return found

    def rarity(self, stem: str) -> float:
        """What the stem tells: the logarithm of how rare it is."""
        return float(np.log(max(1, self.tongue.cases) / max(1, self.tongue.stems.get(stem, (1, 0))[0])) + 0.1)


def _by_beginning(stems: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stem in stems:
        found.setdefault(stem[:_PREFIX], []).append(stem)
    return found


def _looks_like(one: str, other: str) -> float:
    """Likeness of two words by how they begin; 0 where they are not alike."""
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    longer, shorter = max(len(one), len(other)), min(len(one), len(other))
    if shared >= _PREFIX and (shared >= _PREFIX_SHARE * longer or (shared >= max(5, shorter - 1) and shared >= longer / 2)):
        return 0.5 + 0.4 * shared / longer
    return 0.0
