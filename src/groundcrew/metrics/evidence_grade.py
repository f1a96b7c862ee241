"""How far an experiment's design carries: grade A to D, computed from the data, never above what the plan declares."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.hypothesis import HypothesisPlan
from groundcrew.metrics.metric_data import DAY_US, distinct
from groundcrew.metrics.observations import Columns
from groundcrew.stats.cluster import CLUSTERS_PER_ARM_MIN
from groundcrew.stats.interrupted_series import POINTS_PER_PHASE_MIN
from groundcrew.stats.stepped_wedge import STEPS_MIN, wedge

Grade = Literal["A", "B", "C", "D"]

#: Share of each arm's observations that must fall into the time in which both arms ran.
OVERLAP_SHARE_MIN = 0.5
#: Changes of arm that a switchback needs, so that each arm had at least three turns.
SWITCHES_MIN = 5


class GradeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The grade and, in one line each, why it is not higher."""

    grade: Grade
    reasons: tuple[str, ...] = ()


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """When which arm was seen: one entry a row, in the order of time. `cluster` is None unless every row has one."""

    treated: NDArray[np.bool_]
    days: NDArray[np.int64]
    cluster: NDArray[np.int64] | None


def timeline(plan: HypothesisPlan, columns: Columns) -> Timeline:
    """The timeline of checked columns."""
    assert plan.arms is not None
    order = np.argsort(columns.time, kind="stable")
    position = columns.arm_names.index(plan.arms.treatment) if plan.arms.treatment in columns.arm_names else -1
    cluster = None if columns.cluster is None or (columns.cluster < 0).any() else columns.cluster[order]
    return Timeline(treated=columns.arm[order] == position, days=columns.time[order] // DAY_US, cluster=cluster)


def evidence_grade(plan: HypothesisPlan, seen: Timeline, split_problem: str, crossed_units: int) -> GradeReport:
    """A randomised, B stepped wedge or switchback, C interrupted time series, D plain before/after or what did not hold.

    `split_problem` says why the split of the units does not hold (empty: it does); `crossed_units` were in both arms.
    """
    if plan.design == "randomized":
        return _randomized(seen, split_problem, crossed_units)
    if plan.design == "stepped_wedge":
        return _stepped_wedge(seen)
    if plan.design == "switchback":
        switches = int(np.count_nonzero(seen.treated[1:] != seen.treated[:-1]))
        if switches >= SWITCHES_MIN:
            return GradeReport(grade="B")
        return GradeReport(grade="D", reasons=(f"{switches} changes of arm, a switchback needs {SWITCHES_MIN}",))
    if plan.design == "interrupted_time_series":
        return _interrupted(seen)
    return GradeReport(grade="D", reasons=("a plain before/after comparison cannot tell the change from the time",))


def _randomized(seen: Timeline, split_problem: str, crossed_units: int) -> GradeReport:
    reasons = [split_problem] if split_problem else []
    if crossed_units:
        reasons.append(f"{crossed_units} units were seen in both arms")
    share = _overlap_share(seen)
    if share < OVERLAP_SHARE_MIN:
        reasons.append(f"the arms hardly ran at the same time ({share:.0%} of an arm's rows): in effect before/after")
    return GradeReport(grade="D" if reasons else "A", reasons=tuple(reasons))


def _stepped_wedge(seen: Timeline) -> GradeReport:
    if seen.cluster is None:
        return GradeReport(grade="D", reasons=("rows have no cluster, and a stepped wedge is one of clusters",))
    shape = wedge(seen.treated, seen.cluster, seen.days)
    reasons = []
    if len(shape.steps) < STEPS_MIN:
        reasons.append(f"clusters cross over at {len(shape.steps)} times, a stepped wedge needs {STEPS_MIN}")
    if shape.crossing < CLUSTERS_PER_ARM_MIN:
        reasons.append(f"{shape.crossing} clusters cross over, a stepped wedge needs {CLUSTERS_PER_ARM_MIN}")
    if shape.returning:
        reasons.append(f"{shape.returning} clusters went back to the control after the treatment")
    return GradeReport(grade="D" if reasons else "B", reasons=tuple(reasons))


def _interrupted(seen: Timeline) -> GradeReport:
    control, treatment = distinct(seen.days[~seen.treated]), distinct(seen.days[seen.treated])
    reasons = []
    if control.size and treatment.size and control[-1] >= treatment[0]:
        reasons.append("the arms overlap in time, an interrupted time series has one before the other")
    fewest = int(min(control.size, treatment.size))
    if fewest < POINTS_PER_PHASE_MIN:
        reasons.append(f"{fewest} days in the shorter phase, a trend needs {POINTS_PER_PHASE_MIN}")
    return GradeReport(grade="D" if reasons else "C", reasons=tuple(reasons))


def _overlap_share(seen: Timeline) -> float:
    """The smaller of the arms' shares of rows that fall into the days in which both arms ran."""
    control, treatment = seen.days[~seen.treated], seen.days[seen.treated]
    if not control.size or not treatment.size:
        return 0.0
    first, last = max(control.min(), treatment.min()), min(control.max(), treatment.max())
    return min(float(((first <= days) & (days <= last)).mean()) for days in (control, treatment))
