"""Criteria computed from what happened: verdict, guardrails, stars, harm.

Sample data are shown with their figures, labelled, and never pass: the status stays unknown until real data stand there.
"""

from __future__ import annotations

import msgspec

from groundcrew.domain.gate import Criterion, CriterionResult, CriterionStatus
from groundcrew.domain.hypothesis import Hypothesis, baseline_problems, problems
from groundcrew.metrics.comparison import MetricResult
from groundcrew.metrics.plan import plan
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.gate_facts import Facts
from groundcrew.stats.intervals import clopper_pearson_upper

#: The question as the form of a rating asks it, and as ratings that are sent name it.
HARM_ASKED = "“Would it have done critical harm?” (critical_harm)"
SAMPLE_NOTE = "these are sample data and do not count: record real ones"


@check("hypothesis")
def hypothesis(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The newest hypothesis is complete, registered and unaltered."""
    found = facts.hypothesis
    bound = "registered: 1 primary, ≥ 1 guardrail, MDE, α, power, stop rule, unit, duration"
    if found is None:
        return result(
            criterion,
            "fail",
            figure="none",
            bound=bound,
            missing="declare hypothesis: {plan: FILE.yaml}, apply it, then "
            f"`groundcrew hypothesis register {facts.use_case.name}`; the n needed follows from its MDE",
        )
    if found.state == "draft":
        lines = problems(found)
        missing = "; ".join([*lines, _required(found)]) if lines else _required(found)
        return result(
            criterion,
            "fail",
            figure=f"draft, version {found.version}",
            bound=bound,
            missing=f"{missing}; then `groundcrew hypothesis register {facts.use_case.name}`",
        )
    if not found.intact:
        return result(criterion, "fail", figure="altered after registration", bound=bound, missing="amend it as a new version")
    return result(
        criterion, "pass", figure=f"{found.name}, version {found.version}", bound=bound, source=f"sha256 {found.digest}"
    )


def _required(found: Hypothesis) -> str:
    required = plan(found.plan).required_n
    return f"the n needed is {required} units" if required is not None else "the n needed can not be computed from the plan yet"


@check("baseline")
def baseline(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The primary metric's baseline is long and large enough, and says where it comes from."""
    bound = "n ≥ 30 over ≥ 14 days, with its source"
    if facts.hypothesis is None:
        return result(criterion, "unknown", bound=bound, missing="declare a hypothesis with a baseline")
    found = baseline_problems(facts.hypothesis.plan)
    primary = facts.hypothesis.plan.primary
    if found or primary is None or primary.baseline is None:
        return result(criterion, "fail", bound=bound, missing="; ".join(found))
    values = primary.baseline
    return result(
        criterion,
        "pass",
        figure=f"{primary.name} {values.mean:g} {primary.unit}, n = {values.n} over {values.days} days".replace("  ", " "),
        bound=bound,
        source=values.source,
        estimate=values.mean,
        n=values.n,
    )


@check("planned_n")
def planned_n(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The plan's n reaches what α and power require, and can be reached within its window."""
    if facts.hypothesis is None:
        return result(criterion, "unknown", bound="≥ the required n", missing="declare a hypothesis: its MDE says the n needed")
    report = plan(facts.hypothesis.plan)
    if report.required_n is None:
        return result(
            criterion, "unknown", bound="≥ the required n", missing="; ".join(report.problems) or "the plan says too little"
        )
    planned = report.planned_n
    status: CriterionStatus
    bound = f"≥ {report.required_n} units at α {facts.hypothesis.plan.alpha:g}, power {facts.hypothesis.plan.power:g}"
    if not report.sufficient:
        status, missing = "fail", f"plan at least {report.required_n} units, or a larger MDE"
    elif not report.feasible:
        status = "unknown" if report.feasible is None else "fail"
        days = "an unknown number of" if report.days_needed is None else f"about {report.days_needed:.0f}"
        window = report.duration_days or "not declared"
        missing = f"the n needed takes {days} days, the window is {window}: lengthen it or widen the cohort"
    else:
        status, missing = "pass", ""
    return result(
        criterion, status, figure=f"{planned if planned is not None else 'none'} planned", bound=bound, n=planned, missing=missing
    )


def sampled(found: CriterionResult, sample: bool) -> CriterionResult:
    """`found`, held at unknown and labelled where it rests on sample data."""
    if not sample:
        return found
    missing = SAMPLE_NOTE if not found.missing else f"{SAMPLE_NOTE}; {found.missing}"
    return msgspec.structs.replace(found, status="unknown", sample=True, missing=missing)


@check("verdict")
def verdict(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The decision rule says supported, at the planned n or at a valid sequential stop."""
    report, sample, why = facts.analysis.report, facts.analysis.sample, facts.analysis.why
    if report is None:
        return result(criterion, "unknown", bound="supported, at its n or at a valid sequential stop", missing=why)
    primary = facts.registered.plan.primary if facts.registered else None
    figures = next((each for each in report.metrics if primary and each.name == primary.name), None)
    stop, valid = _stop(facts, sum(report.units.values()))
    ended = _ended(facts)
    supported = report.verdict == "supported" and valid and not ended
    found = result(
        criterion,
        "pass" if supported else ("unknown" if report.verdict in ("hold", "supported") and not ended else "fail"),
        figure=f"{report.verdict}, grade {report.evidence_grade}" + (f"; {difference(figures)}" if figures else ""),
        bound="supported, at its n or at a valid sequential stop",
        missing="; ".join((*ended, *report.reasons, *(() if valid else (stop,)))),
        source=stop,
        **(bounds_of(figures) if figures else {}),
    )
    return sampled(found, sample)


def _ended(facts: Facts) -> tuple[str, ...]:
    """Why nothing that came later can support a hypothesis that was concluded as something else: a conclusion is final."""
    found = facts.registered
    if found is None or found.state not in ("refuted", "inconclusive", "invalid"):
        return ()
    return (f"{found.name}, version {found.version}, was concluded as {found.state}: amend it as a new version and run that",)


def _stop(facts: Facts, units: int) -> tuple[str, bool]:
    """What allows the experiment to be read now, and whether anything does: a sequence is valid at any n, a fixed plan at its
    n alone."""
    assert facts.registered is not None
    plan_of = facts.registered.plan
    if plan_of.monitoring == "sequential":
        return f"sequential: valid at any n, {units} units so far", True
    needed = plan_of.planned_n if plan_of.planned_n is not None else plan(plan_of).required_n
    reached = needed is not None and units >= needed
    return f"fixed: {units} of {needed if needed is not None else 'unknown'} units", reached


@check("sample_ratio")
def sample_ratio(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The arms' sizes are as assigned (χ² test of the sample ratio)."""
    least = float(criterion.settings.get("p_value_min", 0.001))
    report, sample, why = facts.analysis.report, facts.analysis.sample, facts.analysis.why
    if report is None or report.srm_p_value is None:
        return result(criterion, "unknown", bound=f"p ≥ {least:g}", missing=why or "no randomised units are recorded")
    found = result(
        criterion,
        "pass" if report.srm_p_value >= least else "fail",
        figure=f"p = {report.srm_p_value:.3g}",
        bound=f"p ≥ {least:g}",
        missing="the assignment or the recording is broken: find out why before anything else",
        estimate=report.srm_p_value,
        n=sum(report.units.values()),
    )
    return sampled(found, sample)


@check("guardrails")
def guardrails(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Every guardrail metric is shown to be non-inferior."""
    report, sample, why = facts.analysis.report, facts.analysis.sample, facts.analysis.why
    if report is None:
        return result(criterion, "unknown", bound="all non-inferior", missing=why)
    rails = [each for each in report.metrics if each.role == "guardrail"]
    holding = [each for each in rails if each.finding == "non_inferior"]
    worse = [each for each in rails if each.finding == "worse"]
    status: CriterionStatus = "pass" if rails and len(holding) == len(rails) else ("fail" if worse else "unknown")
    open_rails = [f"{each.name}: {difference(each)} is not shown to hold" for each in rails if each not in holding]
    found = result(
        criterion,
        status,
        figure=f"{len(holding)} of {len(rails)} hold" + "".join(f"; {each.name} {difference(each)}" for each in rails),
        bound="all non-inferior",
        missing="; ".join(open_rails) or "declare a guardrail metric",
        **(bounds_of(rails[0]) if len(rails) == 1 else {}),
    )
    return sampled(found, sample)


@check("rating")
def rating(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The mean of people's stars, by the lower end of a betting confidence sequence, on enough ratings."""
    least, n_min = float(criterion.settings.get("stars_min", 4.0)), int(criterion.settings.get("n_min", 200))
    bound = f"lower bound ≥ {least:.1f} with n ≥ {n_min}"
    sample = not facts.ratings.n and bool(facts.sample_ratings.n)
    ratings = facts.sample_ratings if sample else facts.ratings
    if ratings.mean is None:
        return result(criterion, "unknown", figure="no ratings", bound=bound, n=0, missing=f"{n_min} ratings of this version")
    lower, upper, mean, n = ratings.lower, ratings.upper, ratings.mean, ratings.n
    status: CriterionStatus = "fail" if upper < least else ("pass" if lower >= least and n >= n_min else "unknown")
    lacking = f"{n_min - n} more ratings" if n < n_min else f"the lower bound is below {least:.1f}"
    found = result(
        criterion,
        status,
        figure=f"{mean:.2f} stars [{lower:.2f}, {upper:.2f}], n = {n}",
        bound=bound,
        missing=lacking,
        estimate=mean,
        lower=lower,
        upper=upper,
        n=n,
        source="ratings of the current version",
    )
    return sampled(found, sample)


@check("critical_harm")
def critical_harm(facts: Facts, criterion: Criterion) -> CriterionResult:
    """The rate of critical harm among ratings that were asked about it, by its one-sided Clopper–Pearson bound."""
    most = float(criterion.settings.get("rate_max", 0.01))
    bound = f"upper bound ≤ {most:.0%} (0 in 299)"
    sample = not facts.ratings.asked and bool(facts.sample_ratings.asked)
    ratings = facts.sample_ratings if sample else facts.ratings
    asked, harms = ratings.asked, ratings.harms
    if not asked:
        return result(
            criterion,
            "unknown",
            figure="nobody was asked",
            bound=bound,
            n=0,
            missing=f"299 ratings that answer {HARM_ASKED}",
        )
    upper = clopper_pearson_upper(harms, asked).upper
    status: CriterionStatus = (
        "unknown" if upper is None else ("pass" if upper <= most else ("fail" if harms and harms / asked > most else "unknown"))
    )
    found = result(
        criterion,
        status,
        figure=f"{harms} in {asked}" + (f", upper bound {upper:.2%}" if upper is not None else ""),
        bound=bound,
        missing="more ratings that answer “would it have done critical harm?”"
        if not harms
        else "find the cause of each harm before going on",
        estimate=harms / asked,
        upper=upper,
        n=asked,
    )
    return sampled(found, sample)


def difference(figures: MetricResult) -> str:
    if figures.estimate is None:
        return "unknown"
    ends = ", ".join("–" if end is None else f"{end:.4g}" for end in (figures.lower, figures.upper))
    return f"{figures.estimate:+.4g} [{ends}], n = {figures.n}"


def bounds_of(figures: MetricResult) -> dict[str, object]:
    return {"estimate": figures.estimate, "lower": figures.lower, "upper": figures.upper, "n": figures.n}
