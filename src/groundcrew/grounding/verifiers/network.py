"""Runs a local model on one input at a time: an ONNX folder through onnxruntime, without torch.

One input a run, never a padded batch: int8 activations are scaled by the largest value in a run, so that in a shared run the
score of a claim would depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from groundcrew.errors import InputError
from groundcrew.grounding.onnx_session import open_session
from groundcrew.grounding.verifiers.folder import read_config

MODEL_FILE, ENCODER_FILE, DECODER_FILE = "model.onnx", "encoder_model.onnx", "decoder_model.onnx"
#: What a graph may ask for beside the outputs of its own encoder.
_KNOWN = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids", "decoder_input_ids"})
_FROM_ENCODER = frozenset({"encoder_hidden_states", "encoder_attention_mask"})

Logits = npt.NDArray[np.float64]


class Network(Protocol):
    """A loaded model."""

    def logits(self, ids: Sequence[int], types: Sequence[int]) -> Logits:
        """The model's output for one input of token ids and segment numbers, without the batch's axis: (labels,) for a label of
        the whole, (tokens, labels) for one of each token, (vocabulary,) for the first word of an answer."""
        ...


class OnnxNetwork:
    """An ONNX folder: model.onnx, or encoder_model.onnx and decoder_model.onnx. Safe to share between threads."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """InputError where a file is missing, broken, or asks for an input that is not known."""
        config = read_config(folder)
        self._start = int(config.get("decoder_start_token_id") or config.get("pad_token_id") or 0)
        self._position_base = int(config.get("pad_token_id") or 0) + 1 if config.get("model_type") == "roberta" else 0
        self._types = int(config.get("type_vocab_size") or 2)
        split = (folder / ENCODER_FILE).is_file() and (folder / DECODER_FILE).is_file() and not (folder / MODEL_FILE).is_file()
        self._encoder = _session(folder / ENCODER_FILE, threads) if split else None
        self._session = _session(folder / (DECODER_FILE if split else MODEL_FILE), threads)
        known = _KNOWN | _FROM_ENCODER if split else _KNOWN
        for each in self._session.get_inputs():
            if each.name not in known:
                raise InputError(f"the model wants an input {each.name!r}, which is not known", file=str(folder))

    def logits(self, ids: Sequence[int], types: Sequence[int]) -> Logits:
        """As `Network` says."""
        row = np.asarray([ids], dtype=np.int64)
        inputs: dict[str, npt.NDArray[Any]] = {
            "input_ids": row,
            "attention_mask": np.ones_like(row),
            "token_type_ids": np.minimum(np.asarray([types], dtype=np.int64), self._types - 1),
            "position_ids": np.arange(row.shape[1], dtype=np.int64)[None, :] + self._position_base,
            "decoder_input_ids": np.asarray([[self._start]], dtype=np.int64),
        }
        if self._encoder is not None:
            states = _run(self._encoder, inputs)
            inputs |= {"encoder_hidden_states": states, "encoder_attention_mask": inputs["attention_mask"]}
            inputs["input_ids"] = inputs["decoder_input_ids"]
        output = _run(self._session, inputs)
        is_seq2seq = self._encoder is not None or any(each.name == "decoder_input_ids" for each in self._session.get_inputs())
        found = np.asarray(output[0], dtype=np.float64)
        return found[0] if is_seq2seq and found.ndim == 2 else found


def _run(session: Any, inputs: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    wanted = {each.name: inputs[each.name] for each in session.get_inputs()}
    output: npt.NDArray[Any] = session.run([session.get_outputs()[0].name], wanted)[0]
    return output


def _session(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise InputError("is missing", file=str(path))
    try:
        return open_session(path, threads=threads)
    except Exception as error:
        raise InputError(f"can not be loaded by onnxruntime ({type(error).__name__})", file=str(path)) from error
