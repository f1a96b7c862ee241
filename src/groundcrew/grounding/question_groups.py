"""Questions that ask the same, in groups: by meaning, and by words where meaning alone is not sure. The oldest of a group leads
it, so that the group keeps its name while further questions join."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.statement import read_statement

#: Questions of this cosine ask the same; from the lower one on they do where they share half of their words.
SAME_COSINE, SIMILAR_COSINE = 0.8, 0.6
WORDS_SHARED_MIN = 0.5
#: Distinct questions that one run groups.
QUESTIONS_MAX = 5_000
#: Characters of a question that are compared.
QUESTION_CHARS_MAX = 1_000
#: What stands for masked values says nothing about the question, and "subject" nothing about the subject.
_TAG = re.compile(r"\[[A-Z][A-Z_]*(?:_\d+)?\]|^(?:subject|betreff|objet|oggetto):", re.IGNORECASE | re.MULTILINE)


def group(questions: Sequence[str], encoder: Encoder) -> list[int]:
    """For each of `questions` (oldest first) the position of the one that leads its group; its own where it leads itself.

    Beyond QUESTIONS_MAX distinct ones the rest lead themselves.
    """
    folded = [" ".join(each.split()).casefold()[:QUESTION_CHARS_MAX] for each in questions]
    first: dict[str, int] = {}
    for position, text in enumerate(folded):
        first.setdefault(text, position)
    distinct = list(first.items())
    bare = [_TAG.sub(" ", questions[position])[:QUESTION_CHARS_MAX] for _, position in distinct[:QUESTIONS_MAX]]
    vectors = encoder.encode(bare)
    words = [_words(text) for text in bare]
    leader_of: dict[str, int] = {}
    leaders: list[int] = []
    for number, (text, position) in enumerate(distinct):
        found: int | None = None
        if number < QUESTIONS_MAX and leaders:
            cosines = vectors[leaders] @ vectors[number]
            for choice in np.argsort(-cosines):
                cosine = float(cosines[choice])
                if cosine < SIMILAR_COSINE:
                    break
                if cosine >= SAME_COSINE or _share(words[leaders[choice]], words[number]) >= WORDS_SHARED_MIN:
                    found = distinct[leaders[choice]][1]
                    break
        if found is None and number < QUESTIONS_MAX:
            leaders.append(number)
        leader_of[text] = position if found is None else found
    return [leader_of[text] for text in folded]


def _words(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in read_statement(text).content())


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's share of common words."""
    return len(one & other) / len(one | other) if one | other else 0.0
