"""One code system in memory: codes, titles, parents, chapters, which codes may be used, and the words that index them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, TypeAlias

import msgspec

#: What an entry is: a chapter, a range of categories, or a code of the system (of which headings are not `usable`).
Kind: TypeAlias = Literal["chapter", "block", "code"]

#: Language (ISO 639) → code → what people say for it, each once.
Terms: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]

#: A longer text is no code.
CODE_LENGTH_MAX = 32
#: Depth of a hierarchy; a longer way up goes in circles.
DEPTH_MAX = 32
QUERY_WORDS_MAX = 32
RESULTS_MAX = 200
#: How much a title that is short beside what was asked for counts against a long one (in the manner of BM25, Robertson 1994).
_LENGTH_SHARE = 0.3
#: What a word that only begins as one asked for counts of that one.
_PREFIX_SHARE = 0.6
_PREFIX_LENGTH_MIN = 3
#: What a title counts that begins with a word asked for: "Fever, unspecified" is what "fever" means.
_BEGINS = 1.25
#: Words that make a title longer and no more special.
_FILLERS = frozenset(
    {"a", "an", "and", "by", "classified", "due", "elsewhere", "in", "not", "of", "or", "organism", "other", "site", "specified"}
    | {"the", "to", "unspecified", "with", "without"}
)
#: What a word counts that stands in a further name alone and not in the title.
_INCLUSION_SHARE = 0.6

#: Marks that national editions print after a code (dagger, asterisk, exclamation) and what closes an open range ("S52.5-").
_MARKS = "+*!†‡#^ \t-–.,"
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"[’']s\b")


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. `usable`: may be assigned to a case (billable); a heading may not. `inclusions` are further names of it,
    `excludes` names of what belongs elsewhere. `parent` and `chapter` are codes of other entries, empty where there is none."""

    code: str
    title: str
    parent: str = ""
    chapter: str = ""
    usable: bool = True
    inclusions: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    kind: Kind = "code"


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a search found; `score` orders the hits of one search, the best first, and says nothing beyond that."""

    entry: Code
    score: float


class CodeSystem(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A code system. `name` is how recipes and models name it (`icd-10-cm`), `release` the publisher's own name of the
    edition, `digest` the SHA-256 of its content. `codes` holds every entry by its code as the publisher writes it, in the
    publisher's order, chapters and ranges among them (`kind`). `terms` are further names in any language that lie beside the
    system, and have a digest of their own: which codes there are does not depend on them."""

    name: str
    release: str
    language: str
    digest: str
    codes: Mapping[str, Code]
    terms: Terms = msgspec.field(default_factory=dict)
    terms_digest: str = ""

    def terms_of(self, code: str) -> dict[str, tuple[str, ...]]:
        """Language → terms of `code`, as the system writes it."""
        return {language: codes[code] for language, codes in self.terms.items() if code in codes}

    def find(self, code: str) -> Code | None:
        """The entry of `code`, however it is written: case, with or without its dots and hyphens, with the marks of national
        editions after it. None where there is none, and where a dot stands in another place than the code has one."""
        entry = self.codes.get(code)
        if entry is not None:
            return entry
        if len(code) > CODE_LENGTH_MAX:
            return None
        written = code.strip().upper().rstrip(_MARKS)
        key = self._compact.get(compact(written))
        return self.codes[key] if key is not None and _agrees(written, key.upper()) else None

    def is_usable(self, code: str) -> bool:
        """Whether `code` may be assigned to a case. False for headings and for what is not in the system."""
        entry = self.find(code)
        return entry is not None and entry.usable

    def problem(self, code: str) -> str | None:
        """Why `code` may not be assigned to a case, in words; None where it may."""
        entry = self.find(code)
        if entry is None:
            return f"{code!r} is no code of {self.name} {self.release}"
        if not entry.usable:
            return f"{entry.code} is a heading of {self.name}, a case needs one of the codes under it"
        return None

    def chapters(self) -> Iterator[str]:
        """Every chapter once, in the order of the system."""
        return iter(self._chapters)

    def parents(self, code: str) -> tuple[Code, ...]:
        """The entries above `code`, the nearest first, up to its chapter. Empty where there is no such code."""
        found: list[Code] = []
        entry = self.find(code)
        while entry is not None and entry.parent and len(found) < DEPTH_MAX:
            entry = self.codes.get(entry.parent)
            if entry is not None:
                found.append(entry)
        return tuple(found)

    def children(self, code: str) -> tuple[Code, ...]:
        """The entries directly under `code`, in the order of the system."""
        entry = self.find(code)
        return tuple(self.codes[each] for each in self._children.get(entry.code, ())) if entry is not None else ()

    def usable_under(self, code: str) -> Iterator[Code]:
        """Every usable code that `code` is, or is a heading of, in the order of the system."""
        entry = self.find(code)
        pending = [entry] if entry is not None else []
        while pending:
            entry = pending.pop()
            if entry.usable:
                yield entry
            pending += [self.codes[each] for each in reversed(self._children.get(entry.code, ()))]

    def search(self, words: str, *, limit: int = 20) -> list[Hit]:
        """Entries whose title, inclusions or terms hold `words` or begin with them, the best first; all words where any entry
        has them all, else those with the most telling ones."""
        asked = list(dict.fromkeys(folded_words(words)))[:QUERY_WORDS_MAX]
        scores: dict[int, float] = {}
        matched: dict[int, int] = {}
        for word in asked:
            best: dict[int, float] = {}
            for indexed in self._beginning(word):
                places = self._words[indexed]
                weight = math.log(1 + len(self.codes) / len(places)) * (1.0 if indexed == word else _PREFIX_SHARE)
                for each in places:
                    place, share = (each, 1.0) if each >= 0 else (~each, _INCLUSION_SHARE)
                    best[place] = max(weight * share, best.get(place, 0.0))
            for place, weight in best.items():
                scores[place] = scores.get(place, 0.0) + weight
                matched[place] = matched.get(place, 0) + 1
        most = max(matched.values(), default=0)
        entries = self._entries
        hits = [
            Hit(entry=entries[place], score=round(score * self._weight(place, asked), 4))
            for place, score in scores.items()
            if matched[place] == most
        ]
        order = {each.code: place for place, each in enumerate(entries)}
        hits.sort(key=lambda each: (-each.score, not each.entry.usable, order[each.entry.code]))
        return hits[: max(0, min(limit, RESULTS_MAX))]

    @cached_property
    def _entries(self) -> list[Code]:
        return list(self.codes.values())

    @cached_property
    def _chapters(self) -> tuple[str, ...]:
        own = [each.code for each in self.codes.values() if each.kind == "chapter"]
        return tuple(own or dict.fromkeys(each.chapter for each in self.codes.values() if each.chapter))

    @cached_property
    def _compact(self) -> dict[str, str]:
        """Compact writing → code. A code goes before a heading of the same letters."""
        found: dict[str, str] = {}
        for each in sorted(self.codes.values(), key=lambda entry: entry.kind != "code"):
            found.setdefault(compact(each.code.upper()), each.code)
        return found

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in self.codes.values():
            if each.parent:
                found.setdefault(each.parent, []).append(each.code)
        return found

    @cached_property
    def _words(self) -> dict[str, list[int]]:
        """Word → places of the entries whose title has it, and the complements of those that have it in a further name alone."""
        found: dict[str, list[int]] = {}
        for place, each in enumerate(self.codes.values()):
            title = set(folded_words(each.title))
            for word in title:
                found.setdefault(word, []).append(place)
            further = [*each.inclusions, *(term for terms in self.terms_of(each.code).values() for term in terms)]
            for word in set(folded_words(" ".join(further))) - title:
                found.setdefault(word, []).append(~place)
        return found

    def _weight(self, place: int, asked: Sequence[str]) -> float:
        """What the title of an entry counts for: more where it is short, and where it begins with a word asked for."""
        first, length = self._titles[place]
        return (_BEGINS if first.startswith(tuple(asked)) else 1.0) / (1 + _LENGTH_SHARE * math.log1p(length))

    @cached_property
    def _titles(self) -> list[tuple[str, int]]:
        """Of each title its first telling word and how many it has."""
        telling = ([word for word in folded_words(each.title) if word not in _FILLERS] for each in self.codes.values())
        return [(words[0] if words else "", len(words)) for words in telling]

    @cached_property
    def _sorted_words(self) -> list[str]:
        return sorted(self._words)

    def _beginning(self, word: str) -> Iterator[str]:
        """The indexed words that are `word` or begin with it."""
        from bisect import bisect_left

        if len(word) < _PREFIX_LENGTH_MIN:
            if word in self._words:
                yield word
            return
        for index in range(bisect_left(self._sorted_words, word), len(self._sorted_words)):
            if not self._sorted_words[index].startswith(word):
                return
            yield self._sorted_words[index]


def compact(code: str) -> str:
    """`code` without anything but letters and digits."""
    return code if code.isalnum() else "".join(filter(str.isalnum, code))


def _agrees(written: str, canonical: str) -> bool:
    """Whether `written` is `canonical` with separators left out, or blanks and commas for them, and none anywhere else."""
    place = 0
    for character in written:
        if place < len(canonical) and character == canonical[place]:
            place += 1
        elif character.isalnum():
            while place < len(canonical) and not canonical[place].isalnum():
                place += 1
            if place == len(canonical) or character != canonical[place]:
                return False
            place += 1
        elif character.isspace() or (character in ",·–" and not canonical[place : place + 1].isalnum()):
            continue
        else:
            return False
    return True


_LIGATURES = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l"})


def folded_words(text: str) -> list[str]:
    """The words of `text` in small letters without accents, so that a search need not know how a word is spelt."""
    import unicodedata

    lowered = text.lower()
    if not lowered.isascii():
        parts = unicodedata.normalize("NFKD", lowered.translate(_LIGATURES))
        lowered = "".join(each for each in parts if not unicodedata.combining(each))
    return _WORD.findall(_POSSESSIVE.sub("", lowered))


def content_digest(name: str, release: str, codes: Iterable[Code]) -> str:
    """The SHA-256 of a code system: its name, its release and all fields of its entries in their order."""
    hashed = hashlib.sha256(f"{name}\0{release}\0".encode())
    for each in codes:
        fields = (each.code, each.title, each.parent, each.chapter, str(each.usable), each.kind)
        hashed.update("\x1f".join((*fields, "\x1e".join(each.inclusions), "\x1e".join(each.excludes), "\n")).encode())
    return hashed.hexdigest()
