"""The network that is trained: MiniLM's layers over evidence and claim with marks of exact matches, one head for the pair and
one for every token of the claim."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compact"))

from network import HEADS, HIDDEN_SIZE, MASKED_SCORE, Trunk

#: Bit of a mark that says the token is of the claim; see `groundcrew.grounding.entailment.IN_CLAIM`.
IN_CLAIM = 2
OUTCOMES = 3
POSITIONS = 192


class _Rows(torch.autograd.Function):
    """Rows of a table by index, with a gradient by addition: the stock one sorts and waits for the device."""

    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, table: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(index)
        context.rows = table.shape[0]
        return table[index]

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (index,) = context.saved_tensors
        width = gradient.shape[-1]
        total = torch.zeros(context.rows, width, device=gradient.device)
        total.index_add_(0, index.reshape(-1), gradient.reshape(-1, width).float())
        return total.to(gradient.dtype), None


class EntailmentNetwork(nn.Module):
    """(batch, tokens) ids and marks → (batch, 3) logits of supported, contradicted, not mentioned, and (batch, tokens) logits
    that a token is unsupported, meaningful on the claim's tokens."""

    def __init__(self, places: list[int], layers: Sequence[int] = (0, 1, 2, 3)) -> None:
        super().__init__()
        self.trunk = Trunk(max(layers) + 1, places, positions=POSITIONS)
        self.trunk.layers = nn.ModuleList(self.trunk.layers[number] for number in layers)
        self.tokens = nn.Linear(HIDDEN_SIZE, 1)
        self.pair = nn.Linear(3 * HIDDEN_SIZE + 2, OUTCOMES)

    def forward(
        self, ids: torch.Tensor, marks: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        mask = torch.ones_like(ids) if mask is None else mask
        hidden = functional.dropout(self._hidden(ids, mask, marks), 0.1, self.training)
        tokens = self.tokens(hidden).squeeze(-1)
        mine = ((marks // IN_CLAIM) % 2).to(hidden.dtype)
        count = mine.sum(1, keepdim=True)
        highest = (hidden + (1.0 - mine).unsqueeze(-1) * MASKED_SCORE).max(1).values
        mean = (hidden * mine.unsqueeze(-1)).sum(1) / count
        worst = (tokens + (1.0 - mine) * MASKED_SCORE).max(1, keepdim=True).values
        usual = (tokens * mine).sum(1, keepdim=True) / count
        return self.pair(torch.cat((hidden[:, 0], mean, highest, worst, usual), -1)), tokens

    def _hidden(self, ids: torch.Tensor, mask: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
        """The trunk's hidden states; while training by operations that need less memory traffic and never wait."""
        if not self.training:
            return self.trunk(ids, mask, marks)
        trunk = self.trunk
        kinds = torch.arange(trunk.written.shape[0], device=marks.device)
        marked = (marks.unsqueeze(-1) == kinds).to(trunk.written.dtype) @ trunk.written
        hidden = trunk.norm(_Rows.apply(trunk.words, ids) + trunk.positions[: ids.shape[1]] + marked)
        batch, tokens, width = hidden.shape
        keep = mask.bool()[:, None, None, :]
        for layer in trunk.layers:
            query, key, value = (
                part(hidden).view(batch, tokens, HEADS, width // HEADS).transpose(1, 2)
                for part in (layer.query, layer.key, layer.value)
            )
            context = functional.scaled_dot_product_attention(query, key, value, attn_mask=keep)
            context = context.transpose(1, 2).reshape(batch, tokens, width)
            hidden = layer.attended_norm(layer.dropout(layer.attended(context)) + hidden)
            hidden = layer.norm(layer.dropout(layer.narrow(functional.gelu(layer.wide(hidden)))) + hidden)
        return hidden
