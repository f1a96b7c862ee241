"""A local model as verifier: what goes into it (pairs, templates, windows), and what its labels mean for a claim.

The tasks follow the models that they are for: token labels, LettuceDetect (Kovács & Recski 2025); entailment and pair scores,
MiniCheck (Tang et al. 2024) and HHEM (Vectara); the first word of an answer, MiniCheck's T5.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from groundcrew.domain.verifier import Verifier as Declared
from groundcrew.domain.verifier import VerifierTask
from groundcrew.errors import InputError
from groundcrew.grounding.onnx_session import softmax
from groundcrew.grounding.verifiers.folder import TOKENIZER_FILE, folder_sha256, label_names, read_config
from groundcrew.grounding.verifiers.network import Logits, Network, OnnxNetwork
from groundcrew.grounding.verifiers.protocol import ClaimToVerify, ClaimVerdict, stretched, unknown
from groundcrew.grounding.verifiers.windows import nearest, windows

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

#: Runs of the model for the claims of one answer; claims beyond them are unknown.
RUNS_MAX = 256
#: Tokens kept free for what joining texts adds.
TOKENS_SLACK = 8
#: Fewer tokens of evidence than this are not worth a run.
EVIDENCE_TOKENS_MIN = 16

_PLACE = re.compile(r"\{(claim|evidence|question|context)\}")
_DEFAULT_LABELS: dict[VerifierTask, tuple[str, ...]] = {
    "nli": ("entailment", "supported", "consistent"),
    "cross_encoder": ("supported", "consistent", "entailment", "1", "LABEL_1"),
    "token_classification": ("unsupported", "hallucinated", "hallucination", "1", "LABEL_1"),
    "seq2seq": ("1",),
}


class _Found(msgspec.Struct, frozen=True):
    """What one run says: support before the threshold, 0..1 (NaN where the model gave none), P(contradicted), places."""

    score: float
    contradicted: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()


class LocalModel:
    """Judges claims with a local model. Blocking: call it in a thread, one at a time."""

    def __init__(self, declared: Declared, network: Network, tokenizer: Tokenizer, config: dict[str, Any]) -> None:
        """InputError where the declared labels are not the model's."""
        assert declared.task is not None
        self._declared, self._task, self._network = declared, declared.task, network
        self._tokenizer = tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        added = tokenizer.get_added_tokens_decoder().values()
        self._special = tuple(each.content for each in added if each.special and len(each.content) > 1)
        self._single = "{claim}" in (declared.template or "")
        self._names = label_names(config)
        self._supported, self._against = self._label_numbers()

    @property
    def name(self) -> str:
        """As it is declared."""
        return self._declared.name

    def verdicts(self, claims: Sequence[ClaimToVerify], stopped: threading.Event | None = None) -> list[ClaimVerdict]:
        """One verdict a claim. Ends early, with unknown verdicts, once `stopped` is set: nobody waits any more."""
        found: list[ClaimVerdict] = []
        runs = 0
        for claim in claims:
            texts, problem = self._texts(claim)
            runs += len(texts)
            if problem or runs > RUNS_MAX:
                found.append(unknown(problem or f"more than {RUNS_MAX} runs of the model"))
                continue
            found.append(self._verdict(claim, texts, stopped))
        return found

    def _texts(self, claim: ClaimToVerify) -> tuple[list[str], str]:
        """The windows of the claim's passages; or why there are none."""
        own = self._size([self._plain(claim.text)])[0]
        around = len(self._encode(claim, "").ids)
        room = self._declared.tokens_max - around - TOKENS_SLACK
        if own > self._declared.tokens_max // 2 or room < EVIDENCE_TOKENS_MIN:
            return [], "the claim is longer than the model's input"
        found = windows([self._plain(each) for each in claim.passages], self._size, room)
        return nearest(claim.text, found), "" if found else "there is no evidence"

    def _size(self, texts: Sequence[str]) -> list[int]:
        return [len(each.ids) for each in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def _plain(self, text: str) -> str:
        """`text` in which nothing reads as one of the model's special tokens: who writes it must not end the evidence."""
        for special in self._special:
            if special in text:
                text = text.replace(special, special[0] + " " + special[1:])
        return text

    def _encode(self, claim: ClaimToVerify, evidence: str) -> Encoding:
        parts = {"claim": claim.text, "question": claim.question, "context": claim.context}
        values = {name: self._plain(text) for name, text in parts.items()} | {"evidence": evidence}
        template = self._declared.template
        first = _PLACE.sub(lambda place: values[place[1]], template) if template else evidence
        if self._single:
            return self._tokenizer.encode(first)
        return self._tokenizer.encode(first, values["claim"])

    def _verdict(self, claim: ClaimToVerify, texts: Sequence[str], stopped: threading.Event | None) -> ClaimVerdict:
        """The best window counts: support needs one place that says it. A window contradicts only where none supports."""
        threshold = self._declared.threshold
        best, against = _Found(score=-1.0), 0.0
        for text in texts:
            if stopped is not None and stopped.is_set():
                return unknown("nobody waits any more")
            encoding = self._encode(claim, text)
            if len(encoding.ids) > self._declared.tokens_max + TOKENS_SLACK:
                return unknown("the evidence does not fit the model's input")
            found = self._read(self._network.logits(encoding.ids, encoding.type_ids), encoding, claim)
            if not np.isfinite(found.score) or not np.isfinite(found.contradicted):
                return unknown("the model's output is no number")
            against = max(against, found.contradicted)
            best = max(best, found, key=lambda each: each.score)
        support = stretched(min(1.0, max(0.0, best.score)), threshold)
        return ClaimVerdict(
            support=support,
            contradicted=against > 0.5 and support < 0.5,
            spans=best.spans if support < 0.5 else (),
            detail=f"{len(texts)} window{'s' if len(texts) > 1 else ''}",
        )

    def _read(self, logits: Logits, encoding: Encoding, claim: ClaimToVerify) -> _Found:
        if self._task == "token_classification":
            return self._read_tokens(logits, encoding, claim)
        if logits.ndim == 2:  # a label for each token, of which the first stands for the whole
            logits = logits[0]
        if logits.ndim != 1 or not logits.size or max(self._supported, self._against or 0) >= max(logits.size, 2):
            raise InputError("the model's output has another shape than its task says")
        if self._task == "seq2seq":
            assert self._against is not None
            return _Found(score=float(softmax(logits[[self._against, self._supported]])[1]))
        if logits.size == 1:
            return _Found(score=float(1.0 / (1.0 + np.exp(-np.clip(logits[0], -60, 60)))) if np.isfinite(logits[0]) else np.nan)
        shares = softmax(logits)
        contradicted = float(shares[self._against]) if self._task == "nli" and self._against is not None else 0.0
        return _Found(score=float(shares[self._supported]), contradicted=contradicted)

    def _read_tokens(self, logits: Logits, encoding: Encoding, claim: ClaimToVerify) -> _Found:
        if logits.ndim != 2 or logits.shape[0] != len(encoding.ids) or logits.shape[1] <= max(self._supported, 1):
            raise InputError("the model's output has another shape than its task says")
        own = [index for index, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
        if not own:
            return _Found(score=np.nan)
        unsupported = np.array([softmax(logits[index])[self._supported] for index in own])
        score = float(1.0 - unsupported.max()) if np.isfinite(unsupported).all() else np.nan
        spans: list[tuple[int, int]] = []
        if self._plain(claim.text) == claim.text:
            threshold = self._declared.threshold
            for index, share in zip(own, unsupported, strict=True):
                if 1 - share >= threshold:
                    continue
                start, end = encoding.offsets[index]
                if spans and start <= spans[-1][1] + 1:
                    spans[-1] = (spans[-1][0], end)
                else:
                    spans.append((start, end))
        return _Found(score=score, spans=tuple(spans))

    def _label_numbers(self) -> tuple[int, int | None]:
        """Which output means support (for token labels: the lack of it), and which contradiction (for the first word of an
        answer: the other word)."""
        labels, task = self._declared.labels, self._task
        if task == "seq2seq":
            return self._first_token(labels.supported or "1"), self._first_token(labels.unsupported or "0")
        wanted = labels.unsupported if task == "token_classification" else labels.supported
        supported = self._label(wanted, _DEFAULT_LABELS[task])
        if supported is None:
            supported = 1 if task != "nli" else None
        if supported is None:
            raise InputError(f"say which label means support; the model has {self._known()}", field="labels.supported")
        return supported, self._label(labels.contradicted, ("contradiction", "contradicted", "refutes"))

    def _label(self, wanted: str | None, usual: Sequence[str]) -> int | None:
        by_name = {name.lower(): number for number, name in self._names.items()}
        if wanted is None:
            return next((by_name[each.lower()] for each in usual if each.lower() in by_name), None)
        if wanted.lower() in by_name:
            return by_name[wanted.lower()]
        if wanted.isdigit() and (not self._names or int(wanted) in self._names):
            return int(wanted)
        raise InputError(f"the model has no label {wanted!r}; it has {self._known()}", field="labels")

    def _known(self) -> str:
        return ", ".join(self._names.values()) or "no named labels: give its number"

    def _first_token(self, word: str) -> int:
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        if not ids:
            raise InputError(f"the model's vocabulary does not know {word!r}", field="labels")
        return int(ids[0])


def load_local(declared: Declared, *, threads: int = 1, network: Callable[[Path], Network] | None = None) -> LocalModel:
    """The model that `declared` names. InputError where it is not there, has changed since it was declared, can not be loaded, or
    its labels are not the declared ones."""
    assert declared.path is not None
    assert declared.task is not None
    folder = Path(declared.path)
    if not folder.is_dir():
        raise InputError("no such folder", file=declared.path)
    if declared.sha256 is not None and folder_sha256(folder) != declared.sha256:
        raise InputError("the model's files are not those that were declared: apply the declaration again", file=declared.path)
    tokenizer, config = _tokenizer(folder), read_config(folder)
    loaded: Network
    if network is not None:
        loaded = network(folder)
    elif declared.api == "onnx":
        loaded = OnnxNetwork(folder, threads=threads)
    else:
        from groundcrew.grounding.verifiers.transformers_network import TransformersNetwork

        loaded = TransformersNetwork(folder, declared.task, threads=threads)
    return LocalModel(declared, loaded, tokenizer, config)


def _tokenizer(folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    path = folder / TOKENIZER_FILE
    if not path.is_file():
        raise InputError("is missing: save the model's fast tokenizer beside it", file=str(path))
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        raise InputError("is no tokenizer that can be read", file=str(path)) from error
