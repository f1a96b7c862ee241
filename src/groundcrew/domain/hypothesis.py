"""What a use case claims before anyone is exposed to it: metrics, arms, error rates, and how the claim is frozen.

`HypothesisPlan` is what a person declares in YAML; `Hypothesis` adds version, state and the digest that freezes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.errors import Conflict, DeclarationError, InputError

MetricRole = Literal["success", "guardrail", "deterioration", "quality"]
MetricKind = Literal["mean", "proportion", "rating", "ratio", "rare_harm", "duration", "cost"]
Direction = Literal["increase", "decrease"]
Design = Literal["randomized", "stepped_wedge", "switchback", "interrupted_time_series", "before_after"]
Monitoring = Literal["sequential", "fixed"]
HypothesisState = Literal["draft", "registered", "running", "supported", "refuted", "inconclusive", "invalid"]
Concluded = Literal["supported", "refuted", "inconclusive", "invalid"]
OnRollback = Literal["alert", "stop_treatment"]

#: Kinds whose values are 0 or 1; their standard deviation follows from the rate.
BINARY_KINDS: frozenset[MetricKind] = frozenset({"proportion", "rare_harm"})
#: Smallest and largest star of a rating.
RATING_MIN, RATING_MAX = 1.0, 5.0
#: What a baseline needs before the pilot gate accepts it (defaults of domain.md).
BASELINE_N_MIN, BASELINE_DAYS_MIN = 30, 14
#: More metrics than this in one plan is a fishing trip, not a hypothesis.
METRICS_MAX = 50
#: Share of units that may be kept out of the comparison on the control, the longest block of a switchback, clusters of a wedge.
HOLDOUT_MAX = 0.5
BLOCK_HOURS_MAX = 28 * 24
STEPS_MAX = 10_000
#: Which arms a variant may be declared for, by their part in the comparison and not by their name.
VARIANT_ARMS = ("control", "treatment")

#: Fields of a plan, its arms and its metrics that came after the first registrations, with their defaults.
LATER_FIELDS: Mapping[str, object] = {
    "on_rollback": "alert",
    "holdout": 0.0,
    "variants": {},
    "block_hours": None,
    "steps": {},
    "covariate_correlation": None,
    "bounds": None,
    "coverage": None,
}

#: Allowed moves. A verdict is final; an amendment is a new version (see `amend`).
TRANSITIONS: Mapping[HypothesisState, frozenset[HypothesisState]] = {
    "draft": frozenset({"registered"}),
    "registered": frozenset({"running"}),
    "running": frozenset({"supported", "refuted", "inconclusive", "invalid"}),
    "supported": frozenset(),
    "refuted": frozenset(),
    "inconclusive": frozenset(),
    "invalid": frozenset(),
}


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the metric stood before: `mean` and `sd` in the metric's unit over `n` cases in `days` days, and from where.

    `sd` may be left out for proportions (it follows from the rate) and is needed for every other kind.
    """

    mean: float
    n: int
    days: int
    source: str
    sd: float | None = None


class SuccessMetric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric of a hypothesis. `direction` is the good one; `mde` and `margin` are positive, in the metric's unit.

    `mde` is the smallest effect worth having (success metrics), `margin` the largest worsening that is still tolerated
    (guardrails); for kind `rare_harm` the margin is the highest acceptable rate in the treatment arm. `primary` is
    needed only where a plan has several success metrics.

    `covariate_correlation` (between −1 and 1, both excluded) says that every unit's value from before the experiment is
    adjusted for, and how closely it is expected to go with the metric; 0 adjusts without counting on it. `bounds` are the
    lowest and the highest possible value, in the unit, where they are certain in advance; a ratio divides sums per unit.
    `coverage` (above 0, at most 1) is the share of units that are expected to have a value, where not all will.
    """

    name: str
    role: MetricRole
    kind: MetricKind
    direction: Direction
    unit: str = ""
    primary: bool = False
    baseline: Baseline | None = None
    mde: float | None = None
    margin: float | None = None
    covariate_correlation: float | None = None
    bounds: tuple[float, float] | None = None
    coverage: float | None = None


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gateway does in one arm: another model alias, another prompt (None: the use case's own), or nothing at all, since
    its cases are done by people alone."""

    model: str | None = None
    prompt: str | None = None
    human_only: bool = False


class Arms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The two arms' names and `split`, the share of units (0..1, both excluded) that goes to the treatment.

    `holdout` is the share of all units that stay on the control for good and are left out of the comparison; `split` is of the
    others. `variants` say what the gateway does in an arm (keys: control, treatment). `block_hours` is how long a switchback
    stays in one arm, `steps` from which day (UTC) on each cluster of a stepped wedge is treated.
    """

    control: str
    treatment: str
    split: float = 0.5
    holdout: float = 0.0
    variants: dict[str, Variant] = {}
    block_hours: int | None = None
    steps: dict[str, date] = {}

    def name_of(self, arm: str) -> str:
        """The declared name of `control` or `treatment`; a unit that is held out is on the control."""
        return self.treatment if arm == "treatment" else self.control


class HypothesisPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan as declared. `planned_n` counts units over both arms, left out it is the required n; `duration_days` is the
    longest it may run. `monitoring` is the stop rule (once, at the n; or when the sequence decides), `stop_rule` words it.

    Everything that may be missing in a draft has an empty default here; `problems` says what registration still needs.
    """

    name: str
    unit: str = ""
    arms: Arms | None = None
    design: Design = "randomized"
    alpha: float = 0.05
    power: float = 0.8
    monitoring: Monitoring = "sequential"
    cluster: str | None = None
    icc: float | None = None
    cluster_size: int | None = None
    minimum_days: int | None = None
    duration_days: int | None = None
    planned_n: int | None = None
    stop_rule: str = ""
    #: What follows by itself when the running experiment says rollback: people are told, or from then on nobody is treated.
    on_rollback: OnRollback = "alert"
    metrics: tuple[SuccessMetric, ...] = ()

    @property
    def success_metrics(self) -> tuple[SuccessMetric, ...]:
        """Metrics of role success, in the order declared."""
        return tuple(metric for metric in self.metrics if metric.role == "success")

    @property
    def guardrails(self) -> tuple[SuccessMetric, ...]:
        """Metrics of role guardrail, in the order declared."""
        return tuple(metric for metric in self.metrics if metric.role == "guardrail")

    @property
    def primary(self) -> SuccessMetric | None:
        """The one primary metric: the only success metric, or the only one marked so; None where that is not clear."""
        candidates = self.success_metrics
        if len(candidates) > 1:
            candidates = tuple(metric for metric in candidates if metric.primary)
        return candidates[0] if len(candidates) == 1 else None

    @property
    def window_days(self) -> int | None:
        """How long it runs: the declared longest duration, else the shortest one; None where neither is declared."""
        return self.duration_days if self.duration_days is not None else self.minimum_days


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """A plan of one use case with its state; `digest`, set on registration, must equal `frozen_digest` ever after."""

    use_case: str
    plan: HypothesisPlan
    version: int = 1
    state: HypothesisState = "draft"
    registered_at: datetime | None = None
    registered_by: str | None = None
    digest: str | None = None
    #: Since when nobody is treated any more though it runs: a person or its rollback rule stopped the treatment.
    treatment_stopped_at: datetime | None = None
    #: When a verdict ended it, and the look that it rests on.
    concluded_at: datetime | None = None
    concluded_on: str | None = None

    @property
    def name(self) -> str:
        """The plan's name."""
        return self.plan.name

    @property
    def intact(self) -> bool:
        """Whether it was registered and has not been altered since."""
        return self.digest is not None and self.digest == frozen_digest(self)


def parse_plan(data: Mapping[str, object]) -> HypothesisPlan:
    """The plan that `data` (from YAML or JSON) declares; raises DeclarationError naming the field that is wrong."""
    try:
        return msgspec.convert(data, HypothesisPlan)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise DeclarationError(message, field=place.strip("`").removeprefix("$.") or None) from error


def frozen_digest(hypothesis: Hypothesis) -> str:
    """sha256 (hex) over the canonical JSON of use case, version and the whole plan; state and registration left out.

    LATER_FIELDS that hold their default are left out too, so that plans registered before they existed keep their digest.
    """
    plan: dict[str, Any] = msgspec.to_builtins(hypothesis.plan)
    for part in (plan, plan["arms"] or {}, *plan["metrics"]):
        for field, default in LATER_FIELDS.items():
            if field in part and part[field] == default:
                del part[field]
    frozen = {"use_case": hypothesis.use_case, "version": hypothesis.version, "plan": plan}
    return sha256_hex(canonical_json(frozen))


def problems(hypothesis: Hypothesis | HypothesisPlan) -> list[str]:
    """All that keeps the hypothesis from registration: one plain line each that says what to add."""
    plan = hypothesis.plan if isinstance(hypothesis, Hypothesis) else hypothesis
    return [
        *_plan_problems(plan),
        *_roster_problems(plan),
        *(line for m in plan.metrics for line in _metric_problems(m)),
    ]


def baseline_problems(plan: HypothesisPlan) -> list[str]:
    """Why the primary metric's baseline does not carry the pilot gate (n ≥ 30 over ≥ 14 days, with a source)."""
    primary = plan.primary
    if primary is None or primary.baseline is None:
        return ["no baseline of the primary metric: add baseline {mean, sd, n, days, source}"]
    baseline = primary.baseline
    found = []
    if baseline.n < BASELINE_N_MIN:
        found.append(f"baseline of {primary.name} has n = {baseline.n}: measure at least {BASELINE_N_MIN} cases")
    if baseline.days < BASELINE_DAYS_MIN:
        found.append(f"baseline of {primary.name} covers {baseline.days} days: measure at least {BASELINE_DAYS_MIN}")
    if not baseline.source.strip():
        found.append(f"baseline of {primary.name} has no source: name the system or file that it came from")
    return found


def register(hypothesis: Hypothesis, *, by: str, at: datetime) -> Hypothesis:
    """The hypothesis registered and frozen; raises InputError listing every problem, Conflict unless it is a draft."""
    _require_move(hypothesis, "registered")
    found = problems(hypothesis)
    if found:
        raise InputError("cannot be registered: " + "; ".join(found), field=f"hypothesis {hypothesis.name}")
    if not by.strip():
        raise InputError("registration needs the name of the person who registers", field="registered_by")
    if at.utcoffset() != timedelta(0):
        raise InputError("registration time must be timezone-aware UTC", field="registered_at")
    return msgspec.structs.replace(
        hypothesis, state="registered", registered_by=by, registered_at=at, digest=frozen_digest(hypothesis)
    )


def move(hypothesis: Hypothesis, to: HypothesisState) -> Hypothesis:
    """The hypothesis in state `to`; raises Conflict for a move not allowed, or when it was altered since registration.

    Registration itself goes through `register`, which needs a person and a time.
    """
    if to == "registered":
        raise Conflict("a hypothesis is registered by `register`, which needs a person and a time")
    _require_move(hypothesis, to)
    if not hypothesis.intact:
        raise Conflict(f"hypothesis {hypothesis.name} was altered after registration: its digest does not match")
    return msgspec.structs.replace(hypothesis, state=to)


def stop_treatment(hypothesis: Hypothesis, at: datetime) -> Hypothesis:
    """The hypothesis with nobody treated from `at` on; Conflict unless it runs, or where that is so already."""
    if hypothesis.state not in ("registered", "running"):
        raise Conflict(f"hypothesis {hypothesis.name} is {hypothesis.state}: there is no treatment to stop")
    if hypothesis.treatment_stopped_at is not None:
        raise Conflict(f"the treatment is stopped already, since {hypothesis.treatment_stopped_at:%Y-%m-%d %H:%M} UTC")
    return msgspec.structs.replace(hypothesis, treatment_stopped_at=at)


def amend(hypothesis: Hypothesis, plan: HypothesisPlan) -> Hypothesis:
    """A new draft with `plan` and the next version; data recorded under the earlier version become exploratory."""
    return Hypothesis(use_case=hypothesis.use_case, plan=plan, version=hypothesis.version + 1)


def _require_move(hypothesis: Hypothesis, to: HypothesisState) -> None:
    allowed = TRANSITIONS[hypothesis.state]
    if to not in allowed:
        choices = ", ".join(sorted(allowed)) or "nothing: amend it as a new version"
        raise Conflict(f"hypothesis {hypothesis.name} is {hypothesis.state} and cannot become {to}; allowed: {choices}")


def _plan_problems(plan: HypothesisPlan) -> list[str]:
    """What is wrong with everything but the metrics."""
    found = []
    if not plan.name.strip():
        found.append("name is empty: add a short name")
    if not plan.unit.strip():
        found.append("unit is missing: add what is assigned to an arm, for example unit: ticket")
    found.extend(_arm_problems(plan.arms))
    if plan.arms is not None:
        found.extend(_assignment_problems(plan.design, plan.arms))
    if not 0 < plan.alpha < 0.5:
        found.append(f"alpha is {plan.alpha:g}: give a value above 0 and below 0.5, for example 0.05")
    if not 0.5 <= plan.power < 1:
        found.append(f"power is {plan.power:g}: give a value from 0.5 to below 1, for example 0.8")
    if plan.window_days is None:
        found.append("duration is missing: add duration_days (the longest it may run) or minimum_days")
    for field, value in (("minimum_days", plan.minimum_days), ("duration_days", plan.duration_days)):
        if value is not None and value < 1:
            found.append(f"{field} is {value}: give at least 1")
    if plan.minimum_days is not None and plan.duration_days is not None and plan.minimum_days > plan.duration_days:
        found.append(f"minimum_days {plan.minimum_days} exceeds duration_days {plan.duration_days}: change one of them")
    if plan.planned_n is not None and plan.planned_n < 2:
        found.append(f"planned_n is {plan.planned_n}: give at least one unit per arm")
    if plan.icc is not None and not 0 <= plan.icc <= 1:
        found.append(f"icc is {plan.icc:g}: give a value from 0 to 1")
    if plan.cluster_size is not None and plan.cluster_size < 1:
        found.append(f"cluster_size is {plan.cluster_size}: give at least 1")
    return found


def _arm_problems(arms: Arms | None) -> list[str]:
    if arms is None:
        return ["arms are missing: add arms {control, treatment, split}"]
    found = []
    if not arms.control.strip() or not arms.treatment.strip():
        found.append("an arm has no name: name both control and treatment")
    elif arms.control == arms.treatment:
        found.append(f"both arms are called {arms.control}: give them different names")
    if not 0 < arms.split < 1:
        found.append(f"split is {arms.split:g}: give the treatment's share, above 0 and below 1")
    return found


def _assignment_problems(design: Design, arms: Arms) -> list[str]:
    """What is wrong with how units come to their arms, and with what the gateway does there."""
    found = []
    if not 0 <= arms.holdout <= HOLDOUT_MAX:
        found.append(f"holdout is {arms.holdout:g}: give a share from 0 to {HOLDOUT_MAX:g}")
    if arms.block_hours is not None and not 1 <= arms.block_hours <= BLOCK_HOURS_MAX:
        found.append(f"block_hours is {arms.block_hours}: give 1 to {BLOCK_HOURS_MAX} hours")
    if arms.block_hours is not None and design != "switchback":
        found.append("block_hours is declared: it takes design: switchback")
    if arms.steps and design != "stepped_wedge":
        found.append("steps are declared: they take design: stepped_wedge")
    if design == "stepped_wedge" and len(set(arms.steps.values())) < 2:
        found.append("a stepped wedge needs steps: {CLUSTER: the day from which it is treated} with at least two days")
    if len(arms.steps) > STEPS_MAX:
        found.append(f"{len(arms.steps)} steps are declared: at most {STEPS_MAX}")
    unassigned = design in ("interrupted_time_series", "before_after") or (design == "switchback" and not arms.block_hours)
    if arms.variants and unassigned:
        found.append("variants are declared: they take a design in which units are assigned (a switchback with block_hours)")
    for name, variant in arms.variants.items():
        place = f"arms.variants.{name}"
        if name not in VARIANT_ARMS:
            found.append(f"{place}: variants are declared for control and treatment, whatever the arms are called")
        elif variant.human_only and (variant.model is not None or variant.prompt is not None):
            found.append(f"{place} is human_only and names a model or a prompt: keep one of them")
        elif not variant.human_only and not variant.model and variant.prompt is None:
            found.append(f"{place} changes nothing: give model, prompt or human_only: true")
    return found


def _roster_problems(plan: HypothesisPlan) -> list[str]:
    """What is wrong with the set of metrics as a whole."""
    found = []
    names = [metric.name for metric in plan.metrics]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"metric {name} is declared {names.count(name)} times: keep one")
    if len(names) > METRICS_MAX:
        found.append(f"{len(names)} metrics are declared: keep at most {METRICS_MAX}")
    if not plan.success_metrics:
        found.append("no primary metric: add one metric with role: success")
    elif plan.primary is None:
        marked = sum(metric.primary for metric in plan.success_metrics)
        count = len(plan.success_metrics)
        found.append(f"{marked} of {count} success metrics are marked primary: mark exactly one with primary: true")
    if any(metric.primary for metric in plan.metrics if metric.role != "success"):
        found.append("a metric that is not of role success is marked primary: mark a success metric")
    if not plan.guardrails:
        found.append("no guardrail: add at least one metric with role: guardrail and a margin")
    return found


def _metric_problems(metric: SuccessMetric) -> list[str]:
    """What is wrong with one metric."""
    found = []
    if not metric.name.strip():
        found.append("a metric has no name: add one")
    if metric.role == "success":
        if metric.mde is None:
            found.append(f"{metric.name} has no mde: add the smallest effect worth having, in its unit")
        if metric.baseline is None:
            found.append(f"{metric.name} has no baseline: add baseline {{mean, sd, n, days, source}}")
    if metric.role == "guardrail" and metric.margin is None:
        found.append(f"{metric.name} has no margin: add the largest worsening that is still tolerated, in its unit")
    for field, value in (("mde", metric.mde), ("margin", metric.margin)):
        if value is not None and not (math.isfinite(value) and value > 0):
            found.append(f"{metric.name} has {field} {value:g}: give a positive number in its unit; direction says which way")
    if metric.kind in BINARY_KINDS and metric.mde is not None and metric.mde >= 1:
        found.append(f"{metric.name} has mde {metric.mde:g}: a rate's mde lies below 1 (0.05 is five points)")
    correlation, bounds = metric.covariate_correlation, metric.bounds
    if correlation is not None and not -1 < correlation < 1:
        found.append(f"{metric.name} has covariate_correlation {correlation:g}: give a value between -1 and 1")
    if metric.coverage is not None and not 0 < metric.coverage <= 1:
        found.append(
            f"{metric.name} has coverage {metric.coverage:g}: give the share of units with a value, above 0 and at most 1"
        )
    if bounds is not None and not (math.isfinite(bounds[0]) and math.isfinite(bounds[1]) and bounds[0] < bounds[1]):
        found.append(f"{metric.name} has bounds {bounds[0]:g} to {bounds[1]:g}: give the lowest and the highest possible value")
    if metric.baseline is not None:
        found.extend(_baseline_value_problems(metric, metric.baseline))
    return found


def _baseline_value_problems(metric: SuccessMetric, baseline: Baseline) -> list[str]:
    found = []
    if not math.isfinite(baseline.mean):
        found.append(f"{metric.name} has a baseline mean that is not a number: measure it")
    if baseline.n < 1 or baseline.days < 1:
        found.append(f"{metric.name} has a baseline over n = {baseline.n} in {baseline.days} days: both must be at least 1")
    if metric.kind in BINARY_KINDS:
        if not 0 <= baseline.mean <= 1:
            found.append(f"{metric.name} has baseline rate {baseline.mean:g}: give a share from 0 to 1")
    elif metric.role == "success" and (baseline.sd is None or not (math.isfinite(baseline.sd) and baseline.sd > 0)):
        found.append(f"{metric.name} has no usable baseline sd: add the standard deviation of single cases, above 0")
    if metric.kind == "rating" and not RATING_MIN <= baseline.mean <= RATING_MAX:
        found.append(f"{metric.name} has baseline rating {baseline.mean:g}: give stars from 1 to 5")
    return found
