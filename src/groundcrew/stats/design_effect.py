"""Cases of one employee, branch or customer resemble each other: how much that shrinks the information in n cases."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

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
    sizes = [len(group) for group in groups]
    codes = np.repeat(np.arange(len(sizes)), sizes)
    values = np.array([value for group in groups for value in group], dtype=np.float64)
    return measured_clusters(values, codes).icc


class MeasuredClusters(msgspec.Struct, frozen=True, kw_only=True):
    """How far cases of one cluster resemble each other in the data: `icc` 0..1 and what it does to n, None where unknown.

    `typical_size` is the size of the cluster that a case meets on average, Σm²/Σm, which the design effect depends on.
    """

    clusters: int
    typical_size: float
    icc: float | None
    design_effect: float | None


def measured_clusters(values: NDArray[np.float64], clusters: NDArray[np.int64]) -> MeasuredClusters:
    """ICC and design effect of `values` whose clusters are numbered by `clusters`; None where `intraclass_correlation` is."""
    _, index = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(index).astype(np.float64)
    count, total = int(sizes.size), float(sizes.sum())
    typical = float((sizes**2).sum()) / total if total else 0.0
    icc: float | None = None
    if count >= 2 and total > count:
        means = np.bincount(index, weights=values) / sizes
        between = float((sizes * (means - values.mean()) ** 2).sum()) / (count - 1)
        within = float(((values - means[index]) ** 2).sum()) / (total - count)
        common_size = (total - typical) / (count - 1)
        spread = between + (common_size - 1) * within
        icc = None if spread <= 0 else float(min(1.0, max(0.0, (between - within) / spread)))
    effect = None if icc is None else design_effect(typical, icc)
    return MeasuredClusters(clusters=count, typical_size=typical, icc=icc, design_effect=effect)
