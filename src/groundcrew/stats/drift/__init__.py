"""Tests of two windows of data for drift, calibrated by permutation for the windows' own sizes; pure functions on values."""

from groundcrew.stats.drift.columns import Column, Kind, infer_kind
from groundcrew.stats.drift.detection import ALPHA, PERMUTATIONS, detect, detect_all
from groundcrew.stats.drift.explanation import Contribution, Examples, contributions, examples
from groundcrew.stats.drift.results import ColumnDrift, DriftTest
from groundcrew.stats.drift.sequential import FALSE_ALARM_EVERY, ChangeState, nearness, watch

__all__ = [
    "ALPHA",
    "FALSE_ALARM_EVERY",
    "PERMUTATIONS",
    "ChangeState",
    "Column",
    "ColumnDrift",
    "Contribution",
    "DriftTest",
    "Examples",
    "Kind",
    "contributions",
    "detect",
    "detect_all",
    "examples",
    "infer_kind",
    "nearness",
    "watch",
]
