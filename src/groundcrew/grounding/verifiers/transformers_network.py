"""Runs a local Hugging Face folder through transformers, which the extra `verifiers` brings. Nothing is downloaded, and no code
that comes with a model is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from groundcrew.domain.verifier import VerifierTask
from groundcrew.errors import InputError
from groundcrew.grounding.verifiers.folder import read_config
from groundcrew.grounding.verifiers.network import Logits

EXTRA_MISSING = "needs torch and transformers: install the extra `verifiers` (pip install 'groundcrew[verifiers]')"
#: An architecture that brings its own code: a T5 encoder that labels the first token, under a prefix (Vectara's HHEM-2.1).
_PREFIXED_T5 = "HHEMv2ForSequenceClassification"
_PREFIX = "t5."
_CLASSES: dict[VerifierTask, str] = {
    "token_classification": "AutoModelForTokenClassification",
    "nli": "AutoModelForSequenceClassification",
    "cross_encoder": "AutoModelForSequenceClassification",
    "seq2seq": "AutoModelForSeq2SeqLM",
}


class TransformersNetwork:
    """A Hugging Face folder. Safe to share between threads, which then wait for each other."""

    def __init__(self, folder: Path, task: VerifierTask, *, threads: int = 1) -> None:
        """InputError where the extra is not installed or the folder can not be loaded."""
        try:
            import torch
            import transformers
        except ImportError:
            raise InputError(EXTRA_MISSING, file=str(folder)) from None
        self._torch = torch
        torch.set_num_threads(threads)
        config = read_config(folder)
        try:
            if _PREFIXED_T5 in (config.get("architectures") or []):
                self._model = _prefixed_t5(folder)
            else:
                name = "T5ForTokenClassification" if _labels_tokens(config, task) else _CLASSES[task]
                loader = getattr(transformers, name)
                self._model = loader.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"can not be loaded by transformers ({type(error).__name__})", file=str(folder)) from error
        self._model.eval()
        self._seq2seq = task == "seq2seq"
        own = self._model.config
        start = getattr(own, "decoder_start_token_id", None)
        self._start = int(start if start is not None else getattr(own, "pad_token_id", 0) or 0)
        self._types = int(getattr(own, "type_vocab_size", 0) or 0)
        self._takes_types = self._types > 0 and "token_type_ids" in _arguments(self._model)

    def logits(self, ids: Sequence[int], types: Sequence[int]) -> Logits:
        """As `Network` says."""
        torch = self._torch
        row = torch.tensor([list(ids)])
        inputs: dict[str, Any] = {"input_ids": row, "attention_mask": torch.ones_like(row)}
        if self._takes_types:
            inputs["token_type_ids"] = torch.tensor([list(types)]).clamp(max=self._types - 1)
        if self._seq2seq:
            inputs["decoder_input_ids"] = torch.tensor([[self._start]])
        with torch.inference_mode():
            output = self._model(**inputs).logits[0]
        if self._seq2seq:
            output = output[0]
        return np.asarray(output.float().cpu().numpy(), dtype=np.float64)


def _labels_tokens(config: dict[str, Any], task: VerifierTask) -> bool:
    """Whether a cross-encoder is a T5 that labels tokens, of which the first one's label counts."""
    return task == "cross_encoder" and "T5ForTokenClassification" in (config.get("architectures") or [])


def _arguments(model: Any) -> frozenset[str]:
    import inspect

    return frozenset(inspect.signature(model.forward).parameters)


def _prefixed_t5(folder: Path) -> Any:
    """HHEM-2.1 without its own code: its configuration names a model elsewhere, so that sizes are read off the weights."""
    from safetensors.torch import load_file
    from transformers import T5Config, T5ForTokenClassification

    weights = {
        name.removeprefix(_PREFIX): tensor
        for name, tensor in load_file(str(folder / "model.safetensors")).items()
        if name.startswith(_PREFIX)
    }
    block = "transformer.encoder.block.0.layer."
    shared = weights.get("transformer.shared.weight", weights.get("transformer.encoder.embed_tokens.weight"))
    heads = weights[f"{block}0.SelfAttention.relative_attention_bias.weight"].shape
    inner = weights[f"{block}0.SelfAttention.q.weight"].shape[0]
    gated = f"{block}1.DenseReluDense.wi_0.weight" in weights
    layers = {int(name.split(".")[3]) for name in weights if name.startswith("transformer.encoder.block.")}
    if shared is None:
        raise InputError("the weights hold no embeddings", file=str(folder))
    config = T5Config(
        vocab_size=shared.shape[0],
        d_model=shared.shape[1],
        d_kv=inner // heads[1],
        d_ff=weights[f"{block}1.DenseReluDense.{'wi_0' if gated else 'wi'}.weight"].shape[0],
        num_layers=len(layers),
        num_heads=heads[1],
        relative_attention_num_buckets=heads[0],
        feed_forward_proj="gated-gelu" if gated else "relu",
        num_labels=weights["classifier.weight"].shape[0],
        tie_word_embeddings=False,
    )
    model = T5ForTokenClassification(config)
    missing, surplus = model.load_state_dict(weights, strict=False)
    tied = {"transformer.encoder.embed_tokens.weight", "transformer.shared.weight"}
    if set(missing) - tied or set(surplus) - tied:
        raise InputError("the weights do not fit a T5 that labels tokens", file=str(folder))
    model.transformer.shared.weight.data = shared
    model.transformer.encoder.embed_tokens.weight.data = shared
    return model
