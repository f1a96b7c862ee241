"""What labels have earned a use case: its calibration, whether that is in doubt, its guarantee; and what of it is in force now.

Calibrations and guarantees are append-only. Each is bound to a version of the use case and to a verifier: another version or
another verifier starts anew.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain.calibration import CalibrationMap, Guarantee
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import Grounding, UseCase

#: Stages in which a declared threshold may stand in for a guarantee that is still to be earned, if a person signs every answer.
BOOTSTRAP_STAGES = ("discovery", "pilot")


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A map from score to probability, fitted on this use case's labels. `origins` counts them by origin; `labels_sha256` is over
    their ids. Labels from before `since` were left out: an alarm had put them in doubt."""

    id: str
    use_case: str
    version_digest: str
    verifier: str
    map: CalibrationMap
    origins: dict[str, int]
    labels_sha256: str
    fitted_at: datetime
    fitted_by: str
    since: datetime | None = None


class CalibrationAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Fresh labels contradict a calibration (whose id this has): it is in doubt until a new one is fitted."""

    id: str
    use_case: str
    direction: str
    labels: int
    expected: float | None
    observed: float | None
    raised_at: datetime
    reason: str


class GuaranteeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A guarantee as computed from the labels of one moment. `labels_sha256` is over the ids of the labels that it rests on;
    `unjudged` of them were answers that nobody could or would judge, and count as unsupported."""

    id: str
    use_case: str
    version_digest: str
    verifier: str
    guarantee: Guarantee
    labels_sha256: str
    unjudged: int
    computed_at: datetime
    since: datetime | None = None


class TrustRules(msgspec.Struct, frozen=True, kw_only=True):
    """What of this is in force for the current version. `problem` says why no guarantee is, "" where one is or none is
    declared."""

    calibration: CalibrationMap | None = None
    in_doubt: bool = False
    guarantee: Guarantee | None = None
    #: What scored the answers that calibration and guarantee rest on.
    calibration_verifier: str = ""
    guarantee_verifier: str = ""
    problem: str = ""

    def calibrated(self, report: TrustReport) -> TrustReport:
        """`report` with its trust as a probability of this use case, where there is a calibration for what scored it."""
        if self.calibration is None or report.trust is None or report.uncalibrated is not None:
            return report
        if report.state not in ("supported", "unsupported") or (report.verifier or "") != self.calibration_verifier:
            return report
        return msgspec.structs.replace(report, trust=self.calibration.apply(report.trust), uncalibrated=report.trust)


class ReleaseRule(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's trust must reach. With `guarantee`, its threshold on the score before calibration, by the `verifier` it
    was computed for; otherwise `threshold` on the trust. Neither: nothing reaches it, and `problem` says why."""

    threshold: float | None = None
    guarantee: Guarantee | None = None
    verifier: str = ""
    problem: str = ""

    def reached_by(self, report: TrustReport) -> bool:
        """Whether the score of `report` is high enough. Unknown never is, and no guarantee speaks of a score that was reached
        without one of the verifiers."""
        if report.left_open:
            return False
        if self.guarantee is not None:
            return not report.degraded and (report.verifier or "") == self.verifier and self.guarantee.releases(report.raw)
        return self.threshold is not None and report.trust is not None and report.trust >= self.threshold


def rules_in_force(
    use_case: UseCase,
    version_digest: str,
    *,
    calibration: Calibration | None,
    alarm: CalibrationAlarm | None,
    record: GuaranteeRecord | None,
) -> TrustRules:
    """What of the newest calibration (and its alarm) and guarantee holds for this version of the use case."""
    current = calibration if calibration is not None and calibration.version_digest == version_digest else None
    in_doubt = current is not None and alarm is not None and alarm.id == current.id
    held = record if record is not None and record.version_digest == version_digest else None
    guarantee, problem = None, ""
    if use_case.grounding is not None and use_case.grounding.guarantee is not None:
        if in_doubt and alarm is not None:
            problem = f"fresh labels contradict the calibration: {alarm.reason}"
        elif held is None:
            problem = "nobody has labelled answers of this version yet" if record is None else "the labels are of another version"
        elif held.guarantee.threshold is None:
            problem = held.guarantee.reason
        else:
            guarantee = held.guarantee
    return TrustRules(
        calibration=current.map if current is not None else None,
        in_doubt=in_doubt,
        guarantee=guarantee,
        calibration_verifier=current.verifier if current is not None else "",
        guarantee_verifier=held.verifier if held is not None else "",
        problem=problem,
    )


def release_rule(use_case: UseCase, rules: TrustRules) -> ReleaseRule:
    """What an answer of `use_case` must reach now.

    A declared guarantee that does not hold releases nothing, but for one case: up to the pilot, while a person signs every
    answer, a declared threshold stands in, so that what people sign is worth their time.
    """
    grounding: Grounding | None = use_case.grounding
    if grounding is None:
        return ReleaseRule(problem="no grounding is declared")
    if grounding.guarantee is None:
        return ReleaseRule(threshold=grounding.threshold)
    if rules.guarantee is not None:
        return ReleaseRule(guarantee=rules.guarantee, verifier=rules.guarantee_verifier)
    signed = use_case.sign_off is not None and use_case.sign_off.when == "always"
    if grounding.threshold is not None and signed and use_case.stage in BOOTSTRAP_STAGES:
        return ReleaseRule(threshold=grounding.threshold)
    return ReleaseRule(problem=rules.problem or "no guarantee is in force")
