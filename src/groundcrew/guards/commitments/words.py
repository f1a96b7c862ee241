"""Words of a sentence in one spelling, and phrases to find among them: what lets the guard's wordings be lists of plain phrases
instead of expressions that nobody can read, and keeps finding them linear in the sentence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

#: Words whose phrases are remembered, for each language.
WORD_CACHE_SIZE = 20_000
#: Words that one piece of a phrase remembers.
PIECE_CACHE_SIZE = 1_000
#: Most words that `...` in a phrase stands for.
GAP_WORDS_MAX = 4
#: Punctuation that no phrase reaches across.
_WALLS = frozenset(";:.!?()\n")
_SAME = str.maketrans(
    {
        **dict.fromkeys("’‘‛`´ʼ′", "'"),
        **dict.fromkeys("“”„‟«»‹›″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u202f\u2009\u2007\u2002\u2003\t\r\n", " "),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),
        "ß": "ss",
        "œ": "oe",
        "æ": "ae",
        "…": "...",
    }
)
_EXPANSIONS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b(?:won't|wont)\b", "will not"),
        (r"\bcan(?:'t|not)\b", "can not"),
        (r"\bshan't\b", "shall not"),
        (r"n't\b", " not"),
        (r"'ll\b", " will"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'m\b", " am"),
        (r"\b(i|you|we|they)'d\b", r"\1 would"),
        (r"\b(it|that|here|there|what|who|he|she|everything)'s\b", r"\1 is"),
        (r"\blet's\b", "let us"),
        (r"\b(gonna)\b", "going to"),
    )
)


def plain(text: str) -> str:
    """Lower case, one kind of quote, apostrophe, dash and space, and no diacritics; not always as long as `text`."""
    lowered = text.translate(_SAME).lower()
    if not lowered.isascii():
        lowered = "".join(each for each in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(each))
        lowered = lowered.translate(_SAME)
    if "'" in lowered or "cannot" in lowered or "gonna" in lowered or "wont" in lowered:
        for pattern, replacement in _EXPANSIONS:
            lowered = pattern.sub(replacement, lowered)
    return lowered


@lru_cache(maxsize=WORD_CACHE_SIZE)
def german(word: str) -> str:
    """`fuer` and `fur` (für) as one; every other word comes out in a spelling of its own as well."""
    return word.replace("ae", "a").replace("oe", "o").replace("ue", "u")


class Piece:
    """One place of a phrase: the words that fit, how they begin, end or what they hold; a gap takes several."""

    __slots__ = ("any", "begins", "ends", "exact", "gap", "holds", "known", "listed", "optional", "plain")

    def __init__(
        self,
        *,
        exact: frozenset[str] = frozenset(),
        begins: tuple[str, ...] = (),
        ends: tuple[str, ...] = (),
        holds: tuple[str, ...] = (),
        any: bool = False,
        gap: bool = False,
        optional: bool = False,
    ) -> None:
        self.exact, self.begins, self.ends, self.holds = exact, begins, ends, holds
        self.any, self.gap, self.optional = any, gap, optional
        #: Whether nothing but whole words fit, and whether exactly one of them must stand here.
        self.listed = not (begins or ends or holds or any)
        self.plain = self.listed and not gap and not optional
        #: Answers for words that were asked about, which are nearly always the same ones.
        self.known: dict[str, bool] = {}

    def fits(self, word: str) -> bool:
        """Whether `word` can stand here."""
        if self.listed:
            return word in self.exact
        known = self.known.get(word)
        if known is None:
            if len(self.known) >= PIECE_CACHE_SIZE:
                self.known.clear()
            known = self.known[word] = (
                word in self.exact
                or word.startswith(self.begins)
                or word.endswith(self.ends)
                or any(each in word for each in self.holds)
                or (self.any and word[0] not in _WALLS)
            )
        return known


class Phrase(msgspec.Struct, frozen=True):
    """A wording and what it is a sign of."""

    tag: str
    pieces: tuple[Piece, ...]
    #: Whether a negation is part of the wording ("will not cost").
    denies: bool = False


class Hit(msgspec.Struct, frozen=True):
    """A phrase found: words `start` to `end` (excluded) of the sentence."""

    tag: str
    start: int
    end: int
    denies: bool = False


class Phrases:
    """The phrases of one language. In a phrase, `a/b` are alternatives, `refund*` begins, `*gebühr` ends and `*rabatt*` holds,
    `_` is any word, `...` up to four, `?` after a piece makes it optional, `<money>` and the like stand for figures."""

    def __init__(self, lists: Mapping[str, str], *, umlauts: bool = False) -> None:
        self._umlauts = umlauts
        denials = [each.split() for each in plain(lists.get("NEGATION", "")).split("|")]
        negations = frozenset(word for each in denials if len(each) == 1 for word in each[0].split("/"))
        if umlauts:
            negations = frozenset(german(each) for each in negations)
        self._phrases: list[Phrase] = []
        for tag, wordings in lists.items():
            for wording in wordings.split("|"):
                if wording.strip():
                    pieces = tuple(self._piece(each) for each in wording.split())
                    self._phrases.append(Phrase(tag, pieces, any(piece.exact & negations for piece in pieces)))
        self._firsts: dict[str, list[Phrase]] = {}
        self._open: list[Phrase] = []
        for phrase in self._phrases:
            first = phrase.pieces[0]
            for word in first.exact:
                self._firsts.setdefault(word, []).append(phrase)
            if first.begins or first.ends or first.holds:
                self._open.append(phrase)
        self._known: dict[str, _Starts] = {}

    def _piece(self, written: str) -> Piece:
        if written == "...":
            return Piece(gap=True)
        optional = written.endswith("?") and len(written) > 1
        alternatives = written.removesuffix("?").split("/") if optional else written.split("/")
        exact: set[str] = set()
        begins, ends, holds = [], [], []
        for each in alternatives:
            word = each.strip("*") if each.startswith("<") else plain(each.strip("*"))
            if self._umlauts:
                word = german(word)
            if each.startswith("*") and each.endswith("*") and len(each) > 1:
                holds.append(word)
            elif each.endswith("*"):
                begins.append(word)
            elif each.startswith("*"):
                ends.append(word)
            elif each == "_":
                return Piece(any=True, optional=optional)
            else:
                exact.add(word)
        return Piece(exact=frozenset(exact), begins=tuple(begins), ends=tuple(ends), holds=tuple(holds), optional=optional)

    def starting(self, word: str) -> _Starts:
        """Phrases whose first piece `word` fits."""
        known = self._known.get(word)
        if known is None:
            if len(self._known) >= WORD_CACHE_SIZE:
                self._known.clear()
            spelled = german(word) if self._umlauts else word
            fitting = (*self._firsts.get(spelled, ()), *(each for each in self._open if each.pieces[0].fits(spelled)))
            known = self._known[word] = _Starts(fitting)
        return known

    def find(self, words: Sequence[str]) -> list[Hit]:
        """Every phrase in `words`, the longest for each tag and place."""
        spelled = [german(each) for each in words] if self._umlauts else words
        best: dict[tuple[str, int], tuple[int, bool]] = {}
        last = len(words) - 1
        for index, word in enumerate(words):
            starts = self.starting(word)
            for phrase in starts.single:
                best.setdefault((phrase.tag, index), (index + 1, phrase.denies))
            going_on = starts.by_second.get(spelled[index + 1], ()) if index < last and starts.by_second else ()
            for phrase in (*going_on, *starts.rest):
                pieces = phrase.pieces
                second = pieces[1]
                # Most phrases end here: looked at before anything is called.
                if not second.gap and not second.optional and (index == last or not second.fits(spelled[index + 1])):
                    continue
                end = _follow(pieces, 1, spelled, index + 1)
                if end > best.get((phrase.tag, index), (0,))[0]:
                    best[phrase.tag, index] = (end, phrase.denies)
        return [Hit(tag, start, end, denies) for (tag, start), (end, denies) in best.items()]


class _Starts:
    """The phrases that one word begins: those of one word, those by their second word, and those that take looking at."""

    __slots__ = ("by_second", "rest", "single")

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self.single = tuple(each for each in phrases if len(each.pieces) == 1)
        self.by_second: dict[str, list[Phrase]] = {}
        rest = []
        for phrase in phrases:
            if len(phrase.pieces) == 1:
                continue
            second = phrase.pieces[1]
            if second.plain:
                for word in second.exact:
                    self.by_second.setdefault(word, []).append(phrase)
            else:
                rest.append(phrase)
        self.rest = tuple(rest)

    def __bool__(self) -> bool:
        return bool(self.single or self.by_second or self.rest)


def _follow(pieces: Sequence[Piece], number: int, words: Sequence[str], index: int) -> int:
    """The end of the phrase whose pieces from `number` on must follow at `index`; 0 where they do not."""
    while number < len(pieces):
        piece = pieces[number]
        if piece.gap:
            for skipped in range(GAP_WORDS_MAX + 1):
                if skipped and (index + skipped > len(words) or words[index + skipped - 1] in _WALLS):
                    return 0
                if end := _follow(pieces, number + 1, words, index + skipped):
                    return end
            return 0
        fits = index < len(words) and piece.fits(words[index])
        if piece.optional:
            if fits and (end := _follow(pieces, number + 1, words, index + 1)):
                return end
            number += 1
            continue
        if not fits:
            return 0
        number, index = number + 1, index + 1
    return index


def merged(*lists: Mapping[str, str]) -> dict[str, str]:
    """Several phrase lists as one."""
    result: dict[str, str] = {}
    for each in lists:
        for tag, wordings in each.items():
            result[tag] = f"{result[tag]} | {wordings}" if tag in result else wordings
    return result


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, spelled as `plain` does."""
    return frozenset(plain(text).split())


def within(hits: Iterable[Hit], tag: str, start: int, end: int) -> list[Hit]:
    """The hits with this tag that lie in words `start` to `end`."""
    return [each for each in hits if each.tag == tag and start <= each.start and each.end <= end]
