"""Small ONNX networks that guards ask: a text becomes windows of token ids and how each token was written, and logits come back
with the place of every token in the text. The networks come out of training/."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.grounding.onnx_session import open_session

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MODELS = Path(__file__).resolve().parents[1] / "models"
MODEL_FILE, TOKENIZER_FILE = "model.onnx", "tokenizer.json"
#: Tokens of one window without the two at its ends, and how many two neighbouring windows share.
WINDOW_TOKENS, OVERLAP_TOKENS = 192, 32
#: Set at the process's end: what a thread still reads then nobody waits for, and a network that is cut off aborts the process.
_ending = threading.Event()
atexit.register(_ending.set)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What a network says about one window of a text. `logits` is (tokens, labels) for a tagger, (outputs,) for a classifier;
    `offsets` are the tokens' code points in the text, `first` is the window's first token in the text."""

    first: int
    offsets: list[tuple[int, int]]
    logits: Any


class Network:
    """One network, loaded on first use. Safe to share between threads; one run takes one core."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loaded: tuple[Tokenizer, Any, int, int] | None = None

    def warm(self) -> None:
        """Load it now; InputError where a file is missing or broken."""
        self._load()

    def windows(self, text: str, *, windows_max: int) -> tuple[list[Window], bool]:
        """The network over all of `text`, window by window, and whether that was all of it: beyond `windows_max` the middle is
        left out."""
        tokenizer, session, start, end = self._load()
        # A lone surrogate cannot be tokenised; one "?" in its place keeps the offsets.
        encoding = tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"), add_special_tokens=False)
        ids, offsets = encoding.ids, encoding.offsets
        if not ids:
            return [], True
        step = WINDOW_TOKENS - OVERLAP_TOKENS
        starts = list(range(0, max(1, len(ids) - OVERLAP_TOKENS), step))
        whole = len(starts) <= windows_max
        if not whole:
            half = windows_max // 2
            starts = starts[: windows_max - half] + starts[len(starts) - half :]
        found: list[Window] = []
        for first in starts:
            if _ending.is_set():
                raise InputError("the process ends")
            part, places = ids[first : first + WINDOW_TOKENS], offsets[first : first + WINDOW_TOKENS]
            row = np.array([[start, *part, end]], dtype=np.int64)
            kinds = np.array([[0, *written(text, places), 0]], dtype=np.int64)
            logits: npt.NDArray[np.float32] = session.run(
                None, {"input_ids": row, "attention_mask": np.ones_like(row), "written": kinds}
            )[0][0]
            found.append(Window(first=first, offsets=places, logits=logits[1:-1] if logits.ndim == 2 else logits))
        return found, whole

    def _load(self) -> tuple[Tokenizer, Any, int, int]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._folder)
            return self._loaded


def written(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """How each token was written: 0 other, 1 lower case, 2 begins a word with a capital, 3 all capitals, 4 mixed, 5 digits,
    6 punctuation, 7 goes on with a word that began with a capital."""
    kinds: list[int] = []
    last_end, last_kind = -1, 0
    for start, end in offsets:
        piece = text[start:end]
        if piece.isdigit():
            kind = 5
        elif piece.islower():
            kind = 7 if start == last_end and last_kind in (2, 7) else 1
        elif piece.isupper():
            kind = 3 if len(piece) > 1 or not (text[end : end + 1].islower()) else 2
        elif piece[:1].isupper() and piece[1:].islower():
            kind = 2
        elif piece.isalpha():
            kind = 4
        elif piece.isalnum():
            kind = 0
        else:
            kind = 6
        kinds.append(kind)
        last_end, last_kind = end, kind
    return kinds


def _load(folder: Path) -> tuple[Tokenizer, Any, int, int]:
    from tokenizers import Tokenizer

    for name in (MODEL_FILE, TOKENIZER_FILE):
        if not (folder / name).is_file():
            raise InputError("a guard's model is missing; reinstall groundcrew", file=str(folder / name))
    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        session = open_session(folder / MODEL_FILE)
    except Exception as error:  # tokenizers and onnxruntime raise classes without a common base
        raise InputError(f"a guard's model does not load: {error}", file=str(folder)) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if start is None or end is None:
        raise InputError("a guard's tokenizer has no tokens for start and end", file=str(folder / TOKENIZER_FILE))
    return tokenizer, session, start, end
