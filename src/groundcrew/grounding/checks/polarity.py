"""Finds claims that turn their source round: a dropped or added negation, or the opposite of a pair (before/after,
included/excluded, left/right). Only clauses that otherwise say the same are compared, so that paraphrases pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from groundcrew.grounding.checks.finding import CheckName, Finding
from groundcrew.grounding.checks.oppositions import AXES, NEGATIVE_WORDS, NEGATORS, PHRASES
from groundcrew.grounding.lexicon import STOP_WORDS, fold, same_word, stem

#: Share of a claim clause's own words that the source clause must hold before their polarity is compared.
ALIGNED_SHARE_MIN = 0.6
#: Fewer own words than this say too little to align on.
ALIGNED_WORDS_MIN = 2
#: A lone difference in negation counts from this share of the claim's words on, with so much of the source clause back;
#: a claim whose every word is in the source clause needs less back.
NEGATION_SHARE_MIN, LIKE_SHARE_MIN, WHOLE_SHARE, PART_SHARE_MIN = 0.7, 0.5, 0.95, 0.25
POLARITY_CACHE_SIZE = 8_192

_SPLIT = re.compile(
    r"[;:()|]|,\s|\b(?:but|while|whereas|although|though|unless|aber|während|sondern|mais|ma|mentre|because|weil)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"n't\b|n’t\b|[^\W\d_]+(?:'[^\W\d_]+)?|\d+(?:[.,:]\d+)*", re.UNICODE)
_DIRECTION_AXES = frozenset(("change", "order", "vertical", "extreme", "comparison", "timing", "rank", "speed"))


class Clause(msgspec.Struct, frozen=True):
    """A clause as polarity sees it: own words as stems, number of negators, and the poles that its words take."""

    text: str
    words: frozenset[str]
    negators: int
    poles: tuple[tuple[str, int, str], ...]


def _compile_axes() -> tuple[dict[str, list[tuple[str, int]]], list[tuple[str, str, int]]]:
    exact: dict[str, list[tuple[str, int]]] = {}
    prefixes: list[tuple[str, str, int]] = []
    for axis, sides in AXES.items():
        for pole, words in enumerate(sides.split("|")[:2]):
            for word in words.split():
                spellings = [word.replace("[sz]", letter) for letter in "sz"] if "[sz]" in word else [word]
                for spelling in spellings:
                    if spelling.endswith("*"):
                        prefixes.append((fold(spelling[:-1]), axis, pole))
                    else:
                        exact.setdefault(fold(spelling), []).append((axis, pole))
    return exact, prefixes


_EXACT, _PREFIXES = _compile_axes()
_PHRASE_PATTERNS = [(re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), replacement) for pattern, replacement in PHRASES]


@lru_cache(maxsize=50_000)
def _poles_of(word: str) -> tuple[tuple[str, int], ...]:
    found = list(_EXACT.get(word, ()))
    found.extend((axis, pole) for prefix, axis, pole in _PREFIXES if word.startswith(prefix) and (axis, pole) not in found)
    axes = [axis for axis, _ in found]
    return tuple((axis, pole) for axis, pole in found if axes.count(axis) == 1)


_NEGATIVE_EXACT = frozenset(fold(word) for word in NEGATIVE_WORDS if not word.endswith("*"))
_NEGATIVE_PREFIXES = tuple(fold(word[:-1]) for word in NEGATIVE_WORDS if word.endswith("*"))


def _is_negative(word: str) -> bool:
    return word in _NEGATIVE_EXACT or word.startswith(_NEGATIVE_PREFIXES)


@lru_cache(maxsize=POLARITY_CACHE_SIZE)
def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of a sentence, and the sentence as a whole last where it has more than one."""
    normal = text.replace("’", "'")
    for pattern, replacement in _PHRASE_PATTERNS:
        normal = pattern.sub(replacement, normal)
    parts = [part for part in _SPLIT.split(normal) if part and len(part.split()) >= 2]
    if len(parts) > 1:
        parts.append(normal)
    return tuple(_read(part) for part in parts or [normal])


def _read(text: str) -> Clause:
    words: set[str] = set()
    poles: list[tuple[str, int, str]] = []
    negators = 0
    for match in _WORD.finditer(text):
        word = fold(match.group())
        if word in NEGATORS or word.endswith("n't"):
            negators += 1
            continue
        if _is_negative(word):
            negators += 1
            continue
        taken = _poles_of(word)
        poles.extend((axis, pole, match.group()) for axis, pole in taken)
        if not taken and word not in STOP_WORDS:
            words.add(stem(word))
    return Clause(text.strip(), frozenset(words), negators, tuple(poles))


def check_polarity(claim: str, evidence: Sequence[str]) -> list[Finding]:
    """A finding where the source clause that is most like a clause of the claim says the opposite. `evidence` holds the
    sentences that support the claim best; one of them that agrees settles it."""
    findings: list[Finding] = []
    stated = [clause for sentence in evidence for clause in clauses(sentence)]
    for clause in clauses(claim):
        candidates = [(_overlap(clause, other), other) for other in stated]
        aligned = [(share, other) for share, other in candidates if share >= ALIGNED_SHARE_MIN]
        if len(clause.words) < ALIGNED_WORDS_MIN or not aligned:
            continue
        best = max(share for share, _ in aligned)
        verdicts = [_compare(clause, other) for share, other in aligned if share >= best - 0.1]
        if all(verdict is not None for verdict in verdicts):
            findings.extend(verdict for verdict in verdicts[:1] if verdict is not None)
    return findings[:1]


def _overlap(claim: Clause, evidence: Clause) -> float:
    """How much of the shorter clause both share, each side counted: 0..1."""
    if not claim.words or not evidence.words:
        return 0.0
    shared = sum(any(same_word(word, other) for other in evidence.words) for word in claim.words)
    return shared / len(claim.words)


def _compare(claim: Clause, evidence: Clause) -> Finding | None:
    """A finding where parity of negation and opposites together turn the clause round."""
    flips = _flips(claim, evidence)
    odd = (claim.negators - evidence.negators) % 2 == 1
    if odd and len(flips) % 2 == 1:
        return None
    if odd and not flips:
        shared = _overlap(claim, evidence)
        reverse = _overlap(evidence, claim)
        if reverse < (LIKE_SHARE_MIN if shared < WHOLE_SHARE else PART_SHARE_MIN) or shared < NEGATION_SHARE_MIN:
            return None
        with_negation, without = ("answer", "source") if claim.negators > evidence.negators else ("source", "answer")
        return Finding(
            check="negation",
            contradicted=True,
            reason=f"a negation in the {with_negation} that is not in the {without}: {_both(claim, evidence)}",
        )
    if not odd and flips:
        axis, mine, theirs = flips[0]
        name: CheckName = "direction" if axis in _DIRECTION_AXES else "negation"
        return Finding(check=name, contradicted=True, reason=f"“{theirs}” in the source, “{mine}” in the answer")
    return None


def _flips(claim: Clause, evidence: Clause) -> list[tuple[str, str, str]]:
    """Axes on which the claim takes one pole and the evidence only the other: (axis, claim's word, source's word)."""
    flips: list[tuple[str, str, str]] = []
    for axis in dict.fromkeys(axis for axis, _, _ in claim.poles):
        mine = {pole for name, pole, _ in claim.poles if name == axis}
        theirs = {pole for name, pole, _ in evidence.poles if name == axis}
        if len(mine) == 1 and len(theirs) == 1 and mine != theirs:
            word = next(word for name, _, word in claim.poles if name == axis)
            other = next(word for name, _, word in evidence.poles if name == axis)
            flips.append((axis, word, other))
    return flips


def _both(claim: Clause, evidence: Clause) -> str:
    return f"“{_short(evidence.text)}” in the source, “{_short(claim.text)}” in the answer"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:87] + "…"
