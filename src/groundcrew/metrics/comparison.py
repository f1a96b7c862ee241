"""One metric compared between the arms: its interval, what the interval says in the metric's role, and what to know of it."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from groundcrew.domain.hypothesis import HypothesisPlan, SuccessMetric
from groundcrew.metrics.estimation import Decision, dependence, estimated, one_arm
from groundcrew.metrics.metric_data import MetricData
from groundcrew.metrics.plan import metric_alpha, planned_values
from groundcrew.stats.bootstrap import bootstrap_difference
from groundcrew.stats.design_effect import MeasuredClusters, measured_clusters
from groundcrew.stats.intervals import Interval
from groundcrew.stats.significance import brunner_munzel

Finding = Literal["superior", "non_inferior", "worse", "inconclusive", "unknown", "differs", "equal"]

#: Kinds whose values are skewed, so that a typical one is told beside the mean and a bootstrap checks the t distribution.
SKEWED_KINDS = frozenset({"duration", "cost"})


class MetricResult(msgspec.Struct, frozen=True, kw_only=True):
    """One metric's figures: treatment − control in its unit with bounds (None = unknown), `n` values over both arms.

    For a rare harm with a margin estimate and bounds are the treatment's rate and `n` its cases. `confidence` is that of both
    bounds together; a guardrail's single bound errs with (1 − confidence)/2. `icc` (0..1) and `design_effect` (≥ 1) are
    measured in the data, `covariate_correlation` is that of an adjustment; None where there is none.
    """

    name: str
    role: str
    estimate: float | None
    lower: float | None
    upper: float | None
    required_n: int | None
    n: int
    finding: Finding
    method: str
    confidence: float
    treatment_mean: float | None = None
    control_mean: float | None = None
    tendency_p_value: float | None = None
    treatment_median: float | None = None
    control_median: float | None = None
    covariate_correlation: float | None = None
    icc: float | None = None
    design_effect: float | None = None
    notes: tuple[str, ...] = ()


def compare(
    plan: HypothesisPlan, metric: SuccessMetric, data: MetricData, *, required_n: int | None, planning_n: int | None
) -> MetricResult:
    """Compare the arms on `data`; which method decides is `estimation`'s to say.

    At one look, ratings also need Brunner–Munzel to call a difference, and durations and costs need a bootstrap to agree
    before they count as better or as good.
    """
    alpha, sides = metric_alpha(plan, metric)
    decision = Decision(plan=plan, metric=metric, alpha=alpha, sides=sides, planned_n=planned_values(metric, planning_n))
    found = estimated(decision, data)
    interval, notes = found.interval, list(found.notes)
    finding = _finding(metric, interval)
    treatment, control = data.values[data.treated], data.values[~data.treated]
    tendency = None
    if metric.kind == "rating" and interval.method == "welch":
        tendency = brunner_munzel(treatment, control).p_value
        finding = _with_ranks(finding, tendency, alpha)
    if metric.kind in SKEWED_KINDS and interval.method == "welch" and finding in ("superior", "non_inferior"):
        check = bootstrap_difference(treatment, control, interval.confidence)
        if check.lower is not None and _finding(metric, check) != finding:
            notes.append(f"a bootstrap puts the difference at {check.lower:.4g} to {check.upper:.4g} and does not agree")
            finding = "inconclusive"
    if data.left_out:
        notes.append(f"{data.left_out} values are left out, their units have no denominator")
    clusters = _clusters(decision, data)
    if clusters is not None and clusters.icc is not None and data.cluster is not None:
        notes.append(
            f"cases of one cluster resemble each other with ICC {clusters.icc:.3f} ({clusters.clusters} clusters,"
            f" design effect {clusters.design_effect:.2f})"
        )
    skewed = metric.kind in SKEWED_KINDS
    return MetricResult(
        name=metric.name,
        role=metric.role,
        estimate=interval.estimate,
        lower=interval.lower,
        upper=interval.upper,
        required_n=required_n,
        n=interval.n,
        finding=finding,
        method=interval.method,
        confidence=interval.confidence,
        treatment_mean=_mean(data, data.treated),
        control_mean=_mean(data, ~data.treated),
        tendency_p_value=tendency,
        treatment_median=float(np.median(treatment)) if skewed and treatment.size else None,
        control_median=float(np.median(control)) if skewed and control.size else None,
        covariate_correlation=found.correlation,
        icc=None if clusters is None else clusters.icc,
        design_effect=None if clusters is None else clusters.design_effect,
        notes=tuple(notes),
    )


def _mean(data: MetricData, arm: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float | None:
    """Mean of an arm's values, or its ratio; None where it has none."""
    total = float(arm.sum()) if data.denominator is None else float(data.denominator[arm].sum())
    return float(data.values[arm].sum()) / total if total > 0 else None


def _clusters(decision: Decision, data: MetricData) -> MeasuredClusters | None:
    """How far dependent rows resemble each other within their arm; None where rows are independent."""
    keys = data.cluster if data.cluster is not None else dependence(decision, data)[0]
    if keys is None or not data.values.size or data.denominator is not None:
        return None
    rest = data.values.copy()
    for arm in (data.treated, ~data.treated):
        if arm.any():
            rest[arm] -= rest[arm].mean()
    return measured_clusters(rest, keys)


def _finding(metric: SuccessMetric, interval: Interval) -> Finding:
    """What the interval says about the metric in its role."""
    if interval.lower is None or interval.upper is None or interval.estimate is None:
        return "unknown"
    if one_arm(metric) and metric.margin is not None:
        if interval.upper <= metric.margin:
            return "non_inferior"
        return "worse" if interval.lower > metric.margin else "inconclusive"
    if metric.role == "quality":
        return "equal" if interval.lower <= 0 <= interval.upper else "differs"
    better, worse = interval.lower > 0, interval.upper < 0
    shortfall = -interval.lower
    if metric.direction == "decrease":
        better, worse = worse, better
        shortfall = interval.upper
    if metric.role != "guardrail":
        return "superior" if better else "worse" if worse else "inconclusive"
    if metric.margin is None:
        return "worse" if worse else "unknown"
    if shortfall < metric.margin:
        return "non_inferior"
    return "worse" if worse else "inconclusive"


def _with_ranks(finding: Finding, p_value: float | None, alpha: float) -> Finding:
    """A difference of mean stars counts only where the rank test sees it too: stars are ordered, not measured."""
    if finding in ("superior", "worse") and (p_value is None or p_value > alpha):
        return "inconclusive"
    return finding
