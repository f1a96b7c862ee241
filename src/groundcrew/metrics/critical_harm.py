"""Critical harm: the highest rate of grave errors that the reviewed cases still allow."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, clopper_pearson_upper


@metric(
    name="critical_harm",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, upper bound 1",
    source="Clopper & Pearson 1934, one-sided exact bound",
)
def critical_harm(reviews: Sequence[bool | None], confidence: float = 0.95) -> Interval:
    """Reviewed cases with critical harm, divided by reviewed cases; the upper bound is what a gate reads.

    One entry per rated case: True = harm, False = none, None = nobody looked, which does not count as harmless.
    """
    looked = [review for review in reviews if review is not None]
    return clopper_pearson_upper(sum(looked), len(looked), confidence)
