"""Finds a changed period of payment or dose: "per month" for "per year"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.facts.numerals import word_value
from groundcrew.grounding.facts.quantities import same_value
from groundcrew.grounding.facts.units import UNITS
from groundcrew.grounding.lexicon import fold
from groundcrew.grounding.statement import Statement

_PER = r"(?:(?:per|a|an|each|every|pro|je|par|al|alla|jede[nrsm]?|chaque|ogni)\s+|all'|/\s?)"
_RATES: dict[str, re.Pattern[str]] = {
    period: re.compile(rf"(?:\b|(?<=/)){_PER}(?:{nouns})\b|\b(?:{adverbs})\b", re.IGNORECASE)
    for period, nouns, adverbs in (
        ("hour", r"hour|h|stunde|heure|ora", r"hourly|stündlich"),
        ("day", r"day|d|tag|jour|giorno", r"daily|täglich\w*|quotidien\w*|giornalier\w*"),
        ("week", r"week|woche|semaine|settimana", r"weekly|wöchentlich\w*|hebdomadaire|settimanal\w*"),
        (
            "month",
            r"month|monat|mois|mese",
            r"(?:of|in) (?:each|the|every) month|des monats|im monat|du mois|del mese|monthly|monatlich\w*|mensuel\w*|mensil\w*",
        ),
        ("quarter", r"quarter|quartal|trimestre", r"quarterly|vierteljährlich\w*|trimestriel\w*|trimestral\w*"),
        ("half_year", r"half-year|halbjahr|semestre", r"half-yearly|semi-?annual\w*|halbjährlich\w*|semestriel\w*"),
        (
            "year",
            r"year|annum|jahr|an|année|anno",
            r"(?:of|in) (?:each|the|every) year|im jahr(?!\s*\d)|des jahres(?!\s*\d)|all'anno|"
            r"(?<!semi-)(?<!semi)annual(?:ly)?|(?<!half-)yearly|jährlich\w*|annuel\w*|annual[ei]|p\.\s?a\.",
        ),
    )
}
#: unit → what it is called in a reason
_PERIODS = {
    ("duration", 3600): "hours",
    ("duration", 86400): "days",
    ("duration", 604800): "weeks",
    ("months", 1): "months",
    ("months", 12): "years",
}
_FIGURE = re.compile(r"\d")
#: What something is counted by, which is not by what it is sent.
_PER_OTHER = re.compile(
    r"\b(?:per|pro|je|each|par|ogni|por) (?!post\b|e-?mail\b|mail\b|letter\b|brief\b|phone\b|telefon\b|sms\b|fax\b|app\b|"
    r"kurier\b|courier\b|courrier\b|posta\b|cent\b|sofort\b|telefono\b)[^\W\d_]+",
    re.IGNORECASE,
)


#: Share of the claim's words that the source must hold where the two have no amount in common.
ALIGNED_SHARE_MIN = 0.6
#: Sentences above a row among which its heading is looked for.
HEADING_REACH = 8


_EVERY = re.compile(
    r"\b(?:every|alle|tous les|toutes les|ogni)\s+(?P<count>\d{1,2}|[^\W\d_]+)\s+"
    r"(?P<unit>hours?|days?|weeks?|months?|years?|stunden|tage|wochen|monate|jahre|heures|jours|semaines|mois|ans|ore|giorni|settimane|mesi|anni)\b",
    re.IGNORECASE,
)


def rates(text: str) -> set[str]:
    """The periods that amounts in `text` are given per ("month", "year", "3 years" …)."""
    found = {period for period, pattern in _RATES.items() if pattern.search(text)}
    for match in _EVERY.finditer(text):
        count = float(match["count"]) if match["count"].isdigit() else word_value(match["count"])
        if count is not None and count > 1:
            dimension, factor = UNITS[fold(match["unit"])]
            found.add(f"{count:g} {_PERIODS.get((dimension, int(factor)), str(match['unit']).lower())}")
    return found


def check_rates(claim: Statement, anchors: Sequence[SourceSentence], share: float, evidence: Evidence) -> list[Finding]:
    """A finding where the claim gives a period and its best evidence gives only others, for the same amount where there is one.
    `share` is how much of the claim's words that evidence holds, 0..1."""
    claimed = rates(claim.text)
    if not claimed or not anchors:
        return []
    anchor = next((each for each in anchors if _gives_same_amount(claim, each.statement)), None)
    if anchor is None:
        if share < ALIGNED_SHARE_MIN:
            return []
        anchor = anchors[0]
    stated = rates(anchor.statement.text) or _heading_rates(anchor, evidence)
    if stated and not claimed & stated:
        reason = f"per {_list(stated)} in the source, per {_list(claimed)} in the answer"
        return [Finding(check="rate", contradicted=True, reason=reason)]
    other = _PER_OTHER.search(anchor.statement.text)
    given = any(claimed & rates(anchor.statement.text) for anchor in anchors)
    if not stated and not given and other and _FIGURE.search(claim.text) and not _PER_OTHER.search(_without_rates(claim.text)):
        reason = f"“{other.group()}” in the source, per {_list(claimed)} in the answer"
        return [Finding(check="rate", contradicted=True, reason=reason)]
    return []


def _heading_rates(anchor: SourceSentence, evidence: Evidence) -> set[str]:
    """The periods that a heading above a table or list gives ("Fees per quarter")."""
    first = max(0, anchor.number - HEADING_REACH)
    for other in reversed(evidence.sentences[first : anchor.number]):
        if other.source == anchor.source and not other.statement.quantities and rates(other.statement.text):
            return rates(other.statement.text)
    return set()


def _gives_same_amount(claim: Statement, stated: Statement) -> bool:
    return any(
        same_value(mine, theirs)
        for mine in claim.quantities
        for theirs in stated.quantities
        if mine.dimension == theirs.dimension
    )


def _without_rates(text: str) -> str:
    for pattern in _RATES.values():
        text = pattern.sub(" ", text)
    return text


def _list(periods: set[str]) -> str:
    return " and ".join(sorted(period.replace("_", " ") for period in periods))
