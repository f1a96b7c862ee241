"""What the scores of a text's candidates say of the case as a whole: the figures that the coder's trust is read from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Chances are kept off 0 by so much where their logarithm is taken.
_EDGE = 1e-6


def chance_all_right(scores: Sequence[float], threshold: float) -> float:
    """The chance that every decision on the candidates is right, as if they were independent: of those at or above `threshold`
    that they are right, of the others that they are not."""
    logs = [np.log(max(_EDGE, score if score >= threshold else 1.0 - score)) for score in scores]
    return float(np.exp(np.sum(logs))) if logs else 0.0


def expected_f1(scores: Sequence[float], threshold: float) -> float:
    """Twice the expected right ones over kept and expected true ones (Ye et al. 2012, the ratio of the means)."""
    kept = [score for score in scores if score >= threshold]
    whole = len(kept) + sum(scores)
    return float(2.0 * sum(kept) / whole) if whole > 0 else 0.0
