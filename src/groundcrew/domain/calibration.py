"""What reviewers' labels make of a trust score: a map from score to probability, and the guarantee that a threshold gives.

Pure values, so that the gateway evaluates them per call; `stats/calibration.py` and `stats/risk_control.py` compute them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Literal

import msgspec

from groundcrew.errors import InputError

MapMethod = Literal["shipped", "logistic", "beta", "isotonic"]
Monitoring = Literal["fixed", "sequential"]
Sampling = Literal["uniform", "weighted"]
#: How a threshold is tested; `stats/risk_control.py` says what each assumes.
RiskTest = Literal["exact-binomial", "betting", "hoeffding-bentkus"]

#: Scores this near to 0 or 1 count as this far from them, so that their logarithms stay finite.
SCORE_MARGIN = 1e-6


class LabelledScore(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that a person judged: its `score` 0..1 before any calibration, and whether every claim was `supported`.

    `probability` is the known chance, above 0 and at most 1, with which the answer was picked for review (1 or any one value
    for all: a plain random sample). `group` names the case or customer that several labels share: a guarantee counts one of them.
    """

    score: float
    supported: bool
    probability: float = 1.0
    group: str | None = None


class CalibrationMap(msgspec.Struct, frozen=True, kw_only=True):
    """A non-decreasing map from score to P(supported), fitted on `labels` answers.

    `shipped`, `logistic` and `beta`: logit P = intercept + rise·log s − fall·log(1 − s), where `shipped` is the identity and
    `logistic` has rise = fall (Platt 1999; Kull, Silva Filho & Flach 2017). `isotonic`: straight lines between `knots`
    (score, probability), flat outside them. The result never leaves `floor`..`ceiling`, which lie inside 0..1: no number of
    labels makes certain. `log_loss` is the cross-validated one in nats, `shipped_log_loss` that of the score as it came;
    None where too few labels were there to tell.
    """

    method: MapMethod
    labels: int
    floor: float
    ceiling: float
    intercept: float = 0.0
    rise: float = 1.0
    fall: float = 1.0
    knots: tuple[tuple[float, float], ...] = ()
    log_loss: float | None = None
    shipped_log_loss: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.floor <= self.ceiling < 1:
            raise InputError("floor and ceiling must lie inside 0..1, in this order", field="floor")
        numbers = (self.intercept, self.rise, self.fall, *(number for knot in self.knots for number in knot))
        if not all(math.isfinite(number) for number in numbers) or self.rise < 0 or self.fall < 0:
            raise InputError("coefficients must be finite, and rise and fall not negative", field="rise")
        pairs = zip(self.knots, self.knots[1:], strict=False)
        if any(after[0] <= before[0] or after[1] < before[1] for before, after in pairs):
            raise InputError("must rise in scores and not fall in probabilities", field="knots")
        if self.method == "isotonic" and not self.knots:
            raise InputError("an isotonic map needs at least one knot", field="knots")

    def apply(self, score: float) -> float:
        """P(supported) for `score`, within floor..ceiling. Never NaN: a score that is not a number gives the floor."""
        if math.isnan(score):
            return self.floor
        value = self._between_knots(score) if self.method == "isotonic" else self._logistic(score)
        return min(max(value, self.floor), self.ceiling)

    def _logistic(self, score: float) -> float:
        inside = min(max(score, SCORE_MARGIN), 1 - SCORE_MARGIN)
        logit = self.intercept + self.rise * math.log(inside) - self.fall * math.log1p(-inside)
        return 1 / (1 + math.exp(-logit)) if logit > 0 else 1 - 1 / (1 + math.exp(logit))

    def _between_knots(self, score: float) -> float:
        place = bisect_left(self.knots, score, key=lambda knot: knot[0])
        if place == 0:
            return self.knots[0][1]
        if place == len(self.knots):
            return self.knots[-1][1]
        (before, low), (after, high) = self.knots[place - 1], self.knots[place]
        return min(low + (score - before) / (after - before) * (high - low), high)


class LabelsNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """What it would take to release this `share` of all answers: `labels` in all for a chance of `power` that the guarantee is
    given, were `risk` the true share of unsupported answers among them. None: no number of labels would do at that risk."""

    share: float
    risk: float
    labels: int | None
    power: float


class Guarantee(msgspec.Struct, frozen=True, kw_only=True):
    """The promise that at most `unsupported_max` of the released answers hold an unsupported claim, with `confidence`.

    Released is what scores `threshold` or more, on the scale **before** calibration; None: nothing may be released. `labels`
    counts independent labels (one a group), `released` those of them that were tested and score the threshold or more, and
    `unsupported` the wrong ones of these. `share` (of all answers released) and `risk` (unsupported among released) are
    estimates with bounds; `risk_upper` at the confidence that the choice of the threshold leaves. Where the threshold is None,
    `released`, `unsupported`, `risk` and `risk_upper` speak of releasing everything. Shares are 0..1; None is unknown.
    """

    threshold: float | None
    unsupported_max: float
    confidence: float
    method: RiskTest
    monitoring: Monitoring
    sampling: Sampling
    labels: int
    released: int
    unsupported: int
    share: float | None
    share_lower: float
    share_upper: float
    risk: float | None
    risk_upper: float
    reason: str
    more_labels: tuple[LabelsNeeded, ...] = ()

    def releases(self, score: float | None) -> bool:
        """Whether an answer with this uncalibrated score may leave. Unknown scores never may."""
        return self.threshold is not None and score is not None and score >= self.threshold
