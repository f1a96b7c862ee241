"""How well a score tells supported from unsupported answers: the area under the ROC curve, with its interval."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from groundcrew.stats.intervals import Interval, check_confidence

#: Halvings of the search for a bound of the score interval: beyond double precision's use.
BISECTIONS = 60


def weighted_auroc(
    scores: NDArray[np.float64], supported: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P(score of a supported answer > that of an unsupported one) + ½·P(tie) for each row of `weights` (rows, labels).

    NaN where a row gives no weight to one of the kinds.
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    runs = np.concatenate([[0], np.flatnonzero(np.diff(ordered) > 0) + 1])
    good = np.add.reduceat(weights[:, order] * supported[order], runs, axis=1)
    bad = np.add.reduceat(weights[:, order] * ~supported[order], runs, axis=1)
    total = good.sum(axis=1) * bad.sum(axis=1)
    won = (good * (np.cumsum(bad, axis=1) - bad / 2)).sum(axis=1)
    areas: NDArray[np.float64] = np.where(total > 0, won / np.where(total > 0, total, 1.0), math.nan)
    return areas.clip(0.0, 1.0)


def auroc(scores: NDArray[np.float64], supported: NDArray[np.bool_], confidence: float = 0.95) -> Interval:
    """AUROC of independent, equally weighted labels with DeLong's interval (DeLong, DeLong & Clarke-Pearson 1988), in 0..1.

    Where one kind has a single answer or the scores separate the kinds, so that DeLong's variance says nothing, it is the
    score interval of Newcombe 2006 (method 5). Without both kinds the estimate is None and the interval the whole range.
    """
    check_confidence(confidence)
    good, bad = np.sort(scores[supported]), np.sort(scores[~supported])
    m, k = int(good.size), int(bad.size)
    if m == 0 or k == 0:
        return Interval(estimate=None, lower=0.0, upper=1.0, n=m + k, method="delong", confidence=confidence)
    placed_good = (np.searchsorted(bad, good, "left") + np.searchsorted(bad, good, "right")) / (2 * k)
    placed_bad = 1 - (np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")) / (2 * m)
    estimate = float(placed_good.mean())
    z = -float(scipy.special.ndtri((1 - confidence) / 2))
    variance = 0.0
    if m > 1 and k > 1:
        variance = float(placed_good.var(ddof=1)) / m + float(placed_bad.var(ddof=1)) / k
    if variance > 0:
        half = z * math.sqrt(variance)
        lower, upper, method = max(0.0, estimate - half), min(1.0, estimate + half), "delong"
    else:
        lower, upper, method = _score_bound(estimate, m, k, z, 0.0), _score_bound(estimate, m, k, z, 1.0), "newcombe-auroc"
    return Interval(estimate=estimate, lower=lower, upper=upper, n=m + k, method=method, confidence=confidence)


def _score_bound(estimate: float, m: int, k: int, z: float, end: float) -> float:
    """The area between `estimate` and `end` that lies z of its own standard errors away (Hanley & McNeil 1982's variance)."""
    inside, outside = estimate, end
    size = (m + k) / 2 - 1
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        spread = middle * (1 - middle) * (1 + size * ((1 - middle) / (2 - middle) + middle / (1 + middle))) / (m * k)
        if (estimate - middle) ** 2 <= z * z * spread:
            inside = middle
        else:
            outside = middle
    return inside
