"""Finds offers and promises (a refund, a waiver, a discount, a guarantee, something free) that no source speaks of. They
bind the firm, so that a word of offer must stand in the sources in some form, however well the rest is covered."""

from __future__ import annotations

import re

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.lexicon import fold

#: What is offered → the words that say so, in claim or source.
_OFFERS: dict[str, re.Pattern[str]] = {
    offer: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for offer, words in (
        ("refund", r"refund\w*|reimburs\w*|repay\w*|repaid|money back|(?:rück)?erstatt\w*|zurückerstatt\w*|"
        r"rembours\w*|rimbors\w*|compensat\w*|indemnif\w*|entschädig\w*|credited|gutgeschrieben|"
        r"gutschrift\w*|recalled?|returned"),
        ("waiver", r"waiv\w*|verzicht\w*|erlass\w*|erlassen|renonc\w*|rinunci\w*|no (?:fee|charge)s?|free|"
        r"kostenlos\w*|gratis|freigestellt"),
        ("discount", r"discount\w*|rebate\w*|reduc\w*|cheaper|lower\w*|rabatt\w*|vergünstig\w*|ermässig\w*|"
        r"ermäßig\w*|remise|réduction|sconto|ridott\w*|half|off"),
        ("guarantee", r"guarantee\w*|warrant\w*|assur\w*|always|certain\w*|insured|promis\w*|garantier\w*|"
        r"garantie\w*|versprech\w*|garanti\w*|versprochen"),
        ("gift", r"gifts?|vouchers?|bonus\w*|rewards?|prizes?|present|geschenk\w*|gutschein\w*|prämie\w*|"
        r"cadeau\w*|regalo|omaggio|welcome"),
        ("free", r"free|gratis|complimentary|no (?:extra |additional )?(?:cost|charge|fee)s?|without (?:any |a "
        r")?(?:charge|cost|fee)s?|nothing|not? charged?|kostenlos\w*|gebührenfrei\w*|unentgeltlich\w*|"
        r"keine (?:gebühr\w*|kosten)|ohne (?:gebühr\w*|kosten)|gratuit\w*|CHF 0|0 ?%|waiv\w*|"
        r"do(?:es)? not cost"),
    )
}  # fmt: skip
#: What makes a sentence an offer of that kind: narrower than what may support it.
_CLAIMED: dict[str, re.Pattern[str]] = {
    offer: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for offer, words in (
        ("refund", r"refund\w*|reimburs\w*|money back|(?:rück|zurück)erstatt\w*|rembours\w*|rimbors\w*|"
        r"compensat\w*|credit (?:you|your)"),
        ("waiver", r"waiv\w*|verzichten wir|erlassen wir"),
        ("discount", r"discount\w*|rebate\w*|rabatt\w*|sconto|remise"),
        ("guarantee", r"(?:we|i|bank) (?:\w+ )?(?:guarantee|promise)\w*|(?:is|are) guaranteed|guaranteed?|"
        r"garantieren wir|wir (?:garantieren|versprechen)\w*"),
        ("gift", r"vouchers?|gifts?|gift card|gutschein\w*|geschenk\w*|free (?:car|phone|gift|trip|holiday)"),
        ("free", r"for free|free of charge|at no (?:extra |additional )?(?:cost|charge)|kostenlos\w*|gratis|"
        r"gebührenfrei\w*|(?:get|receive|have|win) (?:\w+ ){0,3}free"),
    )
}  # fmt: skip
#: What an insurer or a plan does is told as "covers", "pays 75 %" as often as "reimburses": then the word is no certain sign.
_BEARS = re.compile(r"\b(?:cover(?:s|ed)|pays? \d+|pays? for|übernimmt|übernehmen|zahlt \d+|vergütet)\b", re.IGNORECASE)


def check_offers(claim: str, evidence: Evidence) -> list[Finding]:
    """A finding for each kind of offer in the claim that no source has any word for."""
    findings: list[Finding] = []
    for offer, pattern in _CLAIMED.items():
        match = pattern.search(claim)
        if match and not any(_OFFERS[offer].search(sentence.statement.text) for sentence in evidence.sentences):
            borne = offer == "refund" and any(_BEARS.search(sentence.statement.text) for sentence in evidence.sentences)
            reason = f"“{fold(match.group())}” is offered by no source"
            findings.append(Finding(check="offer", contradicted=False, reason=reason, veto=not borne))
    return findings
