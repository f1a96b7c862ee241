"""How far an experiment's design carries: grade A to D, computed from the data, never above what the plan declares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Literal

import msgspec

from groundcrew.domain.hypothesis import HypothesisPlan
from groundcrew.metrics.observations import Observation
from groundcrew.stats.interrupted_series import POINTS_PER_PHASE_MIN
from groundcrew.stats.significance import SRM_P_MIN

Grade = Literal["A", "B", "C", "D"]

#: Share of each arm's observations that must fall into the time in which both arms ran.
OVERLAP_SHARE_MIN = 0.5
#: Changes of arm that a switchback needs, so that each arm had at least three turns.
SWITCHES_MIN = 5


class GradeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The grade and, in one line each, why it is not higher."""

    grade: Grade
    reasons: tuple[str, ...] = ()


def evidence_grade(
    plan: HypothesisPlan, rows: Sequence[Observation], srm_p_value: float | None, crossed_units: int
) -> GradeReport:
    """A randomised, B switchback, C interrupted time series, D plain before/after or a design that did not hold.

    `srm_p_value` is that of the split (None where unknown); `crossed_units` counts units seen in both arms.
    """
    if plan.design == "randomized":
        return _randomized(plan, rows, srm_p_value, crossed_units)
    if plan.design == "switchback":
        switches = _switches(rows)
        if switches >= SWITCHES_MIN:
            return GradeReport(grade="B")
        return GradeReport(grade="D", reasons=(f"{switches} changes of arm, a switchback needs {SWITCHES_MIN}",))
    if plan.design == "interrupted_time_series":
        return _interrupted(plan, rows)
    return GradeReport(grade="D", reasons=("a plain before/after comparison cannot tell the change from the time",))


def _randomized(plan: HypothesisPlan, rows: Sequence[Observation], srm_p_value: float | None, crossed_units: int) -> GradeReport:
    reasons = []
    if srm_p_value is None:
        reasons.append("no units were assigned, so the split cannot be checked")
    elif srm_p_value < SRM_P_MIN:
        reasons.append(f"the split does not hold (p = {srm_p_value:.2g}), so the arms are not comparable")
    if crossed_units:
        reasons.append(f"{crossed_units} units were seen in both arms")
    share = _overlap_share(plan, rows)
    if share < OVERLAP_SHARE_MIN:
        reasons.append(f"the arms hardly ran at the same time ({share:.0%} of an arm's rows): in effect before/after")
    return GradeReport(grade="D" if reasons else "A", reasons=tuple(reasons))


def _interrupted(plan: HypothesisPlan, rows: Sequence[Observation]) -> GradeReport:
    control, treatment = _days(plan, rows)
    reasons = []
    if control & treatment or (control and treatment and max(control) >= min(treatment)):
        reasons.append("the arms overlap in time, an interrupted time series has one before the other")
    fewest = min(len(control), len(treatment))
    if fewest < POINTS_PER_PHASE_MIN:
        reasons.append(f"{fewest} days in the shorter phase, a trend needs {POINTS_PER_PHASE_MIN}")
    return GradeReport(grade="D" if reasons else "C", reasons=tuple(reasons))


def _days(plan: HypothesisPlan, rows: Sequence[Observation]) -> tuple[set[date], set[date]]:
    """Days (UTC) with rows of the control and of the treatment."""
    assert plan.arms is not None
    control = {row.time.date() for row in rows if row.arm == plan.arms.control}
    return control, {row.time.date() for row in rows if row.arm == plan.arms.treatment}


def _overlap_share(plan: HypothesisPlan, rows: Sequence[Observation]) -> float:
    """The smaller of the arms' shares of rows that fall into the days in which both arms ran."""
    control, treatment = _days(plan, rows)
    if not control or not treatment:
        return 0.0
    first, last = max(min(control), min(treatment)), min(max(control), max(treatment))
    inside = {"control": 0, "treatment": 0}
    total = {"control": 0, "treatment": 0}
    for row in rows:
        arm = "control" if plan.arms is not None and row.arm == plan.arms.control else "treatment"
        total[arm] += 1
        inside[arm] += first <= row.time.date() <= last
    return min(inside[arm] / total[arm] for arm in total)


def _switches(rows: Sequence[Observation]) -> int:
    """How often the arm changed in the order of time."""
    ordered = [row.arm for row in sorted(rows, key=lambda row: row.time)]
    return sum(before != after for before, after in pairwise(ordered))
