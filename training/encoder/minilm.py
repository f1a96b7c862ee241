"""The six-layer MiniLM sentence encoder as a plain torch module, so that the exported graph is ours to read and does not
follow the internals of a modelling library from release to release.

Architecture: Devlin et al. 2019 (BERT encoder); Wang et al. 2020 (MiniLM); mean pooling and cosine training:
Reimers & Gurevych 2019 (Sentence-BERT).
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

HIDDEN_SIZE = 384
LAYERS = 6
HEADS = 12
LAYER_NORM_EPSILON = 1e-12
MASKED_SCORE = -10_000.0


class SentenceEncoder(torch.nn.Module):
    """(batch, tokens) ids and mask → (batch, 384) mean-pooled, L2-normalised sentence vectors."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        super().__init__()
        used = {name: value for name, value in weights.items() if value.is_floating_point() and "pooler" not in name}
        self.weights = torch.nn.ParameterDict(
            {_parameter_name(name): torch.nn.Parameter(value, requires_grad=False) for name, value in used.items()}
        )

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self._embed(input_ids)
        attention_bias = (1.0 - attention_mask[:, None, None, :].float()) * MASKED_SCORE
        for layer in range(LAYERS):
            hidden = self._layer(hidden, attention_bias, f"encoder.layer.{layer}.")
        mask = attention_mask.unsqueeze(-1).float()
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return mean / torch.sqrt((mean * mean).sum(1, keepdim=True))

    def _embed(self, input_ids: torch.Tensor) -> torch.Tensor:
        words = functional.embedding(input_ids, self._weight("embeddings.word_embeddings.weight"))
        positions = self._weight("embeddings.position_embeddings.weight")[: input_ids.shape[1]]
        segment = self._weight("embeddings.token_type_embeddings.weight")[0]
        return self._normalise(words + positions + segment, "embeddings.LayerNorm")

    def _layer(self, hidden: torch.Tensor, attention_bias: torch.Tensor, prefix: str) -> torch.Tensor:
        query, key, value = (
            self._split_heads(self._linear(hidden, f"{prefix}attention.self.{part}")) for part in ("query", "key", "value")
        )
        scores = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(HIDDEN_SIZE / HEADS) + attention_bias
        context = torch.matmul(torch.softmax(scores, -1), value)
        context = context.permute(0, 2, 1, 3).reshape(hidden.shape[0], hidden.shape[1], HIDDEN_SIZE)
        attended = self._linear(context, f"{prefix}attention.output.dense") + hidden
        hidden = self._normalise(attended, f"{prefix}attention.output.LayerNorm")
        widened = functional.gelu(self._linear(hidden, f"{prefix}intermediate.dense"))
        return self._normalise(self._linear(widened, f"{prefix}output.dense") + hidden, f"{prefix}output.LayerNorm")

    def _weight(self, name: str) -> torch.Tensor:
        return self.weights[_parameter_name(name)]

    def _linear(self, values: torch.Tensor, name: str) -> torch.Tensor:
        return torch.matmul(values, self._weight(f"{name}.weight").t()) + self._weight(f"{name}.bias")

    def _normalise(self, values: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return functional.layer_norm(values, (HIDDEN_SIZE,), weight, bias, LAYER_NORM_EPSILON)

    def _split_heads(self, values: torch.Tensor) -> torch.Tensor:
        return values.reshape(values.shape[0], values.shape[1], HEADS, HIDDEN_SIZE // HEADS).permute(0, 2, 1, 3)


def _parameter_name(name: str) -> str:
    """torch forbids dots in parameter names."""
    return name.replace(".", "_")
