"""What a sentence promises: refunds, credits, discounts, gifts, prices, deadlines, guarantees, terms and contracts, each with its
figures and with how firmly it is said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.guards.commitments.figures import Figure
from groundcrew.guards.commitments.reading import MONEY_KINDS, Clause, CommitmentKind, Reading
from groundcrew.guards.commitments.words import Hit, word_set

#: Scores: binding formulas, clear promises, and what may be one.
BINDING, CLEAR, UNCLEAR = 0.95, 0.85, 0.5
#: Longest clause that only gives a time, and how far behind a matter its outcome is looked for, in words.
TIME_WORDS_MAX = 6
OUTCOME_WORDS_MAX = 5
#: How near to what may go wrong its denial stands, in words.
DENIED_WITHIN = 5

_MONEY_STEMS = frozenset(stem for _, stem in MONEY_KINDS)
#: How words of assurance begin.
_ASSURING = (
    *(
        "guarant",
        "garant",
        "promis",
        "versp",
        "assur",
        "assic",
        "promet",
        "zusich",
        "zugesich",
        "liab",
        "haft",
        "respons",
        "risk",
    ),
)
#: How words of paying begin.
_PAYING = ("pay", "zahl", "bezahl", "pai", "pag", "sbors", "cost", "owe", "debours", "regler", "spend")
#: How participles end in German, French and Italian.
_PARTICIPLES = ("t", "en", "e", "es", "ee", "ees", "to", "ta", "ti", "te")
_NEVER = word_set("never nie niemals jamais mai")
_GETTING = word_set("get receive win bekommen erhalten kriegen gewinnen aurez obtiendrez recevrez avra ricevera otterra")
_ONLY = word_set("only nur erst seul seule seuls solo soltanto uniquement seulement qu")
#: Words that begin a time by which something is done.
_BY_WHEN = word_set("within by before in innert innerhalb binnen bis spatestens d avant sous dans entro nel")


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a sentence commits the firm to. `kinds` are what it may be called, the most telling first; `clause` is
    the one it is in; `open` where it has no limit of its own ("whatever you paid")."""

    kinds: tuple[CommitmentKind, ...]
    figures: tuple[Figure, ...]
    score: float
    sentence: int
    clause: Clause
    open: bool = False


def commitments(readings: Sequence[Reading], index: int) -> list[Commitment]:
    """What sentence `index` commits the firm to, in view of the sentence before and the one after."""
    reading = readings[index]
    if reading.question or reading.heading:
        return []
    found: list[Commitment] = []
    for clause in reading.clauses:
        if clause.conditional or clause.reported:
            continue
        if clause.negated:
            found.extend(_not_charged(reading, clause, index))
            found.extend(_cannot_fail(reading, clause, index))
            continue
        if "INDIRECT" not in clause.tags:
            found.extend(_binding(reading, clause, index))
            found.extend(_money(readings, index, clause))
        if "INDIRECT" not in clause.tags or "RIGHT" in clause.tags:
            found.extend(_deadlines(reading, _with_next(reading, clause), index))
    return found


def _cannot_fail(reading: Reading, clause: Clause, index: int) -> list[Commitment]:
    """That something bad will not happen: "your pension will never fall below 2,000 euros"."""
    if "FAIL" not in clause.tags or clause.tags & {"OBLIGE", "INDIRECT", "SOFT", "RECORD"}:
        return []
    surely = bool(_NEVER & set(reading.words[clause.start : clause.end]))
    denied = [each.end for each in reading.hits if each.tag == "NEGATION" and clause.start <= each.start < clause.end]
    ends = [each.start for each in reading.hits if each.tag == "FAIL" and clause.start <= each.start < clause.end]
    near = any(abs(end - at) <= DENIED_WITHIN for end in denied for at in ends)
    if not near or (not surely and not clause.tags & {"FUTURE", "CERTAIN"}) or "GUARANTEE_S" in clause.tags:
        return []
    figures = tuple(reading.figures_in(clause.start, clause.end, "money", "percent"))
    score = _firmness(reading, clause, soft=True)
    return [Commitment(kinds=("guarantee",), figures=figures, score=score, sentence=index, clause=clause)]


def _not_charged(reading: Reading, clause: Clause, index: int) -> list[Commitment]:
    """That a fee is not asked for: "in your case the charge of CHF 50 does not apply"."""
    figures = reading.figures_in(clause.start, clause.end, "money")
    money = clause.tags & {"REFUND_V", "REFUND_N", "REFUND_S", "CREDIT_V", "CREDIT_N", "DISCOUNT_N", "DISCOUNT_V", "INDIRECT"}
    if "RECORD" in clause.tags and "FUTURE" not in clause.tags:
        return []
    if "CHARGE" not in clause.tags or not ("FEE" in clause.tags or figures) or money:
        return []
    if not clause.tags & {"YOU", "FUTURE", "FIRM"} and not figures:
        return []
    score = _firmness(reading, clause, soft=False)
    return [
        Commitment(kinds=("waiver", "free"), figures=tuple(figures), score=score, sentence=index, clause=clause, open=not figures)
    ]


def _firmness(reading: Reading, clause: Clause, *, soft: bool) -> float:
    """CLEAR, or UNCLEAR where the clause only may commit."""
    if "WEAK" in clause.tags or (soft and "SOFT" in clause.tags):
        return UNCLEAR
    return CLEAR


def _binding(reading: Reading, clause: Clause, index: int) -> list[Commitment]:
    """Contracts, contract terms and guarantees: phrases that need no figure."""
    found: list[Commitment] = []
    for kind, tag, score in (
        ("contract", "CONTRACT_S", BINDING),
        ("terms", "TERMS_S", CLEAR),
        ("guarantee", "GUARANTEE_S", CLEAR),
    ):
        hit = next((each for each in reading.hits if each.tag == tag and clause.start <= each.start < clause.end), None)
        if hit is None and kind == "guarantee":
            hit = _outcome(reading, clause)
        if kind == "contract" and _ONLY & set(reading.words[clause.start : clause.end]):
            continue  # "only what is signed is binding"
        if hit is None:
            continue
        if kind == "guarantee" and not _guarantees(reading, clause, hit):
            continue
        firm = score if kind == "contract" else min(score, _firmness(reading, clause, soft=kind == "terms"))
        figures = reading.figures_in(clause.start, clause.end, "percent", "money", "duration") if kind != "contract" else []
        found.append(
            Commitment(kinds=(kind,), figures=tuple(figures), score=firm, sentence=index, clause=clause)  # type: ignore[arg-type]
        )
    return found


def _outcome(reading: Reading, clause: Clause) -> Hit | None:
    """That the customer's matter ends well: "your application will go through"."""
    if "RECORD" in clause.tags or not clause.tags & {"FUTURE", "CERTAIN", "YOU"}:
        return None
    if "CERTAIN" in clause.tags and "YOU" in clause.tags and not clause.tags & {"SOFT", "OBLIGE", "FIRM", "RECORD"}:
        got = next((at for at in range(clause.start, clause.end) if reading.words[at] in _GETTING), None)
        if got is not None:
            return Hit("OUTCOME", got, got + 1)
    if not {"CASE", "OUTCOME"} <= clause.tags:
        return None
    matters = [each for each in reading.hits if each.tag == "CASE" and clause.start <= each.start < clause.end]
    ends = [each for each in reading.hits if each.tag == "OUTCOME" and clause.start <= each.start < clause.end]
    return next((end for end in ends for matter in matters if matter.start < end.start <= matter.end + OUTCOME_WORDS_MAX), None)


def _guarantees(reading: Reading, clause: Clause, hit: Hit) -> bool:
    """Whether an assurance is one of its own: "your refund is approved" is a refund, and what was promised once is told only."""
    if "RECORD" in clause.tags and not clause.tags & {"FUTURE", "FIRM"}:
        return False
    words = reading.words[hit.start : hit.end]
    if any(word.startswith(_ASSURING) for word in words):
        return True
    return not any(each.tag[:-2] in _MONEY_STEMS and clause.start <= each.start < clause.end for each in reading.hits)


class _Sign(msgspec.Struct, frozen=True):
    kind: CommitmentKind
    strength: str
    start: int
    end: int


def _signs(reading: Reading, clause: Clause) -> list[_Sign]:
    """The wordings of refunds, credits, waivers, discounts and gifts in a clause, each word for one kind."""
    signs: list[_Sign] = []
    for kind, stem in MONEY_KINDS:
        for hit in reading.hits:
            if not clause.start <= hit.start < clause.end or hit.tag[:-2] != stem:
                continue
            if kind == "free" and _firm_pays(reading, clause, hit):
                continue
            signs.append(_Sign(kind, hit.tag[-1], hit.start, hit.end))
    return sorted(signs, key=lambda each: each.start)


def _led_in(reading: Reading, clause: Clause) -> list[_Sign]:
    """What the part before a clause calls its figure: "As compensation for the delay, we offer you 60 euros"."""
    before = next((each for each in reading.clauses if each.end == clause.start), None)
    if before is None or before.negated or before.conditional or before.reported or before.tags & {"FIRM", "YOU", "RECORD"}:
        return []
    return [] if reading.figures_in(before.start, before.end, "money") else _signs(reading, before)


def _firm_pays(reading: Reading, clause: Clause, hit: Hit) -> bool:
    """Whether "not pay" is said of the firm: "we will not pay" gives nothing."""
    words = reading.words[hit.start : hit.end]
    if not any(word.startswith(_PAYING) for word in words):
        return False
    subjects = [each for each in reading.hits if each.tag in ("FIRM", "YOU") and clause.start <= each.start < hit.start]
    return bool(subjects) and max(subjects, key=lambda each: each.start).tag == "FIRM"


def _stands(sign: _Sign, clause: Clause, figures: Sequence[Figure], *, listed: bool, passive: bool) -> bool:
    """Whether a wording is a promise here: by itself, by its verb with who acts, or by its noun with a gift or a figure."""
    tags = clause.tags
    if sign.strength == "S":
        return True
    if sign.strength == "V":
        if "OBLIGE" in tags and "FIRM" not in tags:
            return False
        return bool(tags & {"FIRM", "YOU", "GETS"}) or bool(figures) or ("FUTURE" in tags and passive)
    if sign.kind == "free":
        return bool(tags & {"GIVE", "GETS"} and tags & {"FIRM", "YOU"}) or listed
    if figures and (tags & {"FIRM", "YOU", "GIVE", "GETS", "FUTURE"} or listed):
        return True
    return bool(tags & {"GIVE", "GETS", "FULL"}) and bool(tags & {"FIRM", "YOU", "FUTURE"})


def _passive(reading: Reading, sign: _Sign) -> bool:
    """Whether a verb says what is done, not who does it: "will be refunded", "wird erstattet"."""
    words = reading.words[sign.start : sign.end]
    before = reading.words[max(0, sign.start - 3) : sign.start]
    if reading.language.code == "en":
        return bool({"be", "been", "get", "gets"} & {*words, *before})
    return any(word.endswith(_PARTICIPLES) for word in words)


def _money(readings: Sequence[Reading], index: int, clause: Clause) -> list[Commitment]:
    """Refunds, credits, waivers, discounts, gifts and prices of one clause."""
    reading = readings[index]
    figures = reading.figures_in(clause.start, clause.end, "money", "percent")
    listed = reading.item or (index > 0 and readings[index - 1].opens)
    everything = _signs(reading, clause)
    if figures and not everything:
        everything = _led_in(reading, clause)
    signs = [each for each in everything if _stands(each, clause, figures, listed=listed, passive=_passive(reading, each))]
    if not figures:
        figures = _bare(reading, clause, signs)
    groups = _groups(reading, signs, figures)
    found: list[Commitment] = []
    used: set[int] = set()
    for group, owned in groups:
        kinds = tuple(dict.fromkeys(each.kind for each in sorted(group, key=lambda each: (each.strength == "N", each.start))))
        only_free = kinds == ("free",)
        named = tuple(each for each in owned if not (only_free and each.bound != "exact"))
        used.update(each.at for each in owned)
        if not named and not only_free:
            named = tuple(_borrowed(readings, index, clause))
        score = _firmness(reading, clause, soft=not named and not any(each.strength == "S" for each in group))
        told = "RECORD" in clause.tags and not clause.tags & {"FUTURE", "APPROVED"}
        dated = bool(reading.figures_in(0, len(reading.words), "date"))
        if (
            told
            and kinds != ("free",)
            and "GETS" not in clause.tags
            and (("FIRM" not in clause.tags and dated) or all(each.strength == "N" for each in group))
        ):
            score = UNCLEAR
        found.append(
            Commitment(
                kinds=kinds,
                figures=() if only_free else named,
                score=score,
                sentence=index,
                clause=clause,
                open=not named,
            )
        )
    found.extend(_prices(readings, index, clause, used, signs))
    return found


def _bare(reading: Reading, clause: Clause, signs: Sequence[_Sign]) -> list[Figure]:
    """Numbers without a currency that can only be amounts: "a refund of 500", "yours for 1"."""
    owned = any(each.tag == "OWNED" and clause.start <= each.start < clause.end for each in reading.hits)
    if not owned and not any(each.kind in ("refund", "credit", "discount") for each in signs):
        return []
    result = []
    for figure in reading.figures_in(clause.start, clause.end, "number"):
        after = reading.words[figure.at + 1] if figure.at + 1 < len(reading.words) else ""
        if not after or not after.isalpha() or after in reading.language.stop or after in ("back", "zuruck", "off"):
            result.append(msgspec.structs.replace(figure, kind="money"))
    return result


def _groups(reading: Reading, signs: Sequence[_Sign], figures: Sequence[Figure]) -> list[tuple[list[_Sign], list[Figure]]]:
    """Wordings that speak of one promise, with its figures: those of one clause, unless "and" or a comma stands between them and
    each has a figure of its own or is a verb."""
    groups: list[tuple[list[_Sign], list[Figure]]] = []
    for sign in signs:
        if groups and not _parted(reading, groups[-1][0][-1], sign):
            groups[-1][0].append(sign)
        else:
            groups.append(([sign], []))
    for figure in figures:
        if groups:
            nearest = min(groups, key=lambda each: min(_distance(sign, figure) for sign in each[0]))
            nearest[1].append(figure)
    return groups


def _parted(reading: Reading, one: _Sign, two: _Sign) -> bool:
    between = reading.words[one.end : two.start]
    joined = any(each.tag == "AND" and one.end <= each.start < two.start for each in reading.hits)
    return (joined or "," in between) and one.kind != two.kind


def _distance(sign: _Sign, figure: Figure) -> int:
    if sign.start <= figure.at < sign.end:
        return 0
    return min(abs(figure.at - sign.start), abs(figure.at - sign.end + 1)) * 2 + (figure.at < sign.start)


def _borrowed(readings: Sequence[Reading], index: int, clause: Clause) -> list[Figure]:
    """Amounts that a clause only points to: in the sentence after ("It comes to …"), in a clause or the sentence before."""
    if index + 1 < len(readings) and (following := tallied(readings, index + 1)):
        return following
    if "REFER" not in clause.tags:
        return []
    reading = readings[index]
    earlier = reading.figures_in(0, clause.start, "money")
    if not earlier and index:
        earlier = readings[index - 1].figures_in(0, len(readings[index - 1].words), "money")
    return earlier


def tallied(readings: Sequence[Reading], index: int) -> list[Figure]:
    """The amounts of sentence `index` where it only says how much the one before is about: "It comes to $250"."""
    reading = readings[index]
    starts = any(each.tag == "TALLY" and each.start <= 2 for each in reading.hits)
    return reading.figures_in(0, len(reading.words), "money", "percent") if starts else []


def _prices(readings: Sequence[Reading], index: int, clause: Clause, used: set[int], signs: Sequence[_Sign]) -> list[Commitment]:
    """Amounts and rates that the clause states as a price."""
    reading = readings[index]
    figures = [each for each in reading.figures_in(clause.start, clause.end, "money", "percent") if each.at not in used]
    owned = next((each for each in reading.hits if each.tag == "OWNED" and clause.start <= each.start < clause.end), None)
    if not figures and owned is not None:
        figures = _bare(reading, clause, ())
    priced = owned is not None or "PRICE" in clause.tags or (reading.has("PRICE") and not reading.has("RECORD"))
    # Whatever the firm says of money to a customer is taken for a price, unless it tells what was.
    told = bool(clause.tags & {"FIRM", "YOU", "FUTURE", "GIVE", "GETS"}) and any(each.kind == "money" for each in figures)
    told = told or clause.tags >= {"FIRM", "YOU"}
    priced = priced or any(each.per for each in figures) or told
    if not figures or not priced or any(each.kind == "free" for each in signs):
        return []
    if "RECORD" in clause.tags and owned is None:
        return []
    if index and tallied(readings, index) and any(each.kinds[0] != "price" for each in _money_before(readings, index)):
        return []
    score = _firmness(reading, clause, soft=False)
    return [Commitment(kinds=("price",), figures=(each,), score=score, sentence=index, clause=clause) for each in figures]


def _money_before(readings: Sequence[Reading], index: int) -> list[Commitment]:
    before = readings[index - 1]
    if before.question:
        return []
    return [
        each
        for clause in before.clauses
        if not (clause.conditional or clause.reported or clause.negated or "INDIRECT" in clause.tags)
        for each in _money(readings[:index], index - 1, clause)
    ]


def _with_next(reading: Reading, clause: Clause) -> Clause:
    """A clause that only gives a time ("By Friday, …"), joined with the one after it."""
    if (
        clause.end - clause.start > TIME_WORDS_MAX
        or not clause.tags & {"DEADLINE", "DEADLINE_S"}
        or clause.tags & {"FIRM", "YOU"}
    ):
        return clause
    following = next((each for each in reading.clauses if each.start == clause.end), None)
    if following is None or following.negated or following.conditional or following.reported:
        return clause
    return msgspec.structs.replace(clause, tags=clause.tags | following.tags)


def _deadlines(reading: Reading, clause: Clause, index: int) -> list[Commitment]:
    """By when something is done or may be done."""
    hits = [each for each in reading.hits if each.tag == "DEADLINE" and clause.start <= each.start < clause.end]
    figures = [
        each
        for each in reading.figures_in(clause.start, clause.end, "duration", "date")
        if any(hit.start <= each.at < hit.end for hit in hits)
    ]
    named = next((each for each in reading.hits if each.tag == "DEADLINE_S" and clause.start <= each.start < clause.end), None)
    if not figures and named is None:
        return []
    right = "RIGHT" in clause.tags
    firmly = "FIRM" in clause.tags and any(reading.words[hit.start] in _BY_WHEN for hit in hits)
    if clause.tags & {"OBLIGE", "HOURS"} or not (right or firmly or "ARRIVE" in clause.tags or "TERMS_S" in clause.tags):
        return []
    if "RECORD" in clause.tags and not clause.tags & {"FUTURE"}:
        return []
    if not right and not clause.tags & {"FIRM", "YOU", "FUTURE", "ARRIVE"}:
        return []
    score = CLEAR if not clause.tags & {"WEAK"} or (right and "RECORD" not in clause.tags) else UNCLEAR
    spans = [
        each
        for each in reading.figures_in(clause.start, clause.end, "duration", "date")
        if each in figures or each.bound == "range"
    ]
    return [
        Commitment(
            kinds=("deadline",),
            figures=tuple(spans),
            score=score,
            sentence=index,
            clause=clause,
        )
    ]
