"""Edit size: how many suggested labels a reviewer changes in a case."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval, mean_t
from groundcrew.stats.moments import moments


@metric(
    name="label_edits",
    unit="labels",
    range=(0.0, None),
    empty="estimate and bounds unknown",
    source="Student's t interval of a mean",
)
def label_edits(changed: Sequence[int], confidence: float = 0.95) -> Interval:
    """Mean over decided cases of labels removed + labels added, with a t interval cut at 0."""
    found = mean_t(moments([float(each) for each in changed]), confidence)
    return msgspec.structs.replace(found, lower=None if found.lower is None else max(0.0, found.lower))
