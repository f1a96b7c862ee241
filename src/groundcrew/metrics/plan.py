"""What a plan costs before anyone is exposed: units per arm and metric, the price of looking early, days, and the gate's asks."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from groundcrew.domain.hypothesis import (
    BASELINE_DAYS_MIN,
    BASELINE_N_MIN,
    BINARY_KINDS,
    HypothesisPlan,
    SuccessMetric,
    baseline_problems,
    problems,
)
from groundcrew.errors import InputError
from groundcrew.stats import sample_size
from groundcrew.stats.design_effect import ASSUMED_CLUSTER_SIZE, ASSUMED_ICC, design_effect
from groundcrew.stats.e_values import beta_binomial_interval
from groundcrew.stats.significance import SRM_P_MIN

#: A rank test on stars needs at most about this factor more than a t test (asymptotic relative efficiency 3/π).
RANK_TEST_FACTOR = math.pi / 3
#: First parameter of the rare harm's prior. Nearer 0 a clean run needs hardly more cases than at one look, but one harm
#: costs more of them; at 0.1 it is 4 % more for none.
RARE_HARM_PRIOR = 0.1


class MetricRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """Units one metric needs. `fixed_n_per_arm` is the textbook figure for one look, independent cases and equal arms;
    `control`, `treatment` and `required_n` (their sum) add design effect, sequential price and split. None = unknown,
    and `note` says why."""

    name: str
    role: str
    kind: str
    alpha: float
    power: float
    sides: Literal[1, 2]
    fixed_n_per_arm: float | None
    sequential_factor: float
    control: int | None
    treatment: int | None
    required_n: int | None
    note: str = ""


class PlanReport(msgspec.Struct, frozen=True, kw_only=True):
    """A plan worked out. `required_n` counts units over both arms for the most demanding metric that can be computed.

    `sufficient` and `feasible` are None where the plan does not say enough to know; the gate reads None as fail.
    """

    name: str
    unit: str
    monitoring: str
    metrics: tuple[MetricRequirement, ...]
    design_effect: float
    required_n: int | None
    required_control: int | None
    required_treatment: int | None
    planned_n: int | None
    sufficient: bool | None
    units_per_day: float | None
    days_needed: float | None
    duration_days: int | None
    feasible: bool | None
    problems: tuple[str, ...]
    assumptions: tuple[str, ...]
    gate: tuple[str, ...]


def plan(declared: HypothesisPlan) -> PlanReport:
    """Work out `declared`. Never raises on a plan that is merely incomplete: what cannot be known is None and said why."""
    effect, assumptions = _design_effect(declared)
    requirements = tuple(_requirement(declared, metric, effect) for metric in declared.metrics)
    primary = declared.primary
    known = [each for each in requirements if each.required_n is not None]
    primary_known = primary is not None and any(each.name == primary.name for each in known)
    control = max((each.control or 0 for each in known), default=0) if primary_known else None
    treatment = max((each.treatment or 0 for each in known), default=0) if primary_known else None
    required = control + treatment if control is not None and treatment is not None else None
    per_day = _units_per_day(primary)
    days = required / per_day if required is not None and per_day else None
    # A plan that names no n of its own runs to the required one.
    planned = declared.planned_n if declared.planned_n is not None else required
    sufficient = planned >= required if required is not None and planned is not None else None
    assumptions += [f"{each.name}: {each.note}" for each in requirements if each.note]
    assumptions += _price_notes(declared, requirements)
    return PlanReport(
        name=declared.name,
        unit=declared.unit,
        monitoring=declared.monitoring,
        metrics=requirements,
        design_effect=effect,
        required_n=required,
        required_control=control,
        required_treatment=treatment,
        planned_n=planned,
        sufficient=sufficient,
        units_per_day=per_day,
        days_needed=days,
        duration_days=declared.duration_days,
        feasible=_feasible(declared, days, per_day),
        problems=(*problems(declared), *baseline_problems(declared)),
        assumptions=tuple(assumptions),
        gate=_gate_asks(declared, required, days),
    )


def planned_values(metric: SuccessMetric, planned_n: int | None) -> int | None:
    """How many of that many planned units will have a value of `metric`; None where no n is planned."""
    share = metric.coverage if metric.coverage is not None and 0 < metric.coverage <= 1 else 1.0
    return None if planned_n is None else max(1, round(planned_n * share))


def rare_harm_prior(limit: float) -> tuple[float, float]:
    """Beta prior of the sequential rare-harm bound: most of its weight far below the limit, so that clean runs count early."""
    return RARE_HARM_PRIOR, 1.0 / limit


def metric_alpha(declared: HypothesisPlan, metric: SuccessMetric) -> tuple[float, Literal[1, 2]]:
    """The error rate of the metric's decision and its sides: α over the success metrics, one-sided α for a guardrail,
    one-sided α over the deterioration metrics, and the mismatch level for data quality."""
    if metric.role == "success":
        return declared.alpha / max(1, len(declared.success_metrics)), 2
    if metric.role == "guardrail":
        return declared.alpha, 1
    if metric.role == "deterioration":
        return declared.alpha / sum(each.role == "deterioration" for each in declared.metrics), 1
    return SRM_P_MIN, 2


def _requirement(declared: HypothesisPlan, metric: SuccessMetric, effect: float) -> MetricRequirement:
    """What `metric` needs, with every correction."""
    alpha, sides = metric_alpha(declared, metric)
    power = 1 - (1 - declared.power) / (len(declared.guardrails) + 1)
    per_arm, factor, note = None, 1.0, ""
    control = treatment = None
    try:
        # Units that never get a value tell nothing: the more of them, the more units.
        effect /= _coverage(metric)
        if metric.role == "guardrail" and metric.kind == "rare_harm":
            per_arm, factor = _rare_harm_n(declared, metric, alpha)
            control, treatment = 0, sample_size.round_up(per_arm * factor * effect)
            note = f"counts cases of the treatment without a single harm, to keep the rate ≤ {metric.margin:g}"
        elif metric.role in ("success", "guardrail"):
            per_arm = _fixed_n_per_arm(metric, alpha, power)
            if metric.kind == "rating" and declared.monitoring == "fixed" and metric.role == "success":
                per_arm *= RANK_TEST_FACTOR
            if metric.covariate_correlation is not None:
                note = f"a covariate correlated by {metric.covariate_correlation:g} is counted on"
                per_arm = sample_size.adjusted(per_arm, metric.covariate_correlation)
            if declared.monitoring == "sequential":
                factor = sample_size.sequential_inflation(alpha, power, sides)
            split = declared.arms.split if declared.arms is not None else 0.5
            total = sample_size.total_for_split(per_arm * factor * effect, split)
            treatment = sample_size.round_up(total * split)
            control = sample_size.round_up(total * (1 - split))
        else:
            note = "watched, needs no number of its own"
    except InputError as error:
        per_arm, note = None, f"required n unknown: {error}"
    return MetricRequirement(
        name=metric.name,
        role=metric.role,
        kind=metric.kind,
        alpha=alpha,
        power=power,
        sides=sides,
        fixed_n_per_arm=per_arm,
        sequential_factor=factor,
        control=control,
        treatment=treatment,
        required_n=control + treatment if control is not None and treatment is not None else None,
        note=note,
    )


def _coverage(metric: SuccessMetric) -> float:
    if metric.coverage is None:
        return 1.0
    if not 0 < metric.coverage <= 1:
        raise InputError(f"must lie above 0 and be at most 1, is {metric.coverage:g}", field="coverage")
    return metric.coverage


def _fixed_n_per_arm(metric: SuccessMetric, alpha: float, power: float) -> float:
    """Textbook units per arm; raises InputError naming what the plan lacks."""
    baseline = metric.baseline
    if baseline is None:
        raise InputError("add a baseline")
    if metric.role == "guardrail":
        if metric.margin is None:
            raise InputError("add a margin")
        if metric.kind in BINARY_KINDS:
            return sample_size.non_inferiority_proportions(baseline.mean, metric.margin, alpha, power)
        if baseline.sd is None:
            raise InputError("add the baseline's sd")
        return sample_size.non_inferiority_means(baseline.sd, metric.margin, alpha, power)
    if metric.mde is None:
        raise InputError("add an mde")
    if metric.kind in BINARY_KINDS:
        reached = baseline.mean + (metric.mde if metric.direction == "increase" else -metric.mde)
        if not 0 <= reached <= 1:
            raise InputError(f"the mde takes the rate from {baseline.mean:g} to {reached:g}, outside 0..1")
        return sample_size.proportions(baseline.mean, reached, alpha, power)
    if baseline.sd is None:
        raise InputError("add the baseline's sd")
    return sample_size.means(metric.mde, baseline.sd, alpha, power)


def _rare_harm_n(declared: HypothesisPlan, metric: SuccessMetric, alpha: float) -> tuple[float, float]:
    """Harmless treatment cases for one look, and the factor when looking after every case."""
    if metric.margin is None:
        raise InputError("add a margin: the highest acceptable rate")
    fixed = sample_size.zero_failures(metric.margin, 1 - alpha)
    if declared.monitoring == "fixed":
        return fixed, 1.0
    low, high = max(1, math.floor(fixed)), 64 * math.ceil(fixed)
    prior = rare_harm_prior(metric.margin)
    while high - low > 1:
        middle = (low + high) // 2
        upper = beta_binomial_interval(0, middle, 1 - alpha, "upper", prior).upper
        low, high = (low, middle) if upper is not None and upper <= metric.margin else (middle, high)
    return fixed, high / fixed


def _design_effect(declared: HypothesisPlan) -> tuple[float, list[str]]:
    """The factor for clustered cases, and what had to be assumed for it."""
    if declared.cluster is None and declared.icc is None and declared.cluster_size is None:
        return 1.0, []
    icc = ASSUMED_ICC if declared.icc is None else declared.icc
    size = ASSUMED_CLUSTER_SIZE if declared.cluster_size is None else declared.cluster_size
    missing = [
        f"{field} {value:g} is assumed: measure it and declare {field}"
        for field, value, given in (("icc", icc, declared.icc), ("cluster_size", size, declared.cluster_size))
        if given is None
    ]
    try:
        return design_effect(size, icc), missing
    except InputError as error:
        return 1.0, [f"no design effect: {error}"]


def _units_per_day(primary: SuccessMetric | None) -> float | None:
    """Units that the baseline saw in a day."""
    if primary is None or primary.baseline is None or primary.baseline.days < 1 or primary.baseline.n < 1:
        return None
    return primary.baseline.n / primary.baseline.days


def _feasible(declared: HypothesisPlan, days: float | None, per_day: float | None) -> bool | None:
    """Whether required and planned units come by within the longest duration, at the baseline's pace."""
    if days is None or per_day is None:
        return None
    if declared.duration_days is None:
        return True
    wanted = max(days, (declared.planned_n or 0) / per_day)
    return wanted <= declared.duration_days


def _price_notes(declared: HypothesisPlan, requirements: tuple[MetricRequirement, ...]) -> list[str]:
    """The price of looking early, said openly."""
    priced = [each for each in requirements if each.sequential_factor > 1]
    if declared.monitoring != "sequential" or not priced:
        return ["monitoring is fixed: the verdict may be read once, when planned_n is reached"]
    factors = ", ".join(f"{each.name} × {each.sequential_factor:.2f}" for each in priced)
    return [
        f"looking at any time costs units against one look at the end: {factors}; a run stops as soon as the sequence"
        " decides, on average before the fixed plan's end"
    ]


def _gate_asks(declared: HypothesisPlan, required: int | None, days: float | None) -> tuple[str, ...]:
    """What the gates will ask of this hypothesis, in the order in which they ask it."""
    need = f"planned_n ≥ {required}" if required is not None else "planned_n ≥ a required n that is still unknown"
    pace = f" ({math.ceil(days)} days at the baseline's pace)" if days is not None else ""
    asks = [
        "pilot: the hypothesis is registered, before the first exposure",
        f"pilot: baseline over n ≥ {BASELINE_N_MIN} cases and ≥ {BASELINE_DAYS_MIN} days, with its source",
        f"pilot: {need} {declared.unit or 'units'} over both arms{pace}, feasible within the duration",
        "production_readiness: verdict supported, at planned_n or at a valid sequential stop"
        + (f", after at least {declared.minimum_days} days" if declared.minimum_days is not None else ""),
        f"production_readiness: sample-ratio mismatch p ≥ {SRM_P_MIN:g}",
    ]
    for metric in declared.guardrails:
        margin = f"{metric.margin:g}" if metric.margin is not None else "a margin still to be declared"
        unit = f" {metric.unit}" if metric.unit else ""
        what = "rate at most" if metric.kind == "rare_harm" else "worse by less than"
        asks.append(f"production_readiness: guardrail {metric.name} {what} {margin}{unit}")
    if declared.design == "before_after":
        asks.append("scale: not reachable; a plain before/after comparison is grade D")
    return tuple(asks)
