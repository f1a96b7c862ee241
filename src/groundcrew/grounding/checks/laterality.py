"""Finds a side of the body (or of anything else) that the sources give otherwise: left for right, one side for both.
Abbreviations of medical notes ("R knee", "li.", "bds.") are read; a right to something and "left" as a verb are not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import SourceSentence
from groundcrew.grounding.lexicon import same_word
from groundcrew.grounding.statement import Statement

SIDE_CACHE_SIZE = 8_192
#: Words after a side that may be what it is a side of.
NOUN_REACH = 2
#: Share of the claim's words that a source clause must hold where the side stands without a noun ("on the left").
ALIGNED_SHARE_MIN = 0.5
#: What the same part of the body counts for beside that share.
NOUN_BONUS = 0.3

_LEFT = (
    r"left|lt|linke[nrsm]?|links|linksseitige?[nrsm]?|linker|li\.|gauche|sinistr[aoie]|left-sided|(?-i:L)(?=\s[a-zäöü]{3,})|"
    r"(?-i:OS|AS)(?=\W|$)"
)
_RIGHT = (
    r"right|rt|rechte[nrsm]?|rechts|rechtsseitige?[nrsm]?|rechter|re\.|droite?|destr[aoie]|right-sided|(?-i:R)(?=\s[a-zäöü]{3,})|"
    r"(?-i:OD|AD)(?=\W|$)"
)
_BOTH = (
    r"bilateral(?:ly|e[nrsm]?|i)?|both\s+(?:[a-z]+\s+)?[a-z]+s|on both sides|beidseit(?:s|ig|ige[nrsm]?)|bds\.?|beide[nrsm]?\s+"
    r"(?:seiten|[A-ZÄÖÜ][\wäöüß]+)|des deux côtés|bilatéra(?:l|le|ux)|entrambi i lati|either side"
)
_SIDE = re.compile(rf"(?<![\w'’-])(?:(?P<both>{_BOTH})|(?P<left>{_LEFT})|(?P<right>{_RIGHT}))(?![\w'’])", re.IGNORECASE)
#: "right" and "left" that are no side: a right to something, all right, right away, has left, what is left over.
_RIGHT_TO = re.compile(r"\s+(?:to|of|that|away|now|after|before|here|there|holders?|,)\b", re.IGNORECASE)
_LEFT_VERB = re.compile(
    r"\b(?:has|have|had|is|are|was|were|be|been|he|she|they|we|you|i|who|patient|customer|never|just|over|days?|weeks?|months?|"
    r"minutes?|hours?|nothing|something|one|ones)\s+$",
    re.IGNORECASE,
)
_LEFT_OBJECT = re.compile(
    r"\s+(?:the|a|an|his|her|their|our|to|for|behind|out|over|in|at|by|blank|open|unattended)\b|\s*[.,;]", re.IGNORECASE
)
_LABEL = re.compile(r"[^:.;,]{1,40}:\s")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)?")
_DENIES = re.compile(r"\b(?:no|without|kein|keine|keine[nrm]|ohne|sans|pas de|senza|nessun[ao]?)\b", re.IGNORECASE)
_ONLY = re.compile(r"\b(?:only|just|solely|nur|lediglich|seulement|solo|soltanto)\b|\b(?:one|single|a)\b", re.IGNORECASE)


class Side(msgspec.Struct, frozen=True):
    """A side: "left", "right" or "both", its words, and the stems of what it is a side of (none where it names nothing)."""

    side: str
    text: str
    nouns: tuple[str, ...]
    clause: int


@lru_cache(maxsize=SIDE_CACHE_SIZE)
def sides(statement: Statement) -> tuple[Side, ...]:
    """The sides that a sentence names, in order."""
    found: list[Side] = []
    for match in _SIDE.finditer(statement.text):
        side = match.lastgroup or ""
        if side != "both" and not _is_side(statement.text, match, side):
            continue
        clause = statement.clause_of(match.start())
        found.append(Side(side, match.group(), _nouns(statement, match, clause), clause))
    return tuple(found)


def _is_side(text: str, match: re.Match[str], side: str) -> bool:
    word = match.group().lower()
    if word == "right":
        adjective = re.compile(r"\s+(?:[a-z]{3,})", re.IGNORECASE).match(text, match.end())
        if _RIGHT_TO.match(text, match.end()) or adjective is None:
            return re.search(r"\b(?:on|to|at) (?:the|his|her|your) $", text[: match.start()], re.IGNORECASE) is not None
        return True
    if word == "left":
        if re.search(r"\b(?:on|to|at) (?:the|his|her|your) $", text[: match.start()], re.IGNORECASE):
            return True
        is_last = not text[match.end() :].strip(" .,;:!?)")
        return not (_LEFT_OBJECT.match(text, match.end()) or (is_last and _LEFT_VERB.search(text[: match.start()])))
    return True


def _nouns(statement: Statement, match: re.Match[str], clause: int) -> tuple[str, ...]:
    """What the side is a side of: the next words for an adjective ("left lower lobe"), the word before for "knee rechts"."""
    content = [token for token in statement.content() if statement.clause_of(token.start) == clause]
    if match.lastgroup == "both":
        inside = [token.stem for token in content if match.start() < token.start < match.end()]
        if inside:
            return tuple(inside[-NOUN_REACH:])
    nouns: list[str] = []
    end = match.end()
    for token in content:
        if token.start >= end and not statement.text[end : token.start].strip() and len(nouns) < NOUN_REACH:
            nouns.append(token.stem)
            end = token.end
    if nouns:
        return tuple(nouns)
    before = [token for token in content if token.end <= match.start()]
    gap = statement.text[before[-1].end : match.start()].strip().lower() if before else "-"
    return (before[-1].stem,) if before and gap in ("", "(", ",") else ()


def _is_of_same(one: Side, other: Side) -> bool:
    return any(same_word(mine, theirs) for mine in one.nouns for theirs in other.nouns)


def check_laterality(claim: Statement, anchors: Sequence[SourceSentence]) -> list[Finding]:
    """A finding for each side of the claim that the sources give otherwise for the same part."""
    findings: list[Finding] = []
    for side in sides(claim):
        stated = _stated(claim, side, anchors)
        if not stated or any(_allows(other, side, claim) for other in stated) or _is_told_apart(claim, side, anchors):
            continue
        if _are_both_told(claim, side, anchors) or _is_denied_elsewhere(claim, side, anchors):
            continue
        reason = f"“{stated[0].text}” in the source, “{side.text}” in the answer"
        findings.append(Finding(check="laterality", contradicted=True, reason=reason))
    return findings


def _stated(claim: Statement, side: Side, anchors: Sequence[SourceSentence]) -> list[Side]:
    """The sides that the sources name for the same part, or where the claim names no part, in the clause most like the claim."""
    named = [(anchor, other) for anchor in anchors for other in sides(anchor.statement)]
    words = {
        token.stem for token in claim.content() if _is_under_label(claim, side) or claim.clause_of(token.start) == side.clause
    }
    ranked = [(_share(words, anchor.statement, other), other) for anchor, other in named]
    if side.side == "both":
        ranked = [(share, other) for share, other in ranked if not other.nouns or _is_of_same(other, side)]
    ranked = [(share + NOUN_BONUS * _is_of_same(other, side), other) for share, other in ranked]
    best = max((share for share, _ in ranked), default=0.0)
    return [other for share, other in ranked if share >= max(best - 0.01, ALIGNED_SHARE_MIN)]


def _is_told_apart(claim: Statement, side: Side, anchors: Sequence[SourceSentence]) -> bool:
    """Whether a clause on the claim's own side holds more of its words, the part of the body aside, than any on another side."""
    words = {token.stem for token in claim.content() if not any(same_word(token.stem, noun) for noun in side.nouns)}
    if _has_figures(claim, side, anchors):
        return True
    same, other = 0.0, 0.0
    for anchor in anchors:
        for each in sides(anchor.statement):
            share = _share(words, anchor.statement, each)
            if each.side == side.side:
                same = max(same, share)
            else:
                other = max(other, share)
    return same > other


def _is_under_label(claim: Statement, side: Side) -> bool:
    """Whether the side stands in a label ("Left kidney: mild hydronephrosis"), so that all of the claim is said of it."""
    return side.clause == claim.clause_of(0) and _LABEL.match(claim.text) is not None


def _has_figures(claim: Statement, side: Side, anchors: Sequence[SourceSentence]) -> bool:
    """Whether a sentence about the same part on the claim's own side, and none on another side, has all the claim's figures."""
    figures = set(_FIGURE.findall(claim.text))
    if not figures or not side.nouns:
        return False
    held = {
        each.side
        for anchor in anchors
        for each in sides(anchor.statement)
        if _is_of_same(each, side) and figures <= set(_FIGURE.findall(anchor.statement.text))
    }
    return held == {side.side}


def _are_both_told(claim: Statement, side: Side, anchors: Sequence[SourceSentence]) -> bool:
    """Whether the sources name both sides of the part, one by one or in other words at once, where the claim says "both"."""
    if side.side != "both":
        return False
    told: set[str] = set()
    for anchor in anchors:
        for each in sides(anchor.statement):
            near = {token.stem for token in anchor.statement.content() if anchor.statement.clause_of(token.start) == each.clause}
            if any(_is_in(noun, near) for noun in side.nouns):
                told.add(each.side)
    return "both" in told or {"left", "right"} <= told


def _is_denied_elsewhere(claim: Statement, side: Side, anchors: Sequence[SourceSentence]) -> bool:
    """Whether the claim only denies for one side what the sources say of the other ("no defect on the left")."""
    own = [token.start for token in claim.tokens if claim.clause_of(token.start) == side.clause]
    text = claim.text[min(own, default=0) :]
    if not _DENIES.match(text):
        return False
    stated = [anchor.statement.text for anchor in anchors if any(each.side != side.side for each in sides(anchor.statement))]
    return bool(stated) and not any(_DENIES.search(each) for each in stated)


def _share(words: set[str], statement: Statement, side: Side) -> float:
    """Share of the claim's words, the sides themselves aside, in the clause that holds the side, those elsewhere in its sentence
    counting half: 0..1."""
    telling = {word for word in words if not _SIDE.fullmatch(word)}
    near = {token.stem for token in statement.content() if statement.clause_of(token.start) == side.clause}
    far = {token.stem for token in statement.content()}
    if not telling:
        return 0.0
    held = sum(1.0 if _is_in(word, near) else 0.5 * _is_in(word, far) for word in telling)
    return held / len(telling)


def _is_in(word: str, others: set[str]) -> bool:
    return any(same_word(word, other) for other in others)


def _allows(stated: Side, claimed: Side, claim: Statement) -> bool:
    if stated.side == claimed.side:
        return True
    return stated.side == "both" and _ONLY.search(claim.text) is None
