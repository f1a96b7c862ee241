"""Finds a changed period of payment or dose ("per month" for "per year") and a widened quantifier ("all" for "some")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import SourceSentence

_PER = r"(?:(?:per|a|an|each|every|pro|je|par|al|alla|jede[nrsm]?|chaque|ogni)\s+|all'|/\s?)"
_RATES: dict[str, re.Pattern[str]] = {
    period: re.compile(rf"(?:\b|(?<=/)){_PER}(?:{nouns})\b|\b(?:{adverbs})\b", re.IGNORECASE)
    for period, nouns, adverbs in (
        ("hour", r"hour|h|stunde|heure|ora", r"hourly|stündlich"),
        ("day", r"day|d|tag|jour|giorno", r"daily|täglich\w*|quotidien\w*|giornalier\w*"),
        ("week", r"week|woche|semaine|settimana", r"weekly|wöchentlich\w*|hebdomadaire|settimanal\w*"),
        ("month", r"month|monat|mois|mese", r"monthly|monatlich\w*|mensuel\w*|mensil\w*"),
        ("quarter", r"quarter|quartal|trimestre", r"quarterly|vierteljährlich\w*|trimestriel\w*|trimestral\w*"),
        ("half_year", r"half-year|halbjahr|semestre", r"half-yearly|semi-?annual\w*|halbjährlich\w*|semestriel\w*"),
        (
            "year",
            r"year|annum|jahr|an|année|anno",
            r"(?<!semi-)(?<!semi)annual(?:ly)?|(?<!half-)yearly|jährlich\w*|annuel\w*|annual[ei]|p\.\s?a\.",
        ),
    )
}
_ALL = re.compile(
    r"\b(?:all|every|each|everyone|everybody|always|any|entire|alle[nrsm]?|jede[nrsm]?|immer|"
    r"sämtliche[nrsm]?|tous|toutes|chaque|toujours|tutti|tutte|ogni|sempre)\b",
    re.IGNORECASE,
)
_SOME = re.compile(r"\b(?:some|certain|selected|several|many|most|few|often|sometimes|usually|generally|partly|"
        r"up to|einige[nrsm]?|manche[nrsm]?|bestimmte[nrsm]?|ausgewählte[nrsm]?|meisten|manchmal|oft|"
        r"teilweise|certain\w+|quelques|plupart|parfois|souvent|alcun[ei]|cert[ei]|talvolta|"
    r"spesso)\b", re.IGNORECASE)  # fmt: skip
_NONE = re.compile(
    r"\b(?:none|no one|nobody|never|neither|keine[nrsm]?|kein|niemand|nie|aucune?|personne|jamais|nessun[oa]?|mai)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_PER_OTHER = re.compile(r"\b(?:per|pro|je|each|par|ogni|por) [^\W\d_]+", re.IGNORECASE)

#: Share of the claim's own words that the source sentence must hold before their quantifiers are compared.
ALIGNED_SHARE_MIN = 0.6


def rates(text: str) -> set[str]:
    """The periods that amounts in `text` are given per ("month", "year" …)."""
    return {period for period, pattern in _RATES.items() if pattern.search(text)}


def check_rates(claim: str, anchors: Sequence[SourceSentence]) -> list[Finding]:
    """A finding where the claim gives a period and its best evidence gives only others."""
    claimed = rates(claim)
    if not claimed or not anchors:
        return []
    stated = rates(anchors[0].statement.text)
    if stated and not claimed & stated:
        return [
            Finding(
                check="rate", contradicted=True, reason=f"per {_list(stated)} in the source, per {_list(claimed)} in the answer"
            )
        ]
    other = _PER_OTHER.search(anchors[0].statement.text)
    given = any(claimed & rates(anchor.statement.text) for anchor in anchors)
    if not stated and not given and other and _FIGURE.search(claim):
        reason = f"“{other.group()}” in the source, per {_list(claimed)} in the answer"
        return [Finding(check="rate", contradicted=True, reason=reason)]
    return []


def _list(periods: set[str]) -> str:
    return " and ".join(sorted(period.replace("_", " ") for period in periods))


def check_quantifier(claim: str, anchor: SourceSentence | None, share: float) -> list[Finding]:
    """A finding where the claim says all or none and the source sentence that says the same says only some."""
    if anchor is None or share < ALIGNED_SHARE_MIN:
        return []
    stated = anchor.statement.text
    wide = _ALL.search(claim)
    if wide and not _ALL.search(stated) and not _NONE.search(stated):
        narrow = _SOME.search(stated)
        if narrow and not _SOME.search(claim):
            return [
                Finding(
                    check="quantifier",
                    contradicted=True,
                    reason=f"“{narrow.group()}” in the source, “{wide.group()}” in the answer",
                )
            ]
    return []
