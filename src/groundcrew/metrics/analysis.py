"""The decision rule: invalid, then rollback, then supported, then hold; from observations and the plan alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.hypothesis import HypothesisPlan
from groundcrew.errors import InputError
from groundcrew.metrics.comparison import MetricResult, compare
from groundcrew.metrics.evidence_grade import Grade, evidence_grade, timeline
from groundcrew.metrics.metric_data import DAY_US, MetricData, distinct, metric_data
from groundcrew.metrics.observations import Columns, Observation, accepted_metrics, check_columns, check_observation, columns_of
from groundcrew.metrics.plan import PlanReport, plan
from groundcrew.stats.e_values import split_e_value
from groundcrew.stats.significance import SRM_P_MIN, equal_rates_p_value, sample_ratio_mismatch

Verdict = Literal["invalid", "rollback", "supported", "hold"]

#: A sequential split test this high voids the experiment: as rare, at all looks together, as p < SRM_P_MIN at one.
SRM_E_MAX = 1 / SRM_P_MIN


class AnalysisReport(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment decided. `reasons` say, one line each, what led to the verdict or what is still missing.

    `srm_p_value` is None where no split was randomised or nobody was assigned; `srm_e_value` is its anytime-valid
    counterpart, which decides in a sequential plan. `units` counts distinct units per arm, `days` calendar days (UTC) from
    the first to the last row.
    """

    verdict: Verdict
    srm_p_value: float | None
    evidence_grade: Grade
    metrics: tuple[MetricResult, ...]
    reasons: tuple[str, ...]
    srm_e_value: float | None
    units: dict[str, int]
    days: int


class _Assignment(msgspec.Struct, kw_only=True):
    """Units in each arm and in both, how many of each arm have a value of the primary metric, and how the split stands."""

    treatment: int
    control: int
    crossed: int
    units: int
    measured_treatment: int
    measured_control: int
    srm_p_value: float | None = None
    srm_e_value: float | None = None
    split_problem: str = ""


def analyze(declared: HypothesisPlan, rows: Iterable[Observation]) -> AnalysisReport:
    """Decide the experiment that `declared` describes on `rows`, in any order.

    Raises InputError for a plan without arms, primary metric or usable error rates, and for a row that does not fit it.
    """
    _require_analysable(declared)
    accepted = accepted_metrics(declared)
    observations = list(rows)
    for row in observations:
        check_observation(declared, row, accepted)
    return analyze_columns(declared, columns_of(observations))


def analyze_columns(declared: HypothesisPlan, columns: Columns) -> AnalysisReport:
    """The same on columns, which a store fills without an object a row: a million rows take a second or two.

    Raises InputError as `analyze` does, naming the row by its position.
    """
    _require_analysable(declared)
    check_columns(declared, columns)
    report = plan(declared)
    required = {each.name: each.required_n for each in report.metrics}
    planning_n = declared.planned_n if declared.planned_n is not None else report.required_n
    primary = declared.primary
    assert primary is not None
    data = {metric.name: metric_data(declared, columns, metric) for metric in declared.metrics}
    assignment = _assignment(declared, columns, data[primary.name])
    grade = evidence_grade(declared, timeline(declared, columns), assignment.split_problem, assignment.crossed)
    results = tuple(
        compare(declared, metric, data[metric.name], required_n=required[metric.name], planning_n=planning_n)
        for metric in declared.metrics
    )
    days = int(np.ptp(columns.time // DAY_US)) + 1 if len(columns) else 0
    verdict, reasons = _decide(declared, report, assignment, results, days)
    return AnalysisReport(
        verdict=verdict,
        srm_p_value=assignment.srm_p_value,
        evidence_grade=grade.grade,
        metrics=results,
        reasons=(
            *reasons,
            *(f"grade {grade.grade}: {reason}" for reason in grade.reasons),
            *(f"{result.name}: {note}" for result in results for note in result.notes),
            *_underestimated(report, results),
        ),
        srm_e_value=assignment.srm_e_value,
        units={_arms(declared)[0]: assignment.control, _arms(declared)[1]: assignment.treatment},
        days=days,
    )


def _require_analysable(declared: HypothesisPlan) -> None:
    if declared.arms is None or declared.arms.control == declared.arms.treatment:
        raise InputError("needs two different arms, control and treatment", field="arms")
    if not 0 < declared.arms.split < 1:
        raise InputError("must lie between 0 and 1", field="arms.split")
    if not 0 < declared.alpha < 0.5:
        raise InputError("must lie between 0 and 0.5", field="alpha")
    if declared.primary is None:
        raise InputError("exactly one success metric must be the primary one", field="metrics")
    names = [metric.name for metric in declared.metrics]
    if len(set(names)) < len(names):
        raise InputError("every metric needs a name of its own", field="metrics")


def _arms(declared: HypothesisPlan) -> tuple[str, str]:
    assert declared.arms is not None
    return declared.arms.control, declared.arms.treatment


def _assignment(declared: HypothesisPlan, columns: Columns, primary: MetricData) -> _Assignment:
    """Who was in which arm, from rows of any metric, and whether the arms' sizes are those that were drawn for."""
    control_name, treatment_name = _arms(declared)
    codes = {name: code for code, name in enumerate(columns.arm_names)}
    treatment = distinct(columns.unit_id[columns.arm == codes.get(treatment_name, -1)])
    control = distinct(columns.unit_id[columns.arm == codes.get(control_name, -1)])
    crossed = np.intersect1d(treatment, control, assume_unique=True).size
    found = _Assignment(
        treatment=treatment.size,
        control=control.size,
        crossed=int(crossed),
        units=int(treatment.size + control.size - crossed),
        measured_treatment=_count(treatment, primary.unit),
        measured_control=_count(control, primary.unit),
    )
    if declared.design != "randomized":
        return found
    check = split_check(declared, found.treatment, found.control)
    found.srm_p_value, found.srm_e_value, found.split_problem = check.p_value, check.e_value, check.problem
    return found


def _count(units: NDArray[np.int64], measured: NDArray[np.int64]) -> int:
    """How many of the distinct `units` are among the measured ones."""
    return int(np.intersect1d(units, distinct(measured), assume_unique=True).size)


class SplitCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How the units are split: χ² `p_value` for one look, `e_value` for any look (both None without a unit), and the `problem`
    in a line (empty: none)."""

    p_value: float | None
    e_value: float | None
    problem: str


def split_check(declared: HypothesisPlan, treatment: int, control: int) -> SplitCheck:
    """Whether that many assigned units fit the plan's split: by the e-value where one looks at any time, by χ² where once."""
    split = _split(declared)
    p_value = sample_ratio_mismatch((treatment, control), (split, 1 - split))
    if p_value is None:
        return SplitCheck(p_value=None, e_value=None, problem="no units were assigned, so the split cannot be checked")
    e_value = split_e_value(treatment, control, split)
    if declared.monitoring == "fixed":
        wrong, figure = p_value < SRM_P_MIN, f"p = {p_value:.2g} < {SRM_P_MIN:g}"
    else:
        wrong, figure = e_value >= SRM_E_MAX, f"e-value {e_value:.3g} ≥ {SRM_E_MAX:g}, χ² p = {p_value:.2g}"
    counts = f"{treatment} treatment and {control} control units"
    problem = f"sample-ratio mismatch: {counts}, {figure}: the arms are not comparable" if wrong else ""
    return SplitCheck(p_value=p_value, e_value=e_value, problem=problem)


def loss_problem(declared: HypothesisPlan, measured: tuple[int, int], assigned: tuple[int, int]) -> str:
    """Why (treatment, control) units that were `measured`, of those `assigned`, are missing unequally; empty where not.

    In a sequential plan by a test for every look: units without a value are split like all, if they are missing by chance.
    """
    if declared.monitoring == "fixed":
        p_value = equal_rates_p_value(measured[0], assigned[0], measured[1], assigned[1])
        if p_value is None or p_value >= SRM_P_MIN:
            return ""
        figure = f"p = {p_value:.2g}"
    else:
        e_value = split_e_value(assigned[0] - measured[0], assigned[1] - measured[1], _split(declared))
        if e_value < SRM_E_MAX:
            return ""
        figure = f"e-value {e_value:.3g}"
    return (
        f"the primary metric is missing unequally: measured for {measured[0]} of {assigned[0]} treatment and"
        f" {measured[1]} of {assigned[1]} control units, {figure}"
    )


def _split(declared: HypothesisPlan) -> float:
    assert declared.arms is not None
    return declared.arms.split


def _decide(
    declared: HypothesisPlan,
    report: PlanReport,
    assignment: _Assignment,
    results: tuple[MetricResult, ...],
    days: int,
) -> tuple[Verdict, list[str]]:
    """The decision rule, in its order."""
    broken = _data_quality(declared, assignment, results)
    if broken:
        return "invalid", broken
    primary = declared.primary
    assert primary is not None
    harmful = [
        f"{result.role} {result.name} is credibly worse"
        for result in results
        if result.finding == "worse" and (result.role in ("guardrail", "deterioration") or result.name == primary.name)
    ]
    if harmful:
        return "rollback", harmful
    missing = _missing(declared, report, assignment, {result.name: result for result in results}, days)
    if missing:
        return "hold", missing
    return "supported", [f"primary {primary.name} is better and every guardrail holds"]


def _data_quality(declared: HypothesisPlan, assignment: _Assignment, results: tuple[MetricResult, ...]) -> list[str]:
    """What makes the data unfit for any conclusion."""
    broken = []
    if declared.design == "randomized" and assignment.units:
        if assignment.split_problem:
            broken.append(assignment.split_problem)
        if assignment.crossed:
            broken.append(f"{assignment.crossed} units were seen in both arms")
        measured = (assignment.measured_treatment, assignment.measured_control)
        loss = loss_problem(declared, measured, (assignment.treatment, assignment.control))
        if loss:
            broken.append(loss)
    broken += [f"quality metric {result.name} differs between the arms" for result in results if result.finding == "differs"]
    return broken


def _underestimated(report: PlanReport, results: tuple[MetricResult, ...]) -> list[str]:
    """Clusters that shrink the information more than the plan reckoned with."""
    return [
        f"{result.name}: the plan reckons with a design effect of {report.design_effect:.2f}, the data show"
        f" {result.design_effect:.2f}: cases assigned by whole clusters need more than the plan says"
        for result in results
        if result.design_effect is not None and report.design_effect > 1 and result.design_effect > 1.5 * report.design_effect
    ]


def _missing(
    declared: HypothesisPlan,
    report: PlanReport,
    assignment: _Assignment,
    results: Mapping[str, MetricResult],
    days: int,
) -> list[str]:
    """What keeps a sound experiment from being supported."""
    primary = declared.primary
    assert primary is not None
    missing = []
    found = results[primary.name].finding
    if found != "superior":
        missing.append(f"primary {primary.name} is not shown to be better ({_plainly(found)})")
    for guardrail in declared.guardrails:
        if results[guardrail.name].finding != "non_inferior":
            missing.append(f"guardrail {guardrail.name} is not shown to hold ({_plainly(results[guardrail.name].finding)})")
    for metric in declared.metrics:
        if metric.role == "quality" and results[metric.name].finding == "unknown":
            missing.append(f"quality metric {metric.name} has too few values to be checked")
    if declared.minimum_days is not None and days < declared.minimum_days:
        missing.append(f"{days} days of data, the plan asks for at least {declared.minimum_days}")
    if declared.monitoring == "fixed":
        needed = declared.planned_n if declared.planned_n is not None else report.required_n
        if needed is None:
            missing.append("monitoring is fixed, but neither planned_n nor the required n is known")
        elif assignment.units < needed:
            missing.append(f"{assignment.units} of {needed} units: a fixed plan is read once, when planned_n is reached")
    return missing


def _plainly(finding: str) -> str:
    return {"unknown": "too few data to know", "inconclusive": "the interval does not decide"}.get(finding, finding)
