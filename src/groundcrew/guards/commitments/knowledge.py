"""Approved knowledge as a ground for what an answer states: the same figures, of the same thing, under the same condition."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

from groundcrew.guards.commitments.concepts import concepts_only, keys_of
from groundcrew.guards.commitments.figures import Figure, periods, words_of
from groundcrew.guards.commitments.language import language_of
from groundcrew.guards.commitments.promises import Commitment
from groundcrew.guards.commitments.reading import MONEY_KINDS, Clause, Reading, read_sentence
from groundcrew.guards.commitments.sentences import split
from groundcrew.guards.commitments.words import word_set

PASSAGES_MAX = 200
PASSAGE_CACHE_SIZE = 512
#: Longest passage that is read; what is beyond it is no ground for anything.
PASSAGE_CHARS_MAX = 50_000
#: Beginning of a passage that tells its language.
LANGUAGE_CHARS = 1_000
#: Share of what a commitment is about that the published statement must be about as well.
SHARE_MIN = 0.5
#: What a match counts in the statement itself, in its sentence, and around it.
OWN, SENTENCE, AROUND = 1.0, 0.8, 0.3

#: Shortest sentence that counts as quoted word for word.
QUOTATION_WORDS_MIN = 4

_CONCESSIONS = frozenset(("@free", "@discount", "@refund", "@credit"))
_GIFTS = frozenset(("free", "waiver", "discount", "credit"))
_FREE = word_set("free gratis complimentary")

#: Longest restriction ("customers with a service contract"), in words, and the phrases that end it.
RESTRICTION_WORDS_MAX = 8
_SAYING = frozenset(("GETS", "PRICE", "CHARGE", "FREE_S", "FUTURE", "GIVE", "WAIVE_V", "DISCOUNT_N"))
#: Kinds that say the same of money: what one publishes the other may state.
_FAMILIES = (frozenset(("refund",)), frozenset(("credit", "waiver", "discount", "free")), frozenset(("price",)))


_IN_TIME = word_set("within for first innert innerhalb binnen sous entro during ersten erste premiers primi")


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A part of published text around a figure, or around none. `conditions` are what it holds for only; `about` its own words,
    `sentence` its sentence's, `around` those of the sentences beside it and of the title."""

    figures: tuple[Figure, ...]
    about: frozenset[str]
    sentence: frozenset[str]
    around: frozenset[str]
    conditions: frozenset[str]
    condition_figures: tuple[Figure, ...]
    families: frozenset[str]
    negated: bool
    language: str
    periods: frozenset[str]
    #: Periods of time in which it holds: "within 30 days".
    limits: tuple[Figure, ...]


@lru_cache(maxsize=PASSAGE_CACHE_SIZE)
def statements(passage: str) -> tuple[tuple[Statement, ...], str]:
    """What a passage publishes, and its words in one row, by which quotations are known."""
    text = passage[:PASSAGE_CHARS_MAX]
    readings: list[Reading] = []
    mainly = language_of(words_of(text[:LANGUAGE_CHARS]), None)
    for each in split(text)[0]:
        before = readings[-1].language if readings else mainly
        readings.append(read_sentence(text, each.start, each.end, before, item=each.item, opens=each.opens, heading=each.heading))
    keys = [keys_of(each.words) for each in readings]
    title = keys[0] if readings and (readings[0].heading or len(readings[0].words) < 8) else frozenset()
    found: list[Statement] = []
    heading: frozenset[str] = frozenset()
    for index, reading in enumerate(readings):
        if reading.heading:
            heading = keys[index]
        around = title | heading | frozenset().union(*keys[max(0, index - 1) : index + 2])
        found.extend(_statements(reading, keys[index], around))
    return tuple(found), " ".join(word for each in readings for word in each.raw)


def _statements(reading: Reading, sentence: frozenset[str], around: frozenset[str]) -> list[Statement]:
    families = _families(reading)
    parts = segments(reading)
    found = []
    if len(parts) > 1:  # of the sentence as a whole only what no part holds
        rest = tuple(each for each in reading.figures if each.kind != _parted_by(parts))
        parts = [*parts, (0, len(reading.words), rest)]
    for start, end, figures in parts:
        conditions, bounds = conditions_of(reading, start, end)
        clauses = [each for each in reading.clauses if each.start < end and start < each.end and not each.conditional]
        found.append(
            Statement(
                figures=tuple(figures),
                about=keys_of(reading.words[start:end]),
                sentence=sentence,
                around=around,
                conditions=conditions,
                condition_figures=bounds,
                families=families,
                negated=bool(clauses) and all(each.negated and not each.tags >= {"CHARGE", "FEE"} for each in clauses),
                language=reading.language.code,
                periods=periods(reading.words[start:end]),
                limits=tuple(
                    each for each in figures if each.kind == "duration" and reading.words[each.at - 1] in _IN_TIME and each.at
                ),
            )
        )
    return found


def _parted_by(parts: Sequence[tuple[int, int, tuple[Figure, ...]]]) -> str:
    """The kind of figures of which every part holds one."""
    kinds = [{each.kind for each in figures} for _, _, figures in parts]
    return next(kind for kind in ("money", "percent", "duration") if all(kind in each for each in kinds))


def segments(reading: Reading) -> list[tuple[int, int, tuple[Figure, ...]]]:
    """The parts of a sentence that belong to one figure each, where it holds several of one kind; otherwise the sentence."""
    for kind in ("money", "percent", "duration"):
        figures = [each for each in reading.figures if each.kind == kind and each.bound != "range"]
        if len(figures) < 2:
            continue
        cuts = [0]
        for one, two in pairwise(figures):
            joins = [each.start for each in reading.hits if each.tag in ("AND", "BUT") and one.at < each.start < two.at]
            commas = [place for place in range(one.at + 1, two.at) if reading.words[place] in (",", ";", "(", ")", "-", ":")]
            cuts.append(min([*joins, *commas], default=one.at + 1))
        ends = [*cuts[1:], len(reading.words)]
        return [
            (start, end, tuple(each for each in reading.figures if start <= each.at < end))
            for start, end in zip(cuts, ends, strict=True)
        ]
    return [(0, len(reading.words), reading.figures)]


def conditions_of(reading: Reading, start: int, end: int) -> tuple[frozenset[str], tuple[Figure, ...]]:
    """What words `start` to `end` hold for only: the words of conditions, groups of people, and figures that bound them."""
    conditional: list[Clause] = [each for each in reading.clauses if each.conditional]
    words = [word for clause in conditional for word in reading.words[clause.start : clause.end]]
    figures = [
        each for clause in conditional for each in reading.figures_in(clause.start, clause.end, "money", "duration", "number")
    ]
    for hit in reading.hits:
        if hit.tag == "RESTRICT" and start <= hit.start < end:
            says = [each.start for each in reading.hits if each.tag in _SAYING and hit.end <= each.start < end]
            words.extend(reading.words[hit.start : min([hit.start + RESTRICTION_WORDS_MAX, end, *says])])
        if hit.tag == "GROUP" and start <= hit.start < end:
            words.extend(each for each in reading.words[hit.start : hit.end] if not each.startswith("<"))
            figures.extend(each for each in reading.figures if hit.start <= each.at < hit.end)
    # "Premiumkunden", "Premium clients", "clients Premium": customers of one sort only.
    for at in range(start, end):
        word = reading.words[at]
        if word.endswith(("kunden", "kundinnen")) and len(word) > len("kundinnen"):
            words.append(word)
        elif word in ("customers", "clients", "cardholders") and at > start and reading.language.code == "en":
            words.append(reading.words[at - 1])
        elif word in ("clients", "clientes", "clienti") and at + 1 < end:
            words.append(reading.words[at + 1])
    return keys_of(words), tuple(figures)


def _families(reading: Reading) -> frozenset[str]:
    """The kinds that a sentence speaks of."""
    kinds: set[str] = {
        kind
        for kind, stem in MONEY_KINDS
        for hit in reading.hits
        if hit.tag[:-2] == stem and (kind != "free" or hit.tag[-1] == "S" or reading.words[hit.start] in _FREE)
    }
    if any(each.negated and each.tags >= {"CHARGE", "FEE"} for each in reading.clauses):
        kinds.add("waiver")
    tags = {each.tag for each in reading.hits}
    if "GUARANTEE_S" in tags:
        kinds.add("guarantee")
    if tags & {"TERMS_S", "RIGHT"}:
        kinds.add("terms")
    if "RIGHT" in tags:
        kinds.add("refund")
    return frozenset(kinds)


def published(commitment: Commitment, readings: Sequence[Reading], passages: Sequence[str]) -> bool:
    """Whether approved knowledge says what the commitment says. Binding formulas
    are covered as verbatim quotations only."""
    reading = readings[commitment.sentence]
    read_passages = [statements(each) for each in passages[:PASSAGES_MAX]]
    if len(reading.raw) >= QUOTATION_WORDS_MIN:
        quotation = " ".join(reading.raw)
        if any(quotation in row for _, row in read_passages):
            return True
    around = keys_of(word for each in readings[max(0, commitment.sentence - 1) : commitment.sentence + 2] for word in each.words)
    if commitment.kinds[0] == "contract":
        return False
    before = keys_of(readings[commitment.sentence - 1].words) if commitment.sentence else frozenset()
    known = [each for rows, _ in read_passages for each in rows]
    if not commitment.figures:
        return _stated(commitment, reading, _about(None, commitment, reading) or before, around, readings, known)
    return all(
        any(
            _figure_published(figure, commitment, about, around, readings, known)
            for about in _abouts(figure, commitment, reading, before)
        )
        for figure in commitment.figures
    )


def _abouts(figure: Figure, commitment: Commitment, reading: Reading, before: frozenset[str]) -> list[frozenset[str]]:
    """What a figure may be about: its part or clause, and where only one figure is named, all of the sentence."""
    nearest = _about(figure, commitment, reading) or before
    alone = len([each for each in reading.figures if each.kind == figure.kind]) == 1
    whole = keys_of(reading.words)
    return [nearest, whole] if alone and whole != nearest else [nearest]


def _about(figure: Figure | None, commitment: Commitment, reading: Reading) -> frozenset[str]:
    """What a figure of the commitment is about: the words of its part of the sentence, else of its clause, else of all of it."""
    parts = segments(reading)
    if figure is not None and len(parts) > 1:
        for start, end, figures in parts:
            if figure in figures and (about := keys_of(_unconditional(reading, start, end))):
                return _of_what(about)
    clause = commitment.clause
    return _of_what(keys_of(reading.words[clause.start : clause.end]) or keys_of(reading.words))


def _of_what(about: frozenset[str]) -> frozenset[str]:
    """`about` without the concession itself: what is free, not that it is."""
    return about - _CONCESSIONS or about


def _unconditional(reading: Reading, start: int, end: int) -> list[str]:
    """Words `start` to `end` without those of conditions."""
    aside = [each for each in reading.clauses if each.conditional]
    return [reading.words[at] for at in range(start, end) if not any(each.start <= at < each.end for each in aside)]


def _share(about: frozenset[str], statement: Statement, reading: Reading) -> tuple[float, float]:
    """The share of `about` that the statement is about, and how much of it is in its own words."""
    if not about:
        return 1.0, 0.0
    if statement.language != reading.language.code and not about & statement.around - concepts_only(about):
        about = concepts_only(about)
        if not about:
            return 0.0, 0.0
    own_keys = {key for key in about if _among(key, statement.about)}
    own = len(own_keys)
    rest = about - own_keys
    beside = len(rest & statement.sentence)
    near = len((rest - statement.sentence) & statement.around)
    # "Annual members pay USD 18": what for, the sentence before has said.
    weight = SENTENCE if statement.about and statement.about <= statement.conditions and about & statement.conditions else AROUND
    return (own * OWN + beside * SENTENCE + near * weight) / len(about), own / len(about)


def _among(key: str, keys: frozenset[str]) -> bool:
    """Whether a key is one of `keys`, or how one of them begins: "velo" and "velokarte"."""
    return key in keys or (len(key) == 4 and any(each.startswith(key) for each in keys)) or (len(key) == 5 and key[:4] in keys)


def _condition_kept(statement: Statement, commitment: Commitment, readings: Sequence[Reading], around: frozenset[str]) -> bool:
    """Whether the answer says, here or in a sentence beside, for what the statement holds only."""
    nearby = readings[max(0, commitment.sentence - 1) : commitment.sentence + 2]
    bounds = [each for each in statement.figures if each.kind == "duration" and each.bound in ("least", "most")]
    if commitment.kinds[0] != "deadline" and _contradicted(bounds, nearby):
        return False
    if not statement.conditions and not statement.condition_figures:
        return True
    if any(each.same(mine) for each in statement.condition_figures for reading in nearby for mine in reading.figures):
        return True
    if _contradicted(statement.condition_figures, nearby):
        return False
    if statement.condition_figures and set(commitment.kinds) & _GIFTS:
        written = {word for reading in nearby for word in reading.raw}
        return any(word in written for each in statement.condition_figures for word in each.text.split() if word[0].isdigit())
    said = around
    if statement.language != readings[commitment.sentence].language.code:
        return bool(concepts_only(statement.conditions) & said) or not concepts_only(statement.conditions)
    return bool(statement.conditions & said)


def _contradicted(figures: Sequence[Figure], nearby: Sequence[Reading]) -> bool:
    """Whether the answer gives another figure where the condition gives one: two hours late for "more than three hours"."""
    for figure in figures:
        mine = [each for reading in nearby for each in reading.figures if each.kind == figure.kind]
        if figure.kind == "duration" and mine and not any(each.same(figure) for each in mine):
            return True
    return False


def _same_kind(statement: Statement, commitment: Commitment) -> bool:
    kinds = set(commitment.kinds)
    if kinds & {"price", "deadline"} or (kinds & {"guarantee", "terms"} and commitment.figures):
        return True
    families = [each for each in _FAMILIES if each & kinds]
    wanted = kinds.union(*families)
    return bool(wanted & statement.families)


def _figure_published(
    figure: Figure,
    commitment: Commitment,
    about: frozenset[str],
    around: frozenset[str],
    readings: Sequence[Reading],
    known: Sequence[Statement],
) -> bool:
    """Whether a statement gives this figure of the same thing, and none about more of it gives another one."""
    reading = readings[commitment.sentence]
    own_part = next(
        (each for each in segments(reading) if figure in each[2] and keys_of(_unconditional(reading, *each[:2]))), None
    )
    best = 0.0
    holding: frozenset[str] = frozenset()
    rivals: list[tuple[float, frozenset[str]]] = []
    for statement in known:
        others = [each for each in statement.figures if each.kind == figure.kind]
        if not others:
            continue
        named = statement.conditions & keys_of(reading.words)
        share, own = _share(about | named, statement, reading)
        mine = any(_published_as(figure, each, loosely=commitment.kinds[0] == "price") for each in others)
        if mine and share >= SHARE_MIN and not statement.negated and _same_kind(statement, commitment):
            if _condition_kept(statement, commitment, readings, around):
                # What holds for some only, and is said of them, goes before what holds for all.
                score = own + 0.01 * share + 0.001 + bool(named)
                if score > best:
                    best, holding = score, statement.sentence
        elif not mine and len({each.value for each in others}) == 1:
            rivals.append((own, statement.sentence))
    # What one sentence says of several figures tells them apart only where the answer has words for each.
    shared = own_part is None
    return best > 0 and all(own <= best or (shared and sentence == holding) for own, sentence in rivals)


def _published_as(figure: Figure, other: Figure, *, loosely: bool) -> bool:
    """Whether a published figure stands for the promised one: a lower or upper bound or a range only for its like; a price
    that is stated more loosely than it is published promises nothing beyond it."""
    if not figure.same(other):
        return False
    if figure.kind in ("money", "percent"):
        return figure.bound == other.bound or (other.bound == "exact" and (loosely or figure.bound == "most"))
    return figure.bound == other.bound or "range" not in (figure.bound, other.bound)


def _stated(
    commitment: Commitment,
    reading: Reading,
    about: frozenset[str],
    around: frozenset[str],
    readings: Sequence[Reading],
    known: Sequence[Statement],
) -> bool:
    """Whether a statement without a figure ("blocking is free") is published of the same thing."""
    if not about:
        return False
    for statement in known:
        share, own = _share(about, statement, reading)
        if share >= SHARE_MIN and own > 0 and not statement.negated and _same_kind(statement, commitment):
            bounded = [
                each for each in statement.figures if each.bound in ("least", "most") and each.kind in ("money", "duration")
            ]
            bounded.extend(statement.limits)
            said = [each for near in readings[max(0, commitment.sentence - 1) : commitment.sentence + 2] for each in near.figures]
            written = {word for near in readings[max(0, commitment.sentence - 1) : commitment.sentence + 2] for word in near.raw}
            if (
                bounded
                and not any(each.same(mine) for each in bounded for mine in said)
                and not any(word in written for each in bounded for word in each.text.split() if word[0].isdigit())
            ):
                continue
            if _condition_kept(statement, commitment, readings, around):
                return True
    return False
