"""Finds figures that changed places in an enumeration: "small CHF 90, medium CHF 150" told as "small CHF 150, medium CHF 90".

Where one source sentence gives several figures of a kind, each has words that only it stands beside. A claim that puts a
figure beside the words of another one contradicts the source, however alike the two sentences are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

import msgspec

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import SourceSentence
from groundcrew.grounding.facts.quantities import Quantity, same_value
from groundcrew.grounding.facts.units import UNITS
from groundcrew.grounding.lexicon import same_word
from groundcrew.grounding.statement import Statement

#: Source sentences, best first, that a claim's figures are laid beside.
SENTENCES_MAX = 3
#: Figures of one sentence that are compared; a longer one is a table, which has checks of its own.
FIGURES_MAX = 12
#: Words that label one figure of a plain enumeration; where a label has more, a figure out of place is a hint only.
LABEL_WORDS_MAX = 3

_RESPECTIVELY = re.compile(r"\b(?:respectively|jeweils|respectivement|rispettivamente)\b", re.IGNORECASE)


class Parallel(msgspec.Struct, frozen=True, kw_only=True):
    """What laying a claim beside enumerations showed: `findings`, and the starts of the figures found in their right place."""

    findings: tuple[Finding, ...]
    confirmed: frozenset[int]


def check_parallel(claim: Statement, anchors: Sequence[SourceSentence]) -> Parallel:
    """A finding for each figure of `claim` that stands beside the words of another figure of the same source sentence."""
    findings: list[Finding] = []
    confirmed: set[int] = set()
    for anchor in anchors[:SENTENCES_MAX]:
        for figures in _kinds(anchor.statement):
            _lay_beside(claim, anchor.statement, figures, findings, confirmed)
    return Parallel(findings=tuple(findings), confirmed=frozenset(confirmed))


def _kinds(statement: Statement) -> list[list[Quantity]]:
    """The sentence's figures that could be taken for one another, two or more of them with different values."""
    kinds: dict[str, list[Quantity]] = {}
    for figure in sorted(statement.quantities, key=lambda each: each.start):
        if not figure.is_article and figure.dimension not in ("", "code", "ordinal", "fraction"):
            kinds.setdefault(figure.dimension, []).append(figure)
    return [
        figures
        for figures in kinds.values()
        if 2 <= len(figures) <= FIGURES_MAX and not all(same_value(one, other) for one, other in combinations(figures, 2))
    ]


def _lay_beside(
    claim: Statement, source: Statement, figures: list[Quantity], findings: list[Finding], confirmed: set[int]
) -> None:
    own = [each for each in sorted(claim.quantities, key=lambda each: each.start) if each.dimension == figures[0].dimension]
    if not own or len(own) > FIGURES_MAX:
        return
    labels = _labels(source, figures)
    if labels is None:
        return
    if len(own) == 1:
        marks = [each for each in sorted(claim.quantities, key=lambda each: each.start) if not each.is_article]
        place = marks.index(own[0]) if own[0] in marks else 0
        near = [_beside(claim, marks or own, is_after=False)[place] | _beside(claim, marks or own, is_after=True)[place]]
    else:
        # The claim's order of words is the one in which more of its figures stand beside a word of the source's labels.
        told = [_beside(claim, own, is_after=each) for each in (False, True)]
        near = max(told, key=lambda sets: sum(any(_meet(one, label) for label in labels) for one in sets))
    for figure, words in zip(own, near, strict=True):
        right = [number for number, other in enumerate(figures) if same_value(figure, other)]
        met = [number for number, label in enumerate(labels) if _meet(words, label)]
        if not right or not met:
            continue
        if set(met) <= set(right):
            confirmed.add(figure.start)
        elif len(met) == 1:
            word = sorted(_meet(words, labels[met[0]]))[0]
            reason = f"“{figures[met[0]].text}” in the source for “{word}”, “{figure.text}” in the answer"
            veto = all(len(label) <= LABEL_WORDS_MAX for label in labels) and not _RESPECTIVELY.search(claim.text)
            findings.append(Finding(check="merged", contradicted=True, reason=reason, veto=veto))


def _labels(source: Statement, figures: list[Quantity]) -> list[set[str]] | None:
    """For each figure the words that only it stands beside, or None where the sentence is no enumeration.

    "21 days for adults and 14 days for children" labels after the figure, "a medium one CHF 150" before it. Before the
    first figure stands the subject of all of them too, so that its words tell nothing.
    """
    after = _telling(_beside(source, figures, is_after=True))
    if all(after):
        return after
    before = _telling(_beside(source, figures, is_after=False))
    return [set(), *before[1:]] if all(before[1:]) else None


def _beside(statement: Statement, figures: list[Quantity], *, is_after: bool) -> list[set[str]]:
    """For each figure the content words between it and the figure before it, or after it; those of its clause if any."""
    content = statement.content()
    found = []
    for number, figure in enumerate(figures):
        if is_after:
            start, end = figure.end, figures[number + 1].start if number + 1 < len(figures) else len(statement.text)
        else:
            start, end = figures[number - 1].end if number else 0, figure.start
        words = [token for token in content if start <= token.start < end and token.text.lower() not in UNITS]
        clause = statement.clause_of(figure.start)
        found.append(
            {token.stem for token in words if statement.clause_of(token.start) == clause} or {each.stem for each in words}
        )
    return found


def _telling(sets: list[set[str]]) -> list[set[str]]:
    """Each set less the words that another one holds as well."""
    return [
        {word for word in own if not any(_meet({word}, other) for place, other in enumerate(sets) if place != number)}
        for number, own in enumerate(sets)
    ]


def _meet(one: set[str], other: set[str]) -> set[str]:
    return {word for word in one if word in other or any(same_word(word, each) for each in other)}
