"""Finds a widened or narrowed quantifier: "all" for "some", "most" or "two thirds", "none" for "some", "need" for "may need"."""

from __future__ import annotations

import re

import msgspec

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import SourceSentence
from groundcrew.grounding.lexicon import fold, same_word
from groundcrew.grounding.statement import Statement

#: Share of the claim's own words that the source sentence must hold before their quantifiers are compared.
ALIGNED_SHARE_MIN = 0.6
#: Words after a quantifier among which it finds what it counts.
NOUN_REACH = 3

_LEVELS: dict[str, re.Pattern[str]] = {
    level: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for level, words in (
        (
            "none",
            r"none|no one|nobody|neither|no(?= [a-z]+s?\b)(?! more| less| later| fewer| longer| matter)|keine[nrsm]?|niemand|"
            r"aucune?|personne|nessun[oa]?",
        ),
        (
            "all",
            r"all|every|each|everyone|everybody|entire|100 ?(?:%|percent)|alle[nrsm]?|jede[nrsm]?|sämtliche[nrsm]?|tous|toutes|"
            r"chaque|tutti|tutte|ogni",
        ),
        ("most", r"most|majority|mostly|meisten|mehrheit|grossteil|großteil|plupart|maggior(?: parte|anza)"),
        (
            "some",
            r"some|certain|selected|several|many|few|partly|part of|half|thirds?|quarters?|einige[nrsm]?|manche[nrsm]?|"
            r"bestimmte[nrsm]?|ausgewählte[nrsm]?|teilweise|viele[nrsm]?|wenige[nrsm]?|hälfte|drittel|viertel|quelques|certain(?:e?s)|moitié|alcun[ei]|"
            r"cert[ei]|metà",
        ),
    )
}
_OFTEN = {
    "always": re.compile(r"\b(?:always|in every case|immer|stets|in jedem fall|toujours|sempre)\b", re.IGNORECASE),
    "sometimes": re.compile(
        r"\b(?:usually|generally|often|sometimes|normally|typically|in most cases|occasionally|meist(?:ens)?|oft|manchmal|in der "
        r"regel|normalerweise|gelegentlich|souvent|parfois|généralement|spesso|talvolta|di solito)\b",
        re.IGNORECASE,
    ),
    "never": re.compile(r"\b(?:never|under no circumstances|nie|niemals|jamais|mai)\b", re.IGNORECASE),
}
_MAY = re.compile(r"\b(?:may|might|can|could|kann|können|könnte[n]?|peut|peuvent|può|possono)\b", re.IGNORECASE)
_RANK = {"none": 0, "some": 1, "most": 2, "all": 3}
_NO_QUANTIFIER = re.compile(
    r"\b(?:at all|all right|after all|above all|first of all|all day|all year|all-in|all in all|not all|nicht alle|half an?|"
    r"pas tou(?:s|tes)|non tutt[ie]|at most|most recent(?:ly)?|most of all)\b|"
    r"\bmost (?:[a-z]+ly|important|common|expensive|popular|suitable|likely|of the time)\b|"
    r"\b(?:first|second|third|last) half\b|\beach (?:other|time)\b|"
    r"\bevery (?:\d+ )?(?:day|week|month|year|quarter|hour|time|two|three|four|six)\w*\b|"
    r"\b(?:jede[nrsm]?|alle) (?:\d+ |zwei |drei )?(?:tag|woche|monat|jahr|stunde|minute)\w*\b|"
    r"\bchaque (?:jour|mois|année|semaine)\b|\bogni (?:giorno|mese|anno|settimana)\b|\b(?:a|the) (?:third|quarter)\b(?! of)|"
    r"\beach\b(?=[.,;)]|$)|\bjeweils\b|\bpart of (?:a|the)\b|\ba few\b(?= (?:clicks|minutes|days|steps|hours))",
    re.IGNORECASE,
)


class Quantifier(msgspec.Struct, frozen=True):
    """A quantifier of a sentence: its level, its words and the stems among which it finds what it counts."""

    level: str
    text: str
    nouns: tuple[str, ...]


def quantifiers(statement: Statement) -> list[Quantifier]:
    """The quantifiers of a sentence; turns that count nothing ("at all", "every month") are left out."""
    text = _NO_QUANTIFIER.sub(lambda match: " " * len(match.group()), statement.text)
    found: list[Quantifier] = []
    for level, pattern in _LEVELS.items():
        for match in pattern.finditer(text):
            following = [token.stem for token in statement.tokens if token.is_content and token.start >= match.end()]
            found.append(Quantifier(level, match.group(), tuple(following[:NOUN_REACH])))
    return found


def check_quantifier(claim: Statement, anchor: SourceSentence | None, share: float) -> list[Finding]:
    """A finding where the claim counts more, or fewer, than the source sentence that says the same. `share` is how much of the
    claim's words that sentence holds, 0..1."""
    if anchor is None or share < ALIGNED_SHARE_MIN:
        return []
    findings = [finding for mine in quantifiers(claim) if (finding := _compare(mine, claim, anchor.statement)) is not None]
    findings += _frequency(claim.text, anchor.statement.text)
    return findings[:1]


def _compare(mine: Quantifier, claim: Statement, stated: Statement) -> Finding | None:
    theirs = [other for other in quantifiers(stated) if _is_of_same(mine, other)]
    told = {other.level for other in quantifiers(claim) if _is_of_same(mine, other)}
    if any(other.level in told for other in theirs):
        return None
    if theirs:
        other = theirs[0]
        if other.level == "none" or mine.level == "none":
            # "None … not" and the like are told by the check of negation too; here both sides name the same things.
            return _finding(other.text, mine.text, contradicted=True, veto=mine.level != "some" or other.level == "none")
        wider = _RANK[mine.level] > _RANK[other.level]
        return _finding(other.text, mine.text, contradicted=wider, veto=wider and (mine.level == "all" or _is_minor(other)))
    may = _MAY.search(stated.text)
    if mine.level == "all" and may is not None and _MAY.search(claim.text) is None and _has_noun(mine, stated):
        return _finding(may.group(), mine.text, contradicted=True, veto=_obliges(claim.text))
    return None


_OBLIGES = re.compile(
    r"\b(?:must|needs?|requires?|required|have to|has to|will|is|are|muss|müssen|braucht|brauchen|doit|doivent|deve|devono)\b",
    re.I,
)


def _obliges(text: str) -> bool:
    return _OBLIGES.search(text) is not None


def _is_minor(other: Quantifier) -> bool:
    """Whether a quantifier names no more than half, so that "most" contradicts it."""
    return fold(other.text) in ("half", "halfte", "moitie", "meta", "few", "third", "thirds", "drittel", "quarter", "viertel")


def _is_of_same(mine: Quantifier, other: Quantifier) -> bool:
    """Whether two quantifiers count the same things; one without a noun of its own ("about two thirds of them") may."""
    if not mine.nouns or not other.nouns:
        return True
    return any(same_word(one, two) for one in mine.nouns[:2] for two in other.nouns)


def _has_noun(mine: Quantifier, stated: Statement) -> bool:
    return bool(mine.nouns) and any(same_word(mine.nouns[0], token.stem) for token in stated.tokens)


def _frequency(claim: str, stated: str) -> list[Finding]:
    """ "always" for "usually", and "never" for "sometimes"."""
    for mine in ("always", "never"):
        match, other = _OFTEN[mine].search(claim), _OFTEN["sometimes"].search(stated)
        if match and other and not _OFTEN[mine].search(stated) and not _OFTEN["sometimes"].search(claim):
            return [_finding(other.group(), match.group(), contradicted=True, veto=True)]
    return []


def _finding(stated: str, claimed: str, *, contradicted: bool, veto: bool) -> Finding:
    reason = f"“{stated}” in the source, “{claimed}” in the answer"
    return Finding(check="quantifier", contradicted=contradicted, reason=reason, veto=veto)
