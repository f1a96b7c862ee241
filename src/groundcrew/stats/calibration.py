"""How far a trust score can be read as a probability: maps fitted on reviewers' labels, and the figures that show it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.domain.calibration import CalibrationMap, LabelledScore
from groundcrew.stats.intervals import Interval


class ReliabilityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Answers with neighbouring scores `lower`..`upper`: their mean score and the share of them that was supported."""

    lower: float
    upper: float
    mean_score: float
    supported: Interval


class CalibrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that says how good a score is on labelled answers: curve, expected calibration error, AUROC, Brier score."""

    labels: int
    groups: int
    reliability: tuple[ReliabilityBin, ...]
    expected_calibration_error: Interval
    auroc: Interval
    brier: Interval


def fit_calibration(labels: Sequence[LabelledScore]) -> CalibrationMap:
    """The map from score to P(supported) that these labels bear."""
    raise NotImplementedError


def calibration_report(labels: Sequence[LabelledScore], confidence: float = 0.95) -> CalibrationReport:
    """Curve and figures of the scores as they are; for those of a map, put `map.apply(score)` into the labels first."""
    raise NotImplementedError
