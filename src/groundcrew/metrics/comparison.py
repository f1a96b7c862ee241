"""One metric compared between the arms, with the method that its kind, the design and the monitoring call for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import scipy

from groundcrew.domain.hypothesis import BINARY_KINDS, HypothesisPlan, SuccessMetric
from groundcrew.metrics.observations import Observation
from groundcrew.metrics.plan import metric_alpha, rare_harm_prior
from groundcrew.stats.cluster import ClusterDifference, cluster_difference
from groundcrew.stats.confidence_sequences import ASYMPTOTIC_N_MIN, boundary, difference_sequence, mixture_rho
from groundcrew.stats.e_values import beta_binomial_interval
from groundcrew.stats.interrupted_series import interrupted_difference
from groundcrew.stats.intervals import Interval, clopper_pearson, newcombe, welch
from groundcrew.stats.moments import Moments, moments, proportion_moments
from groundcrew.stats.significance import brunner_munzel

Finding = Literal["superior", "non_inferior", "worse", "inconclusive", "unknown", "differs", "equal"]

#: Tightest n of a confidence sequence where the plan allows no better guess.
SEQUENCE_N_DEFAULT = 1000


class MetricResult(msgspec.Struct, frozen=True, kw_only=True):
    """One metric's figures: treatment − control in its unit with bounds (None = unknown), `n` values over both arms.

    For a rare harm with a margin estimate and bounds are the treatment's rate and `n` its cases. `confidence` is that of both
    bounds together; a guardrail's single bound errs with (1 − confidence)/2.
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


def compare(
    plan: HypothesisPlan,
    metric: SuccessMetric,
    rows: Sequence[Observation],
    *,
    required_n: int | None,
    planning_n: int | None,
) -> MetricResult:
    """Compare the arms on `rows`, which are all and only this metric's rows, in any order.

    Fixed: Newcombe (proportions), Clopper–Pearson (rare harm), Welch (means); ratings also need Brunner–Munzel to call a
    difference. Sequential: asymptotic confidence sequences, for rare harm a beta-binomial one. Several rows of a unit,
    or declared clusters, are compared cluster-robustly; switchbacks by day; interrupted series against their trend.
    """
    assert plan.arms is not None
    treated = np.array([row.arm == plan.arms.treatment for row in rows], dtype=np.bool_)
    values = np.array([row.value for row in rows], dtype=np.float64)
    treatment, control = moments(values[treated]), moments(values[~treated])
    alpha, sides = metric_alpha(plan, metric)
    tendency = None
    if _one_arm(metric):
        interval = _rare_harm(plan, metric, treatment, alpha)
    elif plan.design == "interrupted_time_series":
        interval = _trend(plan, rows, alpha, sides, planning_n)
    else:
        keys = _cluster_keys(plan, rows)
        if keys is not None:
            interval = _clustered(plan, cluster_difference(values, treated, keys), alpha, sides, planning_n)
        else:
            interval = _independent(plan, metric, treatment, control, alpha, sides, planning_n)
            if metric.kind == "rating" and plan.monitoring == "fixed":
                tendency = brunner_munzel(values[treated], values[~treated]).p_value
    finding = _finding(metric, interval)
    if metric.kind == "rating" and plan.monitoring == "fixed" and interval.method == "welch":
        finding = _with_ranks(finding, tendency, alpha)
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
        treatment_mean=treatment.mean,
        control_mean=control.mean,
        tendency_p_value=tendency,
    )


def _one_arm(metric: SuccessMetric) -> bool:
    """Whether the treatment's rate is held against a limit, instead of against the control: a bounded rare harm."""
    return metric.kind == "rare_harm" and metric.margin is not None and metric.role in ("guardrail", "deterioration")


def _cluster_keys(plan: HypothesisPlan, rows: Sequence[Observation]) -> list[str] | None:
    """What makes rows dependent: the day of a switchback, the declared or given cluster, or the unit; None if nothing does."""
    if plan.design == "switchback":
        return [row.time.date().isoformat() for row in rows]
    if plan.cluster is not None or (rows and all(row.cluster for row in rows)):
        return [row.cluster or "" for row in rows]
    units = [row.unit_id for row in rows]
    return units if len(set(units)) < len(units) else None


def _rare_harm(plan: HypothesisPlan, metric: SuccessMetric, treatment: Moments, alpha: float) -> Interval:
    """The treatment's rate; each bound errs with α."""
    harms = round((treatment.mean or 0.0) * treatment.n)
    if plan.monitoring == "fixed":
        return clopper_pearson(harms, treatment.n, 1 - 2 * alpha)
    prior = rare_harm_prior(metric.margin) if metric.margin is not None and 0 < metric.margin < 1 else (1.0, 1.0)
    lower = beta_binomial_interval(harms, treatment.n, 1 - alpha, "lower", prior)
    upper = beta_binomial_interval(harms, treatment.n, 1 - alpha, "upper", prior)
    return msgspec.structs.replace(lower, upper=upper.upper, confidence=1 - 2 * alpha)


def _independent(
    plan: HypothesisPlan,
    metric: SuccessMetric,
    treatment: Moments,
    control: Moments,
    alpha: float,
    sides: Literal[1, 2],
    planning_n: int | None,
) -> Interval:
    """One row per unit, no clusters."""
    binary, arms = metric.kind in BINARY_KINDS, (treatment, control)
    counts = [round((arm.mean or 0.0) * arm.n) if binary else 0 for arm in arms]
    if plan.monitoring == "sequential":
        if binary:
            treatment, control = (proportion_moments(successes, arm.n) for successes, arm in zip(counts, arms, strict=True))
        return difference_sequence(treatment, control, planning_n or SEQUENCE_N_DEFAULT, alpha, sides)
    confidence = 1 - alpha * (2 if sides == 1 else 1)
    if binary:
        return newcombe(counts[0], treatment.n, counts[1], control.n, confidence)
    return welch(treatment, control, confidence).interval


def _clustered(
    plan: HypothesisPlan,
    difference: ClusterDifference,
    alpha: float,
    sides: Literal[1, 2],
    planning_n: int | None,
    method: str = "cluster-robust",
) -> Interval:
    """Bounds of a robust difference: from t at one look; at any look the sequence's boundary, widened by the ratio of
    the t to the normal quantile, because few clusters know their own spread badly."""
    half = difference.half_width(alpha / sides)
    if half is not None and plan.monitoring == "sequential":
        method += "-cs"
        if difference.n < 2 * ASYMPTOTIC_N_MIN:
            half = None
        else:
            rho = mixture_rho(alpha, planning_n or SEQUENCE_N_DEFAULT, sides)
            half *= boundary(difference.n, rho, alpha, sides) / -float(scipy.special.ndtri(alpha / sides))
    lower = upper = None
    if difference.estimate is not None and half is not None:
        lower, upper = difference.estimate - half, difference.estimate + half
    return Interval(
        estimate=difference.estimate,
        lower=lower,
        upper=upper,
        n=difference.n,
        method=method,
        confidence=1 - alpha * (2 if sides == 1 else 1),
    )


def _trend(
    plan: HypothesisPlan, rows: Sequence[Observation], alpha: float, sides: Literal[1, 2], planning_n: int | None
) -> Interval:
    """Daily means (UTC) against the trend of the control's days, from the treatment's first day on."""
    assert plan.arms is not None
    by_day: dict[int, list[float]] = {}
    start: int | None = None
    for row in rows:
        day = row.time.date().toordinal()
        by_day.setdefault(day, []).append(row.value)
        if row.arm == plan.arms.treatment:
            start = day if start is None else min(start, day)
    days = sorted(by_day)
    means = [sum(by_day[day]) / len(by_day[day]) for day in days]
    first_treated = start if start is not None else (days[-1] + 1 if days else 0)
    difference = interrupted_difference(days, means, first_treated, n=len(rows))
    return _clustered(plan, difference, alpha, sides, planning_n, method="interrupted-series")


def _finding(metric: SuccessMetric, interval: Interval) -> Finding:
    """What the interval says about the metric in its role."""
    if interval.lower is None or interval.upper is None or interval.estimate is None:
        return "unknown"
    if _one_arm(metric) and metric.margin is not None:
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
