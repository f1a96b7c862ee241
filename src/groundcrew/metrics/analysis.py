"""The decision rule: invalid, then rollback, then supported, then hold; from observations and the plan alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from groundcrew.domain.hypothesis import HypothesisPlan
from groundcrew.errors import InputError
from groundcrew.metrics.comparison import MetricResult, compare
from groundcrew.metrics.evidence_grade import Grade, evidence_grade
from groundcrew.metrics.observations import Observation, accepted_metrics, check_observation
from groundcrew.metrics.plan import PlanReport, plan
from groundcrew.stats.e_values import split_e_value
from groundcrew.stats.significance import SRM_P_MIN, equal_rates_p_value, sample_ratio_mismatch

Verdict = Literal["invalid", "rollback", "supported", "hold"]


class AnalysisReport(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment decided. `reasons` say, one line each, what led to the verdict or what is still missing.

    `srm_p_value` is None where no split was randomised or nobody was assigned; `srm_e_value` is its anytime-valid
    counterpart. `units` counts distinct units per arm, `days` calendar days (UTC) from the first to the last row.
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
    """Who was in which arm, and who of them has a value of the primary metric."""

    treatment: set[str]
    control: set[str]
    measured: set[str]

    @property
    def crossed(self) -> int:
        return len(self.treatment & self.control)


def analyze(declared: HypothesisPlan, rows: Iterable[Observation]) -> AnalysisReport:
    """Decide the experiment that `declared` describes on `rows`, in any order.

    Raises InputError for a plan without arms, primary metric or usable error rates, and for a row that does not fit it.
    """
    _require_analysable(declared)
    known = {metric.name: metric for metric in declared.metrics}
    observations = list(rows)
    by_metric: dict[str, list[Observation]] = {name: [] for name in known}
    accepted = accepted_metrics(declared)
    for row in observations:
        check_observation(declared, row, accepted)
        if row.metric in by_metric:
            by_metric[row.metric].append(row)
    report = plan(declared)
    assignment = _assignment(declared, observations)
    srm_p, srm_e = _split_check(declared, assignment)
    grade = evidence_grade(declared, observations, srm_p, assignment.crossed)
    required = {each.name: each.required_n for each in report.metrics}
    planning_n = declared.planned_n if declared.planned_n is not None else report.required_n
    results = tuple(
        compare(declared, metric, by_metric[name], required_n=required[name], planning_n=planning_n)
        for name, metric in known.items()
    )
    units = {_arms(declared)[0]: len(assignment.control), _arms(declared)[1]: len(assignment.treatment)}
    days = _days(observations)
    verdict, reasons = _decide(declared, report, assignment, srm_p, results, days)
    return AnalysisReport(
        verdict=verdict,
        srm_p_value=srm_p,
        evidence_grade=grade.grade,
        metrics=results,
        reasons=(*reasons, *(f"grade {grade.grade}: {reason}" for reason in grade.reasons)),
        srm_e_value=srm_e,
        units=units,
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


def _assignment(declared: HypothesisPlan, rows: list[Observation]) -> _Assignment:
    control, treatment = _arms(declared)
    primary = declared.primary
    assert primary is not None
    return _Assignment(
        treatment={row.unit_id for row in rows if row.arm == treatment},
        control={row.unit_id for row in rows if row.arm == control},
        measured={row.unit_id for row in rows if row.metric == primary.name},
    )


def _split_check(declared: HypothesisPlan, assignment: _Assignment) -> tuple[float | None, float | None]:
    """χ² p-value and e-value of the split; None for designs in which nobody was randomised."""
    assert declared.arms is not None
    if declared.design != "randomized":
        return None, None
    split = declared.arms.split
    counts = (len(assignment.treatment), len(assignment.control))
    return sample_ratio_mismatch(counts, (split, 1 - split)), split_e_value(*counts, split)


def _days(rows: list[Observation]) -> int:
    if not rows:
        return 0
    return (max(row.time for row in rows).date() - min(row.time for row in rows).date()).days + 1


def _decide(
    declared: HypothesisPlan,
    report: PlanReport,
    assignment: _Assignment,
    srm_p_value: float | None,
    results: tuple[MetricResult, ...],
    days: int,
) -> tuple[Verdict, list[str]]:
    """The decision rule, in its order."""
    broken = _data_quality(declared, assignment, srm_p_value, results)
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


def _data_quality(
    declared: HypothesisPlan, assignment: _Assignment, srm_p_value: float | None, results: tuple[MetricResult, ...]
) -> list[str]:
    """What makes the data unfit for any conclusion."""
    broken = []
    control, treatment = len(assignment.control), len(assignment.treatment)
    if declared.design == "randomized":
        if srm_p_value is not None and srm_p_value < SRM_P_MIN:
            broken.append(
                f"sample-ratio mismatch: {treatment} treatment and {control} control units, p = {srm_p_value:.2g} < {SRM_P_MIN:g}"
            )
        if assignment.crossed:
            broken.append(f"{assignment.crossed} units were seen in both arms")
        measured = (len(assignment.treatment & assignment.measured), len(assignment.control & assignment.measured))
        loss = equal_rates_p_value(measured[0], treatment, measured[1], control)
        if loss is not None and loss < SRM_P_MIN:
            broken.append(
                f"the primary metric is missing unequally: measured for {measured[0]} of {treatment} treatment and"
                f" {measured[1]} of {control} control units, p = {loss:.2g}"
            )
    broken += [f"quality metric {result.name} differs between the arms" for result in results if result.finding == "differs"]
    return broken


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
        units = len(assignment.treatment | assignment.control)
        if needed is None:
            missing.append("monitoring is fixed, but neither planned_n nor the required n is known")
        elif units < needed:
            missing.append(f"{units} of {needed} units: a fixed plan is read once, when planned_n is reached")
    return missing


def _plainly(finding: str) -> str:
    return {"unknown": "too few data to know", "inconclusive": "the interval does not decide"}.get(finding, finding)
