"""The injection network on the torch side: one trunk, a score for every token (out of place here; an instruction to an assistant
at all), one for the whole window (an attack), and the loss that all three learn from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from network import HIDDEN_SIZE, MASKED_SCORE, Trunk
from torch import nn
from torch.nn import functional

#: Columns of the output, which `groundcrew.guards.prompt_injection` reads.
PLANTED, ORDER, DIRECT = 0, 1, 2
#: The strongest tokens of a window whose mean stands for the window while learning.
STRONGEST = 6


class InjectionNetwork(nn.Module):
    """(batch, tokens) ids, mask, written → (batch, tokens, 3) logits; the last column is the window's, alike at every token."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        self.tokens, self.whole = nn.Linear(HIDDEN_SIZE, 2), nn.Linear(2 * HIDDEN_SIZE, 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
        hidden = functional.dropout(self.trunk(ids, mask, written), 0.1, self.training)
        kept = mask.unsqueeze(-1).float()
        mean = (hidden * kept).sum(1) / kept.sum(1)
        highest = (hidden + (1.0 - kept) * MASKED_SCORE).max(1).values
        whole = self.whole(torch.cat((mean, highest), -1)).unsqueeze(1).expand(-1, ids.shape[1], -1)
        return torch.cat((self.tokens(hidden), whole), -1)


@dataclass(frozen=True)
class Batch:
    """Windows of about one length. `labels` is (batch, tokens, 2) for the tokens, `direct` (batch,): 1, 0, or -1 for unknown."""

    ids: torch.Tensor
    mask: torch.Tensor
    written: torch.Tensor
    labels: torch.Tensor
    direct: torch.Tensor


def loss_of(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Every known token, every window's strongest tokens, and every window's own score: each part's mean, added up."""
    parts = []
    known = batch.direct >= 0
    if known.any():
        parts.append(
            functional.binary_cross_entropy_with_logits(logits[:, 0, DIRECT][known], smooth(batch.direct[known].float()))
        )
    for column in (PLANTED, ORDER):
        scores, labels = logits[:, :, column], batch.labels[:, :, column]
        told = labels >= 0
        if not told.any():
            continue
        parts.append(functional.binary_cross_entropy_with_logits(scores[told], labels[told].float()))
        rows = told.any(1)
        strongest = scores.masked_fill(~told, MASKED_SCORE)[rows].topk(min(STRONGEST, scores.shape[1]), 1).values
        strongest = strongest.masked_fill(strongest <= MASKED_SCORE, 0.0).sum(1) / (strongest > MASKED_SCORE).sum(1)
        parts.append(functional.binary_cross_entropy_with_logits(strongest, smooth((labels[rows] == 1).any(1).float())) * 0.7)
    return torch.stack(parts).sum()


def smooth(labels: torch.Tensor) -> torch.Tensor:
    """Labels a little off 0 and 1, so that scores stay graded."""
    return labels * 0.98 + 0.01
