"""Whether fresh labels still fit the calibration, tested so that one may look after each label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Direction = Literal["over-confident", "under-confident"]


class CalibrationDrift(msgspec.Struct, frozen=True, kw_only=True):
    """Whether labels in the order they came contradict the calibrated scores. `alarm` is set once and for all at label `at`
    (counted from 1); over-confident means that fewer answers were supported than the scores said. E-values: evidence so far."""

    alarm: bool
    direction: Direction | None
    at: int | None
    labels: int
    expected: float | None
    observed: float | None
    over_e_value: float
    under_e_value: float
    reason: str


def calibration_drift(
    calibrated: Sequence[float],
    supported: Sequence[bool],
    *,
    probabilities: Sequence[float] | None = None,
    alpha: float = 0.01,
) -> CalibrationDrift:
    """Anytime-valid test that P(supported) is what the calibrated scores say, with false alarms at most `alpha` forever."""
    raise NotImplementedError
