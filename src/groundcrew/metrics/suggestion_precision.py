"""Precision at work: how many of the labels that a model suggested its reviewers let stand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, check_confidence


@metric(
    name="suggestion_precision",
    unit="share of labels",
    range=(0.0, 1.0),
    empty="estimate and bounds unknown",
    source="ratio estimator: Cochran 1977, ch. 6",
)
def suggestion_precision(kept: Sequence[int], suggested: Sequence[int], confidence: float = 0.95) -> Interval:
    """Suggested labels that were let stand / suggested labels, over cases, with a t interval of the ratio cut to 0..1."""
    return ratio_of_sums(kept, suggested, confidence)


def ratio_of_sums(above: Sequence[int], below: Sequence[int], confidence: float = 0.95) -> Interval:
    """Σ above / Σ below over cases, whose labels hang together: the ratio estimator with its linearised variance (Cochran 1977).

    Bounds are unknown with one case, or where no case strays from the ratio: that says nothing of the next one.
    """
    check_confidence(confidence)
    if len(above) != len(below):
        raise InputError(f"{len(above)} counts above and {len(below)} below", field="below")
    x, w = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    n, total = int(x.size), float(w.sum())
    unknown = Interval(estimate=None, lower=None, upper=None, n=n, method="ratio-t", confidence=confidence)
    if total <= 0:
        return unknown
    estimate = float(x.sum()) / total
    spread = float(((x - estimate * w) ** 2).sum())
    lower = upper = None
    if n > 1 and spread > 0:
        half = -float(scipy.special.stdtrit(n - 1, (1 - confidence) / 2)) * math.sqrt(n / (n - 1) * spread) / total
        lower, upper = max(0.0, estimate - half), min(1.0, estimate + half)
    return Interval(estimate=estimate, lower=lower, upper=upper, n=n, method="ratio-t", confidence=confidence)
