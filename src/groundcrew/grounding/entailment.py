"""The shipped entailment network: does a window of evidence support a claim, contradict it or not speak of it, and which words
of the claim it does not support. It reads evidence and claim together, which sentence encodings cannot.

Architecture: Devlin et al. 2019 (BERT pair classification); Wang et al. 2020 (MiniLM). The marks of exact matches follow
Chen et al. 2017 (DrQA). Training, data and measured quality are in models/entailment/MODEL_CARD.md.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.grounding.onnx_session import open_session, softmax

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SHIPPED_MODEL = Path(__file__).resolve().parents[1] / "models" / "entailment"
MODEL_FILE, TOKENIZER_FILE = "model.onnx", "tokenizer.json"
#: Tokens of evidence and claim together, and of the claim alone; what is longer is cut, the claim first to its own limit.
TOKENS_MAX, CLAIM_TOKENS_MAX = 192, 96
#: Characters handed to the tokenizer.
EVIDENCE_CHARS_MAX, CLAIM_CHARS_MAX = 4_000, 2_000
#: What a mark is made of: the token belongs to the claim, its word stands on the other side too, it holds a digit.
IN_CLAIM, MATCHED, DIGIT = 2, 1, 4


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the network says of one pair. `supported` and `contradicted` are probabilities, the rest to 1 is "not mentioned";
    `words` are (start, end, P(unsupported)) over the claim's code points, token by token."""

    supported: float
    contradicted: float
    words: tuple[tuple[int, int, float], ...]


class Entailment:
    """Scores pairs of evidence and claim; the same pair always gets the same score. Safe to share between threads."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """`folder` holds model.onnx and tokenizer.json; `threads` is for one run inside onnxruntime. Missing or broken files
        raise `InputError`."""
        if threads < 1:
            raise InputError("must be at least 1", field="threads")
        for name in (MODEL_FILE, TOKENIZER_FILE):
            if not (folder / name).is_file():
                raise InputError("the entailment network's file is missing; reinstall groundcrew", file=str(folder / name))
        self._tokenizer, self._session = _load(folder, threads)

    @classmethod
    def shipped(cls, threads: int = 1) -> Entailment:
        """The network that comes with the package."""
        return cls(SHIPPED_MODEL, threads=threads)

    def score(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float32]:
        """(n, 2) float32 for n pairs of (evidence, claim): P(supported), P(contradicted), each 0..1 and never NaN. A pair with
        an empty side is (0, 0): nothing supports it and nothing contradicts it."""
        scores = np.zeros((len(pairs), 2), dtype=np.float32)
        for row, reading in enumerate(self.read(pairs)):
            scores[row] = reading.supported, reading.contradicted
        return scores

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        """The readings of the pairs, in their order. Equal pairs are read once.

        One pair a run, never a batch: int8 activations are scaled by the largest value in a run, so in a shared run a pair's
        score would depend on its neighbours, and padding would cost what batching saves.
        """
        found: dict[tuple[str, str], Reading] = {}
        for pair in pairs:
            if pair not in found:
                found[pair] = self._read(*pair)
        return [found[pair] for pair in pairs]

    def _read(self, evidence: str, claim: str) -> Reading:
        ids, marks, first, offsets = encode_pair(self._tokenizer, evidence, claim)
        if first <= 2 or not offsets:  # nothing but the special tokens on one side
            return Reading(supported=0.0, contradicted=0.0, words=())
        logits, tokens = self._session.run(
            None, {"input_ids": np.array([ids], dtype=np.int64), "marks": np.array([marks], dtype=np.int64)}
        )
        chances = softmax(logits[0])
        unsupported = 1.0 / (1.0 + np.exp(-np.clip(tokens[0][first : first + len(offsets)], -30.0, 30.0)))
        words = tuple((start, end, float(chance)) for (start, end), chance in zip(offsets, unsupported, strict=True))
        if not np.isfinite(chances).all():
            return Reading(supported=0.0, contradicted=0.0, words=())
        return Reading(supported=float(chances[0]), contradicted=float(chances[1]), words=words)


def encode_pair(tokenizer: Tokenizer, evidence: str, claim: str) -> tuple[list[int], list[int], int, list[tuple[int, int]]]:
    """[CLS] evidence [SEP] claim [SEP] as ids and marks, the place of the claim's first token, and the code points of the
    claim's tokens. Training encodes with this very function."""
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if start is None or end is None:
        raise InputError("the entailment network's tokenizer has no tokens for start and end")
    theirs = tokenizer.encode(_readable(evidence[:EVIDENCE_CHARS_MAX]), add_special_tokens=False)
    mine = tokenizer.encode(_readable(claim[:CLAIM_CHARS_MAX]), add_special_tokens=False)
    claim_size = min(len(mine.ids), CLAIM_TOKENS_MAX)
    evidence_size = min(len(theirs.ids), TOKENS_MAX - 3 - claim_size)
    their_words, my_words = _words(theirs.ids, theirs.word_ids), _words(mine.ids, mine.word_ids)
    shared = set(their_words[:evidence_size]) & set(my_words)
    marks = [
        0,
        *(
            MATCHED * (word in shared) + DIGIT * _has_digit(token)
            for word, token in _take(their_words, theirs.tokens, evidence_size)
        ),
        0,
        *(
            IN_CLAIM + MATCHED * (word in shared) + DIGIT * _has_digit(token)
            for word, token in _take(my_words, mine.tokens, claim_size)
        ),
        0,
    ]
    ids = [start, *theirs.ids[:evidence_size], end, *mine.ids[:claim_size], end]
    return ids, marks, evidence_size + 2, mine.offsets[:claim_size]


def _take(words: list[tuple[int, ...]], tokens: list[str], size: int) -> list[tuple[tuple[int, ...], str]]:
    return list(zip(words[:size], tokens[:size], strict=True))


def _words(ids: list[int], word_ids: Sequence[int | None]) -> list[tuple[int, ...]]:
    """For each token, the ids of all tokens of its word."""
    by_word: dict[int | None, list[int]] = {}
    for identifier, word in zip(ids, word_ids, strict=True):
        by_word.setdefault(word, []).append(identifier)
    whole = {word: tuple(parts) for word, parts in by_word.items()}
    return [whole[word] for word in word_ids]


def _has_digit(token: str) -> bool:
    return any(character.isdigit() for character in token)


def _readable(text: str) -> str:
    # A lone surrogate cannot be tokenised; it stands for no character anyway, and "?" keeps the offsets.
    return text.encode("utf-8", "replace").decode("utf-8")


def _load(folder: Path, threads: int) -> tuple[Tokenizer, Any]:
    from tokenizers import Tokenizer

    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        session = open_session(folder / MODEL_FILE, threads=threads)
    except Exception as error:  # tokenizers and onnxruntime raise classes without a common base
        raise InputError(f"the entailment network does not load: {error}", file=str(folder)) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, session


_shipped: Entailment | None = None
_shipped_lock = threading.Lock()


def shipped_entailment() -> Entailment:
    """The process's one shipped network (1 thread), loaded on first use."""
    global _shipped
    with _shipped_lock:
        if _shipped is None:
            _shipped = Entailment.shipped()
        return _shipped
