"""Cases of one employee, branch or customer resemble each other: how much that shrinks the information in n cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groundcrew.errors import InputError

#: What a plan assumes when it names a cluster but gives neither figure (defaults of the design).
ASSUMED_ICC = 0.05
ASSUMED_CLUSTER_SIZE = 50


def design_effect(cluster_size: float, icc: float) -> float:
    """Factor ≥ 1 by which n grows: 1 + (m − 1)·ICC for m cases a cluster (Kish 1965).

    `icc` is the intraclass correlation, 0..1. Raises InputError for m < 1 or an ICC outside 0..1.
    """
    if not cluster_size >= 1:
        raise InputError(f"must be at least 1, is {cluster_size:g}", field="cluster_size")
    if not 0 <= icc <= 1:
        raise InputError(f"must lie in 0..1, is {icc:g}", field="icc")
    return 1 + (cluster_size - 1) * icc


def intraclass_correlation(groups: Sequence[Sequence[float]]) -> float | None:
    """One-way analysis-of-variance estimate of the ICC (Fisher 1925; unequal sizes as in Donner 1986), clipped to 0..1.

    None where it cannot be known: fewer than two clusters, no cluster with two cases, or no variation at all.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups if len(group)]
    sizes = np.array([array.size for array in arrays], dtype=np.float64)
    count, total = len(arrays), float(sizes.sum())
    if count < 2 or total <= count:
        return None
    grand_mean = sum(float(array.sum()) for array in arrays) / total
    between = sum(array.size * (float(array.mean()) - grand_mean) ** 2 for array in arrays) / (count - 1)
    within = sum(float(((array - array.mean()) ** 2).sum()) for array in arrays) / (total - count)
    typical_size = (total - float((sizes**2).sum()) / total) / (count - 1)
    spread = between + (typical_size - 1) * within
    return None if spread <= 0 else float(min(1.0, max(0.0, (between - within) / spread)))
