"""The sources of one answer as sentences that can be quoted: parsed, weighted by how telling their words are, and encoded
on demand. Built once per answer; parsing and encoding are cached across answers, as approved passages repeat."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import groupby, pairwise
from typing import Any

import msgspec
import numpy as np

from groundcrew.grounding.lexicon import PREFIX_CHARS_MIN, same_word
from groundcrew.grounding.plain import plain
from groundcrew.grounding.statement import Statement, read_statement
from groundcrew.grounding.structured import quotable

#: Passages of one answer that are read; what comes after supports nothing.
SOURCES_MAX = 200
#: Characters of all sources together that are read.
SOURCE_CHARS_MAX = 400_000
#: Longest sentence that is parsed as one; beyond, a source without punctuation is cut at white space.
SENTENCE_CHARS_MAX = 1_200
#: Passages whose squeezed text is kept across answers.
SQUEEZED_MAX = 512

#: From so many sentences on, and so large a share of rows among them, sources count as records rather than text.
TABULAR_ROWS_MIN, TABULAR_SHARE = 5, 0.6
#: The same of one passage, for what may weigh more there; what checks make of a figure does not depend on it.
STRUCTURED_ROWS_MIN, STRUCTURED_SHARE = 3, 0.5
_TABULAR = re.compile(r"^[\w #/()&°%.'’-]{1,60}(?::\s?\S[^!?]{0,200}$|[,;|\t]\s?-?[\d.]+)")


class SourceSentence(msgspec.Struct, frozen=True):
    """One quotable sentence: `sources[source][start:end]`, or the row sentence that rests on it. `lead` is the nearest heading
    or lead-in above it."""

    number: int
    source: int
    start: int
    end: int
    statement: Statement
    stems: frozenset[str]
    lead: frozenset[str]


class Evidence:
    """All sentences of the sources, with the weight of each word."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.sentences: list[SourceSentence] = []
        self.sources = tuple(sources[:SOURCES_MAX])
        remaining = SOURCE_CHARS_MAX
        for number, source in enumerate(sources[:SOURCES_MAX]):
            self._read(number, source[:remaining])
            remaining = max(0, remaining - len(source))
        #: Numbers of the sentences that hold each stem, and each pair of stems that stand beside one another or one apart.
        self.holders: dict[str, list[int]] = {}
        self.pair_holders: dict[tuple[str, str], list[int]] = {}
        self._index()
        #: All stems in one text, for a look at parts of words.
        self.letters = " ".join(self.holders)
        #: Words of each sentence.
        self.lengths = np.array([len(sentence.statement.tokens) for sentence in self.sentences], dtype=np.int64)
        #: First and last sentence (exclusive) of each passage that has any.
        self.passages: list[tuple[int, int]] = []
        self._bound()
        #: What other modules have worked out of these sources, under a name of theirs, so that it is done once for all claims.
        self.kept: dict[tuple[str | int, ...], Any] = {}
        self._runs: dict[int, frozenset[tuple[str, ...]]] = {}
        counts = {word: len(numbers) for word, numbers in self.holders.items()}
        total = len(self.sentences)
        self._weights = {word: math.log(1 + total / count) for word, count in counts.items()}
        self._unknown_weight = math.log(1 + total) if total else 1.0
        self.stems: frozenset[str] = frozenset(counts)
        self._by_prefix: dict[str, list[str]] = {}
        for word in counts:
            self._by_prefix.setdefault(word[:PREFIX_CHARS_MIN], []).append(word)
        self.folded = [_squeeze(source) for source in sources[:SOURCES_MAX]]
        rows = [_TABULAR.match(sentence.statement.text) is not None for sentence in self.sentences]
        tabular = sum(rows)
        #: Mostly rows of records or series ("key: value", "2020-03-01,5"), from which writers compute and round.
        self.is_tabular = total >= TABULAR_ROWS_MIN and tabular >= TABULAR_SHARE * total
        #: Passages that are rows of a table, record or list of keys for the most part.
        self.structured = frozenset(
            self.sentences[start].source
            for start, end in self.passages
            if sum(rows[start:end]) >= max(STRUCTURED_ROWS_MIN, STRUCTURED_SHARE * (end - start))
        )

    def _read(self, number: int, source: str) -> None:
        heading: frozenset[str] = frozenset()
        lead: frozenset[str] = frozenset()
        for sentence in quotable(source):
            if sentence.kind == "sentence":
                lead = heading  # a lead-in ("The fees are:") goes for the list under it only
            pieces = [(sentence.start, sentence.end)] if sentence.structured else _pieces(source, sentence.start, sentence.end)
            for start, end in pieces:
                text = sentence.text if sentence.structured else source[start:end]
                statement = read_statement(plain(text))
                if not statement.tokens:
                    continue  # marks alone say nothing
                stems = frozenset(token.stem for token in statement.tokens if token.is_content)
                self.sentences.append(SourceSentence(len(self.sentences), number, start, end, statement, stems, lead))
                if sentence.kind == "heading":
                    heading = lead = stems
                elif text.rstrip("*_ ").endswith(":"):
                    lead = heading | stems

    def _index(self) -> None:
        for sentence in self.sentences:
            stems = [token.stem for token in sentence.statement.tokens if token.is_content]
            for word in dict.fromkeys(stems):
                self.holders.setdefault(word, []).append(sentence.number)
            for pair in dict.fromkeys([*pairwise(stems), *zip(stems, stems[2:], strict=False)]):
                self.pair_holders.setdefault(pair, []).append(sentence.number)

    def _bound(self) -> None:
        for _, grouped in groupby(self.sentences, key=lambda sentence: sentence.source):
            numbers = [sentence.number for sentence in grouped]
            self.passages.append((numbers[0], numbers[-1] + 1))

    def runs(self, length: int) -> frozenset[tuple[str, ...]]:
        """All runs of `length` stems, function words included, within a passage."""
        if length not in self._runs:
            found: set[tuple[str, ...]] = set()
            for start, end in self.passages:
                stems = [token.stem for sentence in self.sentences[start:end] for token in sentence.statement.tokens]
                found.update(zip(*(stems[offset:] for offset in range(length)), strict=False))
            self._runs[length] = frozenset(found)
        return self._runs[length]

    @cached_property
    def spellings(self) -> frozenset[str]:
        """Every word of the sources as it is written, in lower case, and the parts of those with a hyphen."""
        words = {token.text.lower() for sentence in self.sentences for token in sentence.statement.tokens}
        return frozenset(words).union(*(word.split("-") for word in words if "-" in word))

    def weight(self, word: str) -> float:
        """How telling a stem is among these sources (inverse document frequency); unknown stems weigh most."""
        return self._weights.get(word, self._unknown_weight)

    def forms(self, word: str) -> list[str]:
        """The stems of the sources that are forms of `word`."""
        if word in self.stems:
            return [word]
        return [other for other in self._by_prefix.get(word[:PREFIX_CHARS_MIN], ()) if same_word(word, other)]

    def neighbours(self, sentence: SourceSentence, *, distance: int = 1) -> list[SourceSentence]:
        """Sentences of the same source up to `distance` before and after, in order, without the sentence itself."""
        first, last = max(0, sentence.number - distance), sentence.number + distance
        return [
            other
            for other in self.sentences[first : last + 1]
            if other.source == sentence.source and other.number != sentence.number
        ]


def _pieces(source: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentence, or its cuts at white space where it is longer than can be parsed as one."""
    pieces = []
    while end - start > SENTENCE_CHARS_MAX:
        cut = source.rfind(" ", start + SENTENCE_CHARS_MAX // 2, start + SENTENCE_CHARS_MAX)
        cut = cut if cut > start else start + SENTENCE_CHARS_MAX
        pieces.append((start, cut))
        start = cut + (1 if cut < end and source[cut] == " " else 0)
    if end > start:
        pieces.append((start, end))
    return pieces


class Squeezed(msgspec.Struct, frozen=True):
    """A text in lower case with single spaces, and for each of its characters the offset in the original."""

    text: str
    offsets: list[int]


@lru_cache(maxsize=SQUEEZED_MAX)
def _squeeze(text: str) -> Squeezed:
    kept: list[str] = []
    offsets: list[int] = []
    for offset, char in enumerate(text):
        shown = _squeezed_char(char)
        if shown == " " and (not kept or kept[-1] == " "):
            continue
        if shown:  # what nobody sees is left out
            kept.append(shown)
            offsets.append(offset)
    return Squeezed("".join(kept), offsets)


@lru_cache(maxsize=4_096)
def _squeezed_char(char: str) -> str:
    """A character in lower case where that is one character, a space for white space, nothing for what nobody sees."""
    if char.isspace():
        return " "
    shown = plain(char)
    lowered = shown.lower()
    return lowered if len(lowered) == 1 else shown


def find_verbatim(claim: str, evidence: Evidence) -> tuple[int, int, int] | None:
    """Where the claim stands word for word in a source as one or more whole sentences: (source, start, end), else None."""
    wanted = " ".join(plain(claim).lower().split()).strip(" .!*_\"'“”")
    if len(wanted.split()) < 2:
        return None
    starts = {(sentence.source, sentence.start) for sentence in evidence.sentences}
    ends = {(sentence.source, sentence.end) for sentence in evidence.sentences}
    for number, source in enumerate(evidence.folded):
        position = source.text.find(wanted)
        while position >= 0:
            start = source.offsets[position]
            end = source.offsets[position + len(wanted) - 1] + 1
            whole = next((end + extra for extra in range(4) if (number, end + extra) in ends), None)
            if whole is not None and any((number, start - lead) in starts for lead in range(3)):
                return number, start, whole
            position = source.text.find(wanted, position + 1)
    return None
