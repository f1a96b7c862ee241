"""How good trust scores are on labelled answers: whether they rank (AUROC), and whether they are probabilities (ECE)."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.domain.calibration import LabelledScore
from groundcrew.metrics.registry import metric
from groundcrew.stats import calibration
from groundcrew.stats.intervals import Interval
from groundcrew.stats.weighted import label_arrays


@metric(
    name="trust_auroc",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, bounds 0 to 1",
    source="DeLong, DeLong & Clarke-Pearson 1988; with weights or groups a bootstrap of groups",
)
def trust_auroc(labels: Sequence[LabelledScore], confidence: float = 0.95) -> Interval:
    """P(score of a supported answer > score of an unsupported one) + ½·P(equal)."""
    return calibration.area_under_curve(label_arrays(labels), confidence)


@metric(
    name="trust_calibration_error",
    unit="share",
    range=(0.0, 1.0),
    empty="estimate unknown, bounds 0 to 1",
    source="Naeini, Cooper & Hauskrecht 2015, debiased as in Kumar, Liang & Ma 2019; bootstrap of groups",
)
def trust_calibration_error(labels: Sequence[LabelledScore], confidence: float = 0.95) -> Interval:
    """Mean over equal-mass bins of |mean score − share supported|, less the excess that noise alone gives."""
    return calibration.expected_calibration_error(label_arrays(labels), confidence)
