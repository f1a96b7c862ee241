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

from network import HIDDEN_SIZE, MASKED_SCORE, Trunk

#: Bit of a mark that says the token is of the claim; see `groundcrew.grounding.entailment.IN_CLAIM`.
IN_CLAIM = 2
OUTCOMES = 3
POSITIONS = 192


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
        hidden = functional.dropout(self.trunk(ids, mask, marks), 0.1, self.training)
        tokens = self.tokens(hidden).squeeze(-1)
        mine = ((marks // IN_CLAIM) % 2).to(hidden.dtype)
        count = mine.sum(1, keepdim=True)
        highest = (hidden + (1.0 - mine).unsqueeze(-1) * MASKED_SCORE).max(1).values
        mean = (hidden * mine.unsqueeze(-1)).sum(1) / count
        worst = (tokens + (1.0 - mine) * MASKED_SCORE).max(1, keepdim=True).values
        usual = (tokens * mine).sum(1, keepdim=True) / count
        return self.pair(torch.cat((hidden[:, 0], mean, highest, worst, usual), -1)), tokens
