"""Transparent features of one claim against its evidence: how much of it the sources say, in which order, and how alike
the encoder finds them. The trust score is a small logistic regression over these, so that every figure can be explained."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.statement import Statement

#: Sentence encodings that are kept across answers (384 float32 each: about 12 MB).
ENCODING_CACHE_SIZE = 8_192
#: Source sentences of one answer that are encoded, those that share most words with its claims; and at least so many for
#: each claim of a long answer. At 1.5 to 3 ms a sentence this bounds a cold score to some 60 ms.
ENCODED_SENTENCES_MAX, ENCODED_PER_CLAIM_MIN = 20, 2
#: Evidence sentences per claim that checks treat as its support.
ANCHORS_MAX = 4
#: Share of the encoder's similarity in the choice of the best evidence.
SIMILARITY_SHARE = 0.4

_CONDITION = re.compile(
    r"\b(?:if|only|unless|except|provided|subject to|as long as|depending|falls?|wenn|nur|ausser|"
    r"sofern|vorausgesetzt|si|seulement|sauf|pourvu|se|solo|soltanto|salvo|purché)\b",
    re.IGNORECASE,
)

FEATURE_NAMES: tuple[str, ...] = (
    "coverage_sentence",
    "coverage_window",
    "coverage_sources",
    "coverage_clause_min",
    "uncovered_run",
    "common_run",
    "bigrams",
    "similarity_sentence",
    "similarity_window",
    "substitution",
    "condition_dropped",
    "words_log",
    "has_encoder",
)


class ClaimEvidence(msgspec.Struct, frozen=True):
    """The best evidence for one claim, best first, and the claim's features in the order of `FEATURE_NAMES`."""

    anchors: list[SourceSentence]
    features: npt.NDArray[np.float64]
    similarities: dict[int, float]

    def similarity(self, sentence: SourceSentence) -> float:
        """The encoder's cosine of the claim with a source sentence, 0..1; -1 where it was not encoded."""
        return self.similarities.get(sentence.number, -1.0)


class EncodingCache:
    """Encodings of sentences by their text, least recently used ones dropped. Not shared between threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, 384) float32, L2-normalised, in the order of `texts`; only what is not kept yet is encoded."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._kept]
        new: dict[str, npt.NDArray[np.float32]] = {}
        if fresh:
            new = dict(zip(fresh, self._encoder.encode(fresh), strict=True))
        rows = []
        for text in texts:
            row = self._kept.get(text)
            rows.append(new[text] if row is None else row)
        for text, row in zip(texts, rows, strict=True):
            self._kept[text] = row
            self._kept.move_to_end(text)
        while len(self._kept) > ENCODING_CACHE_SIZE:
            self._kept.popitem(last=False)
        return np.stack(rows)


def gather(
    claims: Sequence[Statement], contexts: Sequence[frozenset[str]], evidence: Evidence, cache: EncodingCache | None
) -> list[ClaimEvidence]:
    """The evidence and features of each claim; without an encoder the similarities are 0 and `has_encoder` says so."""
    coverages = [_coverages(claim, evidence) for claim in claims]
    similarities = _similarities(claims, evidence, coverages, cache)
    return [
        _describe(claim, context, evidence, coverage, similarity, cache is not None)
        for claim, context, coverage, similarity in zip(claims, contexts, coverages, similarities, strict=True)
    ]


def _own_words(claim: Statement) -> list[str]:
    words = [token.stem for token in claim.content()]
    return words or [token.stem for token in claim.tokens if token.is_content]


def _coverages(claim: Statement, evidence: Evidence) -> npt.NDArray[np.float64]:
    """Share of the claim's words, by weight, that each source sentence holds: (sentences,), 0..1."""
    words = list(dict.fromkeys(_own_words(claim)))
    forms = [frozenset(evidence.forms(word)) for word in words]
    weights = [evidence.weight(min(found) if found else word) for found, word in zip(forms, words, strict=True)]
    total = sum(weights) or 1.0
    coverage = np.zeros(len(evidence.sentences))
    for sentence in evidence.sentences:
        held = sum(weight for found, weight in zip(forms, weights, strict=True) if not found.isdisjoint(sentence.stems))
        coverage[sentence.number] = held / total
    return coverage


def _similarities(
    claims: Sequence[Statement], evidence: Evidence, coverages: Sequence[npt.NDArray[np.float64]], cache: EncodingCache | None
) -> list[dict[int, float]]:
    if cache is None or not evidence.sentences or not claims:
        return [{} for _ in claims]
    numbers = _worth_encoding(coverages)
    encoded = cache.encode([evidence.sentences[number].statement.text for number in numbers] + [claim.text for claim in claims])
    sources, mine = encoded[: len(numbers)], encoded[len(numbers) :]
    cosines = np.clip(mine @ sources.T, 0.0, 1.0)
    return [dict(zip(numbers, (float(value) for value in row), strict=True)) for row in cosines]


def _worth_encoding(coverages: Sequence[npt.NDArray[np.float64]]) -> list[int]:
    """The sentences that hold most of each claim's words, the same number for each claim: encoding is what costs time."""
    each = max(ENCODED_PER_CLAIM_MIN, ENCODED_SENTENCES_MAX // len(coverages))
    chosen: set[int] = set()
    for coverage in coverages:
        chosen.update(np.argsort(-coverage, kind="stable")[:each].tolist())
    return sorted(chosen)


def _describe(
    claim: Statement,
    context: frozenset[str],
    evidence: Evidence,
    coverage: npt.NDArray[np.float64],
    similarity: dict[int, float],
    encoded: bool,
) -> ClaimEvidence:
    if not evidence.sentences:
        return ClaimEvidence([], np.zeros(len(FEATURE_NAMES)), {})
    cosine = np.array([similarity.get(number, 0.0) for number in range(len(evidence.sentences))])
    lead = np.array(
        [
            0.05 * len(context & (sentence.stems | sentence.lead)) / len(context) if context else 0.0
            for sentence in evidence.sentences
        ]
    )
    share = SIMILARITY_SHARE if encoded else 0.0
    rank = (1 - share) * coverage + share * cosine + lead
    order = np.argsort(-rank, kind="stable")
    best = evidence.sentences[int(order[0])]
    anchors = [evidence.sentences[int(number)] for number in order[:ANCHORS_MAX]]
    window = [best, *evidence.neighbours(best)]
    words = _own_words(claim)
    window_stems = frozenset().union(*(sentence.stems for sentence in window), best.lead)
    second = _complement(words, window_stems, evidence)
    held_best, held_window = _held(words, best.stems | best.lead, evidence), _held(words, window_stems | second, evidence)
    held_all = [bool(evidence.forms(word)) for word in words]
    features = np.array(
        (
            _weighted(words, held_best, evidence),
            _weighted(words, held_window, evidence),
            _weighted(words, held_all, evidence),
            _clause_minimum(claim, window_stems | second, evidence),
            _longest(held_window, False) / max(1, len(words)),
            _common_run(words, best),
            _bigrams(words, window),
            float(cosine.max()) if encoded else 0.0,
            _window_similarity(similarity, evidence),
            _substitution(words, held_best, best, evidence),
            float(bool(_CONDITION.search(best.statement.text)) and not _CONDITION.search(claim.text)),
            math.log1p(len(words)) / 4,
            float(encoded),
        )
    )
    return ClaimEvidence(anchors, features, similarity)


def _complement(words: Sequence[str], covered: frozenset[str], evidence: Evidence) -> frozenset[str]:
    """The stems of the one further sentence that covers most of what the best window leaves open (two merged facts)."""
    left = [frozenset(evidence.forms(word)) for word in words if not any(form in covered for form in evidence.forms(word))]
    best = max(evidence.sentences, key=lambda sentence: sum(not forms.isdisjoint(sentence.stems) for forms in left), default=None)
    return best.stems if best is not None and left else frozenset()


def _held(words: Sequence[str], stems: frozenset[str], evidence: Evidence) -> list[bool]:
    return [any(form in stems for form in evidence.forms(word)) for word in words]


def _weighted(words: Sequence[str], held: Sequence[bool], evidence: Evidence) -> float:
    weights = [evidence.weight(next(iter(evidence.forms(word)), word)) for word in words]
    total = sum(weights)
    return sum(weight for weight, kept in zip(weights, held, strict=True) if kept) / total if total else 0.0


def _clause_minimum(claim: Statement, stems: frozenset[str], evidence: Evidence) -> float:
    """The least covered clause with at least two words of its own."""
    least = 1.0
    by_clause: dict[int, list[str]] = {}
    for token in claim.content():
        by_clause.setdefault(claim.clause_of(token.start), []).append(token.stem)
    for words in by_clause.values():
        if len(words) >= 2:
            least = min(least, _weighted(words, _held(words, stems, evidence), evidence))
    return least


def _longest(flags: Sequence[bool], value: bool) -> int:
    longest = current = 0
    for flag in flags:
        current = current + 1 if flag is value else 0
        longest = max(longest, current)
    return longest


def _common_run(words: Sequence[str], sentence: SourceSentence) -> float:
    """Longest run of the claim's words that the sentence has in the same order without a break, as a share."""
    theirs = [token.stem for token in sentence.statement.tokens if token.is_content]
    longest = 0
    previous = [0] * (len(theirs) + 1)
    for word in words:
        current = [0] * (len(theirs) + 1)
        for position, other in enumerate(theirs, start=1):
            if word == other:
                current[position] = previous[position - 1] + 1
                longest = max(longest, current[position])
        previous = current
    return longest / max(1, len(words))


def _bigrams(words: Sequence[str], window: Sequence[SourceSentence]) -> float:
    pairs = set(pairwise(words))
    if not pairs:
        return 0.0
    theirs: set[tuple[str, str]] = set()
    for sentence in window:
        stems = [token.stem for token in sentence.statement.tokens if token.is_content]
        theirs.update(pairwise(stems))
        theirs.update(zip(stems, stems[2:], strict=False))
    return len(pairs & theirs) / len(pairs)


def _window_similarity(similarity: dict[int, float], evidence: Evidence) -> float:
    """Highest mean cosine of two adjacent sentences: a cheap stand-in for encoding every window."""
    best = 0.0
    for number, cosine in similarity.items():
        following = similarity.get(number + 1)
        if following is not None and evidence.sentences[number].source == evidence.sentences[number + 1].source:
            best = max(best, (cosine + following) / 2)
    return best


def _substitution(words: Sequence[str], held: Sequence[bool], best: SourceSentence, evidence: Evidence) -> float:
    """A claim that all but repeats its sentence and yet differs in a word on both sides: a likely swap, 0..1."""
    share = sum(held) / max(1, len(words))
    if share < 0.6 or all(held):
        return 0.0
    wanted = frozenset(form for word in words for form in evidence.forms(word))
    back = sum(stem in wanted for stem in best.stems) / max(1, len(best.stems))
    return share if 0.5 <= back < 1.0 else 0.0
