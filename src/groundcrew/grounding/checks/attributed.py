"""Finds an amount that the sources give only for something else: "the closing fee of CHF 45" where a card costs CHF 45 and
closing is told of elsewhere, without it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.checks.place import agrees, comparable
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.facts.quantities import Quantity
from groundcrew.grounding.lexicon import STOP_WORDS, fold, stem
from groundcrew.grounding.statement import Statement
from groundcrew.grounding.wordlists import word_set

#: Sentences before and after an amount in which its subject may be named.
NEAR_SENTENCES = 2
#: Characters before an amount that are searched for what it is.
NAMED_CHARS_MAX = 60

_NAMED = re.compile(
    r"\b(?P<what>[^\W\d_]{4,}(?:-[^\W\d_]+)?)\s+(?:fees?|charges?|costs?|price|surcharge|commission|premium|penalty)\s+"
    r"(?:of|is|are|amounts? to|comes? to)\s+$|"
    r"\b(?P<kind>[^\W\d_]{4,}?)(?:s?gebühr(?:en)?|s?kosten|s?preis|s?entgelt|s?spesen|s?kommission|s?pauschale)\s+"
    r"(?:von|beträgt|betragen|in Höhe von|ist|sind)\s+$",
    re.IGNORECASE,
)
#: What tells no fee from another.
_GENERAL = frozenset(
    stem(word)
    for word in word_set(
        """annual yearly monthly weekly daily quarterly single additional extra total same flat basic standard regular usual full
        normal fixed small separate corresponding applicable respective current general minimum maximum handling service
        processing jahres monats grund gesamt zusatz mindest einmal bearbeitungs"""
    )
)


def check_attributed(claim: Statement, evidence: Evidence) -> list[Finding]:
    """A finding for each amount whose fee the claim names, where the sources have that name only away from the amount."""
    return [finding for item in claim.quantities for finding in _judge(item, claim, evidence)]


def _judge(item: Quantity, claim: Statement, evidence: Evidence) -> Iterator[Finding]:
    named = _NAMED.search(claim.text[max(0, item.start - NAMED_CHARS_MAX) : item.start])
    if named is None or not item.dimension.startswith("currency"):
        return
    word = named["what"] or named["kind"]
    forms = evidence.forms(stem(word))
    if fold(word) in STOP_WORDS or stem(word) in _GENERAL or not forms:
        return
    places = [
        sentence
        for sentence in evidence.sentences
        if any(comparable(item, other) and agrees(item, other) for other in sentence.statement.quantities)
    ]
    if places and not any(form in _near(sentence, evidence) for sentence in places for form in forms):
        quoted = places[0].statement.text.strip()[:NAMED_CHARS_MAX]
        reason = f"“{item.text}” stands in the sources only for something else (“{quoted}…”), not for “{word}”"
        yield Finding(check="merged", contradicted=False, reason=reason)


def _near(sentence: SourceSentence, evidence: Evidence) -> frozenset[str]:
    around = evidence.neighbours(sentence, distance=NEAR_SENTENCES)
    return (sentence.stems | sentence.lead).union(*(other.stems for other in around))
