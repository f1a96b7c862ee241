"""Picks the evidence for one claim across every passage: which sentence says it best, and the few sentences, adjacent or
not, that together say most of it. Training and scoring both read claims beside exactly this text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.statement import Statement

#: Words of evidence that a claim is read beside: what an encoder reads in a few milliseconds.
WINDOW_WORDS_MAX = 80
#: Sentences of one window; rows of a table are short, so that several fit.
WINDOW_SENTENCES_MAX = 16
#: Least share of the claim, by weight, that a further sentence must add.
GAIN_MIN = 0.04
#: Share of the rank that the order of words has, against which words there are.
ORDER_SHARE = 0.15
#: Part of the rank that words shared with the claim's heading add at most.
LEAD_SHARE = 0.05
#: Longest first line of a source that is taken for its title, in words.
TITLE_WORDS_MAX = 12
GAP = " … "


class Window(msgspec.Struct, frozen=True):
    """The evidence for one claim: `ranked` are all source sentences, best first, `rank` their figures by number, 0..1.2;
    `sentences` those of the window in document order, `text` what an encoder reads."""

    ranked: list[int]
    rank: npt.NDArray[np.float64]
    coverage: npt.NDArray[np.float64]
    sentences: tuple[SourceSentence, ...]
    text: str

    @property
    def best(self) -> int:
        """Number of the best sentence."""
        return self.ranked[0]


def claim_words(claim: Statement) -> list[str]:
    """The stems of a claim that carry meaning, figures among them, each once, in order."""
    return list(dict.fromkeys(token.stem for token in claim.tokens if token.is_content))


def held_words(words: Sequence[str], evidence: Evidence) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Which source sentences hold each word in some form, (words, sentences), and how telling each word is, (words,)."""
    held = np.zeros((len(words), len(evidence.sentences)), dtype=bool)
    weights = np.empty(len(words))
    for row, word in enumerate(words):
        forms = evidence.forms(word)
        for form in forms:
            held[row, evidence.holders[form]] = True
        weights[row] = evidence.weight(min(forms) if forms else word)
    return held, weights


def choose_window(claim: Statement, context: frozenset[str], evidence: Evidence) -> Window | None:
    """The window of `claim`; `context` are the stems of the heading that it stands under. None without a source sentence."""
    if not evidence.sentences:
        return None
    words = claim_words(claim)
    held, weights = held_words(words, evidence)
    coverage = weights @ held / max(float(weights.sum()), 1e-9)
    rank = coverage + ORDER_SHARE * _order(words, evidence)
    if context:
        rank = rank + [LEAD_SHARE * len(context & (each.stems | each.lead)) / len(context) for each in evidence.sentences]
    ranked = [int(number) for number in np.argsort(-rank, kind="stable")]
    chosen = _grow(ranked, rank, held, weights, evidence)
    sentences = tuple(evidence.sentences[number] for number in sorted(chosen))
    return Window(ranked, rank, coverage, sentences, _join(sentences))


def _order(words: Sequence[str], evidence: Evidence) -> npt.NDArray[np.float64]:
    """Share of the claim's neighbouring words that each sentence has as neighbours too: (sentences,), 0..1."""
    shares = np.zeros(len(evidence.sentences))
    pairs = list(pairwise(words))
    for pair in pairs:
        shares[evidence.pair_holders.get(pair, [])] += 1
    return shares / max(1, len(pairs))


def _grow(
    ranked: Sequence[int],
    rank: npt.NDArray[np.float64],
    held: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    evidence: Evidence,
) -> set[int]:
    """The best sentence, then whichever adds most of what is still open, then neighbours for what "it" refers to."""
    chosen = {ranked[0]}
    total = max(float(weights.sum()), 1e-9)
    lengths = evidence.lengths
    room = WINDOW_WORDS_MAX - int(lengths[ranked[0]])
    open_words = ~held[:, ranked[0]]
    while room > 0 and open_words.any() and len(chosen) < WINDOW_SENTENCES_MAX:
        gains = (weights * open_words) @ held / total
        gains = np.where(lengths <= room, gains, 0.0)
        best = int(np.argmax(gains + 1e-3 * rank))
        if gains[best] < GAIN_MIN:
            break
        chosen.add(best)
        open_words &= ~held[:, best]
        room -= int(lengths[best])
    first = evidence.sentences[ranked[0]]
    title = evidence.first_of(first.source)
    around = [title] if evidence.lengths[title.number] <= TITLE_WORDS_MAX else []
    around += evidence.neighbours(first)
    if evidence.is_tabular(first.source):
        around += [evidence.sentences[number] for number in ranked if evidence.sentences[number].source == first.source]
    for sentence in around:
        if sentence.number not in chosen and lengths[sentence.number] <= room and len(chosen) < WINDOW_SENTENCES_MAX:
            chosen.add(sentence.number)
            room -= int(lengths[sentence.number])
    return chosen


def _join(sentences: Sequence[SourceSentence]) -> str:
    parts: list[str] = []
    for before, sentence in zip([None, *sentences], sentences, strict=False):
        if before is not None:
            adjacent = before.source == sentence.source and before.number + 1 == sentence.number
            parts.append(" " if adjacent else GAP)
        parts.append(sentence.statement.text)
    return "".join(parts)
