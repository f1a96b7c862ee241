"""Approved passages that contradict each other: sentences of different sections that say the same of the same thing, but with
another figure, date, name, or a not. Precision first: a reviewer reads every finding, and a base of near-equal products
("debit card", "credit card") is full of sentences that differ rightly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from groundcrew.domain.knowledge import Passage
from groundcrew.grounding.checks import run_checks
from groundcrew.grounding.contradiction_patterns import AND, CONDITIONS, COSTS, FREE, FROM, LIGHT, NARROWS, PERIODS, VALIDITY
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.facts.dates import Moment, agree
from groundcrew.grounding.facts.quantities import Quantity, compatible, same_value
from groundcrew.grounding.lexicon import PREFIX_CHARS_MIN, Token, same_word
from groundcrew.grounding.sentences import split_sentences
from groundcrew.grounding.statement import Statement, is_german, read_statement

#: Pairs of sentences that one run compares closely.
PAIRS_MAX = 200_000
#: Sentences of one base that are read.
SENTENCES_MAX = 400_000
#: Share (by weight) of each sentence's words that the other says or stands under.
COVERED_MIN = 0.5
#: Words that both sentences say themselves; one is enough within a document, or where neither says anything else.
SHARED_MIN = 2
#: Words that stand in more sentences than this pair nothing by themselves.
COMMON_SENTENCES_MAX = 200


class Place(msgspec.Struct, frozen=True):
    """One sentence of one passage: `passages[row].text[start:end]`."""

    row: int
    start: int
    end: int


class Contradiction(msgspec.Struct, frozen=True):
    """Two sentences that can not both be right: `check` names what differs, `reason` quotes both sides."""

    left: Place
    right: Place
    check: str
    reason: str


class Search(msgspec.Struct, frozen=True):
    """What a search found, how many pairs it compared, and whether it left some out."""

    found: tuple[Contradiction, ...]
    pairs: int
    truncated: bool


class _Line(msgspec.Struct, frozen=True):
    """A sentence read for comparison: `own` are the stems of its words without prices' ("costs", "free", "per month"), `around`
    those of its title and heading, `narrowing` those behind a preposition ("for minors")."""

    place: Place
    text: str
    statement: Statement
    own: frozenset[str]
    around: frozenset[str]
    names: frozenset[str]
    narrowing: frozenset[str]
    order: tuple[str, ...]
    title: frozenset[str]


Progress = Callable[[int, int], None]


def search(
    passages: Sequence[Passage],
    related: Callable[[int], Sequence[int]],
    *,
    progress: Progress | None = None,
) -> Search:
    """Contradictions among `passages`. `related(row)` gives rows near in meaning; rows that share rare words are found here.

    `progress` is called with (passages done, passages in all).
    """
    base = _Base(passages)
    found: dict[tuple[str, str], Contradiction] = {}
    pairs = 0
    for row in range(len(passages)):
        for left, right in base.pairs_of(row, related(row)):
            pairs += 1
            if pairs > PAIRS_MAX:
                return Search(tuple(found.values()), PAIRS_MAX, True)
            hit = base.compare(left, right)
            if hit is not None:
                # The same two sentences in several passages are one contradiction.
                key = (min(left.text, right.text), max(left.text, right.text))
                found.setdefault(key, hit)
        if progress is not None:
            progress(row + 1, len(passages))
    return Search(tuple(found.values()), pairs, base.truncated)


class _Base:
    """All sentences of a base, by passage and by word."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self.lines: list[list[_Line]] = []
        number = 0
        self.truncated = False
        for row, passage in enumerate(passages):
            lines = list(_lines(row, passage)) if number < SENTENCES_MAX else []
            self.truncated |= number >= SENTENCES_MAX
            number += len(lines)
            self.lines.append(lines)
        self._topics = frozenset(stem for passage in passages for stem in _stems(f"{passage.title}. {passage.heading}"))
        self._total = number
        self._counts = Counter(stem for lines in self.lines for line in lines for stem in line.own)
        self._by_stem: dict[str, list[tuple[int, int]]] = {}
        for row, lines in enumerate(self.lines):
            for position, line in enumerate(lines):
                for stem in line.own:
                    self._by_stem.setdefault(stem, []).append((row, position))

    def pairs_of(self, row: int, related: Sequence[int]) -> Iterator[tuple[_Line, _Line]]:
        """Pairs of a sentence of `row` with one of a later row, near in meaning or sharing two rare words, that may conflict."""
        near = {other for other in related if other > row and not self._is_one_section(row, other)}
        for left in self.lines[row]:
            places = {(other, position) for other in near for position in range(len(self.lines[other]))}
            shared: Counter[tuple[int, int]] = Counter()
            for stem in left.own:
                if self._counts[stem] <= COMMON_SENTENCES_MAX:
                    shared.update(place for place in self._by_stem[stem] if place[0] > row)
            places |= {
                place for place, number in shared.items() if number >= SHARED_MIN and not self._is_one_section(row, place[0])
            }
            for other, position in sorted(places):
                right = self.lines[other][position]
                if left.text != right.text and self._same_subject(left, right):
                    yield left, right

    def compare(self, left: _Line, right: _Line) -> Contradiction | None:
        """What the two can not both be right about, if anything."""
        if _periods_differ(left, right):
            return None
        found = self._words(left, right)
        if found is None and not _hold_apart(left, right):
            found = self._figures(left, right) or self._free(left, right)
        if found is None:
            return None
        check, reason = found
        return Contradiction(left.place, right.place, check, reason)

    def _figures(self, left: _Line, right: _Line) -> tuple[str, str] | None:
        """Exactly one figure differs, it is of one kind on both sides, and every other that both give is the same."""
        differing: list[tuple[Quantity | Moment, Quantity | Moment]] = []
        alone: list[tuple[_Line, Quantity | Moment]] = []
        for kind in (_quantities, _moments):
            mine, theirs = kind(left.statement), kind(right.statement)
            open_mine = [each for each in mine if not any(_same(each, other) for other in theirs)]
            open_theirs = [each for each in theirs if not any(_same(each, other) for other in mine)]
            pairs = [(one, other) for one in open_mine for other in open_theirs if _comparable(one, other)]
            if len(pairs) > 1 or any(_bounds_differ(left, one, right, other) for one, other in pairs):
                return None
            differing += pairs
            alone += [(left, each) for each in open_mine if not any(each is one for one, _ in pairs)]
            alone += [(right, each) for each in open_theirs if not any(each is other for _, other in pairs)]
        if len(differing) != 1:
            return None
        mine_one, theirs_one = differing[0]
        # A figure that only one side gives may be a condition ("up to", "from the age of"), unless it stands in another clause.
        for line, figure in alone:
            if _share_a_clause(line.statement, figure, mine_one if line is left else theirs_one):
                return None
        is_code = isinstance(mine_one, Quantity) and mine_one.dimension == "code"
        if is_code and _missing(left, right) and _missing(right, left):
            return None
        checks = ("number", "date", "rate")
        if not is_code and not _checked(left.statement, right.statement, left.around, right.around, checks):
            return None
        if _rate(left.text) != _rate(right.text):
            return None
        check = "number" if isinstance(mine_one, Quantity) else "date"
        return check, f"“{mine_one.text}” here, “{theirs_one.text}” there"

    def _free(self, left: _Line, right: _Line) -> tuple[str, str] | None:
        """Free on one side, with a price on the other, and neither has a condition in figures."""
        for one, other in ((left, right), (right, left)):
            free, figures = FREE.search(one.text), other.statement.figures()
            prices = [each for each in _quantities(other.statement) if each.dimension.startswith("currency:")]
            if not free or len(prices) != 1 or not COSTS.search(other.text) or FREE.search(other.text) or one.statement.figures():
                continue
            if not any(_share_a_clause(other.statement, each, prices[0]) for each in figures if each is not prices[0]):
                return "free", f"“{free.group()}” and “{prices[0].text}” for the same"
        return None

    def _words(self, left: _Line, right: _Line) -> tuple[str, str] | None:
        """A not, an opposite or another name, where everything else is the same, figures too."""
        for kind in (_quantities, _moments):
            if not _all_in(kind(left.statement), kind(right.statement)) or not _all_in(
                kind(right.statement), kind(left.statement)
            ):
                return None
        mine, theirs = _missing(left, right), _missing(right, left)
        if left.own == right.own:
            denied = _checked(left.statement, right.statement, left.around, right.around)
            return ("negation", "one of the two denies what the other says") if denied else None
        if _are_opposite(left, right, mine, theirs):
            return "opposite", f"“{_word(left, mine)}” here, “{_word(right, theirs)}” there"
        if _differ_in_their_last_name(left, right):
            return "name", f"“{_last_name(left).strip(' .')}” here, “{_last_name(right).strip(' .')}” there"
        return None

    def _same_subject(self, left: _Line, right: _Line) -> bool:
        """Whether each says nearly only words that the other says or stands under, and none that narrows what is meant."""
        shared = [stem for stem in left.own if _covers(stem, right.own)]
        if not shared or _speak_of_their_titles(left, right):
            return False
        if len(shared) >= SHARED_MIN and _differ_in_their_last_name(left, right):
            return True
        mine, theirs = _missing(left, right), _missing(right, left)
        same_title = self._passages[left.place.row].title == self._passages[right.place.row].title
        if not same_title:
            if len(shared) < SHARED_MIN and (mine or theirs):
                return False
            if not any(_covers(stem, self._topics) or stem in left.names for stem in shared):
                return False
        for one, missing in ((left, mine), (right, theirs)):
            if any(_covers(stem, self._topics) or stem in one.names or stem in one.narrowing for stem in missing):
                return False
            weight = sum(self._weight(stem) for stem in one.own)
            if sum(self._weight(stem) for stem in missing) > (1 - COVERED_MIN) * weight:
                return _are_opposite(left, right, mine, theirs)
        return True

    def _is_one_section(self, row: int, other: int) -> bool:
        mine, theirs = self._passages[row], self._passages[other]
        return (mine.document, mine.heading) == (theirs.document, theirs.heading)

    def _weight(self, stem: str) -> float:
        return math.log(1 + self._total / (self._counts[stem] or 1))


def _lines(row: int, passage: Passage) -> Iterator[_Line]:
    title, around = _stems(passage.title), _stems(f"{passage.title}. {passage.heading}")
    for sentence in split_sentences(passage.text):
        if sentence.kind == "heading":
            continue
        for start, end in _readings(passage.text, sentence.start, sentence.end):
            line = _line(Place(row, start, end), passage.text[start:end], title, around)
            if line is not None:
                yield line


def _readings(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentence, and its first part by itself where that has a figure and "and" leads to a second statement that sets no
    condition ("costs CHF 20 and arrives within five days")."""
    found = AND.search(text, start, end)
    if found is None or CONDITIONS.search(text, found.end(), end) or not read_statement(text[start : found.start()]).figures():
        return [(start, end)]
    return [(start, end), (start, found.start())]


def _line(place: Place, text: str, title: frozenset[str], around: frozenset[str]) -> _Line | None:
    """A sentence read for comparison; None where it says nothing of its own."""
    statement = read_statement(text)
    priced = [match.span() for pattern in (FREE, COSTS, PERIODS, LIGHT) for match in pattern.finditer(text)]
    words = [each for each in statement.content() if not any(start <= each.start < end for start, end in priced)]
    if not words:
        return None
    return _Line(
        place=place,
        text=text,
        statement=statement,
        own=frozenset(each.stem for each in words),
        around=around,
        names=frozenset(
            each.stem for name in statement.names for each in statement.tokens if name.start <= each.start < name.end
        ),
        narrowing=frozenset(each.stem for each in words if _narrows(statement, each)),
        order=tuple(each.stem for each in words),
        title=title,
    )


def _stems(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in read_statement(text).content())


def _covers(stem: str, others: frozenset[str]) -> bool:
    return stem in others or any(
        other[:PREFIX_CHARS_MIN] == stem[:PREFIX_CHARS_MIN] and same_word(stem, other) for other in others
    )


def _narrows(statement: Statement, token: Token) -> bool:
    """Whether a word stands behind a preposition, with no figure or date between ("for minors", but not "open on Monday")."""
    found = NARROWS.search(statement.text[: token.start])
    return found is not None and not any(each.start >= found.start() for each in statement.figures() if each.end <= token.start)


def _are_opposite(left: _Line, right: _Line, mine: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether one word on each side is all that differs, and those two are opposites: without them nothing contradicts."""
    if len(mine) != 1 or len(theirs) != 1 or len(left.own) < 2 or not _checked(left.statement, right.statement):
        return False
    without = [read_statement(each.text.replace(_word(each, own), "")) for each, own in ((left, mine), (right, theirs))]
    return not _checked(without[0], without[1])


def _word(line: _Line, stems: frozenset[str]) -> str:
    return next(token.text for token in line.statement.tokens if token.stem in stems)


def _checked(
    left: Statement,
    right: Statement,
    left_around: frozenset[str] = frozenset(),
    right_around: frozenset[str] = frozenset(),
    checks: tuple[str, ...] = ("negation", "direction"),
) -> bool:
    """Whether one of `checks` finds the two contradicting, whichever of them is the claim."""
    for claim, around, source in ((left, left_around, right), (right, right_around, left)):
        evidence = Evidence([source.text])
        found = run_checks(claim, around, evidence, evidence.sentences, lambda _sentence: -1.0)
        if not any(each.contradicted and each.check in checks for each in found):
            return False
    return True


def _speak_of_their_titles(left: _Line, right: _Line) -> bool:
    """Whether what the two speak of is told by their titles alone, and those tell of different things ("treatments of A: five
    types are used", "treatments of B: nine types are used")."""
    if left.title == right.title or not left.title or not right.title:
        return False
    if not _untold(left, right) or not _untold(right, left):
        return False
    alike = any(_covers(stem, right.title) for stem in left.title)
    return alike or not any(_covers(stem, line.around) for line in (left, right) for stem in line.own)


def _untold(one: _Line, other: _Line) -> frozenset[str]:
    """Words of the title over `one` that neither the other's has nor `one` says itself."""
    known = one.own | other.title
    return frozenset(stem for stem in one.title if not _covers(stem, known))


def _missing(one: _Line, other: _Line) -> frozenset[str]:
    """The words of `one` that the other neither says nor stands under."""
    known = other.own | other.around
    return frozenset(stem for stem in one.own if not _covers(stem, known))


def _all_in(some: Sequence[Quantity | Moment], others: Sequence[Quantity | Moment]) -> bool:
    return all(any(_same(each, other) for other in others) for each in some)


def _differ_in_their_last_name(left: _Line, right: _Line) -> bool:
    """Whether the two are the same up to the name that they end with."""
    mine, theirs = _last_name(left), _last_name(right)
    if not mine or not theirs or mine == theirs:
        return False
    return left.text[: -len(mine)].casefold() == right.text[: -len(theirs)].casefold()


def _last_name(line: _Line) -> str:
    """The name that a sentence ends with, and what stands behind it; "" where it ends otherwise."""
    last = line.statement.names[-1] if line.statement.names else None
    return line.text[last.start :] if last is not None and not line.text[last.end :].strip(" .!") else ""


def _quantities(statement: Statement) -> list[Quantity]:
    return [each for each in statement.quantities if not each.is_article or each.dimension]


def _moments(statement: Statement) -> list[Moment]:
    return list(statement.moments)


def _same(one: Quantity | Moment, other: Quantity | Moment) -> bool:
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        if one.dimension == "code" or other.dimension == "code":
            return one.code == other.code
        return same_value(one, other)
    return isinstance(one, Moment) and isinstance(other, Moment) and (agree(one, other) or agree(other, one))


def _comparable(one: Quantity | Moment, other: Quantity | Moment) -> bool:
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        if one.dimension == other.dimension == "code":
            return _shape(one.code) == _shape(other.code)
        return compatible(one, other)
    return isinstance(one, Moment) and isinstance(other, Moment) and one.kind == other.kind


def _share_a_clause(statement: Statement, one: Quantity | Moment, other: Quantity | Moment) -> bool:
    return statement.clause_of(one.start) == statement.clause_of(other.start)


def _shape(code: str) -> tuple[int, int]:
    """How many digits and how many other characters a code has: a telephone number is compared with another one."""
    digits = sum(each.isdigit() for each in code)
    return digits, len(code) - digits


def _bounds_differ(left: _Line, mine: Quantity | Moment, right: _Line, theirs: Quantity | Moment) -> bool:
    """Whether one figure is a least and the other a most: both hold."""
    bounds = set()
    for line, each in ((left, mine), (right, theirs)):
        least = FROM.search(line.text[: each.start]) is not None
        bounds.add("at_least" if least else each.bound if isinstance(each, Quantity) else "")
    return bounds == {"at_least", "at_most"}


def _hold_apart(left: _Line, right: _Line) -> bool:
    """Whether the two speak of different cases: other conditions, or one sentence built like the other with other words in the
    same places ("adults" and "children")."""
    cases = [{match.group().lower() for match in CONDITIONS.finditer(line.text)} for line in (left, right)]
    if cases[0] != cases[1]:
        return True
    mine, theirs = _missing(left, right), _missing(right, left)
    if not mine or not theirs or len(left.order) != len(right.order):
        return False
    if is_german(left.statement.tokens) and not any(
        _word(line, own)[0].isupper() for line, own in ((left, mine), (right, theirs))
    ):
        return False  # verbs: things are written with a capital
    return all(
        one == other or _covers(one, frozenset({other})) or (one in mine and other in theirs)
        for one, other in zip(left.order, right.order, strict=True)
    )


def _rate(text: str) -> frozenset[str]:
    return frozenset((match.group(1) or match.group(2)).lower()[:3] for match in PERIODS.finditer(text))


def _periods_differ(left: _Line, right: _Line) -> bool:
    """Whether the two hold at different times: one has a "until" or "from" with a date that the other has not, and more than
    that date differs."""
    for one, other in ((left, right), (right, left)):
        for moment in one.statement.moments:
            bounded = moment.kind == "date" and VALIDITY.search(one.text[: moment.start])
            if bounded and not any(_same(moment, each) for each in other.statement.moments):
                figures = [
                    each for each in _quantities(one.statement) if not any(_same(each, x) for x in _quantities(other.statement))
                ]
                if figures or not any(each.kind == "date" for each in other.statement.moments):
                    return True
    return False
