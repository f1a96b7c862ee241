"""Finds a condition that the claim drops: "free if you are under 25" told as "free". What the answer says elsewhere counts, so
that a condition told in the sentence before is no fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.lexicon import is_among
from groundcrew.grounding.statement import Statement, read_statement

CONDITION_CACHE_SIZE = 8_192
#: Share of the claim's words that the source without its condition must hold, and share of that main part that the claim must
#: hold, before a dropped condition is certain; for a hint less will do.
MAIN_SHARE_MIN, BACK_SHARE_MIN, HINT_SHARE_MIN = 0.75, 0.5, 0.7
#: Share of the condition's words that count as telling it.
TOLD_SHARE_MIN = 0.34
#: Source sentences, best first, that are looked at.
SENTENCES_MAX = 2
#: Words of a condition that are quoted.
QUOTED_CHARS = 60

#: What opens a condition of which nothing may be left out.
_MARKER = (
    r"only if|only when|only for|if and only if|if|unless|provided(?: that)?|as long as|on condition that|on the condition that|"
    r"subject to|in case|except(?: for| in| if| when)?|excluding|other than|nur wenn|nur falls|nur für|wenn|falls|sofern|solange|"
    r"vorausgesetzt|unter der bedingung|ausser|außer|ausgenommen|mit ausnahme|es sei denn|si|s'|à condition|sauf|seulement si|à moins|"
    r"excepté|se|a condizione|purché|salvo|tranne|eccetto|a meno"
)
_OPENING = re.compile(rf"(?:(?<=[,;(–—])\s*|(?<=\s)|^)(?P<marker>{_MARKER})(?=[\s'’])", re.IGNORECASE)
_END = re.compile(r"[,;)–—]|\.(?=\s|$)|$")
#: What narrows a statement to a group or a case without saying "if".
_NARROWING = re.compile(
    r"(?<=\s)(?P<marker>for|with|who|whose|up to the age of|under the age of|under|over|aged|from|until|für|mit|die|ab|bis zum|unter|"
    r"pour|avec|qui|per|con|che)\s+(?=[\w'’])",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:if|unless|only|provided|as long as|except|subject to|depend\w*|condition\w*|under certain|eligible|when|wenn|falls|nur|sofern|"
    r"solange|ausser|außer|bedingung\w*|si|sauf|seulement|condition|se|purché|salvo|solo|tranne|locked|apart|but|excluding|not)\b",
    re.IGNORECASE,
)


class Condition(msgspec.Struct, frozen=True):
    """A condition of a source sentence: its words, the stems and figures in it, the stems of the sentence without it, and those
    of the clause that it belongs to."""

    text: str
    stems: frozenset[str]
    main: frozenset[str]
    near: frozenset[str]
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
            if inside and len(outside) >= 2:
                text = statement.text[match.start("marker") : stop].strip()
                found.append(Condition(text, inside, outside, _near(statement, match.start("marker"), stop), is_marked))
    return tuple(found)


def _near(statement: Statement, start: int, stop: int) -> frozenset[str]:
    """The words of the condition's own clause before it, or where it opens the sentence, those of the clause after it."""
    first, _ = statement.clauses[statement.clause_of(start)]
    before = _stems(statement, first, start)
    if before or stop >= len(statement.text):
        return before
    _, last = statement.clauses[statement.clause_of(min(stop + 2, len(statement.text) - 1))]
    return _stems(statement, stop, last)


def _stems(statement: Statement, start: int, end: int) -> frozenset[str]:
    words = {token.stem for token in statement.content() if start <= token.start < end}
    figures = {f"#{figure.text}" for figure in statement.figures() if start <= figure.start < end}
    return frozenset(words | figures)


def check_condition(claim: Statement, around: str, evidence: Evidence, anchors: Sequence[SourceSentence]) -> list[Finding]:
    """A finding where the claim says what a source says under a condition, and neither it nor the answer `around` it tells it."""
    if _TOLD.search(claim.text):
        return []
    own = frozenset(token.stem for token in claim.content())
    if len(own) < 2:
        return []
    told = own | frozenset(token.stem for token in read_statement(around).tokens if token.is_content) if around else own
    figures = [figure.text for figure in claim.figures()]
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


def _dropped(own: frozenset[str], told: frozenset[str], figures: Sequence[str], condition: Condition) -> Finding | None:
    words = {word for word in condition.stems if not word.startswith("#")}
    numbers = {word[1:] for word in condition.stems if word.startswith("#")}
    if any(number in figure or figure in number for number in numbers for figure in figures):
        return None
    if words and _share(words, told) >= TOLD_SHARE_MIN:
        return None
    covered = _share(own, condition.main)
    back = _share({word for word in condition.near if not word.startswith("#")}, own)
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
