"""Ranks the sentences of every passage by how much of one claim they say: the best is its quote, the next ones are what
checks look at, and the window of `windows.py` is what an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.statement import Statement
from groundcrew.grounding.windows import chosen_sentences, window_text

#: Share of the rank that the order of words has, against which words there are.
ORDER_SHARE = 0.15
#: Part of the rank that words shared with the claim's heading add at most.
LEAD_SHARE = 0.05


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
    sentences = tuple(chosen_sentences(claim, evidence))
    return Window(ranked, rank, coverage, sentences, window_text(sentences, evidence))


def _order(words: Sequence[str], evidence: Evidence) -> npt.NDArray[np.float64]:
    """Share of the claim's neighbouring words that each sentence has as neighbours too: (sentences,), 0..1."""
    shares = np.zeros(len(evidence.sentences))
    pairs = list(pairwise(words))
    for pair in pairs:
        shares[evidence.pair_holders.get(pair, [])] += 1
    return shares / max(1, len(pairs))
