"""The shipped sentence encoder: text to unit vectors with onnxruntime, so that no torch is needed at run time.

Architecture and pooling: Reimers & Gurevych 2019 (Sentence-BERT); Wang et al. 2020 (MiniLM). The weights' making and
measured deviation are in models/minilm/MODEL_CARD.md.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.grounding.onnx_session import open_session

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SHIPPED_MODEL = Path(__file__).resolve().parents[1] / "models" / "minilm"
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
DIMENSIONS = 384
#: The entry of a file of layers that holds the `sha256` of the encoder that they were made for.
LAYERS_OF = "layers_of"
#: Longer texts are cut here: the length the weights were tuned on.
TOKENS_MAX = 256
#: Characters handed to the tokenizer: at least `TOKENS_MAX` tokens of any text, and no more work than that for a huge one.
CHARACTERS_MAX = 16_384


class Encoder:
    """Turns texts into unit vectors; the same text always gets the same vector. Safe to share between threads."""

    def __init__(self, folder: Path, *, threads: int = 1, layers: Path | None = None) -> None:
        """`folder` holds model.onnx and tokenizer.json; `threads` is for one run inside onnxruntime; `layers`, an .npz file made
        for them, has weights that stand in for the model's own of the same names. Missing or broken files raise `InputError`."""
        if threads < 1:
            raise InputError("must be at least 1", field="threads")
        self._model_path, self._tokenizer_path = folder / MODEL_FILE, folder / TOKENIZER_FILE
        self._layers_path = layers
        for path in (self._model_path, self._tokenizer_path, *([layers] if layers else [])):
            if not path.is_file():
                raise InputError("the encoder's file is missing; reinstall groundcrew", file=str(path))
        self._tokenizer = self._load_tokenizer()
        self._session = self._load_session(threads)

    @classmethod
    def shipped(cls, threads: int = 1) -> Encoder:
        """The encoder that comes with the package."""
        return cls(SHIPPED_MODEL, threads=threads)

    @property
    def sha256(self) -> str:
        """SHA-256 over model and tokenizer: vectors are comparable only between equal ones."""
        return model_sha256(self._model_path.parent)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, 384) float32, every row of length 1; an empty list gives (0, 384). A text beyond 256 tokens is cut there."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, vector in enumerate(self.encode_each(texts)):
            vectors[row] = vector
        return vectors

    def encode_each(self, texts: Iterable[str]) -> Iterator[npt.NDArray[np.float32]]:
        """The rows of `encode` one by one, for callers that show progress or stop early.

        One text a run, never a batch: int8 activations are scaled by the largest value in a run, so in a shared run a
        text's vector would depend on its neighbours. It costs little: 360 texts on one core took 1.77 s singly, 1.61 s in
        eights, 2.54 s in thirty-twos.
        """
        for text in texts:
            ids = self._tokenizer.encode(as_read(text)).ids
            row = np.array([ids], dtype=np.int64)
            embedding: npt.NDArray[np.float32] = self._session.run(None, {"input_ids": row, "attention_mask": np.ones_like(row)})[
                0
            ][0]
            yield embedding

    def _load_tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        try:
            tokenizer: Tokenizer = Tokenizer.from_file(str(self._tokenizer_path))
        except Exception as error:  # tokenizers raises a bare Exception
            raise InputError(f"the encoder's tokenizer does not load: {error}", file=str(self._tokenizer_path)) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS_MAX)
        return tokenizer

    def _load_session(self, threads: int) -> Any:
        try:
            return open_session(self._model_path, threads=threads, weights=self._weights())
        except Exception as error:  # onnxruntime has one exception class a status code, with no common base
            raise InputError(f"the encoder's model does not load: {error}", file=str(self._model_path)) from error

    def _weights(self) -> dict[str, npt.NDArray[Any]]:
        if self._layers_path is None:
            return {}
        with np.load(self._layers_path, allow_pickle=False) as content:
            weights = dict(content)
        # onnxruntime takes names that the model does not have, and says nothing.
        if str(weights.pop(LAYERS_OF, "")) != self.sha256:
            raise ValueError(f"{self._layers_path.name} was not made for this model")
        return weights


def as_read(text: str) -> str:
    """What an encoder reads of `text`: its first CHARACTERS_MAX characters, without lone surrogates, which can not be tokenised
    or written and stand for no character anyway."""
    return text[:CHARACTERS_MAX].encode("utf-8", "replace").decode("utf-8")


@functools.cache
def model_sha256(folder: Path) -> str:
    """SHA-256 over the model and the tokenizer in `folder`, read once a process, without loading them."""
    content = hashlib.sha256()
    for name in (MODEL_FILE, TOKENIZER_FILE):
        try:
            content.update((folder / name).read_bytes())
        except OSError as error:
            raise InputError("the encoder's file is missing; reinstall groundcrew", file=str(folder / name)) from error
    return content.hexdigest()


@functools.cache
def layered_encoder(layers: Path) -> Encoder:
    """The process's one shipped encoder with the weights of `layers`, loaded on first use: another 60 MB."""
    return Encoder(SHIPPED_MODEL, layers=layers)


_shipped: Encoder | None = None
_shipped_lock = threading.Lock()


def shipped_encoder() -> Encoder:
    """The process's one shipped encoder (1 thread), loaded on first use: 60 MB and 0.2 s that are paid once."""
    global _shipped
    with _shipped_lock:
        if _shipped is None:
            _shipped = Encoder.shipped()
        return _shipped
