"""What any trust score must beat: answer length, the share of words that the sources hold, and plain sentence similarity."""

from __future__ import annotations

from examples import Answer

from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.encodings import EncodingCache
from groundcrew.grounding.lexicon import tokens
from groundcrew.grounding.sentences import split_sentences

#: Sentences of an answer and of its sources that are compared.
ANSWER_SENTENCES_MAX, SOURCE_SENTENCES_MAX = 12, 40


def answer_length(answer: Answer) -> float:
    """The longer, the less trusted."""
    return 1 / (1 + len(answer.text.split()))


def lexical_overlap(answer: Answer) -> float:
    """Share of the answer's content words that the sources hold."""
    known = {token.stem for source in answer.sources for token in tokens(source)}
    words = [token.stem for token in tokens(answer.text) if token.is_content]
    return sum(word in known for word in words) / len(words) if words else 1.0


class Similarity:
    """The least, over the answer's sentences, of the highest cosine with a source sentence."""

    def __init__(self) -> None:
        self._cache = EncodingCache(Encoder.shipped(threads=1))

    def __call__(self, answer: Answer) -> float:
        mine = [answer.text[s.start : s.end] for s in split_sentences(answer.text)][:ANSWER_SENTENCES_MAX]
        theirs = [source[s.start : s.end] for source in answer.sources for s in split_sentences(source)][:SOURCE_SENTENCES_MAX]
        if not mine or not theirs:
            return 0.0
        return float((self._cache.encode(mine) @ self._cache.encode(theirs).T).max(axis=1).min())
