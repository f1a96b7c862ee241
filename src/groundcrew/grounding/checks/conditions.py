"""Finds a condition that the claim drops: "free if you are under 25" told as "free". What the answer says elsewhere counts, so
that a condition told in the sentence before is no fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.checks.place import PERIODS
from groundcrew.grounding.clauses import FINITE_VERBS
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.facts.dates import Moment, agree
from groundcrew.grounding.facts.quantities import Quantity, same_value
from groundcrew.grounding.lexicon import is_among
from groundcrew.grounding.statement import Statement

CONDITION_CACHE_SIZE = 8_192
#: Share of the claim's words that the source without its condition must hold, and share of that main part that the claim must
#: hold, before a dropped condition is certain; for a hint less will do.
MAIN_SHARE_MIN, BACK_SHARE_MIN, HINT_SHARE_MIN = 0.75, 0.6, 0.7
#: Share of the condition's words that count as telling it.
TOLD_SHARE_MIN = 0.34
#: Source sentences, best first, that are looked at.
SENTENCES_MAX = 2
#: Words of a condition that are quoted.
QUOTED_CHARS = 60

#: What opens a condition of which nothing may be left out.
_MARKER = (
    r"only (?:if|when|for|in|with|after|on|once)|once(?! (?:a|an|per|every|in)\b)|as soon as|if and only if|if|unless|"
    r"provided(?: that)?|as long as|on (?:the )?condition that|subject to|in case|except(?: for| in| if| when)?|"
    r"excluding|"
    r"nur (?:wenn|falls|für|bei|nach|mit)|erst wenn|sobald|wenn|falls|sofern|solange|vorausgesetzt|unter der bedingung|"
    r"ausser|außer|ausgenommen|mit ausnahme|es sei denn|"
    r"si|s'|dès que|à condition|sauf|seulement si|à moins|excepté|se|a condizione|purché|salvo|tranne|eccetto|a meno"
)
_OPENING = re.compile(
    rf"(?:(?<=[,;(–—])\s*|(?<=\s)|^)(?P<marker>{_MARKER})(?=[\s'’])"
    r"(?!\s(?:you (?:like|want|wish|prefer)|necessary|needed|desired|possible)\b)",
    re.IGNORECASE,
)
_END = re.compile(r"[,;)–—]|\.(?=\s|$)|$")
#: What narrows a statement to a group or a case without saying "if".
_NARROWING = re.compile(
    r"(?<=\s)(?P<marker>for|with|who|whose|up to the age of|under the age of|under|over|aged|from|until|"
    r"für|mit|die|ab|bis zum|unter|pour|avec|qui|per|con|che)\s+(?=[\w'’])",
    re.IGNORECASE,
)
#: What narrows a statement by a figure, where it belongs to what the statement is about: "transfers over CHF 100 are free".
_FIGURED = re.compile(
    r"(?:(?<=\s)|^)(?P<marker>aged|between|under|over|above|below|up to(?: the age of)?|at least|at most|more than|less than|"
    r"fewer than|older than|younger than|exceeding|before|after|from(?: the age of)?|of at least|"
    r"unter|über|bis(?: zu)?|ab|mindestens|höchstens|mehr als|weniger als|zwischen|im alter|vor|nach|"
    r"moins de|plus de|jusqu'à|dès|entre|âgés?|avant|après|sotto|oltre|fino a|almeno|tra)\s+(?=(?:[^\s,;.]+\s+){0,2}?[^\s,;]*\d|"
    r"(?:two|three|four|five|six|seven|eight|nine|ten|twelve|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|deux|trois|dix|"
    r"due|tre|dieci)\b)",
    re.IGNORECASE,
)
#: Before a figure these tell when, and narrow nothing, unless the figure counts something ("after ten attempts").
_WHEN = re.compile(r"(?:after|from|before|nach|ab|vor|dès|avant|après|bis)\b", re.IGNORECASE)
#: Before it, what is narrowed is the thing that the statement is made for: "free for customers aged 12 to 25".
_FOR = re.compile(r"\b(?:for|für|pour|per)\s+(?:[^\s,;.]+\s+){1,3}$", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(?:who|whom|which|that|qui|che)\b.*|,\s*(?:die|der|das|welche[rs]?)\b.*", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
#: In a claim these deny or set against, and tell no condition.
_NO_CONDITION = frozenset(("not", "but", "apart"))
#: Characters between the two ends of a range.
RANGE_CHARS_MAX = 6
#: Share of the claim that the source without a figured condition must hold, and of that the claim.
FIGURED_MAIN_MIN, FIGURED_BACK_MIN = 0.85, 0.6
#: Words with which a claim tells that there is a condition, whatever it is.
_TOLD = re.compile(
    r"\b(?:if|unless|only|provided|as long as|except|subject to|depend\w*|condition\w*|eligible|when|"
    r"whenever|once|as soon as|apart|but|excluding|not|"
    r"wenn|falls|sobald|nur|sofern|solange|ausser|außer|bedingung\w*|si|sauf|seulement|se|purché|salvo|solo|tranne)\b",
    re.IGNORECASE,
)


class Condition(msgspec.Struct, frozen=True):
    """A condition of a source sentence: its words, the stems and figures in it, the stems of the sentence without it, and those
    of the clause that it belongs to."""

    text: str
    stems: frozenset[str]
    main: frozenset[str]
    near: frozenset[str]
    figures: tuple[Quantity | Moment, ...]
    is_marked: bool
    is_figured: bool = False


@lru_cache(maxsize=CONDITION_CACHE_SIZE)
def conditions(statement: Statement) -> tuple[Condition, ...]:
    """The conditions of a sentence, marked ones ("if …", "except …") and narrowing ones ("for customers under 25")."""
    found: list[Condition] = []
    for pattern, is_marked in ((_OPENING, True), (_NARROWING, False)):
        for match in pattern.finditer(statement.text):
            end = _END.search(statement.text, match.end())
            stop = end.start() if end is not None else len(statement.text)
            inside = _stems(statement, match.start("marker"), stop)
            outside = _stems(statement, 0, match.start("marker")) | _stems(statement, stop, len(statement.text))
            figures = tuple(figure for figure in statement.figures() if match.start("marker") <= figure.start < stop)
            if (inside or figures) and len(outside) >= 2:
                text = statement.text[match.start("marker") : stop].strip()
                found.append(Condition(text, inside, outside, _near(statement, match.start("marker"), stop), figures, is_marked))
    return (*_figured(statement), *found)


def _figured(statement: Statement) -> list[Condition]:
    """Conditions that are a figure: before the first verb, where they belong to the subject, or after "for …"."""
    found: list[Condition] = []
    text = statement.text
    for match in _FIGURED.finditer(text):
        figure = next((each for each in statement.figures() if each.end > match.end()), None)
        clause, last = statement.clauses[statement.clause_of(match.start())]
        if figure is None or figure.start >= last or not _narrows(text[clause : match.start()], match["marker"], figure):
            continue
        end = figure.end
        for other in statement.figures():
            if 0 < other.start - end <= RANGE_CHARS_MAX and other.end <= last:
                end = other.end  # "aged 12 to 25"
        inside = _stems(statement, match.start(), end)
        outside = _stems(statement, clause, match.start()) | _stems(statement, end, last)
        if len(outside) >= 2:
            figures = tuple(each for each in statement.figures() if match.start() <= each.start < end)
            told = text[match.start() : end].strip()
            found.append(Condition(told, inside, outside, outside, figures, is_marked=False, is_figured=True))
    return found


def _narrows(before: str, marker: str, figure: Quantity | Moment) -> bool:
    is_count = isinstance(figure, Quantity) and figure.dimension == ""
    if not before.strip():  # "Nach zehn Fehlversuchen …" is a case, "After 30 days …" a time
        return is_count and _WHEN.match(marker) is not None
    if _FOR.search(before):
        return True
    subject = _RELATIVE.sub(" ", before)
    return not any(word.group().lower() in FINITE_VERBS for word in _WORD.finditer(subject))


def _near(statement: Statement, start: int, stop: int) -> frozenset[str]:
    """The words of the condition's own clause before it, or where it opens the sentence, those of the clause after it."""
    number = statement.clause_of(start)
    before = _stems(statement, statement.clauses[number][0], start)
    if not before and number:
        before = _stems(statement, statement.clauses[number - 1][0], start)
    if before or stop >= len(statement.text):
        return before
    _, last = statement.clauses[statement.clause_of(min(stop + 2, len(statement.text) - 1))]
    return _stems(statement, stop, last)


def _stems(statement: Statement, start: int, end: int) -> frozenset[str]:
    words = {token.stem for token in statement.content() if start <= token.start < end}
    return frozenset(words)


def _is_same(left: Quantity | Moment, right: Quantity | Moment) -> bool:
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return same_value(left, right)
    return isinstance(left, Moment) and isinstance(right, Moment) and agree(right, left)


class Told(msgspec.Struct, frozen=True):
    """What else is said around a claim, where its condition may be told: stems and figures of the answer and of the question."""

    stems: frozenset[str] = frozenset()
    figures: tuple[Quantity | Moment, ...] = ()


def told_by(statements: Sequence[Statement]) -> Told:
    """What `statements` tell."""
    stems = frozenset(token.stem for statement in statements for token in statement.tokens if token.is_content)
    return Told(stems, tuple(figure for statement in statements for figure in statement.figures()))


def check_condition(claim: Statement, around: Told, evidence: Evidence, anchors: Sequence[SourceSentence]) -> list[Finding]:
    """A finding where the claim says what a source says under a condition, and neither it nor what is `around` it tells it."""
    told_words = {match.group().lower() for match in _TOLD.finditer(claim.text)}
    if told_words - _NO_CONDITION:
        return []
    own = frozenset(token.stem for token in claim.content())
    if len(own) < 2:
        return []
    told = own | around.stems
    figures = [*claim.figures(), *around.figures]
    for anchor in anchors[:SENTENCES_MAX]:
        if not conditions(anchor.statement):
            continue
        if any(_says_without(own, other, anchor) for other in anchors):
            return []
        for condition in conditions(anchor.statement):
            if told_words and not condition.is_figured:
                continue
            finding = _dropped(own, told, claim, figures, condition)
            if finding is not None:
                return [finding]
    return []


def _dropped(
    own: frozenset[str], told: frozenset[str], claim: Statement, figures: Sequence[Quantity | Moment], condition: Condition
) -> Finding | None:
    words = condition.stems
    if condition.is_figured:
        return _dropped_figure(own, claim, figures, condition)
    if any(_is_same(stated, figure) for stated in condition.figures for figure in figures):
        return None
    if words and _share(words, told) >= TOLD_SHARE_MIN:
        return None
    covered = _share(own, condition.main)
    back = _share(condition.near, own)
    if covered < HINT_SHARE_MIN or back < BACK_SHARE_MIN - 0.1 * condition.is_marked:
        return None
    certain = condition.is_marked and covered >= MAIN_SHARE_MIN and back >= BACK_SHARE_MIN
    text = condition.text if len(condition.text) <= QUOTED_CHARS else condition.text[:QUOTED_CHARS].rsplit(" ", 1)[0] + " …"
    return Finding(check="condition", contradicted=False, reason=f"“{text}” in the source, not in the answer", veto=certain)


def _dropped_figure(
    own: frozenset[str], claim: Statement, figures: Sequence[Quantity | Moment], condition: Condition
) -> Finding | None:
    """The same of a condition that is a figure; certain where nothing of its kind is told at all. Where the claim has another
    figure of its kind, the checks of figures speak."""
    if any(_is_same(stated, figure) for stated in condition.figures for figure in figures):
        return None
    if {_kind(figure) for figure in claim.figures()} & {_kind(stated) for stated in condition.figures}:
        return None
    if _share(own, condition.main) < FIGURED_MAIN_MIN or _share(condition.main, own) < FIGURED_BACK_MIN:
        return None
    kinds = {_kind(figure) for figure in figures}
    certain = not any(_kind(stated) in kinds for stated in condition.figures)
    reason = f"“{condition.text}” in the source, not in the answer"
    return Finding(check="condition", contradicted=False, reason=reason, veto=certain)


def _kind(figure: Quantity | Moment) -> str:
    if isinstance(figure, Moment):
        return figure.kind
    return "period" if figure.dimension in PERIODS else figure.dimension


def _says_without(own: frozenset[str], other: SourceSentence, anchor: SourceSentence) -> bool:
    """Whether another sentence says all of the claim without a condition."""
    return other.number != anchor.number and not conditions(other.statement) and _share(own, other.stems) >= 0.9


def _share(words: frozenset[str] | set[str], others: frozenset[str]) -> float:
    return sum(is_among(word, others) for word in words) / len(words) if words else 0.0
