"""The interval of one metric: which method its kind, the design, the monitoring and the dependence of its rows call for."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.hypothesis import BINARY_KINDS, RATING_MAX, RATING_MIN, HypothesisPlan, SuccessMetric
from groundcrew.metrics.metric_data import MetricData
from groundcrew.metrics.plan import rare_harm_prior
from groundcrew.stats import planned_sequences as sequences
from groundcrew.stats.cluster import ClusterDifference, cluster_difference
from groundcrew.stats.cuped import adjusted_values, usable_covariate
from groundcrew.stats.e_values import beta_binomial_interval
from groundcrew.stats.interrupted_series import interrupted_difference
from groundcrew.stats.intervals import Interval, clopper_pearson, newcombe, welch
from groundcrew.stats.moments import Moments, moments
from groundcrew.stats.stepped_wedge import stepped_wedge_difference

Sides = Literal[1, 2]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How a metric is decided: the error rate, its sides, and the units that the plan named (None: none known)."""

    plan: HypothesisPlan
    metric: SuccessMetric
    alpha: float
    sides: Sides
    planned_n: int | None

    @property
    def sequential(self) -> bool:
        """Whether the interval has to hold at every look."""
        return self.plan.monitoring == "sequential"

    @property
    def confidence(self) -> float:
        """Of both bounds together."""
        return 1 - self.alpha * (2 if self.sides == 1 else 1)


class Estimated(msgspec.Struct, frozen=True, kw_only=True):
    """The interval; the correlation of the covariate that was adjusted for (None: none), and what has to be said of it."""

    interval: Interval
    correlation: float | None = None
    notes: tuple[str, ...] = ()


def one_arm(metric: SuccessMetric) -> bool:
    """Whether the treatment's rate is held against a limit, instead of against the control: a bounded rare harm."""
    return metric.kind == "rare_harm" and metric.margin is not None and metric.role in ("guardrail", "deterioration")


def estimated(decision: Decision, data: MetricData) -> Estimated:
    """The metric's interval on `data`. In a sequential plan that ran past its n, what held at that n goes on to hold."""
    found = _estimated(decision, data)
    planned = decision.planned_n
    if one_arm(decision.metric) or not decision.sequential or planned is None or data.units <= planned:
        return found
    then = _estimated(decision, data.first_units(planned)).interval
    return msgspec.structs.replace(found, interval=sequences.intersection(found.interval, then.lower, then.upper))


def dependence(decision: Decision, data: MetricData) -> tuple[NDArray[np.int64] | None, str]:
    """What makes rows dependent, and the method's name: the day of a switchback, the cluster, or the unit; None: nothing."""
    if decision.plan.design == "switchback":
        return data.days, "cluster-robust"
    if data.cluster is not None:
        return data.cluster, "cluster-robust"
    if decision.metric.kind == "ratio":
        return data.unit, "delta"
    return (data.unit, "cluster-robust") if data.units < data.values.size else (None, "")


def _estimated(decision: Decision, data: MetricData) -> Estimated:
    if one_arm(decision.metric):
        return Estimated(interval=_rare_harm(decision, data))
    design = decision.plan.design
    if design == "interrupted_time_series":
        return Estimated(interval=_robust(decision, _trend(data), data.values.size, "interrupted-series"))
    if design == "stepped_wedge":
        if data.cluster is None:
            return Estimated(interval=_robust(decision, _unknown(data), 0, "stepped-wedge"), notes=("rows have no cluster",))
        difference = stepped_wedge_difference(data.values, data.treated, data.cluster, data.days)
        return Estimated(interval=_robust(decision, difference, data.units, "stepped-wedge"))
    covariate, notes = _covariate(decision, data)
    keys, method = dependence(decision, data)
    correlation = None
    if covariate is not None:
        adjusted, correlation = adjusted_values(data.values, covariate, data.treated)
    if keys is not None:
        difference = cluster_difference(data.values, data.treated, keys, data.denominator, covariate)
        interval = _robust(decision, difference, data.units, method if covariate is None else "cuped-" + method)
    elif covariate is not None:
        interval = _means(decision, moments(adjusted[data.treated]), moments(adjusted[~data.treated]), "cuped-")
    else:
        interval = _independent(decision, data)
    return Estimated(interval=interval, correlation=correlation, notes=notes)


def _covariate(decision: Decision, data: MetricData) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """The covariate that the plan declared and the data carry; what is not declared in advance is not used."""
    declared = decision.metric.covariate_correlation is not None
    if data.covariate is None:
        return None, ("the plan declares a covariate, but no row has one",) if declared and data.values.size else ()
    if not declared:
        return None, ("a covariate is given but not declared (covariate_correlation), so it is not used",)
    found = usable_covariate(data.covariate, data.treated)
    if found.values is None:
        return None, (f"not adjusted for the covariate: {found.refusal}",)
    missing = int(data.values.size) - found.covered
    return found.values, (f"{missing} values without a covariate are kept unadjusted",) if missing else ()


def _independent(decision: Decision, data: MetricData) -> Interval:
    """One row a unit, no clusters, no covariate."""
    metric, plan = decision.metric, decision.plan
    assert plan.arms is not None
    treatment, control = moments(data.values[data.treated]), moments(data.values[~data.treated])
    randomized, split = plan.design == "randomized", plan.arms.split
    if metric.kind in BINARY_KINDS:
        counts = [(round((arm.mean or 0.0) * arm.n), arm.n) for arm in (treatment, control)]
        if not decision.sequential:
            return newcombe(*counts[0], *counts[1], decision.confidence)
        if not randomized:
            return sequences.planned_proportion_difference(
                counts[0], counts[1], decision.planned_n, decision.alpha, decision.sides
            )
        return sequences.randomized_proportion_difference(
            data.values, data.treated, split, decision.planned_n, decision.alpha, decision.sides
        )
    bounds = (RATING_MIN, RATING_MAX) if metric.kind == "rating" else metric.bounds
    if decision.sequential and randomized and bounds is not None:
        return sequences.randomized_bounded_difference(
            data.values, data.treated, bounds, split, decision.planned_n, decision.alpha, decision.sides
        )
    return _means(decision, treatment, control)


def _means(decision: Decision, treatment: Moments, control: Moments, prefix: str = "") -> Interval:
    if decision.sequential:
        interval = sequences.planned_mean_difference(treatment, control, decision.planned_n, decision.alpha, decision.sides)
    else:
        interval = welch(treatment, control, decision.confidence).interval
    return msgspec.structs.replace(interval, method=prefix + interval.method)


def _robust(decision: Decision, difference: ClusterDifference, n: int, method: str) -> Interval:
    """From t at one look; from the boundary, in its t distribution, at any."""
    if decision.sequential:
        return sequences.planned_robust_difference(
            difference, n, decision.planned_n, decision.alpha, decision.sides, method=method
        )
    lower, upper = sequences.around(difference.estimate, difference.half_width(decision.alpha / decision.sides))
    return Interval(
        estimate=difference.estimate,
        lower=lower,
        upper=upper,
        n=difference.n,
        method=method,
        confidence=decision.confidence,
    )


def _rare_harm(decision: Decision, data: MetricData) -> Interval:
    """The treatment's rate; each bound errs with α."""
    harms, n = int(data.values[data.treated].sum()), int(data.treated.sum())
    if not decision.sequential:
        return clopper_pearson(harms, n, 1 - 2 * decision.alpha)
    margin = decision.metric.margin
    prior = rare_harm_prior(margin) if margin is not None and 0 < margin < 1 else (1.0, 1.0)
    lower = beta_binomial_interval(harms, n, 1 - decision.alpha, "lower", (1.0, prior[1]))
    upper = beta_binomial_interval(harms, n, 1 - decision.alpha, "upper", prior)
    return msgspec.structs.replace(lower, upper=upper.upper, confidence=1 - 2 * decision.alpha)


def _trend(data: MetricData) -> ClusterDifference:
    """Daily means (UTC) against the trend of the control's days, from the treatment's first day on."""
    days, index = np.unique(data.days, return_inverse=True)
    if not days.size:
        return _unknown(data)
    means = np.bincount(index, weights=data.values) / np.bincount(index)
    start = int(data.days[data.treated].min()) if data.treated.any() else int(days[-1]) + 1
    return interrupted_difference(days.astype(np.float64), means, start, n=int(data.values.size))


def _unknown(data: MetricData) -> ClusterDifference:
    return ClusterDifference(estimate=None, standard_error=None, df=0, clusters=0, n=int(data.values.size))
