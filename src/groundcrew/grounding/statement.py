"""One sentence or claim read into the facts that checks compare: words, clauses, quantities, dates and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

from groundcrew.grounding.facts.dates import Moment, moments
from groundcrew.grounding.facts.quantities import Quantity, quantities
from groundcrew.grounding.lexicon import STOP_WORDS, Token, fold, tokens
from groundcrew.grounding.references import without_references
from groundcrew.grounding.wordlists import word_set

STATEMENT_CACHE_SIZE = 8_192
#: A figure longer than this (a link) keeps its words.
FIGURE_CHARS_MAX = 40

_CLAUSE_BREAK = re.compile(
    r"[;:()|•–—]|,\s|\s-\s|(?<![\w-])(?:and|but|while|whereas|although|though|or|und|aber|während|oder|"
    r"sowie|et|mais|tandis que|ou|e|ma|mentre|o)(?![\w-])",
    re.IGNORECASE,
)
_OPENS = re.compile(r"(?:^|[.!?:;•“\"(\[*–—-])\W*$")
_TITLED = re.compile(r"\b(?:Dr|PD|Prof|Mrs?|Ms|Miss|Herrn?|Frau|Monsieur|Madame|Sig|Signora?|St)\.?\s+$")
_VERB_ENDINGS = ("ing", "ed")
_GERMAN_LINK = word_set("van de")
_NAME_LINK = word_set("of de von van der den la le di du del &")
_NOT_NAMES = word_set(
    """chf eur usd gbp sfr am pm ceo fahrenheit celsius passage passages internet ok faq pdf url diy earth
    unlike despite besides similarly both either neither
    spring summer autumn fall winter"""
) | word_set(
    """i mr mrs ms dr prof herr frau monsieur madame please yes no ok sir madam dear also however therefore
    thus moreover furthermore if when while since after before during although because as for to in on
    at by with from according based additionally finally first second third next then once note step
    overall here there this that these those it he she they we you your our their his her its the a an
    all some any each every both most many more no not such"""
)
_GERMAN = word_set(
    """der die das und ist nicht ein eine einen einem einer sie wir mit für auf von zu den dem im wird
    werden kann oder bei ihre ihr ihren ich es um schon wer aus nach hat sind wenn auch nur als dass
    haben pro zum zur vom bis über unter durch gegen ohne ab sich muss müssen können keine kein mehr
    noch zweimal uhr pro seit bereits im des wurde wurden worden wären war waren beim vor sehr alle einige viele dieser
    diese dieses jede jeder jedes nur wie als gibt erhalten beträgt kostet fällt sowie zwischen während seine seiner"""
)
_GERMAN_SHAPE = re.compile(r"[äöüß]|(?:ung|ungen|heit|keit|schaft|lich|lichen|ische[rn]?|tion|täten|iert)$")


class Name(msgspec.Struct, frozen=True):
    """A proper name at `text[start:end]`; `words` are its folded words without titles and links."""

    start: int
    end: int
    text: str
    words: tuple[str, ...]


class Statement(msgspec.Struct, frozen=True):
    """A parsed sentence. `clauses` are (start, end) spans in order; they cover the text between clause breaks."""

    text: str
    tokens: tuple[Token, ...]
    clauses: tuple[tuple[int, int], ...]
    quantities: tuple[Quantity, ...]
    moments: tuple[Moment, ...]
    names: tuple[Name, ...]
    meaning: tuple[Token, ...]

    def figures(self) -> list[Quantity | Moment]:
        """Quantities, then dates and times."""
        return [*self.quantities, *self.moments]

    def content(self) -> list[Token]:
        """Tokens that carry meaning and are not part of a figure or date."""
        return list(self.meaning)

    def clause_of(self, position: int) -> int:
        """Number of the clause that holds the code point `position`."""
        for number, (start, end) in enumerate(self.clauses):
            if start <= position < end:
                return number
        return max(0, len(self.clauses) - 1)


@lru_cache(maxsize=STATEMENT_CACHE_SIZE)
def read_statement(text: str) -> Statement:
    """Reads one sentence. Cached, because the same approved passages are read for answer after answer."""
    plain = without_references(text)
    words = tuple(tokens(plain))
    dated = tuple(moments(plain))
    counted = quantities(plain)
    names = tuple(_names(plain, words, dated))
    return Statement(text, words, _clauses(plain), counted, dated, names, _meaning(words, [*counted, *dated]))


def _meaning(words: tuple[Token, ...], figures: Sequence[Quantity | Moment]) -> tuple[Token, ...]:
    """The tokens that carry meaning and are not part of a figure or date."""
    spans = [(item.start, item.end) for item in figures if item.end - item.start < FIGURE_CHARS_MAX]
    return tuple(
        word
        for word in words
        if word.is_content and not word.text[0].isdigit() and all(word.end <= start or word.start >= end for start, end in spans)
    )


def is_titled(text: str, name: Name) -> bool:
    """Whether a title ("Dr", "Frau") stands before the name."""
    return _TITLED.search(text[: name.start]) is not None


def is_german(words: tuple[Token, ...]) -> bool:
    """Whether the function words are mostly German, where every noun has a capital letter."""
    lowered = [word.text.lower() for word in words]
    german = sum(word in _GERMAN for word in lowered)
    if german + sum(_GERMAN_SHAPE.search(word) is not None for word in lowered if len(word) >= 6) >= 2 and _has_no_english(
        lowered
    ):
        return True
    return german >= 2 or (german == 1 and sum(word in STOP_WORDS and word not in _GERMAN for word in lowered) == 0)


_ENGLISH = word_set("the of and to is are in for with by that this it on be or as at from was were has have not")


def _has_no_english(lowered: list[str]) -> bool:
    """Whether no function word is English only."""
    return not any(word in _ENGLISH and word not in _GERMAN and word not in ("in", "an", "was", "on") for word in lowered)


def _clauses(text: str) -> tuple[tuple[int, int], ...]:
    cuts = [0]
    for match in _CLAUSE_BREAK.finditer(text):
        inside_figure = match.start() > 0 and text[match.start() - 1].isdigit() and text[match.end() : match.end() + 1].isdigit()
        if not inside_figure:
            cuts.append(match.end())
    cuts.append(len(text))
    return tuple((start, end) for start, end in pairwise(cuts) if end > start)


def _names(text: str, words: tuple[Token, ...], dated: tuple[Moment, ...]) -> list[Name]:
    german = is_german(words)
    capitalised = [word for word in words if word.text[0].isupper()]
    lower = german and any(word.is_content and word.text[0].islower() for word in words)
    if not lower and len(capitalised) > 3 and len(capitalised) > 0.8 * len([word for word in words if word.is_content]) + 1:
        return []  # a headline: capitals tell nothing
    figures: list[Quantity | Moment] = [*dated, *quantities(text)]
    spans = [(figure.start, figure.end) for figure in figures]
    names: list[Name] = []
    run: list[Token] = []
    for position, word in enumerate(words):
        free = all(word.end <= start or word.start >= end for start, end in spans)
        following = words[position + 1].text[0].isupper() if position + 1 < len(words) else False
        linked = bool(run) and word.text in (_NAME_LINK if not german else _GERMAN_LINK) and following
        joined = bool(run) and _joins(text[run[-1].end : word.start], run[-1])
        proper = word.text[0].isupper() and not _is_function_word(word.text)
        if free and joined and (linked or proper):
            run.append(word)
            continue
        _take(run, text, names, german)
        run = [word] if free and proper else []
    _take(run, text, names, german)
    return names


_CONTRACTION = re.compile(r"['’](?:s|ve|re|ll|d|m|t)$", re.IGNORECASE)


def _is_function_word(text: str) -> bool:
    """ "There's" and "It's" open a sentence; "Anna's" is a name."""
    lowered = text.lower()
    bare = _CONTRACTION.sub("", lowered)
    return lowered in _NOT_NAMES or (
        bare != lowered and (bare in _NOT_NAMES or bare in STOP_WORDS or bare in ("don", "isn", "won"))
    )


def _joins(gap: str, before: Token) -> bool:
    """Whether two capitalised words may belong to one name: only white space, or the dot of an initial, between them."""
    if "." in gap:
        return len(before.text) <= 3 and not gap.strip(". ")
    return not any(char in gap for char in ',;:()|\n"“”/!?*[]')


def _take(run: list[Token], text: str, names: list[Name], german: bool) -> None:
    """Keeps a run of capitalised words where it is a name rather than a sentence's first word or a German noun."""
    if not run:
        return
    before = text[: run[0].start]
    titled = _TITLED.search(before) is not None
    opening = not titled and _OPENS.search(before) is not None
    while run and run[0].text.lower() in STOP_WORDS and not is_marked(run[0].text):
        run, opening = run[1:], False
    if opening and run and not is_marked(run[0].text) and (len(run) == 1 or fold(run[0].text).endswith(_VERB_ENDINGS)):
        run = run[1:]
    while run and run[-1].text in _NAME_LINK:
        run = run[:-1]
    marked = any(is_marked(word.text) for word in run)
    if german and not marked and not titled and len([word for word in run if word.text not in _NAME_LINK]) < 2:
        return
    kept = tuple(
        fold(word.text).removesuffix("'s")
        for word in run
        if word.text not in _NAME_LINK and word.text.lower().strip(".") not in _NOT_NAMES
    )
    if kept and not all(len(word) == 1 for word in kept):
        names.append(Name(run[0].start, run[-1].end, text[run[0].start : run[-1].end], kept))


def is_marked(word: str) -> bool:
    """Acronyms ("SEPA") and mixed case ("eBill", "PayTal") are names wherever they stand; "Maestro-Karte" is not."""
    return any(
        sum(char.isupper() for char in part) >= 2 or any(char.isupper() for char in part[1:])
        for part in re.split(r"[-.'’]", word)
    )
