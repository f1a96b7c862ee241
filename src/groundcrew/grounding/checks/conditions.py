"""Finds a condition that the claim drops: "free if you are under 25" told as "free". What the answer says elsewhere counts, so
that a condition told in the sentence before is no fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.facts.dates import Moment, agree
from groundcrew.grounding.facts.quantities import Quantity, same_value
from groundcrew.grounding.lexicon import is_among
from groundcrew.grounding.statement import Statement, read_statement

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
    return tuple(found)


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


def check_condition(claim: Statement, around: str, evidence: Evidence, anchors: Sequence[SourceSentence]) -> list[Finding]:
    """A finding where the claim says what a source says under a condition, and neither it nor the answer `around` it tells it."""
    if _TOLD.search(claim.text):
        return []
    own = frozenset(token.stem for token in claim.content())
    if len(own) < 2:
        return []
    told = own | frozenset(token.stem for token in read_statement(around).tokens if token.is_content) if around else own
    figures = [*claim.figures(), *(read_statement(around).figures() if around else ())]
    for anchor in anchors[:SENTENCES_MAX]:
        if not conditions(anchor.statement):
            continue
        if any(_says_without(own, other, anchor) for other in anchors):
            return []
        for condition in conditions(anchor.statement):
            finding = _dropped(own, told, figures, condition)
            if finding is not None:
                return [finding]
    return []


def _dropped(
    own: frozenset[str], told: frozenset[str], figures: Sequence[Quantity | Moment], condition: Condition
) -> Finding | None:
    words = condition.stems
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


def _says_without(own: frozenset[str], other: SourceSentence, anchor: SourceSentence) -> bool:
    """Whether another sentence says all of the claim without a condition."""
    return other.number != anchor.number and not conditions(other.statement) and _share(own, other.stems) >= 0.9


def _share(words: frozenset[str] | set[str], others: frozenset[str]) -> float:
    return sum(is_among(word, others) for word in words) / len(words) if words else 0.0
